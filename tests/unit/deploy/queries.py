"""Which metrics and labels a PromQL expression names: as much of the language as the dashboards and alerts use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from deploy.observability.registers import process_metrics, registers
from services.common.metrics import Described

UP = Described("up", "gauge", "", (), "Whether Prometheus reached it.")  # which Prometheus itself makes
KNOWN = {one.name: one for one in (UP, *process_metrics(), *(one for own in registers().values() for one in own))}
TARGET_LABELS = {"job", "instance"}  # which Prometheus itself adds
WORDS = {
    "sum", "max", "by", "rate", "delta", "deriv", "increase", "and", "or", "histogram_quantile", "absent", "offset"
}  # fmt: skip
SUFFIXES = ("_bucket", "_sum", "_count")
_SELECTOR = re.compile(r"\b([a-z][a-z_]*[a-z])\b(?!\s*\()(\{[^}]*\})?")
_GROUPED = re.compile(r"\bby \(([^)]*)\)")
_RANGE = re.compile(r"\[[^\]]*\]")
_MATCHER = re.compile(r'(\w+)(=~|=|!=|!~)"([^"]*)"')


class Named(NamedTuple):
    """A metric that an expression reads, with the matchers: label, operator, value."""

    metric: str
    matchers: list[tuple[str, str, str]]


def named(expression: str) -> list[Named]:
    plain = _GROUPED.sub("", _RANGE.sub("", expression))
    found = [Named(match[1], _MATCHER.findall(match[2] or "")) for match in _SELECTOR.finditer(plain)]
    return [one for one in found if one.metric not in WORDS]


def troubles(expression: str) -> Iterator[str]:
    """What it names and nobody has."""
    labels = set(TARGET_LABELS)
    names = named(expression)
    if not names:
        yield f"no metric in {expression}"
    for metric, matchers in names:
        known = _known(metric)
        if known is None:
            yield f"{metric} is in no register"
            continue
        own = TARGET_LABELS | ({known.label} if known.label else set())
        labels |= own | ({"le"} if metric.endswith("_bucket") else set())
        for label, operator, value in matchers:
            if label not in own:
                yield f"{metric} has no label {label}"
            elif label == known.label and known.values and operator == "=" and value not in known.values:
                yield f"{metric} has no {label}={value}"
    for group in _GROUPED.findall(expression):
        yield from (f"nothing has the label {one}" for one in re.split(r",\s*", group) if one not in labels)


def _known(metric: str) -> Described | None:
    for suffix in SUFFIXES:
        found = KNOWN.get(metric.removesuffix(suffix))
        if metric.endswith(suffix) and found and found.type == "histogram":
            return found
    found = KNOWN.get(metric)
    return None if found and found.type == "histogram" else found
