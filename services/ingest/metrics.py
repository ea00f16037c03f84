"""What ingest counts: hits accepted, dropped and refused, each by reason."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from services.common.metrics import Metrics
from services.ingest.answers import ERRORS
from services.ingest.buffer import HitBuffer
from services.ingest.visitor import DROP_REASONS

WARN_AFTER = 10  # drops; fewer are somebody trying it out


class IngestMetrics(Metrics):
    def __init__(self, buffer: HitBuffer) -> None:
        super().__init__()
        self._buffer = buffer
        self.accepted = self.counter(
            "ingest_hits_accepted", "Hits that Redis acknowledged.", "door", ("pixel", "event")
        )
        self.dropped = self.counter("ingest_hits_dropped", "Requests answered without a hit.", "reason", DROP_REASONS)
        self.refused = self.counter("ingest_requests_refused", "Requests told an error.", "reason", ERRORS.values())
        self._held = self.gauge("ingest_hits_held", "Hits waiting for Redis' acknowledgement.")
        self._flushes = self.gauge("ingest_flushes", "Flushes so far.")

    def warning(self) -> str | None:
        """What looks like a mistake in the settings, or None."""
        private, dropped = self.dropped.counts["private_address"], self.dropped.total()
        return "most_drops_are_private_address" if private >= WARN_AFTER and private * 2 > dropped else None

    def collect(self) -> Iterator[Metric]:
        self._held.value = self._buffer.held
        self._flushes.value = self._buffer.flushed
        return super().collect()
