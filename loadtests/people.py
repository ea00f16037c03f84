"""Visitors with browsers, cookie jars and addresses, and who each hit is really from. Pure, but for chance.

Who a hit is from follows from its device's own hits alone, whatever the order between devices: the first address that
a device gives is that of all its hits so far; each other address begins a new person from that hit on; a device that
never gives one is a person by itself. So the expectation needs none of the code that it judges.
"""

from __future__ import annotations

import random
import uuid
from typing import NamedTuple

from loadtests import payloads
from loadtests.payloads import Web

HITS_A_PERSON = 20  # after so many, a shared device changes hands
SHARED_DEVICES = 40
ACTIVE_VISITORS = 20_000


class Mix(NamedTuple):
    """Shares of all hits, but where it says otherwise."""

    new: float = 0.20  # a visitor's first hit
    identify: float = 0.02
    bots: float = 0.03
    shared: float = 0.03  # from devices that change person every 20 hits
    landing: float = 0.10  # with UTM parameters
    known_address: float = 0.30  # of identifies: an address that somebody gave before
    cookieless: float = 0.05  # of identifies: a caller who keeps no cookies
    leaves: float = 0.20  # of a visitor's hits: it was the last one


REALISTIC = Mix()
ANONYMOUS = Mix(new=0.5, identify=0.0, bots=0.0, shared=0.0)


class Visitor:
    """One browser. It sends its next hit only when the last one is answered, as the script does."""

    __slots__ = (
        "agent",
        "device_id",
        "email",
        "hits",
        "is_shared",
        "keeps_cookies",
        "last_ms",
        "number",
        "uses_script",
    )

    def __init__(self, number: int, agent: str, *, uses_script: bool, keeps_cookies: bool, is_shared: bool) -> None:
        self.number = number
        self.agent = agent
        self.uses_script = uses_script
        self.keeps_cookies = keeps_cookies
        self.is_shared = is_shared
        self.device_id = ""
        self.email = ""  # of the person in front of it now
        self.hits: list[SentHit] = []
        self.last_ms = 0

    def people(self) -> list[str]:
        """The person behind each of its hits, in order."""
        current = next((hit.email for hit in self.hits if hit.email), f"visitor {self.number}")
        named = []
        for hit in self.hits:
            current = hit.email or current
            named.append(current)
        return named

    def birth_contact(self) -> int:
        """The contact id in a device id: 53 bits above the MAC."""
        return int(self.device_id, 36) >> 65


class SentHit:
    """One hit, sent under the same id and time until it is answered with 2xx."""

    __slots__ = (
        "answered_us",
        "broken",
        "email",
        "event_id",
        "is_bot",
        "longest_us",
        "refused",
        "request",
        "time_ms",
        "tries",
        "troubled_us",
        "visitor",
    )

    def __init__(self, visitor: Visitor, time_ms: int, email: str, *, is_bot: bool) -> None:
        self.visitor = visitor
        self.event_id = str(uuid.uuid4())
        self.time_ms = time_ms
        self.email = email
        self.is_bot = is_bot
        self.request = b""
        self.answered_us = self.longest_us = self.troubled_us = 0
        self.tries = self.refused = self.broken = 0


class Crowd:
    """Gives a hit whenever one is due. Hits of one device have rising times: they are its order."""

    def __init__(self, seed: int, host: str, mix: Mix) -> None:
        self.web = Web(seed)
        self.visitors: list[Visitor] = []
        self._random = random.Random(seed)
        self._host, self._mix, self._seed = host, mix, seed
        self._idle: list[Visitor] = []
        self._idle_shared: list[Visitor] = []
        self._shared_devices = 0
        self._addresses: list[str] = []

    def next_hit(self, now_ms: int) -> SentHit:
        chance, mix = self._random.random(), self._mix
        if chance < mix.bots:
            return self._hit(self._newcomer(self.web.bot(), keeps_cookies=False), now_ms, is_bot=True)
        chance -= mix.bots
        if chance < mix.shared:
            return self._shared_hit(now_ms)
        chance -= mix.shared
        if chance < mix.identify:
            return self._identify(now_ms)
        chance -= mix.identify
        return self._hit(self._newcomer() if chance < mix.new else self._returning(), now_ms)

    def answered(self, hit: SentHit, device_id: str) -> None:
        """The visitor may go on now, under the id that it was given."""
        visitor = hit.visitor
        if not visitor.keeps_cookies:
            return
        visitor.device_id = device_id or visitor.device_id
        if visitor.is_shared:
            self._idle_shared.append(visitor)
        elif len(self._idle) < ACTIVE_VISITORS and self._random.random() >= self._mix.leaves:
            self._idle.append(visitor)

    def _identify(self, now_ms: int) -> SentHit:
        if self._random.random() < self._mix.cookieless:
            return self._hit(self._newcomer(keeps_cookies=False), now_ms, email=self._address())
        visitor = self._returning()
        if not visitor.email:
            visitor.email = self._address()
        return self._hit(visitor, now_ms, email=visitor.email)

    def _shared_hit(self, now_ms: int) -> SentHit:
        if self._shared_devices < SHARED_DEVICES:
            self._shared_devices += 1
            return self._hit(self._newcomer(is_shared=True), now_ms)
        if not self._idle_shared:
            return self._hit(self._returning(), now_ms)
        visitor = _pop_any(self._idle_shared, self._random)
        if len(visitor.hits) % HITS_A_PERSON:
            return self._hit(visitor, now_ms)
        visitor.email = self._address()
        return self._hit(visitor, now_ms, email=visitor.email)

    def _address(self) -> str:
        if self._addresses and self._random.random() < self._mix.known_address:
            return self._random.choice(self._addresses)
        self._addresses.append(f"person{len(self._addresses)}.{self._seed}@example.org")
        return self._addresses[-1]

    def _returning(self) -> Visitor:
        return _pop_any(self._idle, self._random) if self._idle else self._newcomer()

    def _newcomer(self, agent: str = "", *, keeps_cookies: bool = True, is_shared: bool = False) -> Visitor:
        visitor = Visitor(
            len(self.visitors),
            agent or self.web.agent(),
            uses_script=self._random.random() < 0.7,
            keeps_cookies=keeps_cookies,
            is_shared=is_shared,
        )
        self.visitors.append(visitor)
        return visitor

    def _hit(self, visitor: Visitor, now_ms: int, *, email: str = "", is_bot: bool = False) -> SentHit:
        visitor.last_ms = max(now_ms, visitor.last_ms + 1)
        hit = SentHit(visitor, visitor.last_ms, email, is_bot=is_bot)
        url = self.web.landing() if self._random.random() < self._mix.landing else self.web.page()
        said = payloads.parameters(url, len(visitor.hits) % 5, f"&event_id={hit.event_id}&event_time={hit.time_ms}")
        said += payloads.email_parameter(email)
        if visitor.uses_script:
            said += payloads.device_parameter(visitor.device_id)
            hit.request = payloads.event(self._host, said, visitor.agent, visitor.device_id)
        else:
            hit.request = payloads.pixel(self._host, said, visitor.agent, visitor.device_id)
        visitor.hits.append(hit)
        return hit


def _pop_any(visitors: list[Visitor], chance: random.Random) -> Visitor:
    index = chance.randrange(len(visitors))
    visitors[index], visitors[-1] = visitors[-1], visitors[index]
    return visitors.pop()
