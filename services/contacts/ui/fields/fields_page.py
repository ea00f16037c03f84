"""The fields of contacts and of companies: those from the start, and those that people make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.common.contact_fields import GROUPS
from services.contacts.fields.custom_field import TYPES
from services.contacts.list_parameters import MAX_LIMIT
from services.contacts.ui.fields.field_properties import properties_of, shown_properties
from services.contacts.ui.keeping.keeping_page import KeepingPage
from services.contacts.ui.keeping.kept import Column, FormField, Json, KeepRights, Kept

PUBLIC = FormField("isPubliclyUpdatable", "Hits may set it", "flag",
                   help="What a page or a form of a site says of a visitor is kept in it.")  # fmt: skip
UNIQUE = FormField("isUniqueIdentifier", "It identifies", "flag",
                   help="A value belongs to one contact: whoever says it is that contact.")  # fmt: skip
_PROPERTIES = (
    FormField("choices", "Choices", "textarea", help="One a line: label = value, or what is both. Of selects.",
              only_for=("select", "multiselect")),
    FormField("yes", "What yes is called", usual="Yes", help="Of booleans.", only_for=("boolean",)),
    FormField("no", "What no is called", usual="No", help="Of booleans.", only_for=("boolean",)),
    FormField("scale", "Decimals", "number", help="Of numbers.", only_for=("number",)),
    FormField("allowHtml", "HTML is allowed", "flag", help="Of long texts.", only_for=("textarea",)),
)  # fmt: skip
_FIELDS = (
    FormField("label", "Label", is_required=True),
    FormField("alias", "Alias", is_for="new", help="Up to 25 of a-z, 0-9 and _; made of the label if blank. Stays."),
    FormField("type", "Type", "choice", choices=[(one, one) for one in TYPES], blank=None, usual="text", is_for="new",
              help="It stays."),
    FormField("group", "Group", "choice", choices=[(one, one) for one in GROUPS], blank=None, usual="core"),
    FormField("order", "Order", "number", help="The place among the fields that were made; blank is the last one."),
    FormField("defaultValue", "Default", help="What a new contact or company has that says none."),
    *_PROPERTIES,
    FormField("isPublished", "Published", "flag", usual=True, help="Only such fields are told, shown and found."),
    FormField("isRequired", "Required", "flag", help="Forms of these pages ask for it."),
    FormField("isListable", "Listed", "flag", usual=True, help="Lists and segments offer it."),
    FormField("isVisible", "Shown in forms", "flag", usual=True),
    FormField("isShortVisible", "Shown in short forms", "flag"),
)  # fmt: skip


def _kept(owner: str, path: str, *flags: FormField) -> Kept:
    is_of_contacts = owner == "contact"
    return Kept(
        path=path,
        api=f"/api/fields/{owner}",
        singular="field",
        plural="fields",
        one="field",
        many="fields",
        columns=(
            Column("label", "Label"),
            Column("alias", "Alias"),
            Column("type", "Type"),
            Column("group", "Group"),
            Column("order", "Order", kind="number"),
            Column("made", "Made", show=lambda one: "from the start" if one["isFixed"] else "by people"),
            Column("isPubliclyUpdatable", "Hits may set it", kind="flag"),
            Column("isUniqueIdentifier", "Identifies", kind="flag"),
            Column("isPublished", "Published", kind="flag"),
        ),
        fields=(*_FIELDS, *flags),
        rights=KeepRights(*["lead:fields:full"] * 3),
        name=lambda one: str(one["label"]),
        order="",
        hint="A part of label or alias, type:number, group:social, is:unique",
        gone="What was told stays, and is there again when a field of this alias and type is made anew.",
        size=MAX_LIMIT,
        is_changed=lambda one: is_of_contacts or not one["isFixed"],
        is_deleted=lambda one: not one["isFixed"],
    )


CONTACT_FIELDS = _kept("contact", "/ui/fields", PUBLIC, UNIQUE)
COMPANY_FIELDS = _kept("company", "/ui/fields/company")


class FieldsPage(KeepingPage):
    list_template, form_template = "fields/list.html", "fields/form.html"

    async def completed(self, things: list[Json]) -> list[Json]:
        """By group, and in each by order; those from the start first."""
        return sorted(things, key=lambda one: (GROUPS.index(one["group"]), not one["isFixed"], one["order"]))

    async def fields(self, thing: Json | None) -> Sequence[FormField]:
        """Of one from the start what can be changed; of an old one nothing of other types."""
        if thing and thing["isFixed"]:
            return [PUBLIC, UNIQUE]
        found = await super().fields(thing)
        return [one for one in found if not (thing and one.only_for) or thing["type"] in one.only_for]

    def values(self, thing: Json | None, fields: Sequence[FormField]) -> Json:
        shown: dict[str, Any] = {**thing, **shown_properties(thing["properties"])} if thing else {}
        return super().values(shown or None, fields)

    async def body(self, said: Json, thing: Json | None) -> Json:
        """What is peculiar to a type is told of that type alone."""
        if thing and thing["isFixed"]:
            return said
        own = {one.name for one in _PROPERTIES}
        told = {name: value for name, value in said.items() if name not in own}
        found = properties_of(thing["type"] if thing else said["type"], said)
        return {**told, **({"properties": found} if found else {})}
