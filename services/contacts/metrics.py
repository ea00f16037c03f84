"""What the contacts service counts."""

from __future__ import annotations

from services.common.metrics import Metrics
from services.contacts.imports.document import Status

WRITES = ("created", "upserted", "edited", "deleted", "refused", "busy")
COMPANY_WRITES = ("created", "upserted", "edited", "deleted", "joined", "left", "refused", "busy")
MAILS = ("sent", "rescheduled", "failed", "cancelled")
READS = ("list", "one", "timeline", "page", "companies", "company", "live", "overview")
JOBS = ("running", "done", "failed", "cancelled")
REQUESTS = ("read", "write", "page")
DUTIES = (
    "mail", "audit", "jobs", "imports", "import-expiry", "webhooks", "webhook-events", "webhook-saves", "points",
    "segments",
)  # fmt: skip


class ContactsMetrics(Metrics):
    def __init__(self) -> None:
        super().__init__("contacts")
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
        self.duty_failures = self.counter(
            "contacts_duty_failures_total",
            "Times that work beside the requests broke off, because a store was away; it is tried again.",
            "duty", DUTIES,
        )  # fmt: skip
        self.request_seconds = self.histogram(
            "contacts_request_seconds",
            "Time from a request to its whole answer: GET of the API, what writes there, and web pages.",
            label="kind", values=REQUESTS,
        )  # fmt: skip
        self._declare_waiting()

    def _declare_waiting(self) -> None:
        """What is the same for all processes: see `waiting.py`."""
        self.mails_waiting = self.gauge("contacts_mails_waiting", "Mails that wait, also those that are not due yet.")
        self.mails_overdue = self.gauge(
            "contacts_mails_overdue_seconds", "How long the mail that is due longest has been due; 0 for none."
        )
        self.webhook_notes_waiting = self.gauge(
            "contacts_webhook_notes_waiting", "What published webhooks have not been told yet."
        )
        self.webhooks_failing = self.gauge("contacts_webhooks_failing", "Published webhooks whose last request failed.")
        self.audit_waiting = self.gauge(
            "contacts_audit_waiting", "Entries of the audit log that are not in ClickHouse yet."
        )
        self.imports = self.gauge("contacts_imports", "Imports that are kept, by how they are.", "status", Status)
        self.jobs = self.gauge("contacts_jobs", "Jobs on many contacts that are kept, by how they are.", "status", JOBS)

    def count_failure(self, duty: str) -> None:
        self.duty_failures.add(value=duty)
