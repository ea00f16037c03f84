"""Queries and form bodies with PHP's brackets: `a[b][]=1` becomes {"a": {"b": ["1"]}}. Pure and bounded."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

Node = str | list["Node"] | dict[str, "Node"]

MAX_PAIRS = 2_000
MAX_DEPTH = 12  # five nested groups of conditions
MAX_NAME_LENGTH = 300


class PhpQueryError(ValueError):
    """A query beyond the bounds above."""


class _Array:
    """PHP's array while it is filled: keys are text, and `[]` takes the next number."""

    def __init__(self) -> None:
        self.items: dict[str, str | _Array] = {}
        self._next = 0

    def put(self, key: str, value: str | _Array) -> None:
        self.items[key] = value
        if key.isdecimal() and key.isascii() and len(key) < 16:
            self._next = max(self._next, int(key) + 1)

    def open(self, key: str) -> _Array:
        """The array under this key; whatever else was there gives way to it, as in PHP."""
        found = self.items.get(key)
        if not isinstance(found, _Array):
            found = _Array()
            self.put(key, found)
        return found

    def next_key(self) -> str:
        return str(self._next)

    def plain(self) -> Node:
        values: list[Node] = [one.plain() if isinstance(one, _Array) else one for one in self.items.values()]
        if list(self.items) == [str(number) for number in range(len(self.items))]:
            return values
        return dict(zip(self.items, values, strict=True))


def parse_php_query(text: bytes | str) -> dict[str, Node]:
    """The tree of a query or body. Broken escapes stay as they are; raises `PhpQueryError` beyond the bounds."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if data.count(b"&") >= MAX_PAIRS:
        raise PhpQueryError(f"more than {MAX_PAIRS} parameters")
    root = _Array()
    for pair in data.split(b"&"):
        name, _, value = pair.partition(b"=")
        path = _path(_unquote(name))
        if path:
            _put(root, path, _unquote(value))
    tree = root.plain()
    return tree if isinstance(tree, dict) else {str(number): value for number, value in enumerate(tree)}


def _put(root: _Array, path: list[str], value: str) -> None:
    array = root
    for part in path[:-1]:
        array = array.open(part or array.next_key())
    array.put(path[-1] or array.next_key(), value)


def _path(name: str) -> list[str]:
    """`a[b][]` as ["a", "b", ""]; a bracket that never closes belongs to the name."""
    if len(name) > MAX_NAME_LENGTH:
        raise PhpQueryError(f"a parameter name is longer than {MAX_NAME_LENGTH} characters")
    name = name.lstrip(" ")
    head, bracket, rest = name.partition("[")
    if not head:
        return []
    path = [head]
    while bracket:
        part, closing, after = rest.partition("]")
        if not closing:
            return path if len(path) > 1 else [f"{head}_{rest}"]
        path.append(part.strip())
        if len(path) > MAX_DEPTH:
            raise PhpQueryError(f"parameters are nested deeper than {MAX_DEPTH}")
        if not after.startswith("["):
            break
        rest = after[1:]
    return path


def _unquote(text: bytes) -> str:
    return unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8", "replace")


def as_list(node: Node | None) -> list[str]:
    """The texts of a parameter that may be one value or several; what is nested deeper is left out."""
    if node is None:
        return []
    if isinstance(node, str):
        return [node]
    values = node if isinstance(node, list) else list(node.values())
    return [value for value in values if isinstance(value, str)]
