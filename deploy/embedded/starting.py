"""What both embedded servers do before they serve: take their directory for themselves, and read their password."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class StartError(Exception):
    """Why a server cannot start, in one line."""


def lock(directory: Path, server: str) -> int:
    """Takes `directory`, made if need be, for this process and what it becomes; the lock ends with them.

    Returns the descriptor that holds it. Raises `StartError` when another process has it: two servers on one
    directory would spoil it (Valkey), or fail with a message that tells nothing (chDB).
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StartError(f"cannot use {directory}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StartError(f"{directory} is in use by another {server} process") from error
    return descriptor


def read_password(path: Path) -> str:
    """The password in the file, without the line end. Raises `StartError` when there is none."""
    try:
        password = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise StartError(f"cannot read the password file {path}: {error.strerror}") from error
    if not password:
        raise StartError(f"the password file {path} is empty")
    return password
