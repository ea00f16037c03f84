"""The short form of the fault suite, as `./just faults --short` runs it."""

from __future__ import annotations

import subprocess
import sys

from tests.processes import ROOT

LONGEST_SECONDS = 240


def test_a_few_faults_under_load_lose_double_and_mix_nothing() -> None:
    command = [sys.executable, "-m", "loadtests.faults", "--short"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NOT RUN" not in done.stdout
