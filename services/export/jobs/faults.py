"""What an error means for an export: whether it may pass, and how it is told. Pure."""

from __future__ import annotations

import errno

from services.common.envelope import STORES_AWAY, ApiError
from services.export.files.row_stream import BrokenOffError

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG)


def may_pass(error: Exception) -> bool:
    """It is nobody's fault, and perhaps over in a moment."""
    is_of_disk = isinstance(error, OSError) and error.errno in _DISK
    return isinstance(error, (BrokenOffError, *STORES_AWAY)) and not is_of_disk


def words(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in _DISK:
        return disk_words(error)
    if isinstance(error, BrokenOffError):
        return f"ClickHouse broke off: {error}"
    if isinstance(error, (ApiError, ValueError)):
        return str(error)
    return f"ClickHouse does not answer: {str(error)[:300] or type(error).__name__}"


def disk_words(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full"
    return f"the disk refuses: {error.strerror or error}"
