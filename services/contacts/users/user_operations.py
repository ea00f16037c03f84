"""The operations on users that no other record has, as they are described. Pure."""

from __future__ import annotations

from services.common.operation import Operation, Parameter
from services.contacts.list_parameters import PAGE
from services.contacts.records.record_operations import keeping, with_errors
from services.contacts.users import user_shapes

_STAYS = {422: "Name, password and role of the admin are in the settings; nobody disables or deletes themselves"}
OWNERS = Operation(
    "Who may own contacts",
    list[user_shapes.OwnerChoice],
    (Parameter("filter", "A part of a name", example="ada"), *PAGE),
    text="A list without more around it.",
)
ME = Operation("Who asks", user_shapes.ME, text="Without more around it. An application that is no user has no id.")
EDIT_ME = Operation(
    "Change oneself",
    {"user": user_shapes.User},
    body=user_shapes.OwnChange,
    errors={403: "No user asks, or the admin of the settings"},
)
ROLE_NAMES = Operation("The roles", list[user_shapes.RoleName], text="A list without more around it.")
MAY = Operation(
    "What a user may do",
    dict[str, bool],
    (Parameter("permissions[]", "Names of rights", list[str], ["lead:leads:viewown"]),),
    text="By the names that were asked for. Of others only who may view users is told.",
)
MAY_BODY = MAY._replace(parameters=(), body=user_shapes.Asked)


def of_users(standard: dict[str, dict[str, Operation]]) -> dict[str, dict[str, Operation]]:
    """What all records have, as it is of users."""
    return keeping(with_errors(standard, _STAYS))
