"""Opaque secrets: made here, shown once, kept as their SHA-256. They are random, so no slow hash is needed. Pure."""

from __future__ import annotations

import hashlib
import hmac
import secrets

# What each kind begins with.
PERSONAL, ACCESS, REFRESH, CODE, SESSION = "spt", "spa", "spr", "spc", "sps"


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_secret(said: str, kept_digest: str) -> bool:
    """In constant time."""
    return bool(kept_digest) and hmac.compare_digest(digest(said), kept_digest)


def personal_token(token_id: str, secret: str) -> str:
    return f"{PERSONAL}_{token_id}_{secret}"


def id_of(token: str) -> str:
    """The record that a personal token names; '' when it can be none."""
    parts = token.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[1].isascii() and parts[1].isdecimal() and len(parts[1]) < 17 else ""


def secret_of(token: str) -> str:
    return token.split("_", 2)[-1]
