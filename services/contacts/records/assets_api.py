"""Downloads over the API: the standard routes, with how often each was downloaded, and by how many."""

from __future__ import annotations

from collections.abc import Sequence

from services.common.documents import Asset
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json
from services.contacts.records.api import RecordsApi
from services.contacts.records.link_resources import ASSETS
from services.contacts.stores import Stores

_COUNTS = """
SELECT asset_id, uniqMerge(downloads), uniqMerge(contacts) FROM asset_counts
WHERE asset_id IN {ids:Array(String)} GROUP BY asset_id
"""


class AssetsApi(RecordsApi[Asset]):
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        super().__init__(stores, user, metrics, ASSETS)

    async def _completed(self, shown: Sequence[Json]) -> Sequence[Json]:
        """Who merged into another contact after a download is counted beside it."""
        found = await self._stores.clickhouse.query(_COUNTS, parameters={"ids": [str(one["id"]) for one in shown]})
        counts = {asset_id: (downloads, contacts) for asset_id, downloads, contacts in found.result_rows}
        told = [(one, *counts.get(str(one["id"]), (0, 0))) for one in shown]
        return [{**one, "downloadCount": all_, "uniqueDownloadCount": contacts} for one, all_, contacts in told]
