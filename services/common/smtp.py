"""One connection to the mail server, and what its answers mean."""

from __future__ import annotations

import re
from email.message import EmailMessage
from enum import Enum
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog

log = structlog.get_logger()

TIMEOUT_SECONDS = 30.0  # of one command
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_NO_SUCH_BOX = frozenset({550, 551, 553})


class Outcome(Enum):
    SENT = "sent"
    LATER = "later"  # a temporary refusal, or nobody knows what became of it
    REFUSED = "refused"  # for good
    BOUNCED = "bounced"  # for good, since there is no such mailbox


class Answer(NamedTuple):
    outcome: Outcome
    reason: str = ""


class LineDownError(Exception):
    """The server cannot be reached, or does not let us in: no fault of any mail."""


class SmtpLine:
    """Connects when it is needed, and again after any error."""

    def __init__(self, url: str, envelope_from: str) -> None:
        self._options = read_options(url)
        self._envelope_from = envelope_from
        self._client: aiosmtplib.SMTP | None = None

    async def open(self) -> None:
        """Raises `LineDownError`."""
        if self._client is not None and self._client.is_connected:
            return
        client = aiosmtplib.SMTP(**self._options, timeout=TIMEOUT_SECONDS)
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            client.close()
            raise LineDownError(f"{type(error).__name__}: {error}"[:200]) from error
        self._client = client

    async def send(self, mail: EmailMessage, to: str) -> Answer:
        """One transaction. Raises `LineDownError` when none was begun."""
        await self.open()
        assert self._client is not None
        try:
            await self._client.send_message(mail, sender=self._envelope_from, recipients=[to])
        except (aiosmtplib.SMTPException, OSError, TimeoutError, UnicodeError) as error:
            answer = read_error(error)
            await self.close()
            return answer
        return Answer(Outcome.SENT)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        try:
            await client.quit(timeout=2)
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            client.close()


def read_options(url: str) -> dict[str, Any]:
    """What the client takes, of `smtp://user:password@host:587` or `smtps://host`."""
    parts = urlsplit(url)
    is_tls = parts.scheme == "smtps"
    options: dict[str, Any] = {
        "hostname": parts.hostname or "localhost",
        "port": parts.port or (465 if is_tls else 587),
        "use_tls": is_tls,
        "start_tls": False if is_tls else None,  # None: where the server offers it
    }
    if parts.username:
        options |= {"username": unquote(parts.username), "password": unquote(parts.password or "")}
    return options


def read_error(error: Exception) -> Answer:
    """4xx is for now, 5xx for good; a connection that broke in between is neither, so the mail goes out again."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused) and error.recipients:
        error = error.recipients[0]
    if isinstance(error, aiosmtplib.SMTPNotSupported | UnicodeError):
        return Answer(Outcome.REFUSED, f"{error}")
    if not isinstance(error, aiosmtplib.SMTPResponseException):
        return Answer(Outcome.LATER, f"{type(error).__name__}: {error}")
    reason = f"{error.code} {error.message}"
    if error.code < 500:
        return Answer(Outcome.LATER, reason)
    status = _STATUS.search(str(error.message))
    is_unknown = status.group(1).startswith("5.1.") if status else error.code in _NO_SUCH_BOX
    is_bounce = is_unknown and isinstance(error, aiosmtplib.SMTPRecipientRefused)
    return Answer(Outcome.BOUNCED if is_bounce else Outcome.REFUSED, reason)
