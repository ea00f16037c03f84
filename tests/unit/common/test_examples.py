"""Examples come from the schema: its own where it has one, else what its type allows."""

from __future__ import annotations

from services.common.examples import Json, example_of

THING: Json = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "examples": ["Ada"]},
        "size": {"type": "integer"},
        "note": {"type": "string"},
    },
    "required": ["size"],
}


def test_an_answer_shows_every_property() -> None:
    assert example_of(THING, {}) == {"name": "Ada", "size": 1, "note": ""}


def test_a_body_shows_what_is_needed_and_what_has_an_example() -> None:
    assert example_of(THING, {}, is_body=True) == {"name": "Ada", "size": 1}
    needed = {"allOf": [THING, {"required": ["note"]}]}
    assert example_of(needed, {}, is_body=True) == {"name": "Ada", "size": 1, "note": ""}


def test_references_are_followed_and_never_for_ever() -> None:
    tree: Json = {"type": "object", "properties": {"child": {"$ref": "#/components/schemas/Tree"}}}
    assert str(example_of({"$ref": "#/components/schemas/Tree"}, {"Tree": tree})).count("child") < 20


def test_of_alternatives_the_first_one_is_shown() -> None:
    assert example_of({"anyOf": [{"type": "array", "items": THING}, {"type": "null"}]}, {}) == [example_of(THING, {})]


def test_an_object_by_ids_has_one_of_them() -> None:
    assert example_of({"type": "object", "additionalProperties": {"type": "boolean"}}, {}) == {"4711": True}
