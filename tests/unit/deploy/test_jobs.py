"""The Kubernetes jobs run tools that there are, locked down, and with arguments that they take."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.processes import ROOT

JOBS = sorted((ROOT / "deploy/kubernetes/jobs").glob("*.yaml"))


def pod_of(path: Path) -> dict[str, Any]:
    job = yaml.safe_load(path.read_text())
    spec = job["spec"]["jobTemplate"]["spec"] if job["kind"] == "CronJob" else job["spec"]
    assert job["apiVersion"] == "batch/v1"
    pod: dict[str, Any] = spec["template"]["spec"]
    return pod


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_a_job_runs_the_tool_of_its_name(path: Path) -> None:
    (container,) = pod_of(path)["containers"]
    python, flag, module, *_ = container["command"]
    assert (python, flag, module) == ("python", "-m", f"services.identity.tools.{path.stem.replace('-', '_')}")
    assert callable(importlib.import_module(module).main)


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_a_job_may_do_nothing_else(path: Path) -> None:
    pod = pod_of(path)
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"requests", "limits"} <= container["resources"].keys()


def test_there_is_a_job_for_each_tool() -> None:
    names = {path.stem for path in (ROOT / "services/identity/tools").glob("*.py")}
    tools = {name for name in names if "def main(" in (ROOT / f"services/identity/tools/{name}.py").read_text()}
    by_hand = {"reclassify", "erase"}  # whom, somebody must say
    assert tools - by_hand <= {path.stem.replace("-", "_") for path in JOBS}
