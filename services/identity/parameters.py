"""The parameters of a hit: POST over GET over `d` over the query of page_url, decoded once, bounded. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import msgspec

from services.common.php_serialized import PhpSerializedError, decode_php_array
from services.common.tables import as_text

MAX_PARAMETERS = 200
MAX_NAME_LENGTH = 191
MAX_VALUE_LENGTH = 4_096
MAX_URL_LENGTH = 2_048
CACHED_URLS = 16_384  # a cached page costs about 1 KB
CACHED_PAIRS = 32_768  # at most 600 bytes each: 20 MB; then they are forgotten at once
CACHED_PAIR_BYTES = 160

Parameters = dict[str, str]

# Of the request itself, or a link could end a page view or take another's place.
_NOT_OF_A_PAGE = frozenset({"left_event_id", "left_event_time", "time_on_page", "event_id", "event_time"})
# The door has put them into the hit. No two hits say the same, so they would push out what others do say.
_OF_THE_DOOR = frozenset({b"mautic_device_id", b"event_id", b"event_time"})
_PHP_NAME = str.maketrans(". ", "__")
_CLICKTHROUGH = re.compile(r"([?&])ct=[^&#]*(&?)", re.IGNORECASE)
_PACKED = re.compile(rb"(?:^|&)d=([^&]*)")
_LISTED_TAG = re.compile(rb"(?:^|&)tags(?:\[|%5[Bb])[^=&]*=([^&]+)")


def parse_query(query: bytes) -> Parameters:
    """Names and values of an urlencoded string, but for what the door has read. The first MAX_PARAMETERS count, and
    of a repeated name the last.

    Strange bytes become U+FFFD, NUL is dropped, nothing raises. 1.2 microseconds for a usual hit, where `parse_qsl`
    takes 9: most of a hit's pairs were seen in another hit a moment ago.
    """
    parameters = dict(map(_seen_pairs.__getitem__, query.split(b"&", MAX_PARAMETERS)[:MAX_PARAMETERS]))
    parameters.pop("", None)
    return parameters


def parameters_of(query: bytes, body: bytes, referer: str) -> Parameters:
    """All parameters of a hit. `page_url` is the request's Referer where nothing names it."""
    own = _json_parameters(body) if body.startswith(b"{") else _request_parameters(body)
    if query:
        own = {**_request_parameters(query), **own}
    if "d" in own and (packed := _packed(query, body)):
        del own["d"]
        own = {**packed, **own}
    url = own.get("page_url") or referer
    if not url:
        return own
    url = own["page_url"] = url[:MAX_URL_LENGTH]
    if "?" not in url:
        return own
    return {**page_parameters(url), **own}


def _request_parameters(text: bytes) -> Parameters:
    """Of an urlencoded request, which may have its tags as a list: `tags[]=a&tags[]=b`."""
    parameters = parse_query(text)
    if b"tags[" in text or b"tags%5" in text:
        parameters = {name: value for name, value in parameters.items() if not name.startswith("tags[")}
        if listed := [_decode(tag[1]) for tag in islice(_LISTED_TAG.finditer(text), MAX_PARAMETERS)]:
            parameters["tags"] = _comma_list(listed)
    return parameters


def _json_parameters(body: bytes) -> Parameters:
    """Of an app that sends an object instead of a form: its texts, numbers and flags; nothing where that is no JSON."""
    try:
        said = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return _flat(said)


def _flat(said: Mapping[str, Any]) -> Parameters:
    """Its texts, numbers and flags; of what is nested the tags."""
    scalars = [(name, as_text(value)) for name, value in said.items() if isinstance(value, str | int | float)]
    flat = {
        name[:MAX_NAME_LENGTH]: value[:MAX_VALUE_LENGTH].replace("\x00", "")
        for name, value in scalars[:MAX_PARAMETERS]
        if name
    }
    tags = said.get("tags")
    if isinstance(tags, list | dict):
        listed = tags.values() if isinstance(tags, dict) else tags
        flat["tags"] = _comma_list([as_text(tag) for tag in listed if isinstance(tag, str | int | float)])
    return flat


def _comma_list(tags: list[str]) -> str:
    """As a page that has no lists writes them; longer than any tag is none."""
    return ",".join(tag.replace("\x00", "") for tag in tags[:MAX_PARAMETERS] if len(tag) <= MAX_NAME_LENGTH)


def _packed(query: bytes, body: bytes) -> Parameters:
    """What a PHP page has packed into `d`; nothing when that cannot be read. It may be longer than other values."""
    match = _PACKED.search(body) or _PACKED.search(query)
    if match is None:
        return {}
    try:
        packed = decode_php_array(unquote_to_bytes(match[1].replace(b"+", b" ")))
    except PhpSerializedError:
        return {}
    return _flat(packed)


@lru_cache(CACHED_URLS)
def page_parameters(url: str) -> Parameters:
    """The parameters in a page's own URL, names in lower case and, as PHP has them, with _ for dots and blanks. The
    caller must not change the answer."""
    try:
        query = urlsplit(url).query
    except ValueError:  # such as an unfinished IPv6 address
        query = url.partition("?")[2].partition("#")[0]
    found = parse_query(query.encode("utf-8", "surrogatepass"))
    lower = {name.lower().translate(_PHP_NAME): value for name, value in found.items() if "[" not in name}
    return {name: value for name, value in lower.items() if name not in _NOT_OF_A_PAGE}


def without_ct(url: str) -> str:
    """A page's address without the token of its visitor: whoever reads it in a history could use it again."""
    return _CLICKTHROUGH.sub(lambda found: found[1] if found[2] else "", url)


class _Pairs(dict[bytes, tuple[str, str]]):
    """Names and values as they were decoded a moment ago. Half the price of an lru_cache."""

    def __missing__(self, pair: bytes) -> tuple[str, str]:
        name, _, value = pair.partition(b"=")
        if name in _OF_THE_DOOR:
            return "", ""
        decoded = _decode(name)[:MAX_NAME_LENGTH], _decode(value)[:MAX_VALUE_LENGTH]
        if len(pair) <= CACHED_PAIR_BYTES:
            if len(self) >= CACHED_PAIRS:
                self.clear()
            self[pair] = decoded
        return decoded


def _decode(text: bytes) -> str:
    if b"+" in text:
        text = text.replace(b"+", b" ")
    if b"%" in text:
        text = unquote_to_bytes(text)
    decoded = text.decode("utf-8", "replace")
    return decoded.replace("\x00", "") if "\x00" in decoded else decoded


_seen_pairs = _Pairs()
