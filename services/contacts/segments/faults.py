"""The points between any two effects of a comparison of segments."""

from __future__ import annotations

POINTS = ("after_members", "after_membership_events")
