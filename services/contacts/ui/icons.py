"""Small pictures, drawn in the page itself in the color of the text around them."""

from __future__ import annotations

from pathlib import Path

import msgspec
from markupsafe import Markup

_SHAPES = msgspec.json.decode((Path(__file__).parent / "vendor" / "icons.json").read_bytes(), type=dict[str, str])


def icon(name: str, label: str = "") -> Markup:
    """With a label it says what it is; without one it is an ornament. Raises `KeyError`."""
    said = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup(
        '<svg class="icon" viewBox="0 0 24 24" width="16" height="16" fill="none" stroke="currentColor" '
        'stroke-width="2" stroke-linecap="round" stroke-linejoin="round" {}>{}</svg>'
    ).format(said, Markup(_SHAPES[name]))
