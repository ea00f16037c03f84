"""What identity counts, and what it sees of the servers and queues around it."""

from __future__ import annotations

import time

from services.common.clickhouse import ClickHouseError
from services.common.erasure import DONE, FAILED
from services.common.metrics import Metrics
from services.common.minute_counts import DROPPED, STORED, Counts, by_reason
from services.common.redis_client import RedisError
from services.identity.identify import OUTCOMES
from services.identity.proofs import OUTCOMES as PROOFS

DROP_REASONS = ("bot", "contact_deleted", "contact_erased")
DEAD_REASONS = ("undecodable_entry", "unreadable", "unplaceable", "refused_by_clickhouse")
SLOW_REASONS = ("device", "contact", "contested")
ERASURES = (DONE, FAILED)
CALLS = ("merge", "unmerge", "identify", "resolve")
CAUSES = ("redis", "clickhouse", "other")
BATCH_HITS = (1, 10, 100, 500, 1_000, 2_000, 5_000, 10_000, 20_000)


class IdentityMetrics(Metrics):
    def __init__(self, streams: int = 1) -> None:
        super().__init__("identity")
        self.hits = self.counter("identity_hits", "Hits taken all the way.")
        self.stored = self.counter("identity_hits_stored", "Hits stored as events of contacts.")
        self.batches = self.counter("identity_batches", "Batches taken all the way.")
        self.outcomes = self.counter("identity_outcomes", "What became of hits, by identity rule.", "outcome", OUTCOMES)
        self.dropped = self.counter("identity_hits_dropped", "Hits kept out of contacts.", "reason", DROP_REASONS)
        self.proofs = self.counter("identity_proofs", "What should prove who somebody is.", "outcome", PROOFS)
        self.dead = self.counter("identity_hits_dead", "Hits put aside as dead letters.", "reason", DEAD_REASONS)
        self.refused_inserts = self.counter(
            "identity_inserts_refused",
            "Inserts that ClickHouse refused for what is in them; they are halved until the culprit is alone.",
        )
        self.calls = self.counter("identity_api_calls", "Calls that were answered.", "call", CALLS)
        self.queued_merges = self.gauge(
            "identity_queued_merges", "Merges that wait: of contacts that took in too many."
        )
        self.slowed = self.counter("identity_hits_slowed", "Hits that wait apart from others.", "reason", SLOW_REASONS)
        self.slow_hits = self.gauge("identity_slow_hits", "Hits that wait apart now.")
        self.retries = self.counter(
            "identity_batch_retries", "Batches that failed and are tried again, by who failed.", "cause", CAUSES
        )
        self.relayed = self.counter(
            "identity_relayed", "Profiles and records that their writer left unprojected, and the relay projected."
        )
        self.relay_failures = self.counter(
            "identity_relay_failures", "Times that the relay broke off; it is tried again after 3 s."
        )
        self.erasures = self.counter(
            "identity_erasures", "Erasures asked for over the API that have ended.", "outcome", ERASURES
        )
        self.streams = self.gauge("identity_streams", "Streams that this resolver reads now.")
        self.batch_seconds = self.histogram("identity_batch_seconds", "Time of a batch, from its drafts to its rows.")
        self.batch_hits = self.histogram("identity_batch_hits", "Hits of a batch.", BATCH_HITS)
        self.lag_seconds = self.gauge("identity_lag_seconds", "Age of the oldest hit of the last batch, when done.")
        self.last_batch = self.gauge(
            "identity_last_batch_timestamp_seconds", "When this resolver ended a batch last, since 1970; 0 for never."
        )
        self.request_seconds = self.histogram("identity_request_seconds", "Time from a call to its whole answer.")
        self.live_errors = self.counter("identity_live_feed_errors", "Times that whoever watches hits was told less.")
        self._declare_surroundings([str(stream) for stream in range(streams)])

    def _declare_surroundings(self, streams: list[str]) -> None:
        """What is the same for all resolvers: see `surroundings.py`."""
        self.redis_up = self.gauge("identity_redis_up", "1 when Redis answered the last look, else 0.")
        self.redis_bytes = self.gauge("identity_redis_used_bytes", "What Redis uses; of a cluster's masters the sum.")
        self.redis_share = self.gauge(
            "identity_redis_memory_share", "Of maxmemory, on the fullest node; 0 where there is no limit."
        )
        self.redis_evicted = self.gauge("identity_redis_evicted_keys", "Keys that Redis threw away since it started.")
        self.redis_evicts = self.gauge("identity_redis_evicts", "1 when Redis throws keys away once it is full.")
        self.redis_unsafe = self.gauge(
            "identity_redis_file_trouble", "1 when Redis keeps no append-only file, or cannot write to it."
        )
        self.queue_entries = self.gauge(
            "identity_queue_entries", "Entries of a stream, and of its slow lane, that wait; up to 1,000 hits each.",
            "stream", streams,
        )  # fmt: skip
        self.queue_seconds = self.gauge(
            "identity_queue_seconds", "How long the oldest entry of a stream that is not acknowledged has waited.",
            "stream", streams,
        )  # fmt: skip
        self.dead_letters = self.gauge("identity_dead_letters", "Hits in hits:dead, the newest 10,000 at most.")
        self.outbox_waiting = self.gauge(
            "identity_outbox_waiting", "Profiles and records that are written and not in ClickHouse yet."
        )
        self.outbox_seconds = self.gauge("identity_outbox_seconds", "How long the oldest of these has waited.")
        self.erasures_waiting = self.gauge(
            "identity_erasures_waiting", "Erasures asked for over the API that are under way."
        )
        self.erasure_seconds = self.gauge("identity_erasure_seconds", "How long ago the oldest of these was asked for.")
        self.check_wrong = self.gauge(
            "identity_check_wrong", "What the last check-identity left wrong; 0 if it never ran."
        )
        self.check_at = self.gauge(
            "identity_check_timestamp_seconds", "When check-identity ended last, since 1970; 0 for never."
        )

    def counts(self) -> Counts:
        """By outcome, of all time."""
        return {STORED: self.stored.total(), **by_reason(DROPPED, self.dropped), **by_reason(DROPPED, self.dead)}

    def count_batch(self, hits: int, outcomes: dict[str, int], seconds: float) -> None:
        self.hits.add(hits)
        self.batches.add()
        for outcome, count in outcomes.items():
            self.outcomes.add(count, outcome)
        self.batch_seconds.observe(seconds)
        self.batch_hits.observe(hits)
        self.last_batch.value = time.time()

    def count_retry(self, error: Exception) -> None:
        is_redis, is_clickhouse = isinstance(error, RedisError), isinstance(error, ClickHouseError)
        self.retries.add(value="redis" if is_redis else "clickhouse" if is_clickhouse else "other")
