"""Mails, purely: what tokens become, which links are tracked, when a mail may go out, what a server's answer means."""

from __future__ import annotations

from typing import Any

import aiosmtplib
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.folding import View, fold
from services.common.mail_tokens import Fillings, fill_html, fill_line, fill_text, own_tokens
from services.common.profile import DoNotContact, FrequencyRule, Part, Profile, Stamped
from services.common.smtp import Outcome, read_error, read_options
from services.contacts.mail import links
from services.contacts.mail.composing import AddressError, Letter, Tracking, compose, mail_address, read_sender
from services.contacts.mail.delivery_rules import DAY_US, MAX_ATTEMPTS, judge, retry_us
from services.contacts.mail.message import Message

NOW_US = 1_800_000_000_000_000  # 2027-01-15
LETTER = Letter("s", "<p>b</p>", "", "", "shop@example.com")
NOT_TRACKED = Tracking({}, "", "")


def fillings(own: dict[str, str] | None = None, **fields: Any) -> Fillings:
    return Fillings(fields, own_tokens(own or {}), {"{unsubscribe_url}": "https://t.example/u?a=1&b=2"})


@pytest.mark.parametrize(
    ("template", "html", "text"),
    [
        ("{contactfield=firstname}", "&lt;b&gt;&amp;", "<b>&"),
        ("{leadfield=firstname}", "&lt;b&gt;&amp;", "<b>&"),
        ("{contactfield=city|no & where}", "no &amp; where", "no & where"),
        ("{contactfield=firstname|true}", "%3Cb%3E%26", "%3Cb%3E%26"),
        ("{contactfield=unknown}", "", ""),
        ("{code}{{code}}", "<i>7</i>{<i>7</i>}", "<i>7</i>{<i>7</i>}"),
        ("{unsubscribe_url}", "https://t.example/u?a=1&amp;b=2", "https://t.example/u?a=1&b=2"),
        ("{nothing} {contactfield=FirstName}", "{nothing} {contactfield=FirstName}", None),
    ],
)
def test_tokens_are_filled_in(template: str, html: str, text: str | None) -> None:
    said = fillings({"code": "<i>7</i>"}, firstname="<b>&", city=None)
    assert fill_html(template, said) == html
    assert fill_text(template, said) == (html if text is None else text)


def test_what_a_value_brings_along_is_no_token() -> None:
    said = fillings({"code": "secret"}, firstname="{code}{contactfield=lastname}{unsubscribe_url}", lastname="L")
    assert fill_text("{contactfield=firstname}", said) == "{code}{contactfield=lastname}{unsubscribe_url}"


@given(st.text(), st.text())
def test_a_header_is_one_line_whatever_a_value_has_in_it(value: str, own: str) -> None:
    line = fill_line("a {contactfield=x} {y} b", fillings({"y": own}, x=value))
    assert line.isprintable() and len(line.splitlines()) == 1


def test_links_that_are_the_same_for_all_are_tracked_and_no_others() -> None:
    html = """<a class=x href="https://a.example/?x=1&amp;y=2">a</a> <A HREF='http://b.example'>b</A>
    <a href="https://c.example/{contactfield=id}">c</a> <a href="mailto:a@b.example">d</a> <a href="#top">e</a>"""
    urls = links.tracked_urls(html)
    assert urls == {"https://a.example/?x=1&y=2", "http://b.example"}
    tracked = links.with_tracked_links(html, {url: f"https://t.example/r/{links.link_id(url)}?a&b" for url in urls})
    assert 'class=x href="https://t.example/r/m' in tracked and "?a&amp;b'>b</A>" in tracked
    assert "https://c.example/{contactfield=id}" in tracked and "a.example" not in tracked


def test_the_pixel_is_at_the_end_of_what_is_shown() -> None:
    assert links.with_pixel("<body>x</body></html>", "u&v").startswith('<body>x<img src="u&amp;v"')
    assert links.with_pixel("x", "u").startswith("x<img")


def test_html_becomes_words_for_readers_without_it() -> None:
    html = "<style>p{}</style><p>Dear  Ada,</p>go <a href='https://a.example'>there</a><br>&amp; back<script>x</script>"
    assert links.text_of_html(html) == "Dear Ada,\n\ngo there (https://a.example)\n& back"


def test_a_mail_says_who_it_is_from_and_how_to_unsubscribe() -> None:
    letter = LETTER._replace(subject="Grüße {x}", from_name="Shöp, Inc.\r\nBcc: a@b.example")
    tracking = Tracking({}, "https://t.example/p.gif", "https://t.example/u")
    mail = compose(letter, "Ada@Exämple.org", fillings({"x": "a\nb"}), tracking, "7-x", NOW_US)
    assert mail["Subject"] == "Grüße a b" and mail["Message-ID"] == "<7-x@example.com>"
    assert mail["From"].addresses[0].display_name == "Shöp, Inc. Bcc: a@b.example" and mail["Bcc"] is None
    assert mail["To"].addresses[0].addr_spec == "Ada@xn--exmple-cua.org"
    assert mail["List-Unsubscribe"] == "<https://t.example/u>"
    assert b"\nBcc:" not in bytes(mail)
    assert compose(LETTER, "a@b.example", fillings(), NOT_TRACKED, "7-x", NOW_US)["List-Unsubscribe"] is None


@pytest.mark.parametrize("text", ["", "a", "a@b", "a b@c.example", "a@b.example\nBcc: c@d.example", "<a@b.example>"])
def test_what_is_no_address_is_not_written_to(text: str) -> None:
    with pytest.raises(AddressError):
        mail_address(text)


