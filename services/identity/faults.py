"""The points between any two effects of identity: what a kill there leaves, the next one completes."""

from __future__ import annotations

from services.common.faults import FaultPoints as FaultPoints
from services.common.merges import MERGE_POINTS

# Of a batch, in its order.
BATCH_POINTS = (
    "after_read",
    "before_set_aside",
    "after_set_aside",
    "after_company_claim",
    "after_company",
    "after_claim",
    "after_losers",
    "after_winners",
    "after_queueing",
    "after_moves",
    "after_profile",
    "after_events",
    "after_projection",
    "after_insert",
    "after_ack",
)
ERASURE_POINTS = (
    "after_erasure_begun",
    "after_burial",  # a tombstone in Redis, and all in ClickHouse
    "after_erasing",  # all is gone, and the request does not say so
)
POINTS = (
    *BATCH_POINTS,
    *MERGE_POINTS,
    "after_call",  # of another service: all is in Redis, and nothing in ClickHouse
    "after_queued_merge",
    *ERASURE_POINTS,
)
