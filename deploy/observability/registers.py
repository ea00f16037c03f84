"""The registers of all services, without running any."""

from __future__ import annotations

from typing import Any, cast

from prometheus_client import ProcessCollector

from services.common.metrics import Described
from services.common.settings import Settings
from services.contacts.metrics import ContactsMetrics
from services.export.metrics import ExportMetrics
from services.identity.metrics import IdentityMetrics
from services.ingest.cors import Cors
from services.ingest.metrics import IngestMetrics

SERVICES = ("ingest", "identity", "contacts", "export")


def registers() -> dict[str, list[Described]]:
    """By service what it declares, in the order of the page."""
    nobody = cast(Any, None)  # is asked for a value only when somebody scrapes
    found = {
        "ingest": IngestMetrics(nobody, None, Cors(())).described(),
        "identity": IdentityMetrics(Settings().streams).described(),
        "contacts": ContactsMetrics().described(),
        "export": ExportMetrics().described(),
    }
    return {service: [_without_streams(one) for one in found[service]] for service in SERVICES}


def process_metrics() -> list[Described]:
    """What each service tells of its process, beside its own."""
    families = ProcessCollector(registry=None).collect()
    return [
        Described(f"{one.name}_total" if one.type == "counter" else one.name, one.type, "", (), one.documentation)
        for one in families
    ]


def _without_streams(metric: Described) -> Described:
    """How many streams there are is a setting."""
    return metric._replace(values=()) if metric.label == "stream" else metric
