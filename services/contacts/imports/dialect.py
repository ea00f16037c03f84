"""How a file of comma-separated values is written: its encoding, and what separates and quotes. Told by its beginning.
Pure."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter

import msgspec
from charset_normalizer import from_bytes

SAMPLE_BYTES = 262_144
DELIMITERS = (",", ";", "\t", "|", ":")
UTF_8, UTF_16 = "utf-8", "utf-16"
SAMPLE_RECORDS = 200
USUAL = "cp1252"  # of what is not UTF-8, where the letters say no more
_UNICODE = frozenset({"utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"})
_ASCII = "\t\n\r !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}"
_ENCODINGS = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "koi8_r", "shift_jis", "gb18030", "big5", "euc_kr"]
_MARKS = {
    codecs.BOM_UTF8: UTF_8, codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: UTF_16, codecs.BOM_UTF16_BE: UTF_16,
}  # fmt: skip
OF_WHOLE_BYTES = "surrogateescape"  # bytes that mean nothing are kept as they are


class Dialect(msgspec.Struct, frozen=True):
    """`quote` and `escape` may be '' for none. Within quotes two of them are one."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    encoding: str = UTF_8

    def errors(self) -> str:
        """How a decoder is to treat what it cannot read."""
        return "replace" if self._is_wide() else OF_WHOLE_BYTES

    def of_failed_rows(self) -> Dialect:
        """How rows that failed are written, so that it is found out by itself how they are read. Wide letters become
        UTF-8."""
        return Dialect(self.delimiter, encoding=UTF_8 if self._is_wide() else self.encoding)

    def _is_wide(self) -> bool:
        return self.encoding.startswith(("utf-16", "utf-32"))


def read_dialect(delimiter: str, quote: str, escape: str, encoding: str) -> Dialect:
    """As somebody says it. Raises `ValueError` with what is wrong."""
    delimiter = {"\\t": "\t", "tab": "\t"}.get(delimiter, delimiter)
    for name, text, least in (("delimiter", delimiter, 1), ("quote", quote, 0), ("escape", escape, 0)):
        if not least <= len(text) <= 1 or text in ("\r", "\n", "\0") or (text and ord(text) > 0x7F):
            raise ValueError(f"{name}: one character of ASCII is needed{', or none' if not least else ''}.")
    if len({one for one in (delimiter, quote, escape) if one}) < sum(map(bool, (delimiter, quote, escape))):
        raise ValueError("Delimiter, quote and escape must differ.")
    return Dialect(delimiter, quote, escape, _read_encoding(encoding))


def _read_encoding(said: str) -> str:
    """Unicode, or one that has the letters of ASCII in their places. Raises `ValueError`."""
    try:
        known = codecs.lookup(said)
        name = known.name.removesuffix("-sig")
        if name in _UNICODE or known.incrementaldecoder("strict").decode(_ASCII.encode()) == _ASCII:
            return name
    except (LookupError, TypeError, ValueError, OSError):
        pass
    raise ValueError(f"encoding: {said[:40]!r} is none that files of text have.")


def detect(sample: bytes, *, is_whole: bool) -> Dialect:
    """Of the beginning of a file, which may end in the middle of a letter unless it `is_whole`."""
    encoding = detect_encoding(sample, is_whole=is_whole)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(sample, is_whole)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not is_whole:
        text = text[: text.rfind("\n") + 1] or text
    if told := re.match(r"sep=([^\w\s]|\t)\n", text):  # as Excel is told
        return Dialect(told[1], _quote(text, told[1]), "", encoding)
    candidates = [Dialect(delimiter, _quote(text, delimiter), "", encoding) for delimiter in DELIMITERS]
    found = max(candidates, key=lambda one: _fit(text, one))
    return found if _fit(text, found)[0] else Dialect(encoding=encoding)


def detect_encoding(sample: bytes, *, is_whole: bool) -> str:
    """By its mark, else UTF-8 where it is that, else by the zeros of UTF-16, else what its letters say."""
    for mark, encoding in _MARKS.items():
        if sample.startswith(mark):
            return encoding
    decoded = codecs.getincrementaldecoder(UTF_8)("replace").decode(sample, is_whole)
    bad = decoded.count("\ufffd")
    zeros = sample.count(b"\0")
    if zeros * 5 > len(sample):
        return "utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be"
    if not bad or _is_mostly_utf_8(decoded, bad):
        return UTF_8
    matches = list(from_bytes(sample, cp_isolation=_ENCODINGS))
    as_good = [one for one in matches if (one.chaos, one.coherence) == (matches[0].chaos, matches[0].coherence)]
    names = [name for one in as_good for name in one.could_be_from_charset]
    return codecs.lookup(USUAL if USUAL in names or not names else names[0]).name


def _is_mostly_utf_8(decoded: str, bad: int) -> bool:
    """A few broken lines do not make another encoding of it."""
    letters = sum(1 for letter in decoded if letter > "\x7f" and letter != "\ufffd")
    return letters > 4 * bad


def _quote(text: str, delimiter: str) -> str:
    """Apostrophes only where they, and no quotes, stand around cells: names have them, too."""
    begin, end = f"(?:^|{re.escape(delimiter)})", f"(?:{re.escape(delimiter)}|$)"
    if not re.search(f'{begin}"', text, re.MULTILINE) and re.search(f"{begin}'[^'\n]*'{end}", text, re.MULTILINE):
        return "'"
    return '"'


def _fit(text: str, dialect: Dialect) -> tuple[float, int, int]:
    """How well a dialect explains a sample: the share of records that have as many cells as most, if that is more than
    one; then how many cells."""
    counts: Counter[int] = Counter()
    reader = csv.reader(text.split("\n"), delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True)
    broken = 0
    for _ in range(SAMPLE_RECORDS):
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error:
            broken += 1
            continue
        if cells:
            counts[len(cells)] += 1
    [(cells_of_most, number)] = counts.most_common(1) or [(0, 0)]
    if cells_of_most < 2:
        return (0.0, 0, 0)
    share = number / (counts.total() + broken)
    return (round(share, 2), cells_of_most, -DELIMITERS.index(dialect.delimiter))
