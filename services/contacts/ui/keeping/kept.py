"""What describes a kind of thing that is kept: where the API has it, its columns, and the fields of its form. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from services.contacts.ui.form import Form
from services.contacts.ui.inner_api import InnerApi
from services.contacts.ui.paging import SIZE

Json = dict[str, Any]
Choices = Sequence[tuple[str, str]]  # values and what people read
SEVERAL = "several"


class KeepRights(NamedTuple):
    """Names of rights; '' is everybody's."""

    create: str
    edit: str
    delete: str


def rights_of(level: str, own: str = "") -> KeepRights:
    """`own`: own, where the level tells one's own from others'."""
    return KeepRights(f"{level}:create", f"{level}:edit{own}", f"{level}:delete{own}")


class Column(NamedTuple):
    """`kind`: text, number, moment, flag, color, or later: what `leads_to` answers, asked for once seen."""

    name: str
    label: str
    order: str = ""  # by what the API orders it; '' where it cannot be
    kind: str = "text"
    show: Callable[[Json], Any] | None = None  # where it is no property of the thing
    leads_to: Callable[[Json], str] | None = None  # an address of ours

    def of(self, thing: Json) -> Any:
        return self.show(thing) if self.show else thing.get(self.name)


class FormField(NamedTuple):
    """`kind`: a type of <input>, or textarea, flag, choice, or several (some of the choices)."""

    name: str  # as the API has it, also in what it refuses
    label: str
    kind: str = "text"
    help: str = ""
    is_required: bool = False
    usual: Any = ""  # of a new one
    choices: Choices = ()
    loads: Callable[[InnerApi], Awaitable[Choices]] | None = None  # choices that are asked for
    blank: str | None = "None"  # what no choice is called; None where one must be chosen
    is_for: str = ""  # new or edit: only there
    group: str = ""  # the heading above it, where it is another one than before
    only_for: tuple[str, ...] = ()  # the types, which the form's field `type` says, that it goes with; () for all

    def value(self, thing: Json) -> Any:
        """As its form shows it."""
        said = thing.get(self.name)
        said = said.get("id") if isinstance(said, dict) else said
        if self.kind == "flag":
            return bool(said)
        if self.kind == SEVERAL:
            return [str(one.get("id") if isinstance(one, dict) else one) for one in said or ()]
        return "" if said is None else said

    def said(self, form: Form) -> Any:
        """As a form that was sent says it."""
        if self.kind == "flag":
            return self.name in form
        return form.all(self.name) if self.kind == SEVERAL else form.text(self.name)


class Kept(NamedTuple):
    path: str
    api: str
    singular: str  # the key of one in the API's answers, and of many
    plural: str
    one: str  # what people call one, and many
    many: str
    columns: Sequence[Column]
    fields: Sequence[FormField]
    rights: KeepRights
    name: Callable[[Json], str] = lambda thing: str(thing.get("name") or thing.get("title") or thing.get("id"))
    order: str = "name"  # unless another one is chosen; '' where the API has its own
    query: Mapping[str, str] = {}  # what the list always asks for
    hint: str = ""  # into the search
    about: str = ""  # what these are good for: where there are none yet
    gone: str = ""  # what goes with one that is deleted
    has_page: bool = False  # one has a page of its own, below its id
    size: int = SIZE  # of a page of the list
    is_changed: Callable[[Json], bool] = lambda _: True  # whether one can be
    is_deleted: Callable[[Json], bool] = lambda _: True


def choices_told(field: Json) -> Choices:
    """Of a field of contacts or companies, as the API tells it."""
    said = field["properties"]
    if not isinstance(said, dict):
        return ()
    if "yes" in said:
        return (("1", said["yes"]), ("0", said["no"]))
    return [(str(one["value"]), str(one["label"])) for one in said.get("list") or ()]
