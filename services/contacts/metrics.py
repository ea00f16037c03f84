"""What the contacts service counts."""

from __future__ import annotations

from services.common.metrics import Metrics

WRITES = ("created", "upserted", "edited", "deleted", "refused", "busy")
COMPANY_WRITES = ("created", "upserted", "edited", "deleted", "joined", "left", "refused", "busy")
MAILS = ("sent", "rescheduled", "failed", "cancelled")
READS = ("list", "one", "timeline", "page", "companies", "company", "live", "overview")


class ContactsMetrics(Metrics):
    def __init__(self) -> None:
        super().__init__()
        self.writes = self.counter("contacts_writes_total", "Contacts written over the API.", "outcome", WRITES)
        self.company_writes = self.counter(
            "contacts_company_writes_total", "Companies and their members written over the API.", "outcome",
            COMPANY_WRITES,
        )  # fmt: skip
        self.mails = self.counter("contacts_mails_total", "What became of mails that were due.", "outcome", MAILS)
        self.reads = self.counter("contacts_reads_total", "Reads answered.", "what", READS)
        self.webhook_requests = self.counter(
            "contacts_webhook_requests_total", "Requests of webhooks, and webhooks that were switched off.", "outcome",
            ("delivered", "failed", "disabled"),
        )  # fmt: skip
        self.webhook_notes_dropped = self.counter(
            "contacts_webhook_notes_dropped_total", "What a webhook was not told: more waited for it than may."
        )
