"""Connections to the engine that statements leave behind as they found them, so that the next need not make its own.

What a connection costs, and setting its database and its settings: 0.25 ms, a third of a small statement.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from deploy.embedded.clickhouse import extension

_chdb = extension.load()


class Connection:
    """One connection with a database and settings. The engine serialises the statements of one."""

    def __init__(self, url: str) -> None:
        self._session = _chdb.connect(url)
        self.query = self._session.query
        self.send_query = self._session.send_query
        self.fetch = self._session.streaming_fetch_result
        self.close = self._session.close


class Connections:
    """At most `most` that wait for a statement with the same database and settings. Calls may come from any thread."""

    def __init__(self, url: str, most: int) -> None:
        self._url, self._most = url, most
        self._idle: list[tuple[_Kind, Connection]] = []  # those used last come last
        self._lock = threading.Lock()

    def take(self, database: str, settings: Mapping[str, str]) -> Connection:
        """Raises what the engine raises for a database or setting that is not there."""
        kind = _kind(database, settings)
        with self._lock:
            for number in range(len(self._idle) - 1, -1, -1):
                if self._idle[number][0] == kind:
                    return self._idle.pop(number)[1]
        return self._make(database, settings)

    def _make(self, database: str, settings: Mapping[str, str]) -> Connection:
        connection = Connection(self._url)
        try:
            if database:
                connection.query(f"USE {_identifier(database)}")
            connection.query("SET " + ", ".join(f"{name} = {_literal(value)}" for name, value in settings.items()))
        except BaseException:
            connection.close()
            raise
        return connection

    def give_back(self, connection: Connection, database: str, settings: Mapping[str, str]) -> None:
        """One on which nothing was changed and nothing runs."""
        with self._lock:
            self._idle.append((_kind(database, settings), connection))
            spare = self._idle.pop(0)[1] if len(self._idle) > self._most else None
        if spare:
            spare.close()

    def close(self) -> None:
        with self._lock:
            for _, connection in self._idle:
                connection.close()
            self._idle = []


_Kind = tuple[str, tuple[tuple[str, str], ...]]


def _kind(database: str, settings: Mapping[str, str]) -> _Kind:
    return database, tuple(settings.items())


def _identifier(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _literal(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
