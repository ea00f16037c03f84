"""What the audit log tells of a change: old and new by field, nothing secret, nothing without end."""

from __future__ import annotations

import msgspec

from services.common.documents import CustomField, Email, FieldRegistry, Note, ScheduledEvent, Stage, User
from services.contacts.audit.differences import HIDDEN, MAX_FIELDS, MAX_LENGTH, described, differences


def test_only_what_became_different_is_told() -> None:
    before, after = Stage(name="cold", weight=1, added_us=5), Stage(name="hot", weight=1, added_us=5, modified_us=9)
    assert differences(described(before), described(after)) == {"name": ["cold", "hot"]}
    assert differences({}, described(after)) == {"name": [None, "hot"], "weight": [None, 1]}
    assert differences(described(after), described(None)) == {"name": ["hot", None], "weight": [1, None]}


def test_what_became_different_has_its_name_of_the_api() -> None:
    before, after = Note(contact_id=47, text="a", is_published=False), Note(contact_id=48, text="a", time_us=1_000_000)
    assert differences(described(before), described(after)) == {
        "lead": [47, 48], "isPublished": [False, None], "dateTime": [None, "1970-01-01T00:00:01+00:00"],
    }  # fmt: skip
    email = Email(name="n", subject="s", text="t", category_id=3, segments=[5], publish_up_us=2_000_000)
    assert described(email) == {
        "name": "n", "subject": "s", "plainText": "t", "category": 3, "lists": [5],
        "publishUp": "1970-01-01T00:00:02+00:00",
    }  # fmt: skip
    event = described(ScheduledEvent(contact_id=1, event_id=2, channel="email", channel_id=3, triggered_us=4_000_000))
    assert (event["channel"], event["channelId"]) == ("email", 3), "none hides another one"
    assert event["dateTriggered"] == "1970-01-01T00:00:04+00:00"
    field = CustomField(id=1, label="Size", alias="shoe_size", is_required=True)
    assert described(FieldRegistry(custom=[field]))["custom.shoe_size.isRequired"] is True


def test_a_field_of_a_list_is_told_by_its_alias() -> None:
    field = CustomField(id=101, label="Size", alias="size")
    before = FieldRegistry(custom=[field, CustomField(id=102, label="b", alias="b")])
    larger = msgspec.structs.replace(field, label="Larger")
    after = FieldRegistry(custom=[before.custom[1], larger])
    assert differences(described(before), described(after)) == {"custom.size.label": ["Size", "Larger"]}


def test_secrets_are_hidden_and_long_values_are_cut() -> None:
    before, after = User(username="ada", password_hash="$argon2id$a"), User(username="ada", password_hash="$argon2id$b")
    assert differences(described(before), described(after)) == {"password": [HIDDEN, HIDDEN]}
    assert differences({"a": "x"}, {"a": "y" * 5_000}) == {"a": ["x", "y" * MAX_LENGTH + "..."]}
    assert len(differences({}, {str(number): number for number in range(5_000)})) == MAX_FIELDS
