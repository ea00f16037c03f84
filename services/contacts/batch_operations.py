"""The operations that every kind of thing has on several of it at once, as they are described. Pure."""

from __future__ import annotations

import functools
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

from services.common.operation import Operation, Parameter, by_id, list_of
from services.contacts.batch import MAX_ITEMS
from services.contacts.shapes import Shown

_TEXT = "Each item for itself; what became of it is told under its key."
_UP_TO = f"Up to {MAX_ITEMS}: a list, or an object whose keys are answered"
_TOO_MANY = {500: f"More than {MAX_ITEMS} items: nothing was done"}
_IDS = Parameter("ids", "Also as ids[]=1&ids[]=2, or in a body", example="4711,4712")


class BatchOperations(NamedTuple):
    """What the routes say of themselves."""

    new: Operation
    change: Operation
    replace: Operation
    delete: Operation


class ItemError(Shown):
    """What is wrong with one item of a batch."""

    code: Annotated[int, Meta(examples=[400])]
    message: str
    type: str | None
    details: dict[str, list[str]] | UnsetType = UNSET


ERRORS = Annotated[dict[str, ItemError], Meta(description="By key, only of those that failed")]


def batch_operations(plural: str, shown: Any, said: Any, changed: Any = None) -> BatchOperations:
    """`shown`: one thing as it is answered; `said`: one as it is told; `changed`: the same of one that there is."""
    by_key = list_of(shown) | by_id(shown)
    answer = {
        plural: Annotated[by_key, Meta(description="By the keys of the request; a list where these count from 0")],
        "statusCodes": Annotated[dict[str, int], Meta(description="By key", examples=[{"0": 201, "1": 400}])],
        "errors?": ERRORS,
    }
    many = f"up to {MAX_ITEMS} {plural}"
    new = Operation(f"Create {many}", answer, body=_items(said), text=_TEXT, success={201: "Done"}, errors=_TOO_MANY)
    change = new._replace(
        summary=f"Change {many}, each by its id", body=_items(_with_id(changed or said)), success={200: "Done"}
    )
    replace = change._replace(
        summary=f"Replace {many}, each by its id", text=f"{_TEXT} One without an id, or with an unknown one, is made."
    )
    delete = Operation(
        f"Delete {many}",
        {plural: by_key, "errors?": ERRORS},
        (_IDS,),
        text="Each is told as it was; who is not there is left out.",
        errors=_TOO_MANY,
    )
    return BatchOperations(new, change, replace, delete)


def _items(said: Any) -> Any:
    return Annotated[list_of(said) | by_id(said), Meta(description=_UP_TO)]


@functools.cache
def _with_id(said: type[msgspec.Struct]) -> type[msgspec.Struct]:
    which = Annotated[int | str, Meta(description="Which one is edited", examples=[4711])] | UnsetType
    named: Any = msgspec.defstruct(f"{said.__name__}Item", [("id", which, UNSET)], bases=(said,), kw_only=True)
    named.__doc__ = f"{said.__name__} in a batch."
    return named  # type: ignore[no-any-return]
