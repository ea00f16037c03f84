from __future__ import annotations

import pytest

from services.common.event_types import EMAIL_READ, PAGE_HIT
from services.identity.agents import Agents

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) {}Chrome/140.0.0.0{} Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"  # fmt: skip  # noqa: E501
IPAD = "Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1"  # fmt: skip  # noqa: E501


@pytest.fixture(scope="module")
def agents() -> Agents:
    return Agents()


@pytest.mark.parametrize(
    "user_agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    ],
)
def test_crawlers_are_bots(agents: Agents, user_agent: str) -> None:
    assert agents.read(user_agent).is_bot_of(PAGE_HIT)
    assert agents.read(user_agent).is_bot_of(EMAIL_READ)


@pytest.mark.parametrize(
    "user_agent",
    [
        "",
        "curl/7.88.1",
        "okhttp/4.12.0",
        "python-requests/2.32",
        "Shop/3.1 CFNetwork/1 Darwin/23",
        CHROME.format("Headless", ""),
    ],
)
def test_apps_back_ends_and_headless_tests_are_not_bots(agents: Agents, user_agent: str) -> None:
    assert not agents.read(user_agent).is_bot_of(PAGE_HIT)


@pytest.mark.parametrize(
    "user_agent",
    [
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
        "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
        "FastmailUA/1.0",
        "Shortwave Image Fetcher",
    ],
)
def test_who_fetches_the_image_of_a_mail_that_is_shown_is_a_bot_everywhere_else(
    agents: Agents, user_agent: str
) -> None:
    assert not agents.read(user_agent).is_bot_of(EMAIL_READ)
    assert agents.read(user_agent).is_bot_of(PAGE_HIT)
    assert Agents(bots=(user_agent[-10:],)).read(user_agent).is_bot_of(EMAIL_READ), "the settings say so"


@pytest.mark.parametrize(
    ("user_agent", "browser", "device_type", "device_model"),
    [
        (CHROME.format("", ""), "Chrome 140", "desktop", ""),
        (IPHONE, "Mobile Safari 18", "smartphone", "iPhone"),
        (IPAD, "Mobile Safari 17", "tablet", "iPad"),
    ],
)
def test_browser_and_device(agents: Agents, user_agent: str, browser: str, device_type: str, device_model: str) -> None:
    agent = agents.read(user_agent)
    assert (agent.browser, agent.device_type, agent.device_model) == (browser, device_type, device_model)
