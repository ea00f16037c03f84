"""Screenshots of the walks, kept where SPOOR_SCREENSHOTS names a folder."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page


def take_picture(page: Page, name: str) -> None:
    if folder := os.environ.get("SPOOR_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
