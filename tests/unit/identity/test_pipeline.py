"""From a raw hit to a draft: what the steps read out of it."""

from __future__ import annotations

import base64
import hmac
from urllib.parse import quote_plus
from uuid import UUID

import pytest

from services.common.clickthrough import Clickthrough, Clickthroughs
from services.common.company import Mention
from services.common.contact_fields import FieldRules
from services.common.hit import Hit
from services.identity.agents import Agents
from services.identity.pipeline import Draft, Pipeline, event_row
from services.identity.places import Places
from services.identity.proofs import Proofs

BROWSER = b"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
BOT = b"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"

PROOFS = Proofs(Clickthroughs(("secret",)), ("shared",))


def read(
    query: bytes, agent: bytes = BROWSER, *updatable: str, proofs: Proofs = PROOFS, at_s: int = 1_790_000_000
) -> Draft:
    hit = Hit(b"1" * 16, 1, at_s * 1_000_000, 1, "d" * 23, 1, False, "8.8.8.8", query, b"", agent, b"", b"")
    return Pipeline(Agents(), Places(()), proofs, FieldRules(updatable, ("email",))).run(hit)


def test_tags_are_separated_by_commas_and_a_minus_removes_one() -> None:
    assert read(b"tags=addThis,-removeThis, ,-,a%26amp%3Bb,%20c%20").tags == {
        "addThis": True, "removeThis": False, "a&b": True, "c": True,
    }  # fmt: skip
    assert read(b"page_url=https://x.example/?tags=a").tags == {"a": True}
    assert read(b"tags=" + b"x" * 200).tags == {}, "too long for a tag"


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-31T10:00:00%2B02:00", "2026-01-31 08:00:00"),
        ("31.01.2026", "2026-01-31 00:00:00"),
        ("01/31/2026+10:00", "2026-01-31 10:00:00"),
        ("@1767225600", "2026-01-01 00:00:00"),
        ("yesterday", "2026-01-27 00:00:00"),
    ],
)
def test_a_date_is_read_as_it_is_written_and_words_for_days_from_the_time_of_the_hit_on(text: str, time: str) -> None:
    at_us = 1_769_612_645_000_000  # 28 January 2026
    query = f"attribution_date={text}".encode()
    hit = Hit(b"1" * 16, at_us, at_us + 10**12, 1, "d" * 23, 1, False, "8.8.8.8", query, b"", BROWSER, b"", b"")
    rules = FieldRules(("attribution_date",), ("email",))
    assert Pipeline(Agents(), Places(()), PROOFS, rules).run(hit).fields == {"attribution_date": time}
    assert read(b"attribution_date=soon", BROWSER, "attribution_date").fields == {}


def test_only_a_real_time_zone_is_one() -> None:
    assert read(b"timezone=Europe/Rome").timezone == "Europe/Rome"
    assert read(b"timezone=../../etc/passwd").timezone == ""


@pytest.mark.parametrize(
    ("said", "zone"),
    [
        (b"timezone_offset=-120", "Etc/GMT-2"),  # which is two hours east of Greenwich, as minutes west say it
        (b"timezone_offset=300&timezone=", "Etc/GMT+5"),
        (b"timezone_offset=0&timezone=Mars/Base", "Etc/GMT+0"),
        (b"timezone_offset=-120&timezone=Europe/Rome", "Europe/Rome"),
        (b"timezone_offset=-330", ""),
        (b"timezone_offset=-900", ""),
        (b"timezone_offset=x", ""),
        (b"timezone_offset=\xd9\xa3\xd9\xa0\xd9\xa0", ""),
    ],
)
def test_without_a_time_zone_the_offset_of_whole_hours_is_one(said: bytes, zone: str) -> None:
    assert read(said).timezone == zone
    assert read(said, BOT).timezone == ""


def test_a_bot_says_nothing_about_anybody() -> None:
    said = b"email=ada@x.org&firstname=Ada&tags=a&timezone=Europe/Rome"
    person, bot = (read(said, agent, "email", "firstname") for agent in (BROWSER, BOT))
    assert (person.unique, person.fields, person.tags) == ({"email": "ada@x.org"}, {"firstname": "Ada"}, {"a": True})
    assert (bot.unique, bot.fields, bot.tags, bot.timezone) == ({}, {}, {}, "")


