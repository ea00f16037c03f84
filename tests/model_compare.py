"""Compares what a store has come to with what the model says: every contact, its ids, fields and unique values."""

from __future__ import annotations

from collections.abc import Mapping

from services.common.folding import fold
from services.common.profile import Profile
from services.common.values import Claim, UniqueValue
from services.identity.tools.checking.findings import (
    ALIAS_ROW_WRONG,
    MOVE_NOWHERE,
    Finding,
    Picture,
    contact_findings,
)
from services.identity.tools.claims import carried
from services.identity.tools.leads import survivor_of
from tests.model import Model

Profiles = Mapping[int, Profile | None]
Claims = Mapping[UniqueValue, Claim | None]
ELSEWHERE = (ALIAS_ROW_WRONG, MOVE_NOWHERE)  # what a picture without ClickHouse cannot say


def compare(model: Model, twin: Mapping[int, int], profiles: Profiles, claims: Claims) -> None:
    """`twin` has by the model's id that of the store."""
    found = {profile.id: profile for profile in profiles.values() if profile and profile.is_known()}
    expected = {twin[root.id]: root.id for root in model.roots()}
    assert set(found) == set(expected), f"{set(found) ^ set(expected)} in one alone"
    for contact_id, profile in found.items():
        _compare_one(model, twin, profile, expected[contact_id])
    faults = [*wrong(profiles, claims, model.unique), *in_vain(profiles, claims)]
    assert not faults, str(faults)


def _compare_one(model: Model, twin: Mapping[int, int], profile: Profile, model_id: int) -> None:
    root = model.at(model_id)
    ids = {twin[one.id] for one in model.tree(root)}
    assert set(profile.ids()) == ids, f"{profile.ids()} in the store, {ids} in the model"
    shown = fold(profile).fields
    for name in (*model.unique, "firstname"):
        said, expected = shown.get(name) or "", model.shown(root, name)
        assert said == expected, f"{name} of {profile.id}: {said} in the store, {expected} in the model"
    values = {UniqueValue(name, value) for name in model.unique for value in model.carried(root, name)}
    found = set(carried(profile, model.unique))
    assert found == values, f"{profile.id} carries {found} in the store, {values} in the model"
    for value in values:
        assert model.holder(*value) is root, value


def wrong(profiles: Profiles, claims: Claims, unique: tuple[str, ...]) -> list[Finding]:
    """What check-identity would find."""
    versions = {one: profile.version for one, profile in profiles.items() if profile}
    picture = Picture(dict(profiles), dict(claims), versions, {}, set())
    found = [one for contact_id in versions for one in contact_findings(picture, contact_id, unique)]
    return [one for one in found if one.kind not in ELSEWHERE]


def in_vain(profiles: Profiles, claims: Claims) -> list[tuple[UniqueValue, Claim]]:
    """Claims of values that their holders do not carry."""
    found = [(value, claim) for value, claim in claims.items() if claim]
    holders = {claim.contact_id: survivor_of(profiles, claim.contact_id) for _, claim in found}
    return [
        (value, claim)
        for value, claim in found
        if not ((holder := holders[claim.contact_id]) and holder.is_known() and holder.carries(*value))
    ]
