"""Stages, in the order of their weights."""

from __future__ import annotations

from services.contacts.ui.keeping.choices import categories_of
from services.contacts.ui.keeping.kept import Column, FormField, Kept, rights_of

STAGES = Kept(
    path="/ui/stages",
    api="/api/stages",
    singular="stage",
    plural="stages",
    one="stage",
    many="stages",
    columns=(
        Column("name", "Name", order="name"),
        Column("weight", "Weight", order="weight", kind="number"),
        Column("description", "Description"),
        Column("isPublished", "Published", order="is_published", kind="flag"),
    ),
    fields=(
        FormField("name", "Name", is_required=True),
        FormField("weight", "Weight", "number", help="Their order; no two have the same. Blank: a new one is last."),
        FormField("category", "Category", "choice", loads=categories_of("stage")),
        FormField("description", "Description", "textarea"),
        FormField("isPublished", "Published", "flag", usual=True),
    ),
    rights=rights_of("stage:stages"),
    order="weight",
    about="A stage says how far somebody has come, such as lead, trial and customer. A contact is in one at most.",
    gone="Contacts that are in it are in no stage then.",
)  # fmt: skip
