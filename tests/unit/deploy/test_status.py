"""What `./just status` says of a picture: each trouble is named, with the page of the runbook, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.status.look import read_metrics, urls_of
from deploy.status.picture import ClickHouseSeen, Picture, RedisSeen, ServiceSeen
from deploy.status.verdict import as_text, judge
from services.common.hit_queue import Queue
from services.common.outbox import Outbox
from services.common.redis_state import RedisState, read_state
from services.common.settings import Settings
from services.contacts.metrics import ContactsMetrics
from services.identity.erasing.backlog import Backlog
from tests.unit.deploy.test_alerts import RULES

NOW = 1_790_000_000.0
STATE = RedisState(120_000_000, 0.06, 0, evicts=False, keeps_file=True, file_is_written=True)
REDIS = RedisSeen(STATE, [Queue(0, 0.0), Queue(3, 1.2)], 2, 0, 0.0, Outbox(0, 0.0), 0, 0, {"accepted": 12})
CLICKHOUSE = ClickHouseSeen("26.1", 1_000, 20, 40, 7, 3.0)
SERVICES = [ServiceSeen(name, f"http://{name}") for name in ("ingest", "identity", "contacts", "export")]
WELL = Picture(NOW, SERVICES, REDIS, "", CLICKHOUSE, "")


def service(name: str, **changes: Any) -> Picture:
    return WELL._replace(services=[one._replace(**changes) if one.name == name else one for one in SERVICES])


def redis(**changes: Any) -> Picture:
    return WELL._replace(redis=REDIS._replace(**changes))


def state(**changes: Any) -> Picture:
    return redis(state=STATE._replace(**changes))


def test_where_nothing_is_wrong_all_is_well() -> None:
    assert [line for line in judge(WELL) if not line.is_well] == []
    text = as_text(WELL, judge(WELL))
    assert "All is well." in text and "WRONG" not in text and "runbook" not in text
    assert "3 entries wait, 2 of them in hand, the oldest for 1 s in stream 1" in text


@pytest.mark.parametrize(
    ("picture", "what", "words", "alert"),
    [
        (service("export", error="ConnectError"), "export", "does not answer", "SpoorServiceAway"),
        (service("identity", reason="redis_lost"), "identity", "redis_lost", "SpoorServiceNotReady"),
        (service("ingest", warning="hits_are_spilled"), "ingest", "hits_are_spilled", "SpoorSpillGrows"),
        (service("ingest", warning="origins_refused: https://x"), "ingest", "origins_refused", ""),
        (service("ingest", metrics={"ingest_spill_bytes": 2_000}), "spill", "2.0 KB of hits", "SpoorSpillGrows"),
        (service("contacts", metrics={"contacts_mails_overdue_seconds": 900}), "mails", "15 min", "SpoorMailsStuck"),
        (service("contacts", metrics={"contacts_webhooks_failing": 2}), "webhooks", "2 webhooks",
         "SpoorWebhookSwitchedOff"),
        (WELL._replace(redis=None, redis_error="refused"), "Redis", "refused", "SpoorRedisAway"),
        (WELL._replace(clickhouse=None, clickhouse_error="away"), "ClickHouse", "away",
         "SpoorClickHouseRefusesInserts"),
        (WELL._replace(clickhouse=CLICKHOUSE._replace(most_parts=501)), "ClickHouse", "501 parts",
         "SpoorClickHouseRefusesInserts"),
        (state(memory_share=0.71), "Redis", "nearly full", "SpoorRedisNearlyFull"),
        (state(evicts=True), "Redis", "noeviction", "SpoorRedisEvicts"),
        (state(evicted_keys=1), "Redis", "noeviction", "SpoorRedisEvicts"),
        (state(keeps_file=False), "Redis", "appendonly yes", "SpoorRedisFileTrouble"),
        (state(file_is_written=False), "Redis", "cannot write", "SpoorRedisFileTrouble"),
        (redis(queues=[Queue(1, 31.0)]), "queue", "1 entry", "SpoorQueueLagGrows"),
        (redis(dead=4, newest_dead_seconds=60.0), "dead letters", "4 hits", "SpoorDeadLetters"),
        (redis(outbox=Outbox(5, 61.0)), "outbox", "5 writes wait", "SpoorOutboxStuck"),
        (redis(erasures=Backlog(2, int(NOW) - 7_200)), "erasures", "2 erasures under way, the oldest asked for 2 h ago",
         "SpoorErasureStuck"),
        (redis(check_wrong=1, check_at=int(NOW) - 7_200), "check-identity", "2 h ago and left 1 thing wrong",
         "SpoorCheckIdentityFound"),
        (redis(counts={"refused:hits_cannot_be_kept": 9}), "hits", "9 refused with 503", "SpoorHitsRefused"),
    ],
)  # fmt: skip
def test_a_trouble_is_named_with_its_page(picture: Picture, what: str, words: str, alert: str) -> None:
    [line] = [line for line in judge(picture) if not line.is_well]
    assert (line.what, line.alert) == (what, alert) and words in line.words
    assert not alert or alert in RULES
    assert "1 line of these is not well." in as_text(picture, judge(picture))


def test_what_was_put_aside_long_ago_and_somebody_has_seen_is_no_trouble() -> None:
    assert all(line.is_well for line in judge(redis(dead=4, newest_dead_seconds=90_000.0)))


def test_a_service_that_does_not_answer_says_nothing_of_its_queues() -> None:
    lines = judge(service("contacts", error="ConnectError"))
    assert {"mails", "webhooks"}.isdisjoint(line.what for line in lines)


def test_of_several_values_of_a_metric_the_largest_counts() -> None:
    metrics = ContactsMetrics()
    metrics.imports.values.update(queued=2, failed=5)
    lines = [f'{one.name}{{x="{n}"}} {n}' for one in metrics.collect() if one.name == "contacts_jobs" for n in (1, 3)]
    assert read_metrics("\n".join([*lines, ""])) == {"contacts_jobs": 3}


def test_services_are_looked_for_at_their_ports_or_where_one_says() -> None:
    urls = urls_of(Settings(), ["ingest=http://a:1/", "ingest=http://b:1"])
    assert urls["ingest"] == ["http://a:1", "http://b:1"]
    assert urls["identity"] == ["http://127.0.0.1:8081"]
    for wrong in ("shop=http://a", "ingest", "ingest="):
        with pytest.raises(ValueError, match="NAME=URL"):
            urls_of(Settings(), [wrong])


def test_of_a_cluster_the_worst_of_each_counts() -> None:
    memory = [{"used_memory": 10, "maxmemory": 100}, {"used_memory": 90, "maxmemory": 100}]
    files = [{"aof_enabled": 1, "aof_last_write_status": "err"}, {"aof_enabled": 0}]
    found = read_state(memory, files, [{"evicted_keys": 1}, {"evicted_keys": 2}])
    assert found == RedisState(100, 0.9, 3, evicts=False, keeps_file=False, file_is_written=False)
    assert read_state([{"used_memory": 1}], [{}], [{}]) == RedisState(
        1, 0, 0, evicts=False, keeps_file=True, file_is_written=True
    )
