"""What a server, or a form, says of one event: the body of a hit that came through neither script nor pixel.

The names are those of `POST /v1/batch`; the second name of some is the tracking protocol's.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Statement(msgspec.Struct, omit_defaults=True, gc=False):
    """One event. Texts are as they came; whoever reads them cuts them at the documented lengths."""

    type: str = ""
    event_id: str | None = None
    time: str | int | float | None = None  # ISO 8601, or milliseconds since 1970
    contact_id: int | str | None = None
    device_id: str | None = None
    mautic_device_id: str | None = None
    email: str | None = None
    fields: dict[str, str | int | float | bool | None] = {}  # contact fields by alias
    tags: list[str] | str = ""
    url: str | None = None
    page_url: str | None = None
    title: str | None = None
    page_title: str | None = None
    referrer: str | None = None
    page_referrer: str | None = None
    language: str | None = None
    page_language: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_content: str | None = None
    utm_term: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    unsubscribe: str = ""  # by this channel the contact does not want to be contacted any more
    details: dict[str, Any] = {}

    def parameters(self) -> dict[str, str]:
        """The same in the tracking protocol's names, without what is empty."""
        said = {
            "page_url": self.url or self.page_url,
            "page_title": self.title or self.page_title,
            "page_referrer": self.referrer or self.page_referrer,
            "page_language": self.language or self.page_language,
            "utm_source": self.utm_source,
            "utm_medium": self.utm_medium,
            "utm_campaign": self.utm_campaign,
            "utm_content": self.utm_content,
            "utm_term": self.utm_term,
        }
        return {name: value for name, value in said.items() if value}

    def device(self) -> str:
        return self.device_id or self.mautic_device_id or ""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Statement)


def encode_statement(statement: Statement) -> bytes:
    return _encoder.encode(statement)


def decode_statement(data: bytes) -> Statement:
    """Raises `msgspec.DecodeError` for what is no JSON or has a value of another type, and `UnicodeDecodeError`."""
    return _decoder.decode(data)