def test_a_hit_may_name_a_company_but_a_bot_may_not() -> None:
    said = b"company=Acme&companywebsite=https://acme.example&city=Rome"
    company = read(said).company
    assert company is not None
    assert (company.key, company.time_us) == ("acme", 1)
    assert company.values["companywebsite"] == "https://acme.example"
    assert read(said, BOT).company is None
    assert read(b"companycity=Rome&city=Rome").company is None, "nothing without a name"
    assert read(b"page_url=https://x.example/?companyname=Acme").company == Mention("acme", {"companyname": "Acme"}, 1)


def test_companies_from_hits_can_be_turned_off() -> None:
    hit = Hit(b"1" * 16, 1, 1, 0, "d" * 23, 1, False, "8.8.8.8", b"company=Acme", b"", BROWSER, b"", b"")
    assert Pipeline(Agents(), Places(()), PROOFS, FieldRules((), ()), reads_companies=False).run(hit).company is None


def sign(email: str, expires: int) -> bytes:
    digest = hmac.digest(b"shared", f"{email}|{expires}".encode(), "sha256").hex()
    return f"email={email}&identify_expires={expires}&identify_signature={digest}&firstname=Ada&tags=a".encode()


def test_a_signed_address_identifies_though_the_field_is_not_publicly_updatable() -> None:
    draft = read(sign("ada@x.org", 2_000_000_000))
    assert (draft.unique, draft.tags, draft.proofs) == ({"email": "ada@x.org"}, {"a": True}, ["signature_good"])


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (sign("ada@x.org", 2_000_000_000).replace(b"ada@", b"eve@"), "signature_bad"),
        (sign("ada@x.org", 2_000_000_000).replace(b"2000000000", b"2000000001"), "signature_bad"),
        (sign("ada@x.org", 100_000_000), "signature_expired"),
        (b"email=ada@x.org&identify_signature=&firstname=Ada&tags=a", "signature_bad"),
    ],
)
def test_a_bad_signature_is_counted_and_changes_nothing(said: bytes, outcome: str) -> None:
    draft = read(said + b"&company=Acme", BROWSER, "email", "firstname")
    assert (draft.unique, draft.fields, draft.tags, draft.company, draft.proofs) == ({}, {}, {}, None, [outcome])


def test_where_signatures_are_required_an_unsigned_address_identifies_nobody() -> None:
    proofs = Proofs(Clickthroughs(("secret",)), ("shared",), requires_signature=True)
    draft = read(b"email=ada@x.org&tags=a", BROWSER, "email", proofs=proofs)
    assert (draft.unique, draft.tags, draft.proofs) == ({}, {"a": True}, ["unsigned"])


def test_a_click_through_is_believed_until_it_expires() -> None:
    token = Clickthroughs(("older", "secret")).sign(Clickthrough(47, 1_500_000_001))
    foreign = Clickthroughs(("other",)).sign(Clickthrough(47, 1_500_000_001))
    for said, time_s, outcome in [
        (token, 1_500_000_000, "clickthrough_bad"),  # an older secret does not sign for a newer installation
        (foreign, 1_500_000_000, "clickthrough_bad"),
    ]:
        assert read(b"ct=" + said.encode(), at_s=time_s).proofs == [outcome]
    rotated = Proofs(Clickthroughs(("newer", "secret")))
    token = Clickthroughs(("secret",)).sign(Clickthrough(47, 1_500_000_001))
    assert read(b"ct=" + token.encode(), at_s=1_500_000_000, proofs=rotated).proofs == ["clickthrough_good"]
    page = b"page_url=https%3A%2F%2Fshop.example%2F%3Fct%3D" + token.encode()
    assert (draft := read(page, at_s=1_500_000_000)).clicked_contact_id == 47
    assert draft.proofs == ["clickthrough_good"]
    assert token not in event_row(draft).query
    late = read(page, at_s=1_500_000_001)
    assert (late.clicked_contact_id, late.proofs) == (0, ["clickthrough_expired"])


def test_an_unsigned_click_through_is_believed_only_by_setting() -> None:
    php = base64.b64encode(b'a:2:{s:5:"email";i:9;s:4:"lead";s:4:"4711";}')
    assert read(b"ct=" + php).proofs == ["clickthrough_unsigned"]
    assert read(b"ct=" + php).clicked_contact_id == 0
    trusting = Proofs(Clickthroughs(("secret",), reads_unsigned=True))
    assert read(b"ct=" + php, proofs=trusting).clicked_contact_id == 4711


