"""What is applied is what Kubernetes knows, and what the services are: settings, ports, drains, public paths."""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from kubernetes_validate import utils

from services.common import keys
from services.common.service import WORKER_STOP_SECONDS
from services.common.settings import Settings, load_settings, unknown_settings
from services.contacts.app import create_app as create_contacts
from services.contacts.imports.process import STOP_SECONDS
from services.export.app import create_app as create_export
from services.ingest.app import create_app as create_ingest
from tests.processes import ROOT
from tests.unit.deploy.policies import Pod, of_kind, pods
from tests.unit.deploy.rendering import VARIANTS, Object

Rendered = dict[str, list[Object]]
OLDEST, NEWEST = "1.31.0", "1.37.0"
SECRETS = "/run/secrets/spoor/"
SERVICES = ("ingest", "identity", "contacts", "export")
# For whoever runs it, or inside the network.
INNER = {"/livez", "/readyz", "/metrics", "/v1/drops"}
SECRET_FILES = {
    "redis-url": "redis://:p@redis/0",
    "clickhouse-url": "http://spoor:p@clickhouse:8123/spoor",
    "secret": "0123456789abcdef",
    "admin-password": "p",
}


@pytest.fixture(scope="module", autouse=True)
def schemas_read_once() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "schema_contents", functools.cache(utils.schema_contents))
        yield


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_knows_every_word(rendered: Rendered, version: str) -> None:
    different = {json.dumps(one, sort_keys=True) for objects in rendered.values() for one in objects}
    own = [json.loads(text) for text in sorted(different) if '"keda.sh/' not in text]
    for one in own:
        assert kubernetes_validate.validate(one, version, strict=True) == version.rpartition(".")[0]
    one = next(one for one in own if one["kind"] == "Deployment")
    one["spec"]["template"]["spec"]["containers"][0]["liveProbe"] = {}
    with pytest.raises(utils.ValidationError):
        kubernetes_validate.validate(one, version, strict=True)


def _ours(objects: list[Object]) -> list[Pod]:
    return [pod for pod in pods(objects) if "/spoor:" in pod.container["image"]]


def _environ(objects: list[Object], pod: Pod, folder: Path) -> dict[str, str]:
    (config,) = pod.container["envFrom"]
    (data,) = [one["data"] for one in objects if one["metadata"]["name"] == config["configMapRef"]["name"]]
    environ = {**data, **{one["name"]: one["value"] for one in pod.container.get("env", ())}}
    assert all(value.startswith(SECRETS) for name, value in environ.items() if name.endswith("_FILE"))
    return {name: value.replace(SECRETS, f"{folder}/") for name, value in environ.items()}


