"""Writes docs/metrics.md from the registers: `python -m deploy.observability.metrics_page > docs/metrics.md`."""

from __future__ import annotations

from collections.abc import Sequence

from deploy.observability.registers import process_metrics, registers
from services.common.metrics import Described

HEAD = """# Metrics

What `/metrics` of each service tells, in Prometheus' text format; written by `./just metrics-page`, so do not edit it.
What to do when a number looks wrong: [runbook](runbook.md). Counters begin at 0 with each process, and every value of
a label is there from the start.

* What several processes of a service count is added up: `sum(rate(ingest_hits_accepted_total[5m]))`. What they see of
  the same thing (queues, Redis, what waits) each of them tells: `max(identity_queue_seconds)`.
* A histogram has `_bucket` with `le`, `_sum` and `_count`:
  `histogram_quantile(0.95, sum by (le) (rate(ingest_flush_seconds_bucket[5m])))`.
* How far the resolvers are behind is asked of the streams themselves, not of `XINFO`'s `lag`, which is unknown after
  deletions: `identity_queue_seconds` is the age of the oldest entry that is not acknowledged, also of one that nobody
  reads.
* Latency at the door is measured a flush, from its first hit until all of them are safe, so that a hit costs nothing:
  it is the longest of each flush.
"""


def page() -> str:
    sections = [HEAD, *(_section(service, metrics) for service, metrics in registers().items())]
    return "\n".join([*sections, _section("Every service, of its process", process_metrics())])


def _section(title: str, metrics: Sequence[Described]) -> str:
    rows = "\n".join(_row(one) for one in metrics)
    return f"## {title}\n\n| name | type | labels | what |\n|---|---|---|---|\n{rows}\n"


def _row(metric: Described) -> str:
    values = ", ".join(f"`{value}`" for value in metric.values)
    label = f"`{metric.label}`{': ' if values else ''}{values}" if metric.label else ""
    return f"| `{metric.name}` | {metric.type} | {label} | {metric.doc} |"


if __name__ == "__main__":
    print(page(), end="")
