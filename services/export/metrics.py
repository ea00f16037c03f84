"""What the export service counts."""

from __future__ import annotations

from services.common.metrics import Metrics


class ExportMetrics(Metrics):
    def __init__(self) -> None:
        super().__init__()
        self.finished = self.counter("export_jobs_total", "Exports that ended.", "status", ("done", "failed"))
        self.rows = self.counter("export_rows_total", "Rows of exports that are whole.")
        self.scheduled = self.counter(
            "export_scheduled_total", "Due times of schedules that are over.", "outcome", ("made", "refused")
        )
