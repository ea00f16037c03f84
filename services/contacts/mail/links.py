"""The links of a mail: which are tracked, what they become, and the pixel that says that it was opened. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import blake2b
from html import escape, unescape
from html.parser import HTMLParser

from services.common.clickthrough import MAIL_SOURCE, Clickthrough
from services.contacts.records.record_body import is_web_address

NEVER_S = 1 << 33  # seconds since 1970: a link to unsubscribe works for ever
_LINK = re.compile(r"""(<a\b[^>]*?\shref\s*=\s*)(["'])(.*?)\2""", re.IGNORECASE | re.DOTALL)


def tracked_urls(html: str) -> set[str]:
    """Addresses of the web that are the same for everybody; one with a token in it is not counted."""
    found = {unescape(link.group(3)).strip() for link in _LINK.finditer(html)}
    return {url for url in found if "{" not in url and is_web_address(url)}


def link_id(url: str) -> str:
    """Of the tracked link that leads there: all mails share it."""
    return "m" + blake2b(url.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def with_tracked_links(html: str, tracked: Mapping[str, str]) -> str:
    """Each link leads to what `tracked` has for its address."""

    def replaced(link: re.Match[str]) -> str:
        url = tracked.get(unescape(link.group(3)).strip())
        return f"{link.group(1)}{link.group(2)}{escape(url, quote=True)}{link.group(2)}" if url else link.group(0)

    return _LINK.sub(replaced, html)


def with_pixel(html: str, url: str) -> str:
    """At the end of what is shown."""
    pixel = f'<img src="{escape(url, quote=True)}" alt="" width="1" height="1">'
    end = html.lower().rfind("</body>")
    return html + pixel if end < 0 else html[:end] + pixel + html[end:]


def clickthrough_of(message_id: str, contact_id: int, email_id: int, expires_s: int) -> Clickthrough:
    return Clickthrough(contact_id, expires_s, {"email": email_id} if email_id else {}, [MAIL_SOURCE, message_id])


def text_of_html(html: str) -> str:
    """For readers that show no HTML: the words, with the address after each link."""
    reader = _Words()
    reader.feed(html)
    reader.close()
    lines = [" ".join(line.split()) for line in "".join(reader.words).splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Words(HTMLParser):
    _HIDDEN = frozenset({"script", "style", "head", "title"})
    _BLOCKS = frozenset({"p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._hidden = 0
        self._target = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in self._HIDDEN
        if tag in self._BLOCKS:
            self.words.append("\n")
        if tag == "a":
            self._target = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in self._HIDDEN))
        if tag in self._BLOCKS:
            self.words.append("\n\n" if tag == "p" else "\n")
        if tag == "a" and self._target:
            self.words.append(f" ({self._target})")
            self._target = ""

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data.replace("\n", " "))
