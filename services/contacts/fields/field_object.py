"""A field of contacts as the API writes it. Pure."""

from __future__ import annotations

from services.common.contact_fields import Field
from services.common.documents import CustomField
from services.common.field_registry import field_of
from services.contacts.objects import Json, properties, publishing


def fixed_field_object(field: Field, *, is_unique: bool, is_public: bool) -> Json:
    return {
        "isPublished": True,
        "id": field.id,
        "label": field.label,
        "alias": field.alias,
        "type": field.type,
        "group": field.group,
        "order": field.id,
        "object": "lead",
        "defaultValue": None,
        "isRequired": False,
        "isFixed": True,
        "isListable": True,
        "isVisible": True,
        "isShortVisible": field.alias in ("firstname", "lastname", "email"),
        "isUniqueIdentifier": is_unique,
        "isUniqueIdentifer": is_unique,  # as the contract spells it
        "isPubliclyUpdatable": is_public,
        "properties": [],
    }


def custom_field_object(field: CustomField) -> Json:
    return {
        **publishing(field.added_us, field.modified_us, field.created_by, field.modified_by,
                     created_by_id=field.created_by_id, modified_by_id=field.modified_by_id,
                     is_published=field.is_published),
        "id": field.id,
        "label": field.label,
        "alias": field.alias,
        "type": field.type,
        "group": field.group,
        "order": field.order,
        "object": "lead",
        "defaultValue": field.default_value or None,
        "isRequired": field.is_required,
        "isFixed": False,
        "isListable": field.is_listable,
        "isVisible": field.is_visible,
        "isShortVisible": field.is_short_visible,
        "isUniqueIdentifier": field.is_unique,
        "isUniqueIdentifer": field.is_unique,  # as the contract spells it
        "isPubliclyUpdatable": field.is_public,
        "properties": {"allowHtml": field.allows_html} if field.type == "textarea" else properties(field_of(field)),
    }  # fmt: skip