def test_a_sender_is_read_with_and_without_a_name() -> None:
    assert read_sender("Shop <shop@example.com>") == ("Shop", "shop@example.com")
    assert read_sender("shop@example.com") == ("", "shop@example.com")


def view(email: str = "a@b.example", dnc: int = 0, rule: FrequencyRule | None = None) -> View:
    part = Part(added_us=1, fields={"email": Stamped(email, 1)} if email else {})
    if dnc:
        part.dnc["email"] = DoNotContact(dnc, "", 0, 1)
    if rule:
        part.frequency["email"] = rule
    return fold(Profile(7, own=part))


def rule(number: int = 0, unit: str = "", pause_from: str = "", pause_to: str = "") -> FrequencyRule:
    return FrequencyRule(number, unit, False, pause_from, pause_to, 1)


MESSAGE = Message(id="7-x", contact_id=7, added_us=NOW_US, due_us=NOW_US)
TRANSACTIONAL = msgspec.structs.replace(MESSAGE, is_transactional=True)


@pytest.mark.parametrize(
    ("message", "whom", "sent_ago_us", "status", "due_us"),
    [
        (MESSAGE, view(), [], "pending", 0),
        (MESSAGE, None, [], "cancelled", 0),
        (MESSAGE, view(email=""), [], "failed", 0),
        (MESSAGE, view(dnc=1), [], "cancelled", 0),
        (TRANSACTIONAL, view(dnc=1, rule=rule(1, "DAY", "2027-01-01")), [1], "pending", 0),
        (MESSAGE, view(rule=rule(2, "DAY")), [DAY_US - 5, DAY_US + 5], "pending", 0),
        (MESSAGE, view(rule=rule(2, "DAY")), [1, DAY_US - 5, DAY_US - 2], "rescheduled", NOW_US + 5),
        (MESSAGE, view(rule=rule(1, "WEEK")), [DAY_US], "rescheduled", NOW_US + 6 * DAY_US),
        (MESSAGE, view(rule=rule(pause_from="2027-01-15", pause_to="2027-01-16")), [], "rescheduled",
         1_800_057_600_000_000),
        (MESSAGE, view(rule=rule(pause_from="2027-01-16")), [], "pending", 0),
        (MESSAGE, view(rule=rule(pause_from="2027-01-01")), [], "rescheduled", 1_799_971_200_000_000 + 86_400_000_000),
        (MESSAGE, view(rule=rule(pause_from="2026-01-01", pause_to="2027-01-14")), [], "pending", 0),
    ],
)  # fmt: skip
def test_a_mail_goes_out_now_later_or_never(
    message: Message, whom: View | None, sent_ago_us: list[int], status: str, due_us: int
) -> None:
    verdict = judge(message, whom, [NOW_US - ago for ago in sent_ago_us], NOW_US)
    assert verdict.status == status
    if due_us in (0, NOW_US + 5, NOW_US + 6 * DAY_US):
        assert verdict.due_us == due_us
    else:
        assert verdict.due_us % DAY_US == 0 and NOW_US < verdict.due_us <= NOW_US + 2 * DAY_US, "a midnight"


def test_tries_are_further_and_further_apart_and_end() -> None:
    pauses = [retry_us(attempts, 0) for attempts in range(1, MAX_ATTEMPTS)]
    assert pauses == sorted(pauses) and pauses[0] == 60_000_000 and 3 * DAY_US < sum(pauses) < 5 * DAY_US
    assert retry_us(MAX_ATTEMPTS, 0) == 0


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (aiosmtplib.SMTPRecipientRefused(451, "busy", "a"), Outcome.LATER),
        (aiosmtplib.SMTPRecipientRefused(550, "5.1.1 who?", "a"), Outcome.BOUNCED),
        (aiosmtplib.SMTPRecipientRefused(550, "who?", "a"), Outcome.BOUNCED),
        (aiosmtplib.SMTPRecipientRefused(550, "5.7.1 spam", "a"), Outcome.REFUSED),
        (aiosmtplib.SMTPRecipientRefused(552, "full", "a"), Outcome.REFUSED),
        (aiosmtplib.SMTPRecipientsRefused([aiosmtplib.SMTPRecipientRefused(550, "5.1.1 who?", "a")]), Outcome.BOUNCED),
        (aiosmtplib.SMTPDataError(554, "5.6.0 no"), Outcome.REFUSED),
        (aiosmtplib.SMTPDataError(421, "later"), Outcome.LATER),
        (aiosmtplib.SMTPSenderRefused(550, "5.1.8 you?", "a"), Outcome.REFUSED),
        (aiosmtplib.SMTPNotSupported("no SMTPUTF8"), Outcome.REFUSED),
        (aiosmtplib.SMTPServerDisconnected("gone"), Outcome.LATER),
        (TimeoutError(), Outcome.LATER),
    ],
)
def test_answers_for_now_are_told_from_those_for_good(error: Exception, outcome: Outcome) -> None:
    assert read_error(error).outcome is outcome


def test_a_server_is_named_by_an_address() -> None:
    assert read_options("smtp://u%40x:p%2F1@mail.example") == {
        "hostname": "mail.example", "port": 587, "use_tls": False, "start_tls": None, "username": "u@x",
        "password": "p/1",
    }  # fmt: skip
    assert read_options("smtps://mail.example:1465") == {
        "hostname": "mail.example", "port": 1465, "use_tls": True, "start_tls": False,
    }  # fmt: skip
