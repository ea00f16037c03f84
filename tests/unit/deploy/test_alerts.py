"""The alert rules name only what there is, fire when they should by Prometheus' own word, and else keep quiet."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.processes import ROOT
from tests.unit.deploy.queries import troubles

FILE = ROOT / "deploy/observability/alerts.yaml"
RULES = {rule["alert"]: rule for group in yaml.safe_load(FILE.read_text())["groups"] for rule in group["rules"]}
SERVICES = ("ingest", "identity", "contacts", "export")

# Nothing is wrong: everybody is there, hits come and are stored. Values are one a minute, as promtool writes series.
WELL = {
    **{f'{name}_ready{{job="spoor-{name}", instance="a"}}': "1x180" for name in SERVICES},
    **{f'up{{job="spoor-{name}", instance="a"}}': "1x180" for name in SERVICES},
    'ingest_hits_accepted_total{door="event"}': "0+600x180",
    'ingest_hits_dropped_total{reason="gpc"}': "0+20x180",
    'ingest_hits_dropped_total{reason="private_address"}': "0+10x180",
    'ingest_requests_refused_total{reason="hits_cannot_be_kept"}': "5x180",
    'ingest_requests_refused_total{reason="not_found"}': "0+60x180",
    "ingest_spill_bytes": "0x180",
    "ingest_spill_share": "0x180",
    'identity_queue_seconds{stream="0"}': "1 2 1x178",
    'identity_batch_retries_total{cause="clickhouse"}': "3x180",
    'identity_hits_dead_total{reason="unreadable"}': "7x180",
    "identity_outbox_seconds": "1x180",
    "identity_erasure_seconds": "40x180",
    'identity_erasures_total{outcome="failed"}': "1x180",
    "identity_check_wrong": "0x180",
    "identity_redis_up": "1x180",
    "identity_redis_memory_share": "0.4x180",
    "identity_redis_evicts": "0x180",
    "identity_redis_evicted_keys": "0x180",
    "identity_redis_file_trouble": "0x180",
    'contacts_request_seconds_bucket{kind="read", le="0.1"}': "0+60x180",
    'contacts_request_seconds_bucket{kind="read", le="1.5"}': "0+60x180",
    'contacts_request_seconds_bucket{kind="read", le="+Inf"}': "0+60x180",
    "contacts_mails_overdue_seconds": "2x180",
    'contacts_webhook_requests_total{outcome="disabled"}': "1x180",
    "contacts_webhook_notes_dropped_total": "0x180",
    'contacts_duty_failures_total{duty="mail"}': "2x180",
    'contacts_imports{status="failed"}': "2x180",
    'contacts_jobs{status="failed"}': "1x180",
    'export_jobs_total{status="failed"}': "1x180",
    'process_open_fds{job="spoor-ingest", instance="a"}': "100x180",
    'process_max_fds{job="spoor-ingest", instance="a"}': "1024x180",
}


class Case(NamedTuple):
    """What is otherwise than `WELL`, and the labels that the alert then has beside its severity; None takes away."""

    alert: str
    series: dict[str, str | None]
    labels: dict[str, str] = {}


A_INGEST = {"job": "spoor-ingest", "instance": "a"}
STREAM = {"stream": "0"}
CASES = [
    Case("SpoorHitsRefused", {'ingest_requests_refused_total{reason="hits_cannot_be_kept"}': "0x115 1+9x60"}),
    Case("SpoorNoHits", {'ingest_hits_accepted_total{door="event"}': "0+600x100 60000x80"}),
    Case("SpoorDropsPrivateAddress", {'ingest_hits_dropped_total{reason="private_address"}': "0+30x180"}),
    Case("SpoorSpillGrows", {"ingest_spill_bytes": "0x100 0+1000x80"}),
    Case("SpoorSpillNearlyFull", {"ingest_spill_share": "0.8x180"}),
    Case("SpoorQueueLagGrows", {'identity_queue_seconds{stream="0"}': "0x60 0+2x120"}, STREAM),
    Case("SpoorQueueStuck", {'identity_queue_seconds{stream="0"}': "400x180"}, STREAM),
    Case("SpoorClickHouseRefusesInserts", {'identity_batch_retries_total{cause="clickhouse"}': "0x110 1+2x70"}),
    Case("SpoorDeadLetters", {'identity_hits_dead_total{reason="unreadable"}': "0x115 1x60"}),
    Case("SpoorOutboxStuck", {"identity_outbox_seconds": "90x180"}),
    Case("SpoorErasureStuck", {"identity_erasure_seconds": "3700x180"}),
    Case("SpoorErasureFailed", {'identity_erasures_total{outcome="failed"}': "1x105 2x80"}),
    Case("SpoorCheckIdentityFound", {"identity_check_wrong": "3x180"}),
    Case("SpoorRedisAway", {"identity_redis_up": "0x180"}),
    Case("SpoorRedisNearlyFull", {"identity_redis_memory_share": "0.72x180"}),
    Case("SpoorRedisEvicts", {"identity_redis_evicted_keys": "4x180"}),
    Case("SpoorRedisEvicts", {"identity_redis_evicts": "1x180"}),
    Case("SpoorRedisFileTrouble", {"identity_redis_file_trouble": "1x180"}),
    Case(
        "SpoorContactsSlow",
        {'contacts_request_seconds_bucket{kind="read", le="0.1"}': "0+6x180"},
        {"kind": "read"},
    ),
    Case("SpoorMailsStuck", {"contacts_mails_overdue_seconds": "700x180"}),
    Case("SpoorWebhookSwitchedOff", {'contacts_webhook_requests_total{outcome="disabled"}': "0x100 1x80"}),
    Case("SpoorWebhookNotesDropped", {"contacts_webhook_notes_dropped_total": "0x115 1x60"}),
    Case("SpoorDutyFails", {'contacts_duty_failures_total{duty="mail"}': "0+1x180"}, {"duty": "mail"}),
    Case("SpoorImportFailed", {'contacts_imports{status="failed"}': "2x105 3x80"}),
    Case("SpoorJobFailed", {'contacts_jobs{status="failed"}': "1x105 2x80"}),
    Case("SpoorExportFailed", {'export_jobs_total{status="failed"}': "1x105 2x80"}),
    Case("SpoorServiceNotReady", {'ingest_ready{job="spoor-ingest", instance="a"}': "0x180"}, A_INGEST),
    Case("SpoorServiceAway", {'up{job="spoor-ingest", instance="a"}': "0x180"}, A_INGEST),
    Case("SpoorServiceAway", {'export_ready{job="spoor-export", instance="a"}': None}),
    Case("SpoorFilesRunOut", {'process_open_fds{job="spoor-ingest", instance="a"}': "1000x180"}, A_INGEST),
]


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = shutil.which("promtool")
    assert command, "promtool is missing: it is in Debian's package prometheus, and .ci/run says how to get it alone"
    return subprocess.run([command, *arguments], capture_output=True, text=True, timeout=60, check=False)


def fires(alert: str, at: str, *labels: dict[str, str]) -> dict[str, Any]:
    severity = RULES[alert]["labels"]
    return {"eval_time": at, "alertname": alert, "exp_alerts": [{"exp_labels": {**severity, **one}} for one in labels]}


def group(case: Case | None) -> dict[str, Any]:
    """With a case its alert fires and no other one, without one none does."""
    series = {**WELL, **(case.series if case else {})}
    given = [{"series": name, "values": values} for name, values in series.items() if values is not None]
    expected = [fires(name, "2h", case.labels) if case and case.alert == name else fires(name, "2h") for name in RULES]
    return {"interval": "1m", "input_series": given, "alert_rule_test": expected}


@pytest.mark.parametrize("alert", RULES)
def test_an_alert_names_only_metrics_and_labels_that_there_are(alert: str) -> None:
    rule = RULES[alert]
    assert list(troubles(rule["expr"])) == []
    kept = {"job", "instance", *re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", rule["expr"])))}
    assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= kept
    assert rule["labels"]["severity"] in ("page", "ticket")


def test_every_alert_has_a_case() -> None:
    assert {case.alert for case in CASES} == set(RULES)
    assert all(set(case.series) <= set(WELL) for case in CASES), "what it changes is what is well otherwise"


def test_each_fires_alone_when_it_should_and_none_when_all_is_well(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    # What an alert says holds its numbers, which are tested by nobody.
    rules.write_text(re.sub(r"\n +annotations: .*", "", FILE.read_text()))
    test = {"rule_files": [str(rules)], "tests": [group(None), *map(group, CASES)]}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(test))
    told = promtool("test", "rules", str(tmp_path / "test.yaml"))
    assert told.returncode == 0, told.stdout + told.stderr


def test_prometheus_takes_the_rules() -> None:
    told = promtool("check", "rules", str(FILE))
    assert told.returncode == 0 and f"{len(RULES)} rules found" in told.stdout, told.stdout + told.stderr