@pytest.mark.parametrize("variant", VARIANTS)
def test_services_and_tools_can_read_their_settings(rendered: Rendered, variant: str, tmp_path: Path) -> None:
    for name, text in SECRET_FILES.items():
        (tmp_path / name).write_text(text)
    for pod in _ours(rendered[variant]):
        environ = _environ(rendered[variant], pod, tmp_path)
        assert unknown_settings(environ) == []
        settings = load_settings(environ)
        assert settings.host == "0.0.0.0" and settings.redis_url and settings.clickhouse_url and settings.secret
        assert not any(word in environ for word in ("SPOOR_SECRET", "SPOOR_ADMIN_PASSWORD")), "only in files"
        mounts = {mount["name"]: mount["mountPath"] for mount in pod.container["volumeMounts"]}
        assert f"{mounts['secrets']}/" == SECRETS and mounts["tmp"] == "/tmp"
        writes = {"ingest": settings.spill_dir, "export": settings.data_dir}.get(pod.owner["metadata"]["name"], "")
        assert not writes or writes in mounts.values()


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_hit_is_spilled_only_where_a_disk_outlives_the_pod(rendered: Rendered, variant: str) -> None:
    (ingest,) = [pod for pod in _ours(rendered[variant]) if pod.owner["metadata"]["name"] == "ingest"]
    folders = [one["value"] for one in ingest.container.get("env", ()) if one["name"] == "SPOOR_SPILL_DIR"]
    if "spill" not in variant:
        assert not folders and ingest.owner["kind"] == "Deployment"
        return
    (claim,) = ingest.owner["spec"]["volumeClaimTemplates"]
    mounts = {mount["mountPath"]: mount["name"] for mount in ingest.container["volumeMounts"]}
    assert mounts[folders[0]] == claim["metadata"]["name"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "2Gi" and Settings().spill_max_bytes < 2 << 30
    (scaler,) = of_kind(rendered[variant], "HorizontalPodAutoscaler")
    assert scaler["spec"]["behavior"]["scaleDown"]["selectPolicy"] == "Disabled", "else its disk is read by nobody"


def test_each_service_listens_where_its_settings_say(rendered: Rendered) -> None:
    ports = {pod.owner["metadata"]["name"]: pod.ports for pod in pods(rendered["existing"], "Deployment")}
    assert ports == {name: {"http": getattr(Settings(), f"{name}_port")} for name in SERVICES}


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_pod_runs_a_program_that_there_is(rendered: Rendered, variant: str) -> None:
    for pod in _ours(rendered[variant]):
        python, flag, module, *arguments = pod.container["command"]
        assert (python, flag) == ("python", "-m") and arguments in ([], ["--json"])
        found = importlib.util.find_spec(module)
        assert found
        assert importlib.util.find_spec(f"{module}.__main__") if found.submodule_search_locations else found.origin
        assert module.rpartition(".")[2].replace("_", "-") == pod.owner["metadata"]["name"]


def test_there_is_a_job_for_each_tool_and_only_prune_runs_by_itself(rendered: Rendered) -> None:
    jobs = {one["metadata"]["name"]: one["spec"]["suspend"] for one in of_kind(rendered["existing"], "CronJob")}
    files = (ROOT / "services/identity/tools").glob("*.py")
    tools = {file.stem.replace("_", "-") for file in files if "def main(" in file.read_text()}
    assert jobs.keys() == tools - {"erase"}, "erase takes arguments"
    assert [name for name, is_suspended in jobs.items() if not is_suspended] == ["prune"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_pod_is_given_the_time_that_a_drain_takes(rendered: Rendered, variant: str) -> None:
    for pod in _ours(rendered[variant]):
        if pod.owner["kind"] in ("Deployment", "StatefulSet"):
            pause = pod.container["lifecycle"]["preStop"]["sleep"]["seconds"]
            assert pod.spec["terminationGracePeriodSeconds"] >= pause + max(WORKER_STOP_SECONDS, STOP_SECONDS) + 5


@pytest.mark.parametrize(
    ("variant", "kind"), [("existing-keda-path", "redis-streams"), ("large", "redis-cluster-streams")]
)
def test_every_stream_calls_for_resolvers_and_no_more_than_there_are_streams(
    rendered: Rendered, variant: str, kind: str
) -> None:
    (scaler,) = of_kind(rendered[variant], "ScaledObject")
    streams = [keys.hits(number) for number in range(Settings().streams)]
    assert [trigger["metadata"]["stream"] for trigger in scaler["spec"]["triggers"]] == streams
    assert {trigger["type"] for trigger in scaler["spec"]["triggers"]} == {kind}
    assert scaler["spec"]["maxReplicaCount"] == len(streams)
    (settings,) = [one for one in of_kind(rendered[variant], "ConfigMap") if "settings" in one["metadata"]["name"]]
    assert settings["data"]["SPOOR_STREAMS"] == str(len(streams))


SETTINGS = Settings(redis_url="redis://127.0.0.1:1/0", secret=("0123456789abcdef",), admin_password="p")


def _paths(service: str) -> set[str]:
    """What a service answers, a name in the place of each parameter."""
    if service == "ingest":
        app = create_ingest(SETTINGS)
        return {_example(path) for path in [*app._hot, *(route.path for route in app._rest.routes)]}  # type: ignore[attr-defined]
    door = create_contacts(SETTINGS) if service == "contacts" else create_export(SETTINGS)
    while not hasattr(door, "routes"):  # what stands before the routes
        door = door._app  # type: ignore[attr-defined]
    return {_example(route.path) for route in door.routes}


def _example(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "x", path)


def _is_public(objects: list[Object], service: str, path: str) -> bool:
    for ingress in of_kind(objects, "Ingress"):
        for rule in (one for rules in ingress["spec"]["rules"] for one in rules["http"]["paths"]):
            shown = rule["path"]
            if rule["backend"]["service"]["name"] != service or rule["pathType"] == "ImplementationSpecific":
                continue
            if path == shown or (rule["pathType"] == "Prefix" and path.startswith(f"{shown}/")):
                return True
    return False


@pytest.mark.parametrize("service", ["ingest", "contacts", "export"])
def test_the_public_reaches_all_that_is_for_it_and_nothing_else(rendered: Rendered, service: str) -> None:
    paths = _paths(service)
    assert paths >= INNER - {"/v1/drops"}
    public = {path for path in paths if _is_public(rendered["existing"], service, path)}
    assert paths - public == INNER & paths


def test_a_path_of_the_site_leads_to_the_same(rendered: Rendered) -> None:
    (ingress,) = [
        one for one in of_kind(rendered["existing-keda-path"], "Ingress") if "first" in one["metadata"]["name"]
    ]
    (rule,) = ingress["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/rewrite-target"] == "/$1"
    for inner in _paths("ingest"):
        found = re.match(path["path"], f"/t{inner}")
        assert (f"/{found[1]}" if found else None) == (None if inner in INNER else inner)


def test_identity_is_for_nobody_outside(rendered: Rendered) -> None:
    assert not [
        path for path in ("/v1/merge", "/v1/resolve", "/") if _is_public(rendered["existing"], "identity", path)
    ]
