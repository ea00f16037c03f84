"""Tracked links and downloads as the API reads and writes them. Pure."""

from __future__ import annotations

import mimetypes
import re
from typing import Any

from services.common.documents import ASSET, LINK, Asset, Link
from services.common.field_values import NOT_VALID
from services.contacts.objects import Json
from services.contacts.people.change import InvalidChangeError
from services.contacts.records import record_shapes
from services.contacts.records.api import Resource
from services.contacts.records.record_body import MAX_LONG_TEXT, RecordBody, alias_of

_OWN_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)


def _read_link(said: dict[str, Any], old: Link | None) -> Link:
    body = RecordBody(said)
    url = body.url("url", old.url if old else "").replace("&amp;", "&")  # as it stands in the HTML of a mail
    link = Link(
        name=body.text("name", old.name if old else url[:191]),
        url=url,
        is_published=body.flag("isPublished", old=old.is_published if old else True),
    )
    body.check()
    return link


def _own_id(said: dict[str, Any]) -> str:
    """Links of an older installation keep theirs: they are in mails that were sent long ago."""
    text = str(said.get("redirectId") or "")
    if text and (text.isdecimal() or not _OWN_ID.fullmatch(text)):
        text = f"{NOT_VALID} It has 8 to 64 letters, digits, - and _, not digits alone."
        raise InvalidChangeError({"redirectId": [text]})
    return text


def _show_link(link_id: str, link: Link) -> Json:
    return {"name": link.name, "url": link.url, "redirectId": link_id, "path": f"/r/{link_id}"}


def _read_asset(said: dict[str, Any], old: Asset | None) -> Asset:
    body = RecordBody(said)
    if body.text("storageLocation", "remote") != "remote":
        body.wrong["storageLocation"] = ["Files are kept elsewhere here: storageLocation is remote, file its address."]
    title = body.text("title", old.title if old else "", is_required=True)
    asset = Asset(
        title=title,
        url=body.url("file", old.url if old else "", may_be_file=True),
        alias=alias_of(body.text("alias", old.alias if old else title)),
        description=body.text("description", old.description if old else "", most=MAX_LONG_TEXT),
        language=body.text("language", old.language if old else "en", most=10),
        revision=old.revision if old else 1,
        disallow=body.flag("disallow", old=old.disallow if old else True),
        is_published=body.flag("isPublished", old=old.is_published if old else True),
    )
    if old and old.url != asset.url:
        asset.revision += 1
    if not asset.url and not said.get("file"):
        body.wrong["file"] = ["File of the asset is required."]
    body.check()
    return asset


def _show_asset(asset_id: str, asset: Asset) -> Json:
    """Without the counts: `AssetsApi` has them."""
    return {
        "title": asset.title,
        "alias": asset.alias,
        "category": None,
        "description": asset.description or None,
        "language": asset.language,
        "publishUp": None,
        "publishDown": None,
        "revision": asset.revision,
        "downloadCount": 0,
        "uniqueDownloadCount": 0,
        "extension": _extension(asset.url),
        "mime": mimetypes.guess_type(asset.url)[0],
        "size": None,
        "disallow": asset.disallow,
        "downloadUrl": f"/asset/{asset_id}:{asset.alias}",
        "storageLocation": "remote",
        "file": asset.url,
    }


def _extension(url: str) -> str | None:
    return url.rpartition("/")[2].partition("?")[0].rpartition(".")[2][:10] or None


LINKS = Resource(
    LINK,
    "link",
    "links",
    Link,
    _read_link,
    _show_link,
    own_id=_own_id,
    shown=record_shapes.Link,
    said=record_shapes.LinkChange,
    needs=("url",),
)
ASSETS = Resource(
    ASSET,
    "asset",
    "assets",
    Asset,
    _read_asset,
    _show_asset,
    shown=record_shapes.Asset,
    said=record_shapes.AssetChange,
    needs=("title", "file"),
)
