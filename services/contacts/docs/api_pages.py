"""What the page about the API shows, made of the OpenAPI document: groups of operations, and schemas. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from services.common.examples import example_of
from services.common.openapi import FORMS, JSON, Json

_WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}
_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "maxLength": "up to {} characters",
    "pattern": "like {}",
}
LONG_BODY = 90  # characters of a call that are still read on one line


class Word(NamedTuple):
    """A part of a type's description; `schema` is what it leads to, '' for mere text."""

    text: str
    schema: str = ""


class Row(NamedTuple):
    """A parameter or a property."""

    name: str
    kind: list[Word]
    text: str
    is_needed: bool
    example: str


class Answer(NamedTuple):
    status: str
    text: str
    kind: list[Word]


class Shown(NamedTuple):
    """An operation."""

    id: str
    method: str
    path: str
    summary: str
    text: str
    parameters: list[Row]
    body: list[Word]
    uploads: list[Word]  # a body that is a file, in each way that it may come
    keys: list[Row]
    curl: str
    answers: list[Answer]
    example: str
    errors: list[Answer]
    old_names: list[str]


class Schema(NamedTuple):
    name: str
    text: str
    rows: list[Row]
    is_open: bool  # it may have other keys


def groups_of(document: Json) -> dict[str, list[Shown]]:
    """By the names of the groups, in their order; old names stand beside the operation that they mean."""
    components = document["components"]["schemas"]
    old: dict[str, list[str]] = {}
    for path, _, said in _operations(document):
        if "x-old-name-of" in said:
            old.setdefault(said["x-old-name-of"], []).append(path)
    groups: dict[str, list[Shown]] = {}
    for path, method, said in _operations(document):
        if "x-old-name-of" not in said:
            shown = _shown(path, method, said, components, old.get(f"{method.upper()} {path}", []))
            groups.setdefault(said["tags"][0], []).append(shown)
    return dict(sorted(groups.items(), key=lambda entry: (entry[0] != "contacts", entry[0])))


def schemas_of(document: Json) -> list[Schema]:
    return [
        Schema(name, said.get("description", ""), _rows(said), said.get("additionalProperties", True) is not False)
        for name, said in sorted(document["components"]["schemas"].items())
    ]


def error_example(document: Json) -> str:
    components = document["components"]["schemas"]
    return _pretty(example_of(components["Errors"], components))