EMAIL = b'a:3:{s:6:"source";a:2:{i:0;s:14:"campaign.event";i:1;i:17;}s:5:"email";i:9;s:4:"lead";s:4:"4711";}'
SMS = b'a:2:{s:4:"lead";i:4711;s:7:"channel";a:3:{i:0;s:3:"sms";i:1;i:5;s:3:"sms";i:5;}}'


@pytest.mark.parametrize(
    ("php", "told"),
    [
        (EMAIL, {"channel": {"email": 9}, "source": ["campaign.event", 17], "emailId": 9}),
        (SMS, {"channel": {"sms": 5}, "source": []}),
    ],
)
def test_an_unsigned_click_through_says_in_what_it_was_however_often_it_was_escaped(php: bytes, told: object) -> None:
    trusting = Proofs(Clickthroughs(("secret",), reads_unsigned=True))
    escaped = quote_plus(base64.b64encode(php)).encode()
    for token in (escaped, quote_plus(escaped).encode()):
        assert read(b"ct=" + token).proofs == ["clickthrough_unsigned"]
        said = read(b"ct=" + token, proofs=trusting).clickthrough
        assert said is not None and said.told() == {"stat": told}


@pytest.mark.parametrize(
    ("said", "referrer"),
    [
        (b"page_url=https://shop.example/b", "https://news.example/a?b=1"),
        (b"page_url=https://shop.example/b&page_referrer=other.example", "other.example"),
        (b"page_url=https://shop.example/b&page_referrer=", ""),
        (b"page_url=https%3A%2F%2Fnews.example%2Fa%3Fct%3Dx%26b%3D1", ""),
        (b"page_title=Pixel", ""),
    ],
)
def test_the_referer_header_is_the_referrer_where_it_is_not_the_page_and_nobody_says_another(
    said: bytes, referrer: str
) -> None:
    referer = b"https://news.example/a?ct=x&b=1"
    hit = Hit(b"1" * 16, 1, 1, 3, "d" * 23, 1, False, "8.8.8.8", said, b"", BROWSER, referer, b"")
    assert event_row(Pipeline(Agents(), Places(()), PROOFS, FieldRules((), ())).run(hit)).referrer == referrer


LEFT = "6f6b1c1e-0b0a-4a5b-9c7e-2f3d4e5f6a7b"


def test_a_leave_beacon_is_no_page_hit_and_says_nothing_of_anybody() -> None:
    page = "https%3A%2F%2Fx.org%2F%3Femail%3Dada%40x.org%26tags%3Da%26company%3DAcme"
    said = f"left_event_id={LEFT}&left_event_time=1790000000123&time_on_page=12.34&page_url={page}".encode()
    draft = read(said, BROWSER, "email", "firstname")
    assert (draft.unique, draft.fields, draft.tags, draft.company) == ({}, {}, {}, None)
    assert draft.left_key == (1_790_000_000_123_000, UUID(LEFT).bytes)
    row = event_row(draft)
    assert (row.type, row.query) == ("page.leave", '{"left_event_id":"' + LEFT + '","seconds":12.3}')
    for strange in ("nan", "-1", "1e9", "", "soon"):
        row = event_row(read(f"left_event_id={LEFT}&time_on_page={strange}".encode()))
        assert (row.type, "seconds" in row.query) == ("page.leave", False)


def test_a_pages_address_ends_no_page_view() -> None:
    said = b"page_url=https%3A%2F%2Fx.org%2F%3Fleft_event_id%3D" + LEFT.encode() + b"%26time_on_page%3D5"
    assert read(said).type == "page.hit"


def test_a_token_in_a_pages_address_is_not_stored() -> None:
    for url, kept in [
        ("https://x.org/?ct=a.b&c=1", "https://x.org/?c=1"),
        ("https://x.org/?c=1&ct=a.b#top", "https://x.org/?c=1#top"),
        ("https://x.org/?c=1&ct=a.b&d=2", "https://x.org/?c=1&d=2"),
        ("https://x.org/?ct=a.b", "https://x.org/"),
        ("https://x.org/?act=1", "https://x.org/?act=1"),
    ]:
        assert event_row(read(b"page_url=" + quote_plus(url).encode())).url == kept
