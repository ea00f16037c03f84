"""The segments that a template is for, as far as the caller may know of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from services.common.caller import sees_others
from services.common.documents import SEGMENT, Segment, decode_document
from services.common.envelope import ApiError
from services.common.queries.segments import is_seen
from services.common.records import RecordStore, Ref
from services.common.rights import LISTS as OF_SEGMENTS
from services.contacts.mail.email_resource import LISTS
from services.contacts.objects import Json


async def check_lists(records: RecordStore, segment_ids: Collection[int], known: Collection[int]) -> None:
    """Raises `ApiError` 400 for a segment that is not there, or that the caller may not know of; but those of the
    template, which are `known`, stay."""
    asked = [one for one in segment_ids if one not in known]
    found = await _are_seen(records, asked)
    for one in asked:
        if not found.get(one):
            text = f"There is no segment {one}."
            raise ApiError(400, text, {LISTS: [text]})


async def hidden_lists(records: RecordStore, segment_ids: Iterable[int]) -> set[int]:
    """Those of them that are there, and that the caller may not know of."""
    if sees_others(OF_SEGMENTS):
        return set()
    return {one for one, may_know in (await _are_seen(records, segment_ids)).items() if not may_know}


async def with_seen_lists(records: RecordStore, emails: Sequence[Json]) -> list[Json]:
    """Templates as they are shown, without what the caller may not know of."""
    hidden = await hidden_lists(records, {one["id"] for email in emails for one in email[LISTS]})
    return [{**email, LISTS: [one for one in email[LISTS] if one["id"] not in hidden]} for email in emails]


async def _are_seen(records: RecordStore, segment_ids: Iterable[int]) -> dict[int, bool]:
    """Of those of them that are there, whether the caller may know of each."""
    found = await records.load(Ref(SEGMENT, str(one)) for one in segment_ids)
    return {int(ref.id): is_seen(decode_document(record.data, Segment)) for ref, record in found.items() if record.data}
