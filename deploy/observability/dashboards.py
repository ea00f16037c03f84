"""Writes the Grafana dashboards: `python -m deploy.observability.dashboards` (`./just dashboards`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent / "dashboards"
WIDTH, HEIGHT = 8, 7  # of a panel; a row of Grafana is 24 wide
SOURCE = {"type": "prometheus", "uid": "${source}"}


class Panel(NamedTuple):
    """A graph; `queries` are PromQL with what each line is called."""

    title: str
    unit: str
    queries: Sequence[tuple[str, str]]


def rate(metric: str, label: str = "", where: str = "") -> str:
    by = f" by ({label})" if label else ""
    return f"sum{by} (rate({metric}{where}[$__rate_interval]))"


def quantiles(metric: str, label: str = "", *shares: float) -> list[tuple[str, str]]:
    by, name = (f"{label}, le", f"{{{{{label}}}}} ") if label else ("le", "")
    buckets = f"sum by ({by}) (rate({metric}_bucket[$__rate_interval]))"
    return [(f"histogram_quantile({share}, {buckets})", f"{name}p{share * 100:g}") for share in shares]


ACCEPTED = Panel("Hits accepted, by door", "ops", [(rate("ingest_hits_accepted_total", "door"), "{{door}}")])
DROPPED = Panel("Dropped on purpose, by reason", "ops", [(rate("ingest_hits_dropped_total", "reason"), "{{reason}}")])
REFUSED = Panel("Told an error, by reason", "ops", [(rate("ingest_requests_refused_total", "reason"), "{{reason}}")])
STORED = Panel(
    "Hits stored, kept out, dead", "ops",
    [
        (rate("identity_hits_stored_total"), "stored"),
        (rate("identity_hits_dropped_total", "reason"), "{{reason}}"),
        (rate("identity_hits_dead_total"), "dead"),
    ],
)  # fmt: skip
LAG = Panel(
    "Age of the oldest hit that waits", "s", [("max by (stream) (identity_queue_seconds)", "stream {{stream}}")]
)
REDIS = Panel("Redis, of maxmemory", "percentunit", [("max(identity_redis_memory_share)", "fullest node")])
OUTBOX = Panel("Oldest write not in ClickHouse", "s", [("max(identity_outbox_seconds)", "outbox")])
DOOR_TIME = Panel("Time of a flush", "s", quantiles("ingest_flush_seconds", "", 0.5, 0.95, 0.99))
API_TIME = Panel("Time of requests", "s", quantiles("contacts_request_seconds", "kind", 0.5, 0.95))
SPILL = Panel("Spill", "bytes", [("max(ingest_spill_bytes)", "waits")])
DEAD = Panel("Dead letters kept", "short", [("max(identity_dead_letters)", "hits:dead")])
FEED = Panel(
    "Live feed: what it was not told", "ops",
    [(rate("ingest_live_feed_errors_total"), "ingest"), (rate("identity_live_feed_errors_total"), "identity")],
)  # fmt: skip

DASHBOARDS: dict[str, list[Panel]] = {
    "overview": [
        Panel(
            "Processes that are ready", "short",
            [(f"sum({name}_ready)", name) for name in ("ingest", "identity", "contacts", "export")],
        ),
        ACCEPTED, STORED, LAG, DROPPED, REFUSED, DOOR_TIME, API_TIME, REDIS, OUTBOX, SPILL, DEAD,
    ],
    "ingest": [
        ACCEPTED, DROPPED, REFUSED, DOOR_TIME,
        Panel("Hits of a flush", "short", quantiles("ingest_flush_hits", "", 0.5, 0.95)),
        Panel("Hits that wait for Redis", "short", [("sum(ingest_hits_held)", "held")]),
        SPILL,
        Panel("Hits spilled", "ops", [(rate("ingest_hits_spilled_total"), "spilled")]),
        Panel(
            "Redis takes no hits", "short",
            [("max(ingest_redis_full)", "too full"), ("max(ingest_spilling)", "spilling")],
        ),
        Panel("Pixels of mails, by token", "ops", [(rate("ingest_mails_opened_total", "outcome"), "{{outcome}}")]),
        Panel("Events of batches told an error", "ops", [(rate("ingest_batch_problems_total"), "events")]),
        FEED,
    ],
    "identity": [
        STORED, LAG,
        Panel("Entries that wait", "short", [("max by (stream) (identity_queue_entries)", "stream {{stream}}")]),
        Panel("What became of hits", "ops", [(rate("identity_outcomes_total", "outcome"), "{{outcome}}")]),
        Panel("Time of a batch", "s", quantiles("identity_batch_seconds", "", 0.5, 0.95)),
        Panel("Hits of a batch", "short", quantiles("identity_batch_hits", "", 0.5, 0.95)),
        Panel("Batches tried again", "ops", [(rate("identity_batch_retries_total", "cause"), "{{cause}}")]),
        Panel("Age of a batch when it is done", "s", [("max by (instance) (identity_lag_seconds)", "{{instance}}")]),
        Panel("Streams read", "short", [("sum by (instance) (identity_streams)", "{{instance}}")]),
        Panel("Dead letters by reason", "ops", [(rate("identity_hits_dead_total", "reason"), "{{reason}}")]),
        DEAD,
        Panel("Inserts refused for what is in them", "ops", [(rate("identity_inserts_refused_total"), "inserts")]),
        Panel(
            "Slow lane", "short",
            [
                ("sum(identity_slow_hits)", "waiting"),
                (rate("identity_hits_slowed_total", "reason"), "{{reason}} a second"),
            ],
        ),
        Panel("Merges that wait", "short", [("max(identity_queued_merges)", "merges")]),
        Panel("Proofs", "ops", [(rate("identity_proofs_total", "outcome"), "{{outcome}}")]),
        Panel("Outbox", "short", [("max(identity_outbox_waiting)", "profiles and records")]),
        OUTBOX,
        Panel(
            "Relay", "ops",
            [(rate("identity_relayed_total"), "projected"), (rate("identity_relay_failures_total"), "broke off")],
        ),
        Panel(
            "Erasures", "short",
            [
                ("max(identity_erasures_waiting)", "under way"),
                (rate("identity_erasures_total", "outcome"), "{{outcome}} a second"),
            ],
        ),
        Panel("Oldest erasure", "s", [("max(identity_erasure_seconds)", "asked for")]),
        REDIS,
        Panel("Redis memory", "bytes", [("max(identity_redis_used_bytes)", "used")]),
        Panel(
            "Redis may lose something", "short",
            [
                ("max(identity_redis_file_trouble)", "file trouble"),
                ("max(identity_redis_evicts)", "evicts"),
                ("max(identity_redis_evicted_keys)", "evicted keys"),
            ],
        ),
        Panel("Calls", "ops", [(rate("identity_api_calls_total", "call"), "{{call}}")]),
        Panel("Time of calls", "s", quantiles("identity_request_seconds", "", 0.5, 0.95)),
        Panel("Left wrong by check-identity", "short", [("max(identity_check_wrong)", "things")]),
        FEED,
    ],
    "contacts": [
        API_TIME,
        Panel("Requests", "ops", [(rate("contacts_request_seconds_count", "kind"), "{{kind}}")]),
        Panel("Contacts written", "ops", [(rate("contacts_writes_total", "outcome"), "{{outcome}}")]),
        Panel("Companies written", "ops", [(rate("contacts_company_writes_total", "outcome"), "{{outcome}}")]),
        Panel("Reads", "ops", [(rate("contacts_reads_total", "what"), "{{what}}")]),
        Panel("Mails", "ops", [(rate("contacts_mails_total", "outcome"), "{{outcome}}")]),
        Panel("Mails that wait", "short", [("max(contacts_mails_waiting)", "mails")]),
        Panel("Mail longest due", "s", [("max(contacts_mails_overdue_seconds)", "overdue")]),
        Panel("Requests of webhooks", "ops", [(rate("contacts_webhook_requests_total", "outcome"), "{{outcome}}")]),
        Panel(
            "Webhooks", "short",
            [("max(contacts_webhook_notes_waiting)", "notes wait"), ("max(contacts_webhooks_failing)", "hooks fail")],
        ),
        Panel("Notes of webhooks dropped", "ops", [(rate("contacts_webhook_notes_dropped_total"), "notes")]),
        Panel("Audit entries that wait", "short", [("max(contacts_audit_waiting)", "entries")]),
        Panel("Imports", "short", [("max by (status) (contacts_imports)", "{{status}}")]),
        Panel("Jobs", "short", [("max by (status) (contacts_jobs)", "{{status}}")]),
        Panel("Duties that broke off", "ops", [(rate("contacts_duty_failures_total", "duty"), "{{duty}}")]),
    ],
    "export": [
        Panel("Exports that ended", "ops", [(rate("export_jobs_total", "status"), "{{status}}")]),
        Panel("Time of an export", "s", quantiles("export_seconds", "", 0.5, 0.95)),
        Panel(
            "Exports", "short",
            [("max(export_jobs_waiting)", "asked for and not done"), ("sum(export_jobs_running)", "running")],
        ),
        Panel("Rows", "ops", [(rate("export_rows_total"), "rows")]),
        Panel("Bytes", "Bps", [(rate("export_bytes_total"), "bytes")]),
        Panel("Schedules", "ops", [(rate("export_scheduled_total", "outcome"), "{{outcome}}")]),
        Panel("Mails that say it is done", "ops", [(rate("export_notices_total", "outcome"), "{{outcome}}")]),
    ],
}  # fmt: skip


def process_panels(service: str) -> list[Panel]:
    where = f'{{job="spoor-{service}"}}'
    return [
        Panel("CPU", "short", [(rate("process_cpu_seconds_total", "instance", where), "{{instance}}")]),
        Panel("Memory", "bytes", [(f"process_resident_memory_bytes{where}", "{{instance}}")]),
        Panel("Open files", "short", [(f"process_open_fds{where}", "{{instance}}")]),
    ]


def dashboard(name: str) -> dict[str, Any]:
    panels = DASHBOARDS[name] + ([] if name == "overview" else process_panels(name))
    source = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    return {
        "uid": f"spoor-{name}",
        "title": f"Spoor: {name}",
        "tags": ["spoor"],
        "schemaVersion": 38,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [source]},
        "links": [{"type": "dashboards", "tags": ["spoor"], "title": "Spoor", "asDropdown": False}],
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    across = 24 // WIDTH
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": {"h": HEIGHT, "w": WIDTH, "x": number % across * WIDTH, "y": number // across * HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": SOURCE, "expr": query, "legendFormat": legend}
            for place, (query, legend) in enumerate(panel.queries)
        ],
    }


def text(name: str) -> str:
    return json.dumps(dashboard(name), indent=1) + "\n"


if __name__ == "__main__":
    for name in DASHBOARDS:
        (FOLDER / f"{name}.json").write_text(text(name), encoding="utf-8")
