"""Claims of unique values that no contact carries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from services.common import keys
from services.common.companies import CLAIM_FIELD
from services.common.profile import Profile
from services.common.profiles import ProfileStore
from services.common.redis_client import RedisClient, load_script, mget, run_script
from services.common.values import Claim
from services.identity.tools import keyspace
from services.identity.tools.checking.findings import CLAIM_VOID, Finding, Subject
from services.identity.tools.claims import is_old
from services.identity.tools.leads import load_led, survivor_of

CLAIMS_AT_ONCE = 2_000


class Claims:
    """A key says the hash of a value alone, so it is compared with the keys of what its contact carries."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._store = ProfileStore(redis)
        self._claim = load_script(redis, "claim_values")

    async def candidates(self) -> AsyncIterator[Sequence[Subject]]:
        async for found in keyspace.scan(self._redis, keys.CLAIMS, CLAIMS_AT_ONCE):
            # The name of a company is its own for ever, also when that is deleted.
            yield [key for key in found if _field(key) != CLAIM_FIELD]

    async def inspect(self, subjects: Sequence[Subject]) -> list[Finding]:
        now_us, names = await self._store.time_us(), [str(key) for key in subjects]
        stored = await mget(self._redis, names)
        claims = {key: Claim(*map(int, held.split(b":"))) for key, held in zip(names, stored, strict=True) if held}
        led = await load_led(self._store, {claim.contact_id for claim in claims.values()})
        return [
            Finding(CLAIM_VOID, key, seen=claim, shown=claim.contact_id)
            for key, claim in claims.items()
            if is_old(claim, now_us) and not _is_carried(key, survivor_of(led, claim.contact_id))
        ]

    def first(self, findings: Sequence[Finding]) -> list[Finding]:
        return list(findings)

    async def mend(self, findings: Sequence[Finding]) -> Sequence[Subject]:
        """Frees those that nobody has claimed anew."""
        calls = [([one.subject], [Claim(*one.seen).stored(), ""]) for one in findings]
        await run_script(self._redis, self._claim, calls)  # type: ignore[arg-type]
        return []


def _field(key: str) -> str:
    return key.split(":")[2]


def _is_carried(key: str, holder: Profile | None) -> bool:
    if holder is None or not holder.is_known():
        return False
    field = _field(key)
    return any(keys.unique(field, value) == key for value in holder.carried(field))
