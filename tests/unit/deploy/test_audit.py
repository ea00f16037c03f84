"""The audit of dependencies finds what it is for, finds nothing here, and says so when it could not ask."""

from __future__ import annotations

import datetime
import subprocess
import sys

import pytest

from deploy.audit import locks, releases
from deploy.audit.audit import offline
from deploy.audit.licences import is_allowed, licence_of
from deploy.audit.locks import Locked, read_lock, wanted_names
from tests.processes import ROOT

TODAY = datetime.date(2026, 11, 27)
LOCK = f"""one-thing==1.2.3 \\
    --hash=sha256:{"a" * 64} \\
    --hash=sha256:{"b" * 64}
    # via -r base.in
Other.Thing==2.0 ; sys_platform == 'win32' \\
    --hash=sha256:{"c" * 64}
"""


def test_what_we_depend_on_is_locked_with_hashes_under_good_licences_released_and_looked_after() -> None:
    found, everything = offline(TODAY)
    assert found == []
    assert sum(map(len, everything.values())) > 80


def test_a_lock_is_read() -> None:
    one, other = read_lock(LOCK)
    assert one == Locked("one-thing", "1.2.3", "", 2)
    assert (other.name, other.hashes, other.is_needed_here) == ("other-thing", 1, sys.platform == "win32")


@pytest.mark.parametrize("line", ["one", "one>=1", "git+https://x.org/one", "--index-url https://x.org", "-e ."])
def test_a_line_that_locks_nothing_is_not_passed_over(line: str) -> None:
    with pytest.raises(ValueError, match="not understood"):
        read_lock(LOCK + line)


def test_what_is_missing_has_no_hash_or_is_a_pre_release_is_told() -> None:
    locked = [Locked("one", "1.0rc1", "", 1), Locked("two", "1", "", 0)]
    assert locks.faults(locked, wanted_names("-r base.in\nthree[extra]\none\n")) == [
        "three: is wanted and not locked",
        "two 1: has no hash",
        "one 1.0rc1: is a pre-release",
    ]


@pytest.mark.parametrize(
    ("licence", "may_be_used"),
    [
        ("MIT", True),
        ("MIT AND PSF-2.0", True),
        ("GPL-3.0 OR MIT", True),
        ("MIT AND GPL-3.0", False),
        ("AGPL-3.0", False),
        ("", False),
        ("Proprietary", False),
    ],
)
def test_only_licences_of_the_list_are_allowed(licence: str, may_be_used: bool) -> None:
    assert is_allowed(licence) is may_be_used


def test_a_licence_is_read_from_wherever_it_is_said() -> None:
    assert licence_of("x", "MIT OR Apache-2.0", []) == "MIT OR Apache-2.0"
    assert licence_of("x", "", ["License :: OSI Approved", "License :: OSI Approved :: MIT License"]) == "MIT"
    assert licence_of("x", "", [], "BSD-3-Clause") == "BSD-3-Clause"
    assert licence_of("x", "", [], "Permission is hereby granted, free of charge") == ""
    gpl = "License :: OSI Approved :: GNU General Public License v3 (GPLv3)"
    assert not is_allowed(licence_of("x", "", [gpl]))


def test_what_nobody_releases_any_more_is_told() -> None:
    released = {"old": datetime.date(2021, 5, 1), "new": datetime.date(2026, 5, 1)}
    assert releases.faults(["new"], released, TODAY) == []
    assert "old: its last release is of 2021-05" in releases.faults(["old"], released, TODAY)[0]
    assert "unheard: releases.tsv does not say" in releases.faults(["unheard"], released, TODAY)[0]


def test_where_nobody_can_be_asked_for_known_faults_it_says_so_and_strict_fails() -> None:
    command = [sys.executable, "-m", "deploy.audit.audit", "--service", "http://127.0.0.1:9/"]
    done = [subprocess.run([*command, *more], capture_output=True, text=True, cwd=ROOT, check=False)
            for more in ([], ["--strict"])]  # fmt: skip
    assert [one.returncode for one in done] == [0, 2]
    assert "known faults: nobody could be asked: http://127.0.0.1:9/ cannot be reached" in done[0].stdout
