"""Companies on a real Valkey: many writers make one of a name, and what was done already changes nothing."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

import pytest

from services.common.companies import CompanyStore
from services.common.company import Company, Mention, read_mention
from services.common.profiles import ProfileStore
from services.common.records import Record, RecordStore
from services.common.redis_client import RedisClient, connect, is_cluster
from services.identity.companies import Companies, Settled
from services.identity.faults import FaultPoints

NOW = 1_800_000_000_000_000
NO_FAULTS = FaultPoints("", 1)


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[RedisClient]:
    client = connect(valkey_url)
    yield client
    await client.aclose()


@pytest.fixture
def store(redis: RedisClient) -> CompanyStore:
    return CompanyStore(ProfileStore(redis), RecordStore(redis))


@pytest.fixture
def name() -> str:
    return f"acme {uuid.uuid4().hex[:12]}"


def mention(name: str, time_us: int = NOW, **said: str) -> Mention:
    found = read_mention({"company": name, **said}, time_us)
    assert found is not None
    return found


async def settle(store: CompanyStore, *mentions: Mention) -> Settled:
    return await Companies(store, NO_FAULTS).settle(list(mentions))


async def delete(store: CompanyStore, company: Company) -> int:
    """The time of the deletion."""
    version = (await store.write([Company(company.id, version=company.version, deleted_us=1)]))[company.id].version
    assert await store.one(company.id) is None
    return version


async def test_two_resolvers_that_name_a_new_company_at_once_make_one(store: CompanyStore, name: str) -> None:
    words = [mention(name.upper(), NOW + number, companycity=f"{number}") for number in range(8)]
    found = await asyncio.gather(*(settle(store, word) for word in words))
    assert len({settled.companies[name].id for settled in found}) == 1
    company = await store.one(found[0].companies[name].id)
    assert company is not None
    assert company.value("companycity") == "7", "no word is lost, and the newest counts"


async def test_a_batch_that_comes_again_changes_nothing(store: CompanyStore, name: str) -> None:
    batch = [mention(name, NOW, companycity="Rome"), mention(f" {name.upper()} ", NOW + 1, companycity="Oslo"),
             mention(f"{name} two", NOW + 2)]  # fmt: skip
    first, again = await settle(store, *batch), await settle(store, *batch)
    assert len(first.written) == 2
    assert again.written == {}
    assert {key: company.id for key, company in again.companies.items()} == {
        key: company.id for key, company in first.companies.items()
    }
    assert again.companies[name].name == name, "the spelling that it was made with"


async def test_a_claim_whose_writer_died_is_completed_under_its_id(store: CompanyStore, name: str) -> None:
    leads = await store.named([name], lambda *_: True)  # and here it dies
    company = leads[name].company
    assert company is not None
    assert company.version == 0
    found = (await settle(store, mention(name))).companies[name]
    assert found.id == company.id
    assert (await store.load([company.id]))[company.id].name == name


async def test_only_a_hit_after_a_deletion_makes_the_company_anew(store: CompanyStore, name: str) -> None:
    first = (await settle(store, mention(name))).companies[name]
    stored = await store.one(first.id)
    assert stored is not None
    deleted_us = await delete(store, stored)
    assert (await settle(store, mention(name, deleted_us - 1))).companies == {}
    second = (await settle(store, mention(name, deleted_us + 1))).companies[name]
    assert second.id != first.id
    assert (await settle(store, mention(name, deleted_us + 1))).companies[name].id == second.id


async def test_an_id_that_redis_gives_out_again_is_not_used_twice(
    store: CompanyStore, redis: RedisClient, name: str
) -> None:
    first = (await settle(store, mention(name))).companies[name]
    await redis.set("record-ids:company", first.id - 1)  # as after a lost second
    second = (await settle(store, mention(f"{name} two"))).companies[f"{name} two"]
    assert second.id > first.id
    assert (await settle(store, mention(name))).companies[name].name == name


async def test_what_another_writer_changed_meanwhile_is_read_again(redis: RedisClient, name: str) -> None:
    class Overtaken(CompanyStore):
        """Somebody changes the company just before it is written, once."""

        is_done = False

        async def write(self, companies: Iterable[Company]) -> dict[int, Record]:
            wanted = list(companies)
            if wanted and wanted[0].version and not self.is_done:
                self.is_done = True
                await settle(self, mention(name, NOW + 1, companyphone="1"))
            return await super().write(wanted)

    store = Overtaken(ProfileStore(redis), RecordStore(redis))
    company = (await settle(store, mention(name))).companies[name]
    await settle(store, mention(name, NOW + 2, companycity="Rome"))
    stored = await store.one(company.id)
    assert stored is not None
    assert (stored.value("companyphone"), stored.value("companycity")) == ("1", "Rome")


async def test_a_thousand_new_companies_take_a_few_round_trips(
    store: CompanyStore, redis: RedisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    many = "mget_nonatomic" if is_cluster(redis) else "mget"
    look: Callable[[Sequence[str]], Awaitable[list[bytes | None]]] = getattr(redis, many)

    async def counted(names: Sequence[str]) -> list[bytes | None]:
        looks.append(len(names))
        return await look(names)

    monkeypatch.setattr(redis, many, counted)
    words = [mention(f"{uuid.uuid4().hex} {number}") for number in range(1_000)]
    settled = await settle(store, *words)
    assert len({company.id for company in settled.companies.values()}) == len(settled.written) == 1_000
    assert 0 < len(looks) <= 4
