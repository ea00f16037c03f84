"""What docs/tracking.md tells a site to send does what it says: its snippets as requests, its commands as they are."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration.services import LOGIN
from tests.integration.site import WRITE_KEY, Site
from tests.integration.tracking.guide import GUIDE, Block, blocks
from tests.processes import ROOT

SECRET = "shared with the site"
# Every answer of a command is told on standard error, whatever becomes of its output.
CURL = """curl() { command curl --max-time 20 -w '%{stderr}<answered %{http_code}>\\n' "$@"; }\n"""


@pytest.fixture
def email() -> str:
    return f"ada.{uuid.uuid4().hex[:12]}@example.com"


def php_serialized(values: dict[str, str]) -> bytes:
    """As PHP's `serialize` writes an array of texts: lengths are bytes."""
    pairs = b"".join(b's:%d:"%b";' % (len(text.encode()), text.encode()) for pair in values.items() for text in pair)
    return b"a:%d:{%b}" % (len(values), pairs)


def tags(contact: dict[str, Any]) -> set[str]:
    return {tag["tag"] for tag in contact["tags"]}


def page(event: dict[str, Any]) -> tuple[str, str | None]:
    return event["details"]["hit"]["url"], event["details"]["hit"]["urlTitle"]


def test_the_html_pixel_says_page_person_and_tags(site: Site, email: str) -> None:
    snippet = next(block.text for block in blocks() if block.language == "html" and "<img" in block.text)
    source = re.search(r'src="https://track\.example\.com([^"]+)"', snippet)
    assert source
    target = source[1].replace("user%40theirdomain.com", quote(email))
    with site.visitor() as visitor:
        visitor.get(target.replace("ProductA,-ProductB", "ProductB"))
        visitor.get(target)
        site.settle(visitor, "marker")
    contact = site.contact(email)
    assert tags(contact) == {"ProductA"}, "the second call removes ProductB"
    hits = site.events(contact["id"], 3, "page.hit")
    assert page(hits[-1]) == ("http://example.com/your-product-page", "Some Cool Product")


def test_the_php_pixel_says_all_of_its_array(site: Site, email: str) -> None:
    said = {"page_url": "https://shop.example/kör?a=1", "page_title": "Größe “M”", "email": email}
    packed = quote(base64.b64encode(php_serialized(said)).decode(), safe="")
    with site.visitor() as visitor:
        visitor.get(f"/mtracking.gif?d={packed}")
    contact = site.contact(email)
    [hit] = site.events(contact["id"], 1, "page.hit")
    assert page(hit) == (said["page_url"], said["page_title"])


def test_the_javascript_pixel_says_address_and_title(site: Site) -> None:
    url, title = "https://shop.example/p?utm_source=ad&x=ü#top", "Ä & B"
    with site.visitor() as visitor:
        visitor.get(f"/mtracking.gif?page_url={quote(url, safe='')}&page_title={quote(title, safe='')}")
        contact_id = visitor.get("/mtc").json()["id"]
    [hit] = site.events(contact_id, 1, "page.hit")
    assert page(hit) == (url, title)
    [utm] = site.events(contact_id, 1, "lead.utmtagsadded")
    assert utm["details"]["utmtags"]["utmSource"] == "ad"


def test_the_scripts_page_view_may_set_fields_tags_utm_and_title(site: Site, email: str) -> None:
    automatic = {
        "page_title": "Shop", "page_language": "en-GB", "page_referrer": "www.example.org",
        "page_url": "https://shop.example/checkout", "counter": "0", "timezone_offset": "0",
        "timezone": "Europe/London",
        "resolution": "1920x1080", "platform": "Linux", "do_not_track": "false", "preferred_locale": "en_GB",
    }  # fmt: skip
    given = {
        "email": email, "firstname": "Ada", "tags": "customer,-prospect", "utm_campaign": "Spring",
        "utm_source": "newsletter", "page_title": "Checkout, step 2", "plan": "gold",
    }  # fmt: skip
    with site.visitor() as visitor:
        visitor.post("/mtc/event", data={**automatic, "email": email, "tags": "prospect"})
        said = visitor.post("/mtc/event", data={**automatic, **given}).json()
    assert said["success"] == 1
    assert said["id"]
    contact = site.contact(email)
    first, _ = site.events(contact["id"], 2, "page.hit")
    contact = site.contact(email)
    assert (contact["fields"]["all"]["firstname"], tags(contact)) == ("Ada", {"customer"})
    assert page(first) == ("https://shop.example/checkout", "Checkout, step 2")
    assert json.loads(first["details"]["hit"]["query"])["plan"] == "gold"
    [utm] = site.events(contact["id"], 1, "lead.utmtagsadded")
    recorded = utm["details"]["utmtags"]
    assert (recorded["utmCampaign"], recorded["utmSource"]) == ("Spring", "newsletter")


