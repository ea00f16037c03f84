"""The description of an API for machines (OpenAPI 3.1), made of its routes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.envelope import API_VERSION
from services.common.operation import DescribedRoute, OneOf, Operation, Parameter, Shape, path_names

Json = dict[str, Any]

OPENAPI_PATH = "/openapi.json"
REF = "#/components/schemas/{name}"
JSON, FORMS = "application/json", "application/x-www-form-urlencoded"


class Error(msgspec.Struct, forbid_unknown_fields=True):
    code: Annotated[int, Meta(description="The status", examples=[400])]
    message: Annotated[str, Meta(examples=["email: This value is not a valid email address."])]
    type: Annotated[str | None, Meta(description="A word for it, where there is one", examples=[None])]
    details: Annotated[
        dict[str, list[str]] | UnsetType,
        Meta(
            description="What is wrong, by field or parameter",
            examples=[{"email": ["This value is not a valid email address."]}],
        ),
    ] = UNSET


class Errors(msgspec.Struct, forbid_unknown_fields=True):
    """The envelope of every error; a top-level `errors` means that the request failed."""

    errors: Annotated[list[Error], Meta(min_length=1)]


ERROR = {"description": "The error envelope", "content": {"application/json": {"schema": {
    "$ref": REF.format(name="Errors")}}}}  # fmt: skip
_ALWAYS = {503: "A database does not answer, or others change the same; try again after Retry-After"}
_LOGIN = {
    401: "No login, or a wrong one",
    403: "The caller lacks a right that this needs",
    429: "Too many requests; try again after Retry-After",
}
_READS = {400: "A parameter that cannot be read; details name it"}
_WRITES = {400: "A body that cannot be read; details name the field", 413: "A body above 1 MiB"}
_FINDS = {404: "No such one"}
_NO_CONTENT = frozenset({204, 304})


def document(title: str, paths: Json, schemas: Json, schemes: tuple[str, ...] = ("basic",)) -> Json:
    """`schemas` beside that of errors; `schemes` of HTTP authentication, of which one is enough."""
    _, errors = msgspec.json.schema_components([Errors], ref_template=REF)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": API_VERSION},
        "security": [{scheme: []} for scheme in schemes],
        "paths": paths,
        "components": {
            "securitySchemes": {scheme: {"type": "http", "scheme": scheme} for scheme in schemes},
            "schemas": {**schemas, **errors},
        },
    }


def document_of(title: str, routes: Sequence[Route], schemes: tuple[str, ...] = ("basic", "bearer")) -> Json:
    """Of all routes that are described."""
    told = [route for route in routes if isinstance(route, DescribedRoute)]
    shapes = Schemas([shape for route in told for one in route.operations.values() for shape in _shapes(route, one)])
    paths: Json = {}
    for route in told:
        for method, operation in route.operations.items():
            paths.setdefault(route.path, {})[method] = _described(route, method, operation, shapes)
    return document(title, paths, shapes.components, schemes)


def openapi_route(made: Json) -> Route:
    body = msgspec.json.encode(made)

    async def openapi(_: Request) -> Response:
        return Response(body, media_type=JSON)

    return Route(OPENAPI_PATH, openapi, methods=["GET"])


class Schemas:
    """JSON Schemas of shapes; structs become components."""

    def __init__(self, shapes: Iterable[Shape]) -> None:
        leaves = [leaf for shape in shapes for leaf in _leaves(shape)]
        made, self.components = msgspec.json.schema_components(leaves, ref_template=REF)
        self._made = {id(leaf): schema for leaf, schema in zip(leaves, made, strict=True)}
        self._leaves = leaves  # kept, or their ids would be given away

    def of(self, shape: Shape) -> Json:
        if isinstance(shape, OneOf):
            return {"anyOf": [self.of(one) for one in shape.shapes]}
        if not isinstance(shape, Mapping):
            return self._made[id(shape)]
        return {
            "type": "object",
            "properties": {name.rstrip("?"): self.of(inner) for name, inner in shape.items()},
            "required": [name for name in shape if not name.endswith("?")],
            "additionalProperties": False,
        }


def _leaves(shape: Shape) -> list[Any]:
    if not isinstance(shape, Mapping | OneOf):
        return [shape]
    parts = shape.values() if isinstance(shape, Mapping) else shape.shapes
    return [leaf for inner in parts for leaf in _leaves(inner)]


def _shapes(route: DescribedRoute, operation: Operation) -> list[Shape]:
    said = (operation.answer, *operation.answers.values(), operation.body, *operation.uploads.values())
    bodies = [shape for shape in said if shape is not None]
    return [*bodies, *(parameter.type for parameter in _parameters(route.path, operation))]


def _parameters(path: str, operation: Operation) -> list[Parameter]:
    said = {one.name: one for one in operation.parameters if one.place == "path"}
    if unknown := said.keys() - set(path_names(path)):
        raise ValueError(f"{path} has no {min(unknown)}")
    in_path = [said.get(name, _numbered(name)) for name in path_names(path)]
    return [*in_path, *(one for one in operation.parameters if one.place != "path")]


_Number = Annotated[int, Meta(ge=1)]


def _numbered(name: str) -> Parameter:
    return Parameter(name, "Its id" if name == "id" else f"The id of the {name}", _Number, 4711, "path")


def _described(route: DescribedRoute, method: str, operation: Operation, shapes: Schemas) -> Json:
    parameters = _parameters(route.path, operation)
    made: Json = {
        "tags": [_group(route.path)],
        "summary": operation.summary,
        "operationId": _operation_id(method, route.path),
        "parameters": [_parameter(one, shapes) for one in parameters],
        "responses": {
            **{str(status): _answer(status, text, operation, shapes) for status, text in operation.success.items()},
            **{
                str(status): {**ERROR, "description": text}
                for status, text in sorted(_errors(operation, parameters).items())
            },
        },
    }
    if operation.text:
        made["description"] = operation.text
    if route.old_name_of:
        made["deprecated"] = True
        made["x-old-name-of"] = f"{method.upper()} {route.old_name_of}"
        made["description"] = f"An old name of {method.upper()} {route.old_name_of}."
    if operation.body is not None:
        body = {"schema": _body(operation, shapes)}
        made["requestBody"] = {"content": {JSON: body, FORMS: body}}
    if operation.uploads:
        content = {kind: {"schema": shapes.of(shape)} for kind, shape in operation.uploads.items()}
        made["requestBody"] = {"content": content, "required": True}
    if operation.is_open:
        made["security"] = []
    return made


def _answer(status: int, text: str, operation: Operation, shapes: Schemas) -> Json:
    shape = operation.answers.get(status, operation.answer)
    if shape is None or status in _NO_CONTENT:
        return {"description": text}
    return {"description": text, "content": {operation.media_type: {"schema": shapes.of(shape)}}}


def _body(operation: Operation, shapes: Schemas) -> Json:
    schema = shapes.of(operation.body)
    return {"allOf": [schema, {"required": list(operation.needs)}]} if operation.needs else schema


def _errors(operation: Operation, parameters: Sequence[Parameter]) -> dict[int, str]:
    return {
        **_ALWAYS,
        **({} if operation.is_open else _LOGIN),
        **(_READS if any(one.place == "query" for one in parameters) else {}),
        **(_WRITES if operation.body is not None or operation.uploads else {}),
        **(_FINDS if any(one.place == "path" for one in parameters) else {}),
        **operation.errors,
    }


def _parameter(said: Parameter, shapes: Schemas) -> Json:
    made: Json = {"name": said.name, "in": said.place, "required": said.place == "path"}
    if said.text:
        made["description"] = said.text
    if said.example is not None:
        made["example"] = said.example
    return {**made, "schema": shapes.of(said.type)}


def _group(path: str) -> str:
    return path.removeprefix("/api/").strip("/").partition("/")[0] or "pages"


def _operation_id(method: str, path: str) -> str:
    return "_".join([method, *re.findall(r"[a-z0-9]+", path.removeprefix("/api/").lower())])
