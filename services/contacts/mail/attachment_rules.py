"""Whether files may go out with mails, asked before any is queued."""

from __future__ import annotations

from collections.abc import Sequence

from services.common.documents import ASSET, Asset, decode_document
from services.common.envelope import ApiError
from services.common.records import RecordStore, Ref
from services.common.settings import Settings
from services.contacts.mail.email_resource import ASSETS
from services.contacts.mail.places import find, read_places
from services.contacts.users.ownership import VIEW, check_record

NO_PLACE = "Files are not attached here: SPOOR_ATTACHMENT_SOURCES names no place that they may come from."


class AttachmentRules:
    def __init__(self, records: RecordStore, settings: Settings) -> None:
        self._records, self._places = records, read_places(settings.attachment_sources)

    async def check(self, asset_ids: Sequence[int], *, of_template: bool = False) -> None:
        """Those of a template were chosen by whoever wrote it. Raises `ApiError` 400, 403."""
        if asset_ids and not self._places:
            raise _wrong(NO_PLACE)
        found = await self._records.load(Ref(ASSET, str(one)) for one in asset_ids)
        for asset_id in asset_ids:
            record = found.get(Ref(ASSET, str(asset_id)))
            asset = decode_document(record.data, Asset) if record and record.data else None
            if asset is None or not asset.is_published:
                raise _wrong(f"There is no asset {asset_id}, or it is not published.")
            if not of_template:
                check_record(ASSET, VIEW, asset)
            if find(asset.url, self._places) is None:
                raise _wrong(f"The file of the asset {asset_id} is in none of the places that may be attached from.")


def _wrong(text: str) -> ApiError:
    return ApiError(400, f"{ASSETS}: {text}", {ASSETS: [text]})
