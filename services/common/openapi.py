"""What the descriptions of the APIs for machines (OpenAPI 3.1) have in common."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.envelope import API_VERSION, json_response

Json = dict[str, Any]

OPENAPI_PATH = "/openapi.json"
ERROR = {"description": "The error envelope", "content": {"application/json": {"schema": {
    "$ref": "#/components/schemas/Errors"}}}}  # fmt: skip
_ERRORS = {
    "type": "object",
    "properties": {
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "code": {"type": "integer"},
                    "message": {"type": "string"},
                    "details": {"type": "object"},
                    "type": {"type": ["string", "null"]},
                },
            },
        }
    },
}


def document(title: str, paths: Json, schemas: Json, schemes: tuple[str, ...] = ("basic",)) -> Json:
    """`schemas` beside that of errors; `schemes` of HTTP authentication, of which one is enough."""
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": API_VERSION},
        "security": [{scheme: []} for scheme in schemes],
        "paths": paths,
        "components": {
            "securitySchemes": {scheme: {"type": "http", "scheme": scheme} for scheme in schemes},
            "schemas": {**schemas, "Errors": _ERRORS},
        },
    }


def openapi_route(described: Json) -> Route:
    async def openapi(_: Request) -> Response:
        return json_response(described)

    return Route(OPENAPI_PATH, openapi, methods=["GET"])
