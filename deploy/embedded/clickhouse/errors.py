"""ClickHouse's errors: their codes, texts and HTTP statuses."""

from __future__ import annotations

import re

SYNTAX_ERROR = 62
BAD_ARGUMENTS = 36
NOT_IMPLEMENTED = 48
UNKNOWN_SETTING = 115
INCORRECT_DATA = 117
REQUIRED_PASSWORD = 194
TOO_MANY_SIMULTANEOUS_QUERIES = 202
TOO_MANY_BYTES = 307
AUTHENTICATION_FAILED = 516

# As src/Server/HTTP/exceptionCodeToHTTPStatus.cpp of ClickHouse has them; 202 and 307 are this server's own.
_CODES_BY_STATUS = {
    400: (6, 25, 26, 27, 36, 38, 41, 43, 53, 62, 72, 117, 427, 441, 15, 44, 8, 675, 676, 376, 69, 168, 167, 223, 321),
    403: (192, 193, 497, 512, 516),
    404: (46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 196, 511),
    408: (159,),
    413: (307,),
    501: (48,),
    503: (76, 202, 209, 439),
}
_STATUS_BY_CODE = {code: status for status, codes in _CODES_BY_STATUS.items() for code in codes}
_STATUS_BY_CODE[REQUIRED_PASSWORD] = 401

_CODE = re.compile(r"Code: (\d+)\. ")


class ClickHouseError(Exception):
    """An error as ClickHouse names it: `code`, and a text that starts with it."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.status = _STATUS_BY_CODE.get(code, 500)


def refused(code: int, name: str, message: str) -> ClickHouseError:
    """An error of this server itself, worded as the engine words its own."""
    return ClickHouseError(code, f"Code: {code}. DB::Exception: {message}. ({name})")


def from_engine(error: Exception) -> ClickHouseError:
    """chDB raises every error as a RuntimeError whose text carries ClickHouse's code."""
    text = str(error)
    match = _CODE.search(text)
    if match is None:
        return ClickHouseError(1002, f"Code: 1002. DB::Exception: {text}. (UNKNOWN_EXCEPTION)")
    return ClickHouseError(int(match.group(1)), text[match.start() :].strip())
