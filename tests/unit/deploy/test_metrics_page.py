"""docs/metrics.md is what the registers say, and says it in words."""

from __future__ import annotations

import pytest

from deploy.observability.metrics_page import page
from deploy.observability.registers import registers
from services.common.metrics import Described, Metrics
from services.common.settings import Settings
from services.contacts.app import duties
from services.contacts.jobs import job
from services.contacts.metrics import DUTIES, JOBS, ContactsMetrics
from services.contacts.stores import Stores
from tests.processes import ROOT

METRICS = [(service, metric) for service, metrics in registers().items() for metric in metrics]


def test_the_page_is_what_the_registers_say() -> None:
    assert (ROOT / "docs/metrics.md").read_text() == page(), "./just metrics-page writes it anew"


@pytest.mark.parametrize(("service", "metric"), METRICS, ids=[metric.name for _, metric in METRICS])
def test_a_metric_is_named_after_its_service_and_says_what_it_is(service: str, metric: Described) -> None:
    assert metric.name.startswith(f"{service}_")
    assert metric.doc.endswith(".") and len(metric.doc.split()) > 1
    assert bool(metric.label) == bool(metric.values) or metric.label == "stream"


def test_every_metric_is_there_before_anything_happened() -> None:
    metrics = Metrics("one")
    metrics.counter("one_drops", "Drops.", "reason", ("bot",))
    metrics.histogram("one_seconds", "Seconds.", (1.0, 2.0))
    told = {sample.name: sample.value for family in metrics.collect() for sample in family.samples}
    assert told == {
        "one_ready": 0, "one_drops_total": 0, "one_seconds_bucket": 0, "one_seconds_count": 0, "one_seconds_sum": 0
    }  # fmt: skip


def test_a_histogram_counts_each_below_its_bounds() -> None:
    seconds = Metrics("one").histogram("one_seconds", "Seconds.", (1.0, 2.0), "kind", ("read", "write"))
    for amount in (0.5, 1.0, 1.5, 99.0):
        seconds.observe(amount, "read")
    assert seconds.buckets("read") == [("1.0", 2), ("2.0", 3), ("+Inf", 4)]
    assert seconds.sums == {"read": 102.0, "write": 0.0}
    assert seconds.buckets("write")[-1] == ("+Inf", 0)


def test_whatever_is_done_beside_requests_can_be_counted() -> None:
    settings = Settings(
        redis_url="redis://127.0.0.1:1", clickhouse_url="http://127.0.0.1:1", secret=("s",), admin_password="p",
        smtp_url="smtp://127.0.0.1:1", mail_from="a@example.org", public_url="http://127.0.0.1",
    )  # fmt: skip
    metrics = ContactsMetrics()
    assert sorted(duty.name for duty in duties(Stores(settings), settings, metrics)) == sorted(DUTIES)
    assert JOBS == (job.RUNNING, job.DONE, job.FAILED, job.CANCELLED)
