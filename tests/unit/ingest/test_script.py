"""The tracking script as bytes: small, the same each time, and with the words that pages rely on."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from pathlib import Path

import pytest

from services.ingest.script.script import load_script

CONTRACT = """
    MauticTrackingObject MauticJS /mtc/event /mtc /mtracking.gif mauticPageEventDelivered eventAddedToMauticQueue
    X-Requested-With XMLHttpRequest withCredentials mtc_id mautic_device_id
    page_title page_language preferred_locale page_referrer page_url counter timezone_offset resolution platform
    do_not_track timezone
    .serialize .documentReady .iterateCollection .log .setCookie .createCORSRequest .makeCORSRequest .parseTextToJSON
    .insertScript .insertStyle .guid .dispatchEvent .appendTrackedContact .getTrackedContact .setTrackedContact
    .onFirstEventDelivery .beforeFirstEventDelivery .checkForTrackingPixel .isPixelLoaded .getInput
    .ensureEventContext .sendPageview
"""


def test_script_is_under_five_kilobytes_on_the_wire() -> None:
    assert len(load_script().gzip_body) < 5_000


def test_gzip_body_is_the_body() -> None:
    script = load_script("https://t.example")
    assert gzip.decompress(script.gzip_body) == script.body


def test_script_is_the_same_each_time() -> None:
    assert load_script("https://t.example") == load_script("https://t.example")


def test_etag_is_quoted_and_changes_with_the_address() -> None:
    etag = load_script().etag
    assert etag.startswith('"') and etag.endswith('"')
    assert etag != load_script("https://t.example").etag


@pytest.mark.parametrize("word", CONTRACT.split())
def test_script_keeps_the_words_that_pages_rely_on(word: str) -> None:
    assert word in load_script().body.decode()


def test_configured_address_replaces_the_placeholder() -> None:
    body = load_script("https://t.example/spoor/").body
    assert b'"https://t.example/spoor"' in body
    assert b"__SPOOR_BASE__" not in body + load_script().body


@pytest.mark.parametrize(
    "base_url", ["t.example", "javascript:alert(1)", "https://t.example/'x", "https://t.example/\n"]
)
def test_address_that_no_page_can_report_to_is_refused(base_url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        load_script(base_url)


def test_script_needs_no_eval() -> None:
    body = load_script().body.decode()
    assert "eval(" not in body and "new Function" not in body


def test_minified_script_parses(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.fail("node is missing; install it: apt-get install nodejs", pytrace=False)
    path = tmp_path / "mtc.js"
    path.write_bytes(load_script().body)
    subprocess.run([node, "--check", str(path)], check=True, timeout=30)