def test_a_page_views_own_address_may_say_tags_and_campaign(site: Site) -> None:
    with site.visitor() as visitor:
        said = visitor.post("/mtc/event", data={"page_url": "https://shop.example/?tags=spring&utm_campaign=c"}).json()
    site.events(said["id"], 1, "lead.utmtagsadded")
    assert tags(site.api.get(f"/api/contacts/{said['id']}").json()["contact"]) == {"spring"}


def test_an_apps_screens_are_hits_of_its_person_and_a_retry_counts_once(site: Site, email: str) -> None:
    device = f"app-{uuid.uuid4().hex[:10]}"
    with site.visitor() as app:
        app.get("/mtracking.gif", params={"page_url": "cart_screen", "email": email, "mautic_device_id": device})
        event = {"event_id": str(uuid.uuid4()), "event_time": str(time.time_ns() // 1_000_000 + 1)}
        for _ in range(2):
            app.get("/mtracking.gif", params={"page_url": "pay_screen", "mautic_device_id": device, **event})
        site.settle(app, "end_screen")
    events = site.events(site.contact(email)["id"], 3, "page.hit")
    assert [event["eventLabel"] for event in events] == ["end_screen", "pay_screen", "cart_screen"]


def test_the_guides_commands_work(site: Site, server_folder: Path) -> None:
    """All of them in one shell, for later ones use what earlier ones made."""
    _need("curl", "curl")
    run = [block for block in blocks() if block.is_run]
    script = CURL + "\n".join(f"echo '<block {number}>' >&2\n{block.text}" for number, block in enumerate(run))
    environ = {"SPOOR": site.url, "API": str(site.api.base_url), "LOGIN": ":".join(LOGIN), "KEY": WRITE_KEY}
    done = subprocess.run(
        ["sh", "-eu", "-c", script.replace("ada@example.com", f"ada.{uuid.uuid4().hex}@example.com")],
        env={**os.environ, **environ}, cwd=server_folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = re.split(r"<block \d+>\n", done.stderr)[1:]
    answers = [re.findall(r"<answered (\d+)>", part) for part in told]
    assert len(answers) == len(run) > 15
    bad = [(block.text, found) for block, found in zip(run, answers, strict=True) if not _is_good(block, found)]
    assert bad == []
    assert '"accepted":2' in done.stdout
    assert '"errors":[{' not in done.stdout
    assert '"id":0' not in done.stdout


def _need(program: str, package: str) -> None:
    if shutil.which(program) is None:
        pytest.fail(f"{program} is missing; install it: apt-get install {package}", pytrace=False)


def _is_good(block: Block, answers: list[str]) -> bool:
    return bool(answers) and all(status.startswith(block.status) for status in answers)


def signed_by(language: str, email: str) -> dict[str, str]:
    """What the guide's own code makes of an address."""
    code = next(one.text for one in blocks() if one.language == language and "HMAC" in one.text.upper())
    call = {
        "python": f"import json; print(json.dumps(spoor_identity({email!r}, {SECRET!r})))",
        "js": f"console.log(JSON.stringify(spoorIdentity({json.dumps(email)}, {json.dumps(SECRET)})))",
    }[language]
    _need("node", "nodejs")
    command = {"python": [sys.executable, "-c"], "js": ["node", "-e"]}[language]
    done = subprocess.run([*command, f"{code}\n{call}"], capture_output=True, text=True, timeout=30, check=True)
    made: dict[str, str] = json.loads(done.stdout)
    return made


@pytest.mark.parametrize("language", ["python", "js"])
def test_the_guides_code_signs_addresses_that_identify(site: Site, email: str, language: str) -> None:
    said = signed_by(language, f" {email.upper()} ")
    environ = {"SPOOR_IDENTIFY_SECRET": SECRET, "SPOOR_REQUIRE_SIGNED_IDENTIFY": "true"}
    with site.resolver_with(**environ), site.visitor() as visitor:
        forged = {**said, "email": f"other.{email}", "tags": "forged"}
        visitor.get("/mtc/event", params={"page_url": "forged", **forged})
        visitor.get("/mtc/event", params={"page_url": "signed", **said})
        contact = site.contact(email)
        site.events(contact["id"], 2, "page.hit")
    assert tags(site.contact(email)) == set()
    assert site.contacts(f"email:other.{email}") == []


def test_every_link_of_the_guide_leads_somewhere() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    targets = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert targets
    assert targets <= anchors


def test_the_snippet_is_the_guides_and_the_readmes() -> None:
    """One text in two places: neither may change alone."""
    snippet = next(block.text for block in blocks() if "MauticTrackingObject" in block.text)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.sub(r"^ +", "", snippet, flags=re.MULTILINE) in readme
