"""What proves who somebody is: a signed click-through, or an address that the site has signed. Pure."""

from __future__ import annotations

import hmac
import re

from services.common.clickthrough import Clickthrough, Clickthroughs, Verdict
from services.identity.parameters import Parameters

_EXPIRES = re.compile(r"\d{9,11}", re.ASCII)
OUTCOMES = (*(verdict.value for verdict in Verdict), "signature_good", "signature_bad", "signature_expired", "unsigned")


class Proofs:
    """Judges hits under one configuration. An outcome of None means that there was nothing to judge."""

    def __init__(
        self, clickthroughs: Clickthroughs, identify_secrets: tuple[str, ...] = (), *, requires_signature: bool = False
    ) -> None:
        self._clickthroughs = clickthroughs
        self._secrets = [secret.encode() for secret in identify_secrets]
        self._requires_signature = requires_signature

    def clickthrough(self, parameters: Parameters, now_us: int) -> tuple[Clickthrough | None, str | None]:
        """What its `ct` says, if that is to be believed."""
        token = parameters.get("ct")
        if not token:
            return None, None
        said, verdict = self._clickthroughs.read(token, now_us / 1e6)
        return said, verdict.value

    def signature(self, parameters: Parameters, email: str, now_us: int) -> str | None:
        """How it is vouched for. `identify_signature` is the HMAC-SHA256, in hex, of `email|identify_expires`."""
        signature = parameters.get("identify_signature")
        if signature is None:
            return "unsigned" if self._requires_signature else None
        expires = parameters.get("identify_expires", "")
        if not _EXPIRES.fullmatch(expires) or not self._is_signed(f"{email}|{expires}", signature):
            return "signature_bad"
        return "signature_good" if now_us / 1e6 < int(expires) else "signature_expired"

    def _is_signed(self, text: str, signature: str) -> bool:
        given = signature.strip().lower().encode()
        return any(
            hmac.compare_digest(hmac.digest(secret, text.encode(), "sha256").hex().encode(), given)
            for secret in self._secrets
        )
