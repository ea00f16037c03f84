"""From a raw hit to a draft: what the steps read out of it."""

from __future__ import annotations

from services.common.company import Mention
from services.common.hit import Hit
from services.identity.agents import Agents
from services.identity.pipeline import Draft, Pipeline
from services.identity.places import Places

BROWSER = b"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
BOT = b"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def read(query: bytes, agent: bytes = BROWSER, *updatable: str) -> Draft:
    hit = Hit(b"1" * 16, 1, 1, 0, "d" * 23, 1, False, "8.8.8.8", query, b"", agent, b"", b"")
    return Pipeline(Agents(), Places(()), updatable).run(hit)


def test_tags_are_separated_by_commas_and_a_minus_removes_one() -> None:
    assert read(b"tags=addThis,-removeThis, ,-,a%26amp%3Bb,%20c%20").tags == {
        "addThis": True, "removeThis": False, "a&b": True, "c": True,
    }  # fmt: skip
    assert read(b"page_url=https://x.example/?tags=a").tags == {"a": True}
    assert read(b"tags=" + b"x" * 200).tags == {}, "too long for a tag"


def test_only_a_real_time_zone_is_one() -> None:
    assert read(b"timezone=Europe/Rome").timezone == "Europe/Rome"
    assert read(b"timezone=../../etc/passwd").timezone == ""


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
    assert Pipeline(Agents(), Places(()), (), reads_companies=False).run(hit).company is None
