"""`./just status` beside `./just up`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.processes import ROOT
from tests.system.conftest import Stack


def test_it_finds_what_up_has_started_and_says_that_all_is_well(stack: Stack) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SPOOR_")}
    told = subprocess.run(
        [sys.executable, "-m", "deploy.run", "deploy.status"],
        cwd=ROOT, env={**clean, **stack.environ()}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (told.returncode, told.stderr) == (0, ""), told.stdout
    assert f"is ready, {stack.url('identity')}" in told.stdout and "All is well." in told.stdout


def test_where_nothing_was_ever_started_it_says_so_and_makes_no_secrets(tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SPOOR_")}
    told = subprocess.run(
        [sys.executable, "-m", "deploy.run", "deploy.status"],
        cwd=ROOT, env={**clean, "SPOOR_DATA_DIR": str(tmp_path / "data")}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert (told.returncode, told.stdout) == (1, "")
    assert "./just up" in told.stderr and "SPOOR_DATA_DIR" in told.stderr
    assert not (tmp_path / "data").exists()
