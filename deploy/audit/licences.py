"""Under which licences packages come, by what they say themselves, and which of these may be used. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Permissive, or for files of their own (MPL); nothing that reaches over to what is linked to it.
ALLOWED = frozenset(
    "0BSD Apache-2.0 BSD BSD-2-Clause BSD-3-Clause CC0-1.0 ISC MIT MIT-0 MPL-2.0 PSF-2.0 Unlicense Zlib".split()
)
MAX_WORDS = 30  # longer is the text of a licence and not its name
# What say nothing that a machine reads; looked up in their repositories.
SAID_ELSEWHERE = {"axe-playwright-python": "MIT", "crawler-user-agents": "MIT"}
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}


def licence_of(name: str, expression: str, classifiers: Sequence[str], words: str = "") -> str:
    """As an SPDX expression; '' where nothing is said. `words`: the older field, in which some have a whole text."""
    if expression:
        return expression
    ends = [one.rpartition(" :: ")[2] for one in classifiers if one.startswith("License :: ")]
    told = [_CLASSIFIERS.get(end, end) for end in ends if end != "OSI Approved"]
    return " OR ".join(told) or (words if len(words) < MAX_WORDS else "") or SAID_ELSEWHERE.get(name, "")


def is_allowed(licence: str) -> bool:
    """Of alternatives one is enough; of parts all are needed."""
    alternatives = re.split(r"\s+OR\s+", licence.replace("(", "").replace(")", ""))
    return any(all(part.strip() in ALLOWED for part in re.split(r"\s+AND\s+", one)) for one in alternatives)
