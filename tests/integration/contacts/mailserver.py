"""A mail server for tests: keeps what it takes, and refuses what it is told to."""

from __future__ import annotations

import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope


class MailServer:
    """Answers `replies` by address, one after the other, to RCPT; 250 when there is none left."""

    def __init__(self, port: int) -> None:
        self.taken: list[Envelope] = []
        self.tried: list[str] = []
        self.replies: dict[str, list[str]] = {}
        self.slow_seconds = 0.0  # between what it takes and its 250
        self._controller = Controller(
            self, hostname="127.0.0.1", port=port, server_hostname="127.0.0.1",  # else it looks its own name up
            enable_SMTPUTF8=True, decode_data=False, ready_timeout=20,
        )  # fmt: skip

    def __enter__(self) -> MailServer:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    async def handle_RCPT(self, _: Any, __: Any, envelope: Envelope, address: str, ___: Any) -> str:
        self.tried.append(address)
        if self.replies.get(address):
            return self.replies[address].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: Any, __: Any, envelope: Envelope) -> str:
        self.taken.append(envelope)
        await asyncio.sleep(self.slow_seconds)
        return "250 kept"

    def to(self, address: str) -> list[EmailMessage]:
        """What was taken for this address."""
        return [read(one) for one in list(self.taken) if address in one.rcpt_tos]


def read(envelope: Envelope) -> EmailMessage:
    content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
    return cast(EmailMessage, message_from_bytes(content, policy=policy.SMTPUTF8))


def text(mail: EmailMessage, kind: str = "html") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())
