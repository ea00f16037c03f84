"""Asks pip-audit for known faults of what is locked, where the service that knows them can be reached."""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

SERVICE = "https://api.osv.dev/v1/vulns/PYSEC-2021-142"  # one that will stay there
PIP_AUDIT = "pip-audit==2.10.1"
REACH_SECONDS, AUDIT_SECONDS = 10.0, 300.0


class Advice(NamedTuple):
    """`asked` is false where nobody could be asked: then nothing is known, good or bad."""

    asked: bool
    is_clean: bool
    text: str


def ask(locks: Sequence[Path], uv: Path, service: str = SERVICE) -> Advice:
    if reason := _unreachable(service):
        return Advice(False, True, f"nobody could be asked: {service} cannot be reached ({reason})")
    command = [str(uv), "tool", "run", PIP_AUDIT, "--vulnerability-service", "osv", "--disable-pip", "--require-hashes"]
    for lock in locks:
        command += ["--requirement", str(lock)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=AUDIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Advice(False, True, f"nobody could be asked: pip-audit did not run ({type(error).__name__})")
    said = f"{done.stdout}\n{done.stderr}".strip()
    # 1 is what it says for faults that it found, and for whatever went wrong.
    if done.returncode and "vulnerabilit" not in said:
        return Advice(False, True, f"nobody could be asked: {said[-500:]}")
    return Advice(True, done.returncode == 0, said)


def _unreachable(service: str) -> str:
    try:
        with urllib.request.urlopen(service, timeout=REACH_SECONDS):
            return ""
    except urllib.error.HTTPError as error:
        return f"it answers {error.code}"
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))[:200]
