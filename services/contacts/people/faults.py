"""The points between any two effects of a write of a contact."""

from __future__ import annotations

POINTS = (
    "after_claim",
    "after_freeze",
    "after_write",
    "after_freeing",
    "after_tombstone",
    "after_strip",
)
