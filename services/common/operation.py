"""Routes that say what they do: each method of a path comes with its operation, of which OpenAPI is made.

    described("/api/notes/{id}", self.one, get=Operation("One note", {"note": Note}))

A method that is not described is not served. What all operations share (401, 503, the errors that parameters and
bodies may have) is added where the document is made, so that an operation names only what is its own.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Mapping, Sequence
from types import GenericAlias, NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import msgspec
from starlette.routing import Route

# What a body looks like: a type that msgspec knows, or the keys of an object, each with such a shape, or OneOf.
# A key that ends with ? may be absent.
Shape = Any
BINARY = Annotated[str, msgspec.Meta(extra_json_schema={"format": "binary"})]  # the bytes of a file, as they are
METHODS = ("get", "post", "patch", "put", "delete")


class OneOf(NamedTuple):
    """Any of these shapes."""

    shapes: tuple[Shape, ...]


class Parameter(NamedTuple):
    """One of the query, or of the path; those of a path that are not named are whole numbers."""

    name: str
    text: str = ""
    type: Any = str
    example: Any = None
    place: str = "query"


class Operation(NamedTuple):
    """What one method of a path does. `answer` is the body of every success, but of those that `answers` has; `errors`
    are those beside the common ones, or texts in their place."""

    summary: str
    answer: Shape = None
    parameters: Sequence[Parameter] = ()
    body: Shape = None
    needs: Sequence[str] = ()  # keys that the body must have, where the shape leaves them open
    text: str = ""  # what the summary leaves open
    success: Mapping[int, str] = {200: "Done"}
    errors: Mapping[int, str] = {}
    media_type: str = "application/json"  # of the answer
    answers: Mapping[int, Shape] = {}  # by status
    uploads: Mapping[str, Shape] = {}  # a body that is a file: its shape by media type
    is_open: bool = False  # no login is needed


class DescribedRoute(Route):
    """A route with its operations by method, in lower case; `old_name_of` is the path that clients should use."""

    def __init__(self, path: str, endpoint: Any, operations: Mapping[str, Operation], old_name_of: str) -> None:
        super().__init__(path, endpoint, methods=[method.upper() for method in operations])
        self.operations, self.old_name_of = dict(operations), old_name_of


def described(
    path: str,
    endpoint: Any,
    *,
    old_name_of: str = "",
    get: Operation | None = None,
    post: Operation | None = None,
    patch: Operation | None = None,
    put: Operation | None = None,
    delete: Operation | None = None,
) -> DescribedRoute:
    said = dict(zip(METHODS, (get, post, patch, put, delete), strict=True))
    operations = {method: operation for method, operation in said.items() if operation}
    if not operations:
        raise ValueError(f"{path} has no operation")
    return DescribedRoute(path, endpoint, operations, old_name_of)


def path_names(path: str) -> list[str]:
    """Of the parameters of a path, in their order."""
    return re.findall(r"{([a-z_]+)(?::[a-z]+)?}", path)


def by_id(item: Any) -> Any:
    """The shape of an object whose keys are ids as text."""
    return GenericAlias(dict, (str, item))


def list_of(item: Any) -> Any:
    return GenericAlias(list, (item,))


@functools.cache
def part_of(whole: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """The shape of a struct of which any property may be absent, and every null within it."""
    text = f"{whole.__name__}, or what select and minimal leave of it."
    return _with_optional(whole, {field.name for field in msgspec.structs.fields(whole)}, text)


@functools.cache
def _without_nulls(whole: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """The same struct when there is nothing in it that may be null."""
    fields = msgspec.structs.fields(whole)
    nullable = {field.name for field in fields if _may_be_null(field.type)}
    if not nullable and all(_thin(field.type) == field.type for field in fields):
        return whole
    return _with_optional(whole, nullable, f"{whole.__name__}, of which select leaves out the nulls.")


def _with_optional(whole: type[msgspec.Struct], names: set[str], text: str) -> type[msgspec.Struct]:
    fields: list[tuple[str, Any, Any]] = []
    for field in msgspec.structs.fields(whole):
        kind, key = _thin(field.type), field.encode_name
        if field.name in names or not field.required:
            fields.append((field.name, kind | msgspec.UnsetType, msgspec.field(default=msgspec.UNSET, name=key)))
        else:
            fields.append((field.name, kind, msgspec.field(name=key)))
    is_closed = whole.__struct_config__.forbid_unknown_fields
    part = msgspec.defstruct(f"{whole.__name__}Part", fields, kw_only=True, forbid_unknown_fields=is_closed)
    part.__doc__ = text
    return part


def _thin(kind: Any) -> Any:
    """The type with every struct in it as it is without nulls."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return Annotated[(_thin(inner[0]), *inner[1:])]
    if _is_union(kind):
        return functools.reduce(operator.or_, map(_thin, inner))
    if origin in (list, dict):
        return GenericAlias(origin, tuple(map(_thin, inner)))
    return _without_nulls(kind) if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else kind


def _may_be_null(kind: Any) -> bool:
    if get_origin(kind) is Annotated:
        return _may_be_null(get_args(kind)[0])
    return kind in (None, NoneType, Any) or any(map(_may_be_null, get_args(kind) if _is_union(kind) else ()))


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType)
