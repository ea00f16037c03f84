"""What identity counts."""

from __future__ import annotations

from services.common.metrics import Metrics
from services.common.minute_counts import DROPPED, STORED, Counts, by_reason
from services.identity.identify import OUTCOMES
from services.identity.proofs import OUTCOMES as PROOFS

DROP_REASONS = ("bot", "contact_deleted", "contact_erased")
DEAD_REASONS = ("undecodable_entry", "unreadable", "unplaceable", "refused_by_clickhouse")
SLOW_REASONS = ("device", "contact", "contested")
CALLS = ("merge", "unmerge", "identify", "resolve")


class IdentityMetrics(Metrics):
    def __init__(self) -> None:
        super().__init__()
        self.hits = self.counter("identity_hits", "Hits taken all the way.")
        self.stored = self.counter("identity_hits_stored", "Hits stored as events of contacts.")
        self.batches = self.counter("identity_batches", "Batches taken all the way.")
        self.outcomes = self.counter("identity_outcomes", "What became of hits, by identity rule.", "outcome", OUTCOMES)
        self.dropped = self.counter("identity_hits_dropped", "Hits kept out of contacts.", "reason", DROP_REASONS)
        self.proofs = self.counter("identity_proofs", "What should prove who somebody is.", "outcome", PROOFS)
        self.dead = self.counter("identity_hits_dead", "Hits put aside as dead letters.", "reason", DEAD_REASONS)
        self.calls = self.counter("identity_api_calls", "Calls that were answered.", "call", CALLS)
        self.queued_merges = self.gauge(
            "identity_queued_merges", "Merges that wait: of contacts that took in too many."
        )
        self.slowed = self.counter("identity_hits_slowed", "Hits that wait apart from others.", "reason", SLOW_REASONS)
        self.slow_hits = self.gauge("identity_slow_hits", "Hits that wait apart now.")
        self.retries = self.counter("identity_batch_retries", "Batches that failed and are tried again.")
        self.streams = self.gauge("identity_streams", "Streams that this resolver reads now.")
        self.batch_seconds = self.gauge("identity_batch_seconds", "Time of the last batch.")
        self.lag_seconds = self.gauge("identity_lag_seconds", "Age of the oldest hit of the last batch, when done.")

        self.live_errors = self.counter("identity_live_feed_errors", "Times that whoever watches hits was told less.")

    def counts(self) -> Counts:
        """By outcome, of all time."""
        return {STORED: self.stored.total(), **by_reason(DROPPED, self.dropped), **by_reason(DROPPED, self.dead)}

    def count_batch(self, hits: int, outcomes: dict[str, int], seconds: float) -> None:
        self.hits.add(hits)
        self.batches.add()
        for outcome, count in outcomes.items():
            self.outcomes.add(count, outcome)
        self.batch_seconds.value = seconds
