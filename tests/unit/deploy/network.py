"""Who can reach whom, by the NetworkPolicies: what leaves one pod must be let into the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.unit.deploy.policies import RUNNING, Pod, of_kind, pods, selects
from tests.unit.deploy.rendering import Object

Way = tuple[str, str, int]  # from, to, port


def _names(pod: Pod) -> str:
    return pod.labels["app.kubernetes.io/name"]


def ways(objects: list[Object], direction: str) -> set[Way]:
    """From pod to pod, as the policies of one direction allow it."""
    found = set()
    for policy in of_kind(objects, "NetworkPolicy"):
        of = [pod for pod in pods(objects) if selects(policy["spec"]["podSelector"], pod.labels)]
        for rule in policy["spec"].get(direction.lower(), ()):
            for other in _peers(objects, rule["from" if direction == "Ingress" else "to"]):
                for pod in of:
                    source, target = (other, pod) if direction == "Ingress" else (pod, other)
                    ports = [_number(target, port["port"]) for port in rule["ports"]]
                    found |= {(_names(source), _names(target), port) for port in ports}
    return found


def _peers(objects: list[Object], peers: list[dict[str, Any]]) -> list[Pod]:
    selectors = [peer["podSelector"] for peer in peers if "podSelector" in peer and "namespaceSelector" not in peer]
    return [pod for pod in pods(objects) if any(selects(selector, pod.labels) for selector in selectors)]


def _number(target: Pod, port: str | int) -> int:
    return target.ports[port] if isinstance(port, str) else port


def network(objects: list[Object]) -> Iterator[str]:
    """A policy."""
    policies = of_kind(objects, "NetworkPolicy")
    if not any(one["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} for one in policies):
        yield "whatever is not said is allowed"
    labels = [pod.labels for pod in pods(objects)]
    for policy in policies:
        name, spec = policy["metadata"]["name"], policy["spec"]
        rules = [*spec.get("ingress", ()), *spec.get("egress", ())]
        peers = [peer for rule in rules for peer in rule.get("from", rule.get("to", ()))]
        selectors = [spec["podSelector"], *(peer["podSelector"] for peer in peers if "podSelector" in peer)]
        for selector in selectors:
            named = [{**selector, "matchExpressions": []}] if selector.get("matchLabels") else []
            named += [
                {"matchLabels": {rule["key"]: value}}
                for rule in selector.get("matchExpressions", ())
                for value in rule["values"]
            ]
            if not all(any(selects(one, of) for of in labels) for one in named):
                yield f"NetworkPolicy {name} speaks of pods that are not there"
        if not all(rule.get("ports") for rule in rules):
            yield f"NetworkPolicy {name} opens every port"
    if one_sided := ways(objects, "Ingress") ^ ways(objects, "Egress"):
        yield f"allowed on one side only: {sorted(one_sided)}"
    for pod in pods(objects, *RUNNING):
        if not any(
            selects(policy["spec"]["podSelector"], pod.labels) for policy in policies if policy["spec"]["podSelector"]
        ):
            yield f"{pod.name} reaches nobody, and nobody it"
