"""The tracking script as bytes: small, the same each time, and with the words that pages rely on."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from services.common.settings import Settings
from services.ingest.script.script import load_script

CONTRACT = """
    MauticTrackingObject MauticJS /mtc/event /mtc /mtracking.gif mauticPageEventDelivered eventAddedToMauticQueue
    X-Requested-With XMLHttpRequest withCredentials mtc_id mautic_device_id
    page_title page_language preferred_locale page_referrer page_url counter timezone_offset resolution platform
    do_not_track timezone
    .serialize .documentReady .iterateCollection .log .setCookie .createCORSRequest .makeCORSRequest .parseTextToJSON
    .insertScript .insertStyle .guid .dispatchEvent .appendTrackedContact .getTrackedContact .setTrackedContact
    .onFirstEventDelivery .beforeFirstEventDelivery .checkForTrackingPixel .isPixelLoaded .getInput
    .ensureEventContext .sendPageview event_id event_time left_event_id time_on_page
"""


ALIASES = ("/js/site.js=/mtc.js", "/js/e=/mtc/event", "/js/p.gif=/mtracking.gif", "/js/i=/mtc", "/js/c=/mtc/consent")
EVERYTHING = Settings(
    path_aliases=ALIASES,
    script_spa=True,
    script_cookieless=True,
    script_consent_required=True,
    google_analytics_id="G-ABCDEF1234",
    google_analytics_anonymize_ip=True,
    facebook_pixel_id="1234567890123456",
)


def body(**settings: Any) -> str:
    return load_script(Settings(**settings)).body.decode()


def test_script_is_under_six_kilobytes_on_the_wire_with_everything_switched_on() -> None:
    assert len(load_script(EVERYTHING).gzip_body) < 6_000


def test_gzip_body_is_the_body() -> None:
    script = load_script(EVERYTHING)
    assert gzip.decompress(script.gzip_body) == script.body


def test_script_is_the_same_each_time() -> None:
    assert load_script(EVERYTHING) == load_script(EVERYTHING)


def test_etag_is_quoted_and_changes_with_the_configuration() -> None:
    etag = load_script(Settings()).etag
    assert etag.startswith('"') and etag.endswith('"')
    assert etag != load_script(EVERYTHING).etag


@pytest.mark.parametrize("word", CONTRACT.split())
def test_script_keeps_the_words_that_pages_rely_on(word: str) -> None:
    assert word in body()


def test_script_calls_the_first_alias_of_a_path() -> None:
    paths = json.loads(
        body(path_aliases=("/a=/mtc", "/b=/mtc", "/c=/mtc/event")).split('"path":')[1].split("}")[0] + "}"
    )
    assert paths == {
        "script": "/mtc.js",
        "event": "/c",
        "pixel": "/mtracking.gif",
        "identity": "/a",
        "consent": "/mtc/consent",
    }


def test_ids_of_other_services_are_in_the_script_only_where_configured() -> None:
    assert "G-ABCDEF1234" in load_script(EVERYTHING).body.decode()
    assert '"analytics":null,"facebook":null' in body()


def test_script_needs_no_eval_and_no_newer_syntax() -> None:
    for newer in ("eval(", "new Function", "=>", "`", "let ", "const ", "class ", "async ", "..."):
        assert newer not in body()


def test_minified_script_parses(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.fail("node is missing; install it: apt-get install nodejs", pytrace=False)
    path = tmp_path / "mtc.js"
    path.write_bytes(load_script(EVERYTHING).body)
    subprocess.run([node, "--check", str(path)], check=True, timeout=30)
