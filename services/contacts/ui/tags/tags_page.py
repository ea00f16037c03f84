"""Tags: those that somebody made, and those that contacts carry."""

from __future__ import annotations

from urllib.parse import urlencode

from services.common.queries.search import phrase
from services.contacts.ui.keeping.kept import Column, FormField, Json, Kept, rights_of


def _carriers(tag: Json) -> str:
    """The search for exactly this tag."""
    search = f"tag:{phrase(str(tag['tag']), is_strict=True)}"
    return f"/ui/contacts?{urlencode({'search': search})}"


TAGS = Kept(
    path="/ui/tags",
    api="/api/tags",
    singular="tag",
    plural="tags",
    one="tag",
    many="tags",
    columns=(
        Column("tag", "Tag", order="tag"),
        Column("description", "Description", order="description"),
        Column("contacts", "Who carries it", show=lambda _: "Contacts", leads_to=_carriers),
    ),
    fields=(
        FormField("tag", "Tag", is_required=True, help="Its name stays: it is what contacts carry.", is_for="new"),
        FormField("description", "Description", "textarea"),
    ),
    rights=rights_of("tagManager:tagManager"),
    name=lambda tag: str(tag["tag"]),
    order="tag",
    about="A tag is a word that contacts carry. It is there as soon as a contact carries it.",
    gone="It is taken off every contact that carries it.",
)
