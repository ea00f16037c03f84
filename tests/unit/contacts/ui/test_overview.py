from __future__ import annotations

import dataclasses

from services.common.settings import Settings
from services.contacts.ui.settings.overview import Line, groups

SECRETS = {
    field.name: ("s3cret-value-of-it",) if isinstance(field.default, tuple) else "s3cret-value-of-it"
    for field in dataclasses.fields(Settings)
    if field.metadata["is_secret"]
}


def lines(settings: Settings) -> dict[str, Line]:
    return {line.variable: line for group in groups(settings) for line in group.lines}


def test_no_secret_is_shown() -> None:
    said = lines(Settings(**{**SECRETS, "smtp_url": "smtps://mailer:s3cret-value-of-it@mail.example:465"}))
    assert "s3cret" not in str(said)
    assert said["SPOOR_IDENTIFY_SECRET"].value == "set, and not shown"


def test_the_mail_server_is_shown_without_its_login() -> None:
    said = lines(Settings(smtp_url="smtps://mailer:pass%40word@mail.example:465"))["SPOOR_SMTP_URL"]
    assert said.value == "smtps://mail.example:465, with a login that is not shown"
    assert lines(Settings(smtp_url="smtp://[::1]"))["SPOOR_SMTP_URL"].value == "smtp://[::1]"


def test_what_is_not_set_says_so() -> None:
    said = lines(Settings())
    assert said["SPOOR_CORS_ORIGINS"].value == "none"
    assert said["SPOOR_GOOGLE_ANALYTICS_ID"].value == "not set"
    assert said["SPOOR_TRACK_USERS"].value == "no"
    assert said["SPOOR_RESPECT_DNT"].value == "yes"


def test_lists_numbers_and_the_merge_operator_are_read_as_words() -> None:
    said = lines(Settings(cors_origins=("https://a.example", "https://b.example"), unique_operator="OR"))
    assert said["SPOOR_CORS_ORIGINS"].value == "https://a.example, https://b.example"
    assert said["SPOOR_UNIQUE_OPERATOR"].value.startswith("or: ")
    assert said["SPOOR_RETENTION_DAYS"].value == "1,095"
    assert said["SPOOR_ANONYMOUS_RETENTION_DAYS"].value == "0"
