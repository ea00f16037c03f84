"""Categories, of each kind of thing their own."""

from __future__ import annotations

from services.contacts.records.registry_resources import BUNDLES
from services.contacts.ui.keeping.kept import Column, FormField, Kept, rights_of

OF = {"global": "Everything", "asset": "Assets", "campaign": "Campaigns", "email": "Templates", "form": "Forms",
      "page": "Pages", "point": "Points", "stage": "Stages", "plugin:focus": "Pop-ups"}  # fmt: skip

CATEGORIES = Kept(
    path="/ui/categories",
    api="/api/categories",
    singular="category",
    plural="categories",
    one="category",
    many="categories",
    columns=(
        Column("title", "Title", order="title"),
        Column("alias", "Alias", order="alias"),
        Column("bundle", "Of", order="bundle", show=lambda category: OF.get(category["bundle"], category["bundle"])),
        Column("color", "Color", kind="color"),
        Column("isPublished", "Published", order="is_published", kind="flag"),
    ),
    fields=(
        FormField("title", "Title", is_required=True),
        FormField("alias", "Alias", help="Searches name it so: category:alias. Made from the title where it is blank."),
        FormField("bundle", "Of", "choice", choices=[(one, OF[one]) for one in BUNDLES], blank=None, usual="global"),
        FormField("color", "Color", help="Six digits of 0-9 and a-f, such as 4e5d9d; blank for none."),
        FormField("description", "Description", "textarea"),
        FormField("isPublished", "Published", "flag", usual=True),
    ),
    rights=rights_of("category:categories"),
    order="title",
    about="A category puts campaigns, templates, stages and the like in order; global ones are what contacts choose.",
    gone="What is in it is in no category then.",
)
