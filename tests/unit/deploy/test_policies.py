"""Every overlay keeps to our policies, and each policy sees what breaks it."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from tests.unit.deploy.network import network, ways
from tests.unit.deploy.policies import (
    POLICIES,
    Policy,
    bounded,
    connected,
    locked_down,
    mounted,
    of_kind,
    pinned,
    pods,
    probed,
    scaled,
    spread_and_kept,
)
from tests.unit.deploy.rendering import VARIANTS, Object

Rendered = dict[str, list[Object]]


@pytest.mark.parametrize("policy", [*POLICIES, network], ids=lambda policy: policy.__name__)
@pytest.mark.parametrize("variant", VARIANTS)
def test_an_overlay_keeps_to_a_policy(rendered: Rendered, variant: str, policy: Policy) -> None:
    assert list(policy(rendered[variant])) == []


def _container(objects: list[Object]) -> Object:
    container: Object = next(pod for pod in pods(objects) if pod.name == "Deployment/ingest").spec["containers"][0]
    return container


def _first(objects: list[Object], kind: str, name: str = "ingest") -> Object:
    return next(one for one in of_kind(objects, kind) if one["metadata"]["name"] == name)


def _remove(objects: list[Object], kind: str, name: str) -> None:
    objects.remove(_first(objects, kind, name))


def _pod(objects: list[Object]) -> Object:
    spec: Object = _first(objects, "Deployment")["spec"]["template"]["spec"]
    return spec


BREAKS: list[tuple[Policy, Callable[[list[Object]], object]]] = [
    (locked_down, lambda o: _pod(o)["securityContext"].pop("runAsNonRoot")),
    (locked_down, lambda o: _pod(o)["securityContext"].update(runAsUser=0)),
    (locked_down, lambda o: _pod(o)["securityContext"].pop("seccompProfile")),
    (locked_down, lambda o: _pod(o).pop("enableServiceLinks")),
    (locked_down, lambda o: _pod(o).update(hostNetwork=True)),
    (locked_down, lambda o: _pod(o)["volumes"].append({"name": "x", "hostPath": {"path": "/"}})),
    (locked_down, lambda o: _container(o)["securityContext"].update(readOnlyRootFilesystem=False)),
    (bounded, lambda o: _container(o)["resources"].pop("limits")),
    (bounded, lambda o: _container(o)["resources"]["requests"].pop("cpu")),
    (bounded, lambda o: _pod(o)["volumes"][0]["emptyDir"].clear()),
    (pinned, lambda o: _container(o).update(image="registry.example.com:5000/spoor")),
    (pinned, lambda o: _container(o).update(image="spoor:latest")),
    (probed, lambda o: _container(o).pop("readinessProbe")),
    (probed, lambda o: _container(o)["livenessProbe"]["httpGet"].update(port="web")),
    (spread_and_kept, lambda o: _remove(o, "PodDisruptionBudget", "ingest")),
    (spread_and_kept, lambda o: _remove(o, "Deployment", "ingest")),
    (spread_and_kept, lambda o: _first(o, "Deployment", "identity")["spec"].update(replicas=1)),
    (spread_and_kept, lambda o: _pod(o).pop("topologySpreadConstraints")),
    (scaled, lambda o: _remove(o, "Deployment", "ingest")),
    (scaled, lambda o: _first(o, "Deployment")["spec"].update(replicas=3)),
    (connected, lambda o: _container(o)["ports"][0].update(containerPort=8090)),
    (connected, lambda o: _remove(o, "Deployment", "ingest")),
    (connected, lambda o: _remove(o, "Service", "ingest")),
    (mounted, lambda o: _container(o)["volumeMounts"].pop()),
    (mounted, lambda o: _remove(o, "PersistentVolumeClaim", "export-files")),
    (network, lambda o: _remove(o, "NetworkPolicy", "deny-all")),
    (network, lambda o: _remove(o, "NetworkPolicy", "contacts-to-export")),
    (network, lambda o: _remove(o, "Deployment", "contacts")),
    (network, lambda o: _first(o, "NetworkPolicy", "to-redis")["spec"]["egress"][0].pop("ports")),
]


@pytest.mark.parametrize(("policy", "breaks"), BREAKS)
def test_a_policy_sees_what_breaks_it(
    rendered: Rendered, policy: Policy, breaks: Callable[[list[Object]], object]
) -> None:
    objects = copy.deepcopy(rendered["existing"])
    breaks(objects)
    assert list(policy(objects))


def test_services_reach_the_servers_that_their_code_asks_and_nobody_else(rendered: Rendered) -> None:
    callers = {"identity", "contacts", "export", "tool"}
    assert ways(rendered["small"], "Egress") == {
        ("contacts", "export", 8083),
        *((name, "valkey", 6379) for name in {*callers, "ingest"}),
        *((name, "clickhouse", 8123) for name in callers),
    }
