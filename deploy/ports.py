"""Which ports are taken, and by whom, as far as this machine tells."""

from __future__ import annotations

import pwd
import socket
from collections.abc import Sequence
from pathlib import Path

from deploy.supervisor import Program, StartError

_LISTENS = "0A"
OTHERS = "./just up --port-base 9000 takes 9000 to 9006 instead, SPOOR_*_PORT choose single ones"


def check_ports(programs: Sequence[Program]) -> None:
    """Raises `StartError` that names every port on which somebody else listens, and who."""
    taken = [program for program in programs if is_taken(program.port)]
    if taken:
        said = ", ".join(f"port {one.port} ({one.name}) is in use by {holder_of(one.port)}" for one in taken)
        seems = "; Spoor seems to run already" if len(taken) > 1 and len(taken) == len(programs) else ""
        raise StartError(f"{said}{seems}; {OTHERS}")


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def holder_of(port: int, proc: Path = Path("/proc")) -> str:
    """The process that listens there: its number and command; of another user's, which only root may look at, whose."""
    found = _listener(port, proc)
    if found is None:
        return "somebody"
    inode, user_id = found
    for pid in (entry.name for entry in proc.iterdir() if entry.name.isdecimal()):
        if _holds(proc / pid, inode):
            return f"process {pid} ({_command(proc / pid)})"
    return f"a process of {_user(user_id)}"


def _listener(port: int, proc: Path) -> tuple[str, int] | None:
    """The socket's inode and its owner's user id."""
    for table in ("tcp", "tcp6"):
        try:
            rows = (proc / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for _, local, _, state, *_, user_id, _, inode in (row.split()[:10] for row in rows):
            if state == _LISTENS and int(local.rpartition(":")[2], 16) == port:
                return inode, int(user_id)
    return None


def _holds(process: Path, inode: str) -> bool:
    try:
        return any(str(link.readlink()) == f"socket:[{inode}]" for link in (process / "fd").iterdir())
    except OSError:  # another user's, or gone
        return False


def _command(process: Path) -> str:
    try:
        words = process.joinpath("cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "gone"
    return " ".join([Path(words[0]).name, *words[1:]]).strip()[:60]


def _user(user_id: int) -> str:
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return f"user {user_id}"
