"""Text that may be HTML, without what runs. Pure."""

from __future__ import annotations

import re

import nh3

_TAG_BEGINS = re.compile(r"<[a-zA-Z/!?]")


def has_tag(text: str) -> bool:
    return _TAG_BEGINS.search(text) is not None


def harmless_html(text: str) -> str:
    """Scripts, event handlers, frames and the like are taken out; text without a tag stays as it is to the letter.

    A tag that never ends is shown as what was typed: whatever page it stands in might end it."""
    if not has_tag(text):
        return text
    return nh3.clean(text) if nh3.is_html(text) else text.replace("<", "&lt;")
