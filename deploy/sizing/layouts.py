"""The clusters of docs/sizing.md, from a million hits a day to ten billion. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from deploy.sizing.costs import fit
from deploy.sizing.measured import Measured
from deploy.sizing.model import Load, clickhouse_cores, counts_of, disk_bytes, redis_bytes

LOADS = (Load(1e6, 1e5), Load(1e7, 1e6), Load(1e8, 1e7), Load(1e9, 5e7), Load(1e10, 5e8))
HEAD = ("hits a day", "contacts", "peak hits/s", "ingest", "resolvers", "Redis masters, GB each",
        "ClickHouse cores busy", "TB of one copy", "shards")  # fmt: skip


def layouts(measured: Measured) -> str:
    """As Markdown."""
    lines = [_line(HEAD), _line("---" for _ in HEAD), *(_line(_cells(load, measured)) for load in LOADS)]
    return "\n".join(lines)


def _cells(load: Load, measured: Measured) -> list[str]:
    counts = counts_of(load, measured)
    masters = f"{counts.masters}, {redis_bytes(load, measured) / counts.masters / 1e9:.2g}"
    disk, stored = disk_bytes(load, measured) / 1e12, load.hits_per_day * load.retention_days
    most_stored = measured.figures["clickhouse_bytes_per_hit"].most("hits")
    cores = clickhouse_cores(load, measured, fit(measured))
    return [
        f"{load.hits_per_day:,.0f}",
        f"{load.contacts:,.0f}",
        _marked(f"{load.peak:,.0f}", load.peak / measured.value("whole_way_hits_per_second")),
        _marked(str(counts.ingest), load.peak / measured.value("whole_way_hits_per_second")),
        _marked(str(counts.identity), load.peak / measured.figures["clickhouse_cores"].most("hits_per_second")),
        _marked(masters, load.contacts / measured.figures["redis_bytes_per_contact"].most("contacts")),
        _marked(f"{cores:.1f}", load.peak / measured.figures["clickhouse_cores"].most("hits_per_second")),
        _marked(f"{disk:,.2g}" if disk < 100 else f"{disk:,.0f}", stored / most_stored),
        _marked(str(counts.shards), counts.shards),
    ]  # fmt: skip


def _marked(text: str, beyond: float) -> str:
    return f"{text} \\*" if beyond > 1 else text


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
