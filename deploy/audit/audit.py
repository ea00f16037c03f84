"""`./just audit`: what we depend on, looked at.

Ends with 1 where something is wrong with it, and with 2 where nobody could be asked for known faults and `--strict`
wants that.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import sys
from pathlib import Path

from deploy.audit import locks, releases
from deploy.audit.advisories import SERVICE, ask
from deploy.audit.licences import is_allowed, licence_of
from deploy.audit.locks import Locked, read_lock, wanted_names

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements"
RELEASES = Path(__file__).parent / "releases.tsv"
NAMES = ("base", "dev")  # what services run on, and what tests and tools need beside it


def main() -> int:
    options = _options()
    found, everything = offline(datetime.datetime.now(datetime.UTC).date())
    for licence, names in sorted(everything.items()):
        print(f"{licence or 'unknown':<45} {', '.join(sorted(names))}")
    print(f"\nlocks, licences, releases: {'as they should be' if not found else ''}")
    print("\n".join(f"  {one}" for one in found))
    advice = ask([REQUIREMENTS / f"{name}.txt" for name in NAMES], Path(sys.executable).parent / "uv", options.service)
    print(f"known faults: {advice.text}")
    if found or not advice.is_clean:
        return 1
    return 2 if options.strict and not advice.asked else 0


def offline(today: datetime.date) -> tuple[list[str], dict[str, set[str]]]:
    """What is wrong, and the names by their licence."""
    found: list[str] = []
    everything: dict[str, set[str]] = {}
    for name in NAMES:
        locked = read_lock((REQUIREMENTS / f"{name}.txt").read_text())
        found += locks.faults(locked, wanted_names((REQUIREMENTS / f"{name}.in").read_text()))
        for one in locked:
            if one.is_needed_here:
                found += _installed_faults(one, everything)
    runs_on = {one.name for one in read_lock((REQUIREMENTS / "base.txt").read_text())}
    found += releases.faults(sorted(runs_on), releases.read_releases(RELEASES.read_text()), today)
    return sorted(set(found)), everything


def _installed_faults(one: Locked, everything: dict[str, set[str]]) -> list[str]:
    try:
        said = importlib.metadata.metadata(one.name)
    except importlib.metadata.PackageNotFoundError:
        return [f"{one.name} {one.version}: is locked and not installed"]
    classifiers = said.get_all("Classifier") or []
    expression, words = (" ".join(said.get_all(name) or ()) for name in ("License-Expression", "License"))
    licence = licence_of(one.name, expression, classifiers, words)
    everything.setdefault(licence, set()).add(one.name)
    return [
        *(
            [f"{one.name}: {said['Version']} is installed, and {one.version} locked"]
            if said["Version"] != one.version
            else []
        ),
        *([f"{one.name}: its licence is {licence or 'unknown'}"] if not is_allowed(licence) else []),
        *([f"{one.name}: says itself that it is inactive"] if releases.INACTIVE in classifiers else []),
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="audit", description=__doc__)
    parser.add_argument("--strict", action="store_true", help="not to know of known faults is a failure, too")
    parser.add_argument("--service", default=SERVICE, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
