"""What we ask of everything that is applied to a cluster: each policy says what breaks it, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tests.unit.deploy.rendering import Object

Policy = Callable[[list[Object]], Iterator[str]]
RUNNING = ("Deployment", "StatefulSet")


class Pod(NamedTuple):
    """A template of pods, and what it belongs to."""

    owner: Object
    spec: dict[str, Any]
    labels: dict[str, str]

    @property
    def name(self) -> str:
        return f"{self.owner['kind']}/{self.owner['metadata']['name']}"

    @property
    def container(self) -> dict[str, Any]:
        (container,) = self.spec["containers"]
        return dict(container)

    @property
    def ports(self) -> dict[str, int]:
        return {port["name"]: port["containerPort"] for port in self.container.get("ports", ())}


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    return [one for one in objects if one["kind"] in kinds]


def pods(objects: list[Object], *kinds: str) -> list[Pod]:
    found = []
    for owner in of_kind(objects, *(kinds or (*RUNNING, "Job", "CronJob"))):
        spec = owner["spec"]["jobTemplate"]["spec"] if owner["kind"] == "CronJob" else owner["spec"]
        template = spec["template"]
        found.append(Pod(owner, template["spec"], template["metadata"]["labels"]))
    return found


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {}).items()
    return all(labels.get(key) == value for key, value in wanted) and all(
        labels.get(rule["key"]) in rule["values"] for rule in selector.get("matchExpressions", ())
    )


def locked_down(objects: list[Object]) -> Iterator[str]:
    for pod in pods(objects):
        security = pod.spec["securityContext"]
        if not security.get("runAsNonRoot") or not security.get("runAsUser"):
            yield f"{pod.name} may run as root"
        if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{pod.name} may make any system call"
        if pod.spec.get("automountServiceAccountToken") is not False or pod.spec.get("enableServiceLinks") is not False:
            yield f"{pod.name} is told of Kubernetes"
        if any(pod.spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC", "initContainers")):
            yield f"{pod.name} sees its node"
        if pod.container["securityContext"] != {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }:
            yield f"{pod.name} may do more than it needs"
        if any("hostPath" in volume for volume in pod.spec.get("volumes", ())):
            yield f"{pod.name} has a folder of its node"


def bounded(objects: list[Object]) -> Iterator[str]:
    for pod in pods(objects):
        resources = pod.container.get("resources", {})
        if not {"cpu", "memory"} <= resources.get("requests", {}).keys() or "memory" not in resources.get("limits", {}):
            yield f"{pod.name} does not say what it needs, or may take any memory"
        for volume in pod.spec.get("volumes", ()):
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{pod.name} may fill the disk of its node"


def pinned(objects: list[Object]) -> Iterator[str]:
    for pod in pods(objects):
        _, _, tag = pod.container["image"].rpartition("/")[2].partition(":")
        if not tag or tag == "latest":
            yield f"{pod.name} runs whatever {pod.container['image']} is today"


def probed(objects: list[Object]) -> Iterator[str]:
    for pod in pods(objects, *RUNNING):
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = pod.container.get(name, {})
            action = probe.get("httpGet") or probe.get("tcpSocket")
            if not action or action["port"] not in pod.ports:
                yield f"{pod.name} has no {name}, or of a port that it does not have"


def spread_and_kept(objects: list[Object]) -> Iterator[str]:
    budgets = of_kind(objects, "PodDisruptionBudget")
    for pod in pods(objects, *RUNNING):
        found = [budget for budget in budgets if selects(budget["spec"]["selector"], pod.labels)]
        if len(found) != 1:
            yield f"{pod.name} has {len(found)} PodDisruptionBudgets"
        for budget in found:
            if budget["spec"].get("minAvailable", 0) >= _fewest(objects, pod):
                yield f"{pod.name} can never be moved: all of its pods must stay"
        constraints = pod.spec.get("topologySpreadConstraints", ())
        if not constraints or not all(selects(one["labelSelector"], pod.labels) for one in constraints):
            yield f"{pod.name} is not spread over nodes"
    for budget in budgets:
        if not any(selects(budget["spec"]["selector"], pod.labels) for pod in pods(objects, *RUNNING)):
            yield f"PodDisruptionBudget {budget['metadata']['name']} is of no pod"


def _fewest(objects: list[Object], pod: Pod) -> int:
    for scaler in of_kind(objects, "HorizontalPodAutoscaler", "ScaledObject"):
        if scaler["spec"]["scaleTargetRef"]["name"] == pod.owner["metadata"]["name"]:
            spec = scaler["spec"]
            return int(spec.get("minReplicas") or spec["minReplicaCount"])
    return int(pod.owner["spec"]["replicas"])


def scaled(objects: list[Object]) -> Iterator[str]:
    running = {(one["kind"], one["metadata"]["name"]): one for one in of_kind(objects, *RUNNING)}
    for scaler in of_kind(objects, "HorizontalPodAutoscaler", "ScaledObject"):
        target = scaler["spec"]["scaleTargetRef"]
        found = running.get((target.get("kind", "Deployment"), target["name"]))
        if not found:
            yield f"{scaler['kind']} {scaler['metadata']['name']} scales nothing that there is"
        elif "replicas" in found["spec"]:
            yield f"{target['name']} is set back to {found['spec']['replicas']} whenever it is applied"


def connected(objects: list[Object]) -> Iterator[str]:
    """Services, Ingresses and claims lead to something."""
    services = {one["metadata"]["name"]: one for one in of_kind(objects, "Service")}
    for name, service in services.items():
        behind = [
            pod for pod in pods(objects, *RUNNING) if selects({"matchLabels": service["spec"]["selector"]}, pod.labels)
        ]
        if not behind:
            yield f"Service {name} is of no pod"
        for port in service["spec"]["ports"]:
            if any(pod.ports.get(port["targetPort"]) != port["port"] for pod in behind):
                yield f"Service {name}: port {port['port']} is not that of its pods"
    for ingress in of_kind(objects, "Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                ports = services.get(backend["name"], {}).get("spec", {}).get("ports", ())
                if backend["port"]["name"] not in {port["name"] for port in ports}:
                    yield f"Ingress {ingress['metadata']['name']}: {path['path']} leads nowhere"


def mounted(objects: list[Object]) -> Iterator[str]:
    names = {(one["kind"], one["metadata"]["name"]) for one in objects}
    for pod in pods(objects):
        volumes = {volume["name"] for volume in pod.spec.get("volumes", ())}
        volumes |= {claim["metadata"]["name"] for claim in pod.owner["spec"].get("volumeClaimTemplates", ())}
        mounts = {mount["name"] for mount in pod.container.get("volumeMounts", ())}
        if mounts != volumes:
            yield f"{pod.name}: volumes {sorted(volumes ^ mounts)} are mounted nowhere, or are none"
        for volume in pod.spec.get("volumes", ()):
            claim, config = volume.get("persistentVolumeClaim"), volume.get("configMap")
            if claim and ("PersistentVolumeClaim", claim["claimName"]) not in names:
                yield f"{pod.name}: there is no claim {claim['claimName']}"
            if config and ("ConfigMap", config["name"]) not in names:
                yield f"{pod.name}: there is no ConfigMap {config['name']}"


POLICIES: tuple[Policy, ...] = (
    locked_down,
    bounded,
    pinned,
    probed,
    spread_and_kept,
    scaled,
    connected,
    mounted,
)
