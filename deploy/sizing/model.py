"""How many of everything a load needs: what was measured, planned at half of what it can do at most. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

from deploy.sizing.costs import Costs, fit
from deploy.sizing.measured import Measured

DAY_SECONDS = 86_400
MOST_HITS = 1e10  # a day: what the layouts were thought through for
PLANNED = 0.5  # of what a process or a core can do: at that rate latencies were measured
FEWEST = 2  # of each service, so that one may fail
COPIES = 2  # of every byte in Redis and ClickHouse: a master and its replica
WAITING_SECONDS = 600  # of the peak that Redis holds while ClickHouse is away
REDIS_FULL = 0.75  # of its memory, what hits may take at most
MASTER_BYTES, MEASURED_MASTERS = 32 << 30, 3
DISK_FULL = 0.5  # merges need room
SHARD_BYTES, SHARD_CORES = 8 << 40, 16
SPREAD = 2.0  # real addresses and names differ more than ours, which compress too well


class Load(NamedTuple):
    hits_per_day: float
    contacts: float = 0.0  # known ones; visitors are no keys in Redis
    identified_share: float = 0.1  # of the hits: from contacts that are known
    retention_days: float = 1095.0
    peak_factor: float = 3.0

    @property
    def peak(self) -> float:
        """Hits a second."""
        return self.hits_per_day / DAY_SECONDS * self.peak_factor


class Need(NamedTuple):
    """`beyond` is by how much it goes over what was measured: 1 is within it."""

    part: str
    value: float
    unit: str
    beyond: float
    why: str

    @property
    def is_extrapolated(self) -> bool:
        return self.beyond > 1.0


class Counts(NamedTuple):
    ingest: int
    identity: int
    masters: int
    shards: int


def plan(load: Load, measured: Measured) -> list[Need]:
    costs, counts = fit(measured), counts_of(load, measured)
    stored = load.hits_per_day * load.retention_days
    beyond_rate = load.peak / measured.value("whole_way_hits_per_second")
    beyond_drain = load.peak / measured.figures["clickhouse_cores"].most("hits_per_second")
    beyond_contacts = load.contacts / measured.figures["redis_bytes_per_contact"].most("contacts")
    beyond_stored = stored / measured.figures["clickhouse_bytes_per_hit"].most("hits")
    per_hit = measured.value
    redis, disk = redis_bytes(load, measured), disk_bytes(load, measured)
    gbit = load.peak * 8 / 1e9
    return [
        Need("hits", load.hits_per_day / DAY_SECONDS, "a second, on average", 1.0, "given"),
        Need("", load.peak, "a second, at the peak", 1.0, f"{load.peak_factor:g} times the average"),
        Need("ingest", counts.ingest, "processes", beyond_rate, "a core each"),
        Need("identity", counts.identity, "resolvers", beyond_drain, "a core each"),
        Need("", counts.identity, "SPOOR_STREAMS at least", 1.0, "one of them is worked off by one resolver"),
        Need("contacts", FEWEST, "processes", 1.0, "a core each, and one more for imports; by users, not by hits"),
        Need("export", FEWEST, "processes", 1.0, "a core each; by users, not by hits"),
        Need("Redis", counts.masters, "masters", counts.masters / MEASURED_MASTERS, f"{COPIES - 1} replica each"),
        Need("", redis_cores(load, measured, costs), "cores busy, of all masters", beyond_rate, "one core a master"),
        Need("", load.contacts * measured.figures["redis_bytes_per_contact"].worst / 1e9, "GB of contacts",
             beyond_contacts, "grows with known contacts alone"),
        Need("", _waiting_bytes(load, measured) / 1e9, "GB of hits that may wait", beyond_rate,
             f"{WAITING_SECONDS // 60} minutes of the peak"),
        Need("", redis / counts.masters / 1e9, "GB of memory a master", max(beyond_contacts, beyond_rate),
             f"filled to {REDIS_FULL:.0%}"),
        Need("ClickHouse", counts.shards, "shards", float(counts.shards), f"{COPIES} copies each, {SHARD_CORES} cores"),
        Need("", clickhouse_cores(load, measured, costs), "cores busy, of one copy", beyond_drain,
             "inserts and their merges; what is asked comes on top"),
        Need("", disk / 1e12, "TB on disk, of one copy", beyond_stored,
             f"{load.retention_days:g} days, {SPREAD:g} times our own compression"),
        Need("", disk / DISK_FULL / counts.shards / 1e12, "TB of disk a server", beyond_stored,
             f"filled to {DISK_FULL:.0%}"),
        Need("network", gbit * per_hit("request_bytes_per_hit"), "Gbit/s from browsers", beyond_rate, "without TLS"),
        Need("", gbit * per_hit("redis_bytes_per_waiting_hit") * (COPIES + 1), "Gbit/s into and out of Redis",
             beyond_rate, "appended, replicated, read"),
        Need("", gbit * per_hit("clickhouse_plain_bytes_per_hit") * COPIES, "Gbit/s into ClickHouse", beyond_rate,
             "before compression, each copy"),
    ]  # fmt: skip


def counts_of(load: Load, measured: Measured) -> Counts:
    ingest = max(FEWEST, _ceil(load.peak / (measured.value("ingest_hits_per_second") * PLANNED)))
    identity = max(FEWEST, _ceil(load.peak * resolver_seconds_per_hit(load, measured) / PLANNED))
    costs = fit(measured)
    masters = max(
        1,
        _ceil(redis_bytes(load, measured) / MASTER_BYTES),
        _ceil(_redis_cores(load, measured, costs, ingest) / PLANNED),
    )
    shards = max(
        1,
        _ceil(disk_bytes(load, measured) / DISK_FULL / SHARD_BYTES),
        _ceil(costs.clickhouse.at(identity, load.peak) / PLANNED / SHARD_CORES),
    )
    return Counts(ingest, identity, masters, shards)


def resolver_seconds_per_hit(load: Load, measured: Measured) -> float:
    """Of one resolver; hits that name somebody cost that on top."""
    known, mix = load.identified_share, measured.mix
    return (
        known / measured.value("contact_hits_per_second")
        + (1 - known) / measured.value("visitor_hits_per_second")
        + mix.identifies / measured.value("identifies_per_second")
        + mix.merges / measured.value("merges_per_second")
    )


def redis_cores(load: Load, measured: Measured, costs: Costs) -> float:
    return _redis_cores(load, measured, costs, counts_of(load, measured).ingest)


def clickhouse_cores(load: Load, measured: Measured, costs: Costs) -> float:
    return costs.clickhouse.at(counts_of(load, measured).identity, load.peak)


def redis_bytes(load: Load, measured: Measured) -> float:
    """The memory of all masters."""
    contacts = load.contacts * measured.figures["redis_bytes_per_contact"].worst
    return (contacts + _waiting_bytes(load, measured)) / REDIS_FULL


def disk_bytes(load: Load, measured: Measured) -> float:
    """What one copy of everything takes."""
    hits = load.hits_per_day * load.retention_days * measured.figures["clickhouse_bytes_per_hit"].worst
    return SPREAD * (hits + load.contacts * measured.figures["clickhouse_bytes_per_contact"].worst)


def _redis_cores(load: Load, measured: Measured, costs: Costs, ingest: int) -> float:
    mix = measured.mix
    named = mix.identifies * measured.value("redis_seconds_per_million_identifies")
    named += mix.merges * measured.value("redis_seconds_per_million_merges")
    return costs.redis.at(ingest, load.peak) + load.peak * named / 1e6


def _waiting_bytes(load: Load, measured: Measured) -> float:
    return load.peak * WAITING_SECONDS * measured.value("redis_bytes_per_waiting_hit")


def _ceil(value: float) -> int:
    return math.ceil(value - 1e-9)
