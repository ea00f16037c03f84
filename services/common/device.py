"""Device ids: 23 characters that carry the contact a device was born as, and a MAC that nobody can forge.

23 base-36 digits hold 118 bits: a 53-bit contact id above a 65-bit keyed MAC. The lower half of the contact ids is
handed out in blocks; the upper half is hashed, without any state: for an id that we did not mint (an older
installation's, an app's own), and for a newcomer who named its hit itself.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import NamedTuple

DEVICE_ID_LENGTH = 23
HASHED_BASE = 1 << 52  # ids from blocks stay below, so the two can never meet
MAX_CONTACT_ID = (1 << 53) - 1  # what a JavaScript number holds exactly
CACHED_DEVICES = 50_000  # some 15 MB when full

_MAC_BITS = 65
_MAC_MASK = (1 << _MAC_BITS) - 1
_MINTED = re.compile(r"[0-9a-z]{23}", re.ASCII)
_FOREIGN = re.compile(r"[0-9A-Za-z_.:-]{8,64}", re.ASCII)
_JUNK = frozenset({"undefined", "anonymous", "not_authenticated", "distinct_id", "device_id", "mautic_device_id"})
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
# Three digits at a time: 8 divisions instead of 23, 1.0 against 2.6 microseconds an id.
_TRIPLES = [a + b + c for a in _DIGITS for b in _DIGITS for c in _DIGITS]


class Device(NamedTuple):
    """A device as one hit names it: its id, the contact it was born as, and whether we minted it."""

    id: str
    contact_id: int
    is_minted: bool


class DeviceCodec:
    """Mints and reads device ids under the installation's secrets; the first one signs, all of them verify."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        if not secrets:
            raise ValueError("a device codec needs at least one secret")
        self._macs = [_mac_state(_subkey(secret, b"device-mac")) for secret in secrets]
        # Foreign ids must map to the same contact for ever: the oldest secret keys them, whatever is put before it.
        self._foreign_key = _subkey(secrets[-1], b"device-foreign")
        self._newcomer_key = _subkey(secrets[0], b"device-newcomer")
        # A visitor's hits come one after another: 0.1 instead of 1.9 microseconds from the second one on.
        self._read_whole = lru_cache(CACHED_DEVICES)(self._read)

    def mint(self, contact_id: int) -> str:
        """The device id that says "born as this contact"; `contact_id` must be below 2**53."""
        value = contact_id << _MAC_BITS | _mac(self._macs[0], contact_id)
        triples = []
        for _ in range(7):
            value, low = divmod(value, 46656)
            triples.append(_TRIPLES[low])
        triples.append(_TRIPLES[value][1:])
        triples.reverse()
        return "".join(triples)

    def newcomer(self, event_id: bytes, time_us: int) -> Device:
        """The device of somebody without one whose client named the hit: the same for the same hit sent again.

        It may be sent again because the answer that named the device was lost on the way.
        """
        contact_id = _hashed(self._newcomer_key, event_id + time_us.to_bytes(8, "big"))
        return Device(self.mint(contact_id), contact_id, True)

    def read_minted(self, device_id: str) -> Device | None:
        """The device, if the id is one of ours and whole; None for anything else."""
        return self._read_whole(device_id) if len(device_id) == DEVICE_ID_LENGTH else None

    def _read(self, device_id: str) -> Device | None:
        if not _MINTED.fullmatch(device_id):
            return None
        value = int(device_id, 36)
        contact_id = value >> _MAC_BITS
        if not 0 < contact_id <= MAX_CONTACT_ID:
            return None
        mac = value & _MAC_MASK
        # A comparison of ints may leak its timing; 65 random bits under rate-limited HTTP are out of its reach.
        if any(mac == _mac(state, contact_id) for state in self._macs):
            return Device(device_id, contact_id, True)
        return None

    def read_foreign(self, device_id: str) -> Device | None:
        """The device of an id that was not minted here; None when it is no plausible id at all."""
        if not _FOREIGN.fullmatch(device_id) or device_id.lower() in _JUNK:
            return None
        return Device(device_id, _hashed(self._foreign_key, device_id.encode()), False)

    def choose(self, parameter: str, cookie: str) -> Device | None:
        """Whose device a request names: a parameter with a good MAC, then the cookie, then a foreign parameter."""
        device = self.read_minted(parameter) if parameter else None
        if device is None and cookie:
            device = self.read_minted(cookie) or self.read_foreign(cookie)
        if device is None and parameter:
            device = self.read_foreign(parameter)
        return device


def _hashed(key: bytes, text: bytes) -> int:
    """A contact id in the upper half: 2**52 and a 52-bit keyed hash."""
    digest = hashlib.blake2b(text, key=key, digest_size=8).digest()
    return HASHED_BASE + (int.from_bytes(digest, "big") >> 12)


def _mac_state(key: bytes) -> hashlib.blake2b:
    """A hash that has read its key: copying it is half the price of beginning anew."""
    return hashlib.blake2b(key=key, digest_size=9)


def _mac(state: hashlib.blake2b, contact_id: int) -> int:
    digest = state.copy()
    digest.update(contact_id.to_bytes(8, "big"))
    return int.from_bytes(digest.digest(), "big") & _MAC_MASK


def _subkey(secret: str, purpose: bytes) -> bytes:
    """A key of its own for each purpose, so that one use of the secret never signs for another."""
    return hashlib.blake2b(secret.encode(), person=purpose[:16], digest_size=32).digest()
