"""What the export service counts."""

from __future__ import annotations

from services.common.metrics import Metrics

MINUTES = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)  # seconds


class ExportMetrics(Metrics):
    def __init__(self) -> None:
        super().__init__("export")
        self.finished = self.counter("export_jobs_total", "Exports that ended.", "status", ("done", "failed"))
        self.rows = self.counter("export_rows_total", "Rows of exports that are whole.")
        self.bytes = self.counter("export_bytes_total", "Bytes of exports that are whole, but for those in a store.")
        self.scheduled = self.counter(
            "export_scheduled_total", "Due times of schedules that are over.", "outcome", ("made", "refused")
        )
        self.notices = self.counter(
            "export_notices_total", "Mails that say that an export is done.", "outcome", ("sent", "later", "given_up")
        )
        self.waiting = self.gauge(
            "export_jobs_waiting", "Exports of the shared folder that are asked for and not done, also those that run."
        )
        self.running = self.gauge("export_jobs_running", "Exports that this process makes.")
        self.seconds = self.histogram(
            "export_seconds", "Time from the start of an export to its end, done or failed.", MINUTES
        )
