"""Other names for the script's paths."""

from __future__ import annotations

import pytest

from services.common.settings import SettingsError
from services.ingest.paths import read_aliases


def test_an_alias_leads_to_its_path() -> None:
    assert read_aliases(("/a.js=/mtc.js", "/x/e-1=/mtc/event")) == {"/a.js": "/mtc.js", "/x/e-1": "/mtc/event"}


@pytest.mark.parametrize(
    "entry",
    [
        "/a.js",
        "/a=/nowhere",
        "a=/mtc",
        "=/mtc",
        "/=/mtc",
        "/a/=/mtc",
        "/../a=/mtc",
        "/a b=/mtc",
        "/a?b=/mtc",
        "/ä=/mtc",
        "/a\n=/mtc",
        '/a"=/mtc',
        "/a/b/c/d/e=/mtc",
        "/mtc/event=/mtc",
        "/metrics=/mtc",
        "/form/submit=/mtc",
        "/r/1=/mtc",
    ],
)
def test_what_is_no_free_path_is_refused_by_the_name_of_the_setting(entry: str) -> None:
    with pytest.raises(SettingsError, match="SPOOR_PATH_ALIASES"):
        read_aliases((entry,))


def test_an_alias_leads_to_one_path_only() -> None:
    with pytest.raises(SettingsError, match="taken"):
        read_aliases(("/a=/mtc", "/a=/mtc/event"))
