"""What ingest counts: hits accepted, dropped and refused, each by reason."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from services.common.clickthrough import Verdict
from services.common.metrics import Metrics
from services.common.minute_counts import ACCEPTED, DROPPED, REFUSED, Counts, by_reason
from services.ingest.answers import ERRORS
from services.ingest.buffer import HitBuffer
from services.ingest.cors import Cors
from services.ingest.spill import Spill
from services.ingest.visitor import DROP_REASONS

VERDICTS = [verdict.value for verdict in Verdict]
DOORS = ("pixel", "event", "touch", "form", "batch")
FLUSH_HITS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1_000, 2_000)
WARN_AFTER = 10  # drops; fewer are somebody trying it out


class IngestMetrics(Metrics):
    def __init__(self, buffer: HitBuffer, spill: Spill | None, cors: Cors) -> None:
        super().__init__("ingest")
        self._buffer, self._spill, self._cors = buffer, spill, cors
        self.redis_weakness: str | None = None  # why Redis may lose what it has acknowledged
        self.accepted = self.counter(
            "ingest_hits_accepted",
            "Hits that are safe: Redis or the spill has them.",
            "door",
            DOORS,
        )
        self.dropped = self.counter("ingest_hits_dropped", "Requests answered without a hit.", "reason", DROP_REASONS)
        self.refused = self.counter("ingest_requests_refused", "Requests told an error.", "reason", ERRORS.values())
        self.opens = self.counter(
            "ingest_mails_opened",
            "Pixels of mails, by what their token is worth.",
            "outcome",
            VERDICTS,
        )
        self.batch_problems = self.counter("ingest_batch_problems", "Events of a batch that were told an error.")
        self.live_errors = self.counter("ingest_live_feed_errors", "Times that whoever watches hits was told less.")
        self._held = self.gauge("ingest_hits_held", "Hits waiting for Redis' acknowledgement.")
        self._spilled = self.counter("ingest_hits_spilled", "Hits that Redis did not take and the spill did.")
        self._is_spilling = self.gauge("ingest_spilling", "1 while Redis takes no hits and the spill does.")
        self._spill_bytes = self.gauge("ingest_spill_bytes", "What waits in SPOOR_SPILL_DIR, of all processes.")
        self._spill_share = self.gauge("ingest_spill_share", "That, of SPOOR_SPILL_MAX_BYTES.")
        self._is_full = self.gauge("ingest_redis_full", "1 while Redis is above SPOOR_REDIS_MEMORY_SHARE.")
        self.flush_seconds = self.histogram(
            "ingest_flush_seconds", "Time from the first hit of a flush until all of them were safe."
        )
        self.flush_hits = self.histogram("ingest_flush_hits", "Hits of a flush.", FLUSH_HITS)

    def counts(self) -> Counts:
        """By outcome, of all time."""
        dropped, refused = by_reason(DROPPED, self.dropped), by_reason(REFUSED, self.refused)
        return {ACCEPTED: self.accepted.total(), **dropped, **refused}

    def warning(self) -> str | None:
        """What somebody should look at, or None."""
        if self._buffer.is_spilling:
            return "hits_are_spilled"
        if self.redis_weakness:
            return self.redis_weakness
        private, dropped = self.dropped.counts["private_address"], self.dropped.total()
        if private >= WARN_AFTER and private * 2 > dropped:
            return "most_drops_are_private_address"
        refused = self._cors.refused()
        return f"origins_refused: {' '.join(refused)}" if refused else None

    def count_flush(self, hits: int, seconds: float) -> None:
        self.flush_hits.observe(hits)
        self.flush_seconds.observe(seconds)

    def collect(self) -> Iterator[Metric]:
        self._held.value = self._buffer.held
        self._spilled.counts[""] = self._buffer.spilled_hits
        self._is_spilling.value, self._is_full.value = self._buffer.is_spilling, self._buffer.is_full
        self._spill_bytes.value = self._spill.size if self._spill else 0
        self._spill_share.value = self._spill.share if self._spill else 0
        return super().collect()
