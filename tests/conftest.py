"""For all tests."""

from __future__ import annotations

from hypothesis import settings

# An example may take long on a machine that does something else, too. All else stays: in CI Hypothesis has a profile of
# its own.
settings.register_profile("patient", settings(), deadline=None)
settings.load_profile("patient")
