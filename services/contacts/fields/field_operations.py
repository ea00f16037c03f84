"""What can be done with fields, as it is described. Pure."""

from __future__ import annotations

from services.common.operation import Operation, Parameter, list_of
from services.contacts.batch_operations import batch_operations
from services.contacts.fields.field_shapes import Field, FieldChange, FieldPart
from services.contacts.list_parameters import PAGE

FIELD = Parameter("id", "Its number or its alias", str, "firstname", "path")
LISTED = (
    Parameter("search", "A part of alias or label; name: alias: type: group: ids: is:unique", example="type:email"),
    *PAGE,
)
_FIELD = {"field": Field}
ONE = Operation("One field", _FIELD, (FIELD,))
NEW = Operation("Make a field", _FIELD, body=FieldChange, needs=("label",), success={201: "New, with Location"})
CHANGE = Operation(
    "Change a field",
    _FIELD,
    (FIELD,),
    FieldChange,
    text="Of contacts' fields that are there from the start only isPubliclyUpdatable and isUniqueIdentifier change.",
)
REPLACE = CHANGE._replace(
    summary="Replace a field, or make one where there is none", needs=("label",), success={200: "Replaced", 201: "New"}
)
DELETE = Operation(
    "Delete a field that was made",
    _FIELD,
    (FIELD,),
    text="What contacts were told stays with them, and is there again when a field of this alias and type is made.",
    errors={400: "It is there from the start", 422: "Segments ask for it"},
)
BATCH = batch_operations("fields", Field, FieldChange)


def list_operation(owner: str) -> Operation:
    return Operation(f"The fields of each {owner}", {"total": int, "fields": list_of(FieldPart)}, LISTED)
