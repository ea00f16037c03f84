"""Examples made of JSON Schemas: each property by the example that it has, or by what its type allows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
DEEPEST = 8
_PLAIN = {"string": "", "integer": 1, "number": 1.5, "boolean": True, "null": None}


def example_of(
    schema: Mapping[str, Any], components: Mapping[str, Json], *, is_body: bool = False, depth: int = 0
) -> Any:
    """Of a body only what is needed and what has an example of its own; of an answer everything."""
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rpartition("/")[2]], components, is_body=is_body, depth=depth)
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    if "allOf" in schema or "anyOf" in schema:
        return _of_several(schema, components, is_body=is_body, depth=depth)
    if schema.get("type") == "object":
        return _object(schema, components, is_body=is_body, depth=depth + 1)
    if schema.get("type") == "array":
        items = schema.get("items")
        return [example_of(items, components, is_body=is_body, depth=depth + 1)] if items and depth < DEEPEST else []
    if "default" in schema:
        return schema["default"]
    return _PLAIN.get(str(schema.get("type")))


def _of_several(schema: Mapping[str, Any], components: Mapping[str, Json], *, is_body: bool, depth: int) -> Any:
    """All of them together, or the first alternative."""
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], components, is_body=is_body, depth=depth)
    whole, *others = schema["allOf"]
    made = example_of(whole, components, is_body=is_body, depth=depth)
    for other in others:
        made = {**made, **{name: made.get(name, "") for name in other.get("required", [])}}
    return made


def _object(schema: Mapping[str, Any], components: Mapping[str, Json], *, is_body: bool, depth: int) -> Json:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    if depth > DEEPEST:
        return {}
    if not properties and isinstance(others, dict):
        return {"4711": example_of(others, components, is_body=is_body, depth=depth)}
    needed = schema.get("required", [])
    return {
        name: example_of(inner, components, is_body=is_body, depth=depth)
        for name, inner in properties.items()
        if not is_body or name in needed or "examples" in inner
    }
