"""A text searched in stored events: in their labels and in what was told of them, not in the names of that. Pure."""

from __future__ import annotations

import re

import msgspec

# What a page was asked with is in its address already.
FOUND = """(
    positionCaseInsensitiveUTF8(concat(url, '\\n', title), {search:String}) > 0
    OR (type != 'page.hit' AND if(
        startsWith(query, '{'), match(lower(query), {told:String}),
        positionCaseInsensitiveUTF8(query, {search:String}) > 0
    ))
)"""
# Behind a name stands a colon, behind a value none. As long as a pattern begins with plain text, ClickHouse is as fast
# with it as without: 100,000 forms of half a kilobyte in 17 to 63 ms (medians, both cores busy with other work).
_REST_OF_VALUE = r'(?:(?:[^"\\]|\\.)*"|[-+.0-9a-z]*)\s*[,}\]]'


def search_parameters(search: str) -> dict[str, str]:
    """Those of `FOUND`."""
    return {"search": search, "told": value_pattern(search)}


def value_pattern(search: str) -> str:
    """What finds a text in the values of JSON whose letters of ASCII are small."""
    written = msgspec.json.encode(search).decode()[1:-1]
    if search.isascii():
        return f"{re.escape(written.lower())}{_REST_OF_VALUE}"
    return f"(?i){re.escape(written)}{_REST_OF_VALUE}"
