"""The ways to Redis and to ClickHouse: cut, or half-open, when both ends think they are connected and hear nothing."""

from __future__ import annotations

import time

from loadtests.faults.fault import Fault, Lengths
from loadtests.faults.proxy import Proxy
from loadtests.faults.stage import Stage

FAMILY = "network"


def _cut_redis(stage: Stage, seconds: float) -> str:
    return _cut(stage.redis_proxy, seconds)


def _cut_clickhouse(stage: Stage, seconds: float) -> str:
    return _cut(stage.clickhouse_proxy, seconds)


def _cut_all(stage: Stage, seconds: float) -> str:
    stage.clickhouse_proxy.cut()
    _cut(stage.redis_proxy, seconds)
    stage.clickhouse_proxy.mend()
    return ""


def _flap(stage: Stage, seconds: float) -> str:
    deadline, cuts = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        _cut(stage.redis_proxy, 0.2)
        _cut(stage.clickhouse_proxy, 0.2)
        time.sleep(0.6)
        cuts += 1
    return f"{cuts} times, each for 0.2 s"


def _open_redis_half(stage: Stage, seconds: float) -> str:
    return _go_dumb(stage.redis_proxy, seconds)


def _open_clickhouse_half(stage: Stage, seconds: float) -> str:
    return _go_dumb(stage.clickhouse_proxy, seconds)


def _cut(proxy: Proxy, seconds: float) -> str:
    proxy.cut()
    time.sleep(seconds)
    proxy.mend()
    return ""


def _go_dumb(proxy: Proxy, seconds: float) -> str:
    proxy.go_dumb()
    time.sleep(seconds)
    proxy.mend()
    return "old connections stay dead"


FAULTS = (
    Fault(FAMILY, "Redis is cut off", _cut_redis, Lengths(2, 5, 120), is_short=True),
    Fault(FAMILY, "ClickHouse is cut off", _cut_clickhouse, Lengths(2, 10, 300)),
    Fault(FAMILY, "both are cut off", _cut_all, Lengths(2, 5, 60)),
    Fault(FAMILY, "both come and go", _flap, Lengths(4, 10, 120)),
    Fault(FAMILY, "half-open way to Redis", _open_redis_half, Lengths(3, 8, 60)),
    Fault(FAMILY, "half-open way to ClickHouse", _open_clickhouse_half, Lengths(3, 8, 60)),
)
