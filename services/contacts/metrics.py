"""What the contacts service counts."""

from __future__ import annotations

from services.common.metrics import Metrics

WRITES = ("created", "upserted", "edited", "deleted", "refused", "busy")
READS = ("list", "one", "timeline", "page")


class ContactsMetrics(Metrics):
    def __init__(self) -> None:
        super().__init__()
        self.writes = self.counter("contacts_writes_total", "Contacts written over the API.", "outcome", WRITES)
        self.reads = self.counter("contacts_reads_total", "Reads answered.", "what", READS)
