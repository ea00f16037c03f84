"""Redis and ClickHouse that are killed, full, slow, failed over, or in the way of one insert."""

from __future__ import annotations

import time

from loadtests.faults.fault import Fault, Lengths
from loadtests.faults.proxy import Spoiling
from loadtests.faults.stage import RESTART_SECONDS, Stage
from services.common import keys

REDIS, CLICKHOUSE = "Redis", "ClickHouse"
SLOW_REDIS_SECONDS = 0.05  # each way
SLOW_CLICKHOUSE_SECONDS = 0.5
INSERTS_SPOILT = 3


def _kill_redis(stage: Stage, seconds: float) -> str:
    """With `always`: of what was answered all is on the disk."""
    stage.kill("valkey")
    time.sleep(max(seconds, RESTART_SECONDS))
    stage.mark_over()
    stage.start_valkey()
    return ""


def _restart_redis(stage: Stage, _: float) -> str:
    stage.stop("valkey")
    stage.mark_over()
    stage.start_valkey()
    return ""


def _fill_redis(stage: Stage, seconds: float) -> str:
    """No room for one more hit, and then as much as before."""
    redis = stage.redis()
    usual = redis.config_get("maxmemory")["maxmemory"]
    redis.config_set("maxmemory", redis.info("memory")["used_memory"])
    try:
        time.sleep(seconds)
    finally:
        redis.config_set("maxmemory", usual)
        redis.close()
    return ""


def _slow_redis(stage: Stage, seconds: float) -> str:
    stage.redis_proxy.delay_seconds = SLOW_REDIS_SECONDS
    time.sleep(seconds)
    stage.redis_proxy.mend()
    return f"{2 * SLOW_REDIS_SECONDS * 1_000:.0f} ms a round trip"


def _stop_redis(stage: Stage, seconds: float) -> str:
    with stage.stopped("valkey"):
        time.sleep(seconds)
    return ""


def _fail_over(stage: Stage, seconds: float) -> str:
    """The master of a stream dies; it comes back as a replica of the one that took over."""
    name = _master_of(stage, keys.hits(0))
    stage.mark_over()  # nothing that is done later is needed to go on
    stage.kill(name)
    time.sleep(seconds)
    stage.start_valkey_node(name)
    return "with SPOOR_REDIS_WAIT_REPLICAS=1"


def _hand_over(stage: Stage, seconds: float) -> str:
    """A failover that is asked for, as before maintenance."""
    stage.mark_over()
    stage.replica_of(_master_of(stage, keys.hits(0)), "CLUSTER", "FAILOVER")
    time.sleep(seconds)
    return "with SPOOR_REDIS_WAIT_REPLICAS=1"


def _master_of(stage: Stage, key: str) -> str:
    redis = stage.redis()
    port = redis.get_node_from_key(key).port
    redis.close()
    return next(name for name in stage.names() if name.startswith("valkey") and stage.port(name) == port)


def _lose_clickhouse(stage: Stage, seconds: float) -> str:
    stage.kill("clickhouse")
    time.sleep(seconds)
    stage.mark_over()
    stage.start_clickhouse()
    return ""


def _stop_clickhouse(stage: Stage, seconds: float) -> str:
    with stage.stopped("clickhouse"):
        time.sleep(seconds)
    return ""


def _slow_clickhouse(stage: Stage, seconds: float) -> str:
    stage.clickhouse_proxy.delay_seconds = SLOW_CLICKHOUSE_SECONDS
    time.sleep(seconds)
    stage.clickhouse_proxy.mend()
    return f"{2 * SLOW_CLICKHOUSE_SECONDS:.0f} s a round trip"


def _refuse_inserts(stage: Stage, _: float) -> str:
    return _spoil(stage, Spoiling.REFUSED)


def _break_answers(stage: Stage, _: float) -> str:
    return _spoil(stage, Spoiling.UNANSWERED)


def _spoil(stage: Stage, spoiling: Spoiling) -> str:
    before = stage.clickhouse_proxy.spoilt
    for count in range(1, INSERTS_SPOILT + 1):
        stage.clickhouse_proxy.spoil_one_insert(spoiling)
        stage.wait_until(lambda: stage.clickhouse_proxy.spoilt == before + count, "an insert is spoilt")  # noqa: B023
    return f"{INSERTS_SPOILT} inserts"


FAULTS = (
    Fault(REDIS, "kill -9 of Redis, restarted", _kill_redis, Lengths(1, 5, 120)),
    Fault(REDIS, "restart of Redis", _restart_redis, Lengths(0, 0, 0)),
    Fault(REDIS, "Redis is full", _fill_redis, Lengths(2, 5, 60)),
    Fault(REDIS, "Redis is slow", _slow_redis, Lengths(3, 10, 120)),
    Fault(REDIS, "SIGSTOP of Redis", _stop_redis, Lengths(2, 3, 30)),
    Fault(REDIS, "SIGSTOP of Redis beyond ingest's patience", _stop_redis, Lengths(7, 8, 60)),
    Fault(REDIS, "failover: a master is killed", _fail_over, Lengths(6, 10, 60), on_cluster=True),
    Fault(REDIS, "failover: a replica is told to take over", _hand_over, Lengths(3, 5, 10), on_cluster=True),
    Fault(CLICKHOUSE, "ClickHouse is down", _lose_clickhouse, Lengths(4, 20, 300)),
    Fault(CLICKHOUSE, "SIGSTOP of ClickHouse", _stop_clickhouse, Lengths(3, 10, 90)),
    Fault(CLICKHOUSE, "ClickHouse is slow", _slow_clickhouse, Lengths(4, 10, 120)),
    Fault(CLICKHOUSE, "an insert is refused", _refuse_inserts, Lengths(0, 0, 0), is_short=True),
    Fault(CLICKHOUSE, "an insert is done and its answer lost", _break_answers, Lengths(0, 0, 0), is_short=True),
)
