"""Rules that give points, the groups that points are kept in, and triggers, which give contacts their color."""

from __future__ import annotations

from collections.abc import Sequence

from services.contacts.points.point_resource import IDS, TYPES, URL_HIT
from services.contacts.ui.desk import Desk
from services.contacts.ui.keeping.choices import categories_of, choices_of
from services.contacts.ui.keeping.keeping_page import KeepingPage
from services.contacts.ui.keeping.kept import SEVERAL, Column, FormField, Json, Kept, rights_of

URL = "properties[page_url]"  # as the API names it where it is wrong
_ANY = "None chosen: any."
_FOR = {"forms": ("Forms", "form.submit", "name"), "assets": ("Assets", "asset.download", "title"),
        "emails": ("Templates", "email.open", "name")}  # fmt: skip
RULES = Kept(
    path="/ui/points",
    api="/api/points",
    singular="point",
    plural="points",
    one="rule",
    many="rules for points",
    columns=(
        Column("name", "Name", order="name"),
        Column("type", "For", order="type", show=lambda rule: TYPES.get(rule["type"], rule["type"])),
        Column("delta", "Points", kind="number"),
        Column("repeatable", "Each time", kind="flag"),
        Column("isPublished", "Published", order="is_published", kind="flag"),
    ),
    fields=(
        FormField("name", "Name", is_required=True),
        FormField("delta", "Points", "number", help="Below 0 it takes some.", usual=10, is_required=True),
        FormField("type", "For whoever", "choice", choices=list(TYPES.items()), blank=None, usual=URL_HIT),
        FormField(URL, "Address", help="For visits. A * is anything: https://shop.example/prices*",
                  only_for=(URL_HIT,)),
        *(FormField(name, label, SEVERAL, help=f"For whoever {TYPES[kind].lower()}: which ones. {_ANY}",
                    loads=choices_of(f"/api/{name}", name, shown), only_for=(kind,))
          for name, (label, kind, shown) in _FOR.items()),
        FormField("repeatable", "Each time, not once for each contact", "flag"),
        FormField("group", "Into the group", "choice", loads=choices_of("/api/points/groups", "pointGroups"),
                  blank="None: the contact's own points"),
        FormField("category", "Category", "choice", loads=categories_of("point", "global")),
        FormField("description", "Description", "textarea"),
        FormField("isPublished", "Published: it gives points for what happens from now on", "flag", usual=True),
    ),
    rights=rights_of("point:points"),
    about="A rule gives points for what contacts do: visits, submissions, downloads, opened mails.",
    gone="Points that it gave stay.",
)  # fmt: skip
GROUPS = Kept(
    path="/ui/points/groups",
    api="/api/points/groups",
    singular="pointGroup",
    plural="pointGroups",
    one="group",
    many="groups of points",
    columns=(
        Column("name", "Name", order="name"),
        Column("description", "Description"),
        Column("isPublished", "Published", order="is_published", kind="flag"),
    ),
    fields=(
        FormField("name", "Name", is_required=True),
        FormField("description", "Description", "textarea"),
        FormField("isPublished", "Published", "flag", usual=True),
    ),
    rights=rights_of("point:groups"),
    about="A group is what contacts have a score in, apart from their points.",
    gone="Its scores are shown no more, and its rules give nothing.",
)
TRIGGERS = Kept(
    path="/ui/points/triggers",
    api="/api/points/triggers",
    singular="trigger",
    plural="triggers",
    one="trigger",
    many="triggers",
    columns=(
        Column("name", "Name", order="name"),
        Column("points", "From points", order="points", kind="number"),
        Column("color", "Color", kind="color"),
        Column("isPublished", "Published", order="is_published", kind="flag"),
    ),
    fields=(
        FormField("name", "Name", is_required=True),
        FormField("points", "From so many points", "number", usual=0, is_required=True),
        FormField("color", "Color", help="Six digits of 0-9 and a-f, such as a0acb8, which a blank is."),
        FormField("category", "Category", "choice", loads=categories_of("point", "global")),
        FormField("description", "Description", "textarea"),
        FormField("isPublished", "Published", "flag", usual=True),
    ),
    rights=rights_of("point:triggers"),
    order="points",
    about="From so many points on a contact has the trigger's color, until the next trigger.",
    gone="Contacts then have the color of the trigger below it.",
)


class PointsPage(KeepingPage):
    list_template = "points/list.html"


class RulesPage(PointsPage):
    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, RULES)

    def values(self, thing: Json | None, fields: Sequence[FormField]) -> Json:
        properties = thing["properties"] if thing else {}
        chosen = {name: list(map(str, properties.get(name) or ())) for name in _FOR}
        return {**super().values(thing, fields), URL: properties.get("page_url") or "", **chosen}

    async def body(self, said: Json, thing: Json | None) -> Json:
        """The properties are those of the type; what was said for others is left out."""
        kept = {name: value for name, value in said.items() if name != URL and name not in _FOR}
        name = IDS.get(said["type"])
        return {**kept, "properties": {name: said[name]} if name else {"page_url": said[URL]}}
