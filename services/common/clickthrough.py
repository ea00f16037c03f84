"""`ct`: a signed, expiring word on whom a link or a mail's pixel was made for. Pure.

The replaced product's own form, an unsigned PHP array, can be made by anybody; it is read only where a setting says so.
"""

from __future__ import annotations

import hashlib
import re
from enum import Enum
from typing import Any
from urllib.parse import unquote

import msgspec
from itsdangerous import BadData, URLSafeSerializer

from services.common.php_serialized import PhpArray, PhpSerializedError, decode_php_array

MAX_TOKEN_LENGTH = 4_096
DEFAULT_DAYS = 90
MAIL_SOURCE = "mail"  # what those in our own mails name, beside the mail's id
UNSUBSCRIBE_SALT = "spoor-unsubscribe"  # of links by which a mail's reader unsubscribes: a ct does not do
VIEW_SALT = "spoor-mail-view"  # of links by which it is read as a web page


class Clickthrough(msgspec.Struct, omit_defaults=True):
    """Whom it was made for, until when, and in what: `channel` is {"email": 9}, `source` a name and an id."""

    contact_id: int
    expires: int  # seconds since 1970
    channel: dict[str, int] = {}
    source: list[str | int] = []

    @property
    def is_of_mail(self) -> bool:
        return "email" in self.channel or self.source[:1] == [MAIL_SOURCE]

    def told(self) -> dict[str, Any]:
        """As the event of a click or of an opened mail tells it."""
        mail = {"emailId": self.channel["email"]} if "email" in self.channel else {}
        return {"stat": {"channel": self.channel, "source": self.source, **mail}}


class Verdict(Enum):
    """What a `ct` is worth."""

    GOOD = "clickthrough_good"
    BAD = "clickthrough_bad"
    EXPIRED = "clickthrough_expired"
    UNSIGNED = "clickthrough_unsigned"


class Clickthroughs:
    """Makes and reads them under the installation's secrets: the first one signs, all of them verify."""

    def __init__(
        self, secrets: tuple[str, ...], *, reads_unsigned: bool = False, salt: str = "spoor-clickthrough"
    ) -> None:
        self._serializer = URLSafeSerializer(
            list(reversed(secrets)), salt=salt, signer_kwargs={"digest_method": hashlib.sha256}
        )
        self._reads_unsigned = reads_unsigned

    def sign(self, clickthrough: Clickthrough) -> str:
        return str(self._serializer.dumps(msgspec.to_builtins(clickthrough)))

    def read(self, token: str, now_s: float) -> tuple[Clickthrough | None, Verdict]:
        """What it says, if it is to be believed now."""
        if len(token) > MAX_TOKEN_LENGTH:
            return None, Verdict.BAD
        try:
            said = msgspec.convert(self._serializer.loads(token), Clickthrough)
        except (BadData, msgspec.ValidationError):
            return self._read_unsigned(token, now_s)
        return (said, Verdict.GOOD) if now_s < said.expires else (None, Verdict.EXPIRED)

    def _read_unsigned(self, token: str, now_s: float) -> tuple[Clickthrough | None, Verdict]:
        """A PHP array is no error: old mails carry them, escaped once more than a query is. It counts only by the
        setting."""
        try:
            said = decode_php_array(unquote(token).encode("utf-8", "replace"))
        except PhpSerializedError:
            return None, Verdict.BAD
        lead = _number(said.get("lead"))
        if not self._reads_unsigned or not lead:
            return None, Verdict.UNSIGNED
        return Clickthrough(lead, round(now_s), _channel(said), _source(said.get("source"))), Verdict.UNSIGNED


def _channel(said: PhpArray) -> dict[str, int]:
    """`channel` is {"email": 9}, or a list and that in one; `email` is a mail, too."""
    channel = said.get("channel")
    named = channel.items() if isinstance(channel, dict) else ()
    found = {name: number for name, value in named if not name.isdecimal() and (number := _number(value))}
    email = _number(said.get("email"))
    return {"email": email, **found} if email else found


def _source(said: object) -> list[str | int]:
    """A name and an id, or nothing."""
    words = list(said.values()) if isinstance(said, dict) else []
    number = _number(words[1]) if len(words) == 2 and isinstance(words[0], str) else 0
    return [words[0], number] if number else []


def _number(said: object) -> int:
    """A contact's id, say; 0 where it is none."""
    return int(said) if isinstance(said, str) and re.fullmatch(r"[0-9]{1,15}", said) else 0