def kind_of(schema: Mapping[str, Any]) -> list[Word]:
    """In words, with the schemas that it refers to."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return [Word(name, name)]
    if "allOf" in schema:
        return kind_of(schema["allOf"][0])
    if "anyOf" in schema:
        parts = [kind_of(one) for one in schema["anyOf"]]
        return [word for number, part in enumerate(parts) for word in ([Word(" or ")] if number else []) + part]
    if "enum" in schema:
        return [Word(" or ".join(map(str, schema["enum"])))]
    if schema.get("format") == "binary":
        return [Word("file")]
    if schema.get("type") == "array":
        return [Word("list of "), *kind_of(schema["items"])] if schema.get("items") else [Word("list")]
    if schema.get("type") == "object":
        return _object(schema)
    return [Word(_WORDS.get(str(schema.get("type")), "anything"))]


def _object(schema: Mapping[str, Any]) -> list[Word]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    if not properties:
        return [Word("object of "), *kind_of(others)] if isinstance(others, dict) else [Word("object")]
    words: list[Word] = []
    for name, inner in properties.items():
        sign = "" if name in schema.get("required", []) else "?"
        words += [Word(f"{', ' if words else '{'}{name}{sign}: "), *kind_of(inner)]
    return [*words, Word("}")]


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            yield path, method, said


def _shown(path: str, method: str, said: Json, components: Mapping[str, Json], old_names: list[str]) -> Shown:
    good = {status: one for status, one in said["responses"].items() if status < "400"}
    body = said.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema")
    example = _answer_example(good, components)
    return Shown(
        said["operationId"],
        method.upper(),
        path,
        said["summary"],
        said.get("description", ""),
        [_parameter(one) for one in said.get("parameters", [])],
        kind_of(body) if body else [],
        [word for number, part in enumerate(_uploads(said).items()) for word in _upload(number, *part)],
        _keys(body, components) if body else [],
        curl(path, method, said, example_of(body, components, is_body=True) if body else None),
        [Answer(status, one["description"], _answer_kind(one)) for status, one in good.items()],
        example,
        [Answer(status, one["description"], []) for status, one in said["responses"].items() if status >= "400"],
        old_names,
    )


def curl(path: str, method: str, said: Json, body: Any) -> str:
    """A call that can be copied into a shell in which SPOOR and LOGIN are set."""
    parameters = said.get("parameters", [])
    for one in parameters:
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", str(one.get("example", 4711)))
    query = next((one for one in parameters if one["in"] == "query" and "example" in one), None)
    lines = [f'curl -u "$LOGIN" "$SPOOR{path}"']
    if method != "get":
        lines[0] = f'curl -u "$LOGIN" -X {method.upper()} "$SPOOR{path}"'
    if query:
        value = query["example"]
        text = f"{query['name']}={value[0] if isinstance(value, list) else value}"
        lines.append(f"  {'-G --data-urlencode' if method == 'get' else '--url-query'} {shlex.quote(text)}")
    for schema in list(_uploads(said).values())[-1:]:
        lines += [f"  -F {name}=@{name}.png" for name in schema.get("properties", {})]
    if body is not None:
        text = json.dumps(body, ensure_ascii=False)
        text = text if len(text) <= LONG_BODY else _pretty(body)
        lines += ["  -H 'Content-Type: application/json'", f"  -d {shlex.quote(text)}"]
    return " \\\n".join(lines)


def _uploads(said: Json) -> dict[str, Json]:
    """The schemas of a body that is a file, by media type."""
    content = said.get("requestBody", {}).get("content", {})
    return {kind: one["schema"] for kind, one in content.items() if kind not in (JSON, FORMS)}


def _upload(number: int, media_type: str, schema: Json) -> list[Word]:
    return [Word(f"{', or ' if number else ''}{media_type}: "), *kind_of(schema)]


def _answer_kind(said: Json) -> list[Word]:
    schemas = [content["schema"] for content in said.get("content", {}).values()]
    return kind_of(schemas[0]) if schemas else []


def _answer_example(good: Mapping[str, Json], components: Mapping[str, Json]) -> str:
    for said in good.values():
        schema = said.get("content", {}).get(JSON, {}).get("schema")
        if schema:
            return _pretty(example_of(schema, components))
    return ""


def _pretty(example: Any) -> str:
    return json.dumps(example, indent=2, ensure_ascii=False)


def _parameter(said: Json) -> Row:
    example = said.get("example", "")
    shown = example if isinstance(example, str) else json.dumps(example)
    return Row(said["name"], kind_of(said["schema"]), _text(said.get("description", ""), said["schema"]),
               said["required"], shown)  # fmt: skip


def _keys(body: Json, components: Mapping[str, Json]) -> list[Row]:
    """Of a body that is no schema of its own; what it must have of one that is."""
    if "allOf" in body:
        whole, *others = body["allOf"]
        needed = {name for one in others for name in one.get("required", [])}
        return [row._replace(is_needed=True) for row in _rows(components[whole["$ref"].rpartition("/")[2]])
                if row.name in needed]  # fmt: skip
    return _rows(body)


def _rows(schema: Json) -> list[Row]:
    needed = schema.get("required", [])
    return [
        Row(
            name,
            kind_of(one),
            _text(one.get("description", ""), one),
            name in needed,
            json.dumps(one["examples"][0], ensure_ascii=False) if one.get("examples") else "",
        )
        for name, one in schema.get("properties", {}).items()
    ]


def _text(text: str, schema: Mapping[str, Any]) -> str:
    """With the bounds that the schema sets."""
    bounds = (words.format(schema[name]) for name, words in _BOUNDS.items() if name in schema)
    return ", ".join(part for part in (text, *bounds) if part)
