"""What grows is found, what only wavers or is filled once is not."""

from __future__ import annotations

import random

from loadtests.faults.slopes import Allowance, slope, slopes

MB = Allowance(share=0.05, amount=8)


def hourly(values: list[float]) -> list[tuple[float, float]]:
    return [(60.0 * minute, value) for minute, value in enumerate(values)]


def test_a_leak_grows() -> None:
    found = slope("ingest MB", hourly([100 + minute for minute in range(60)]), MB)
    assert (found.grows, found.verdict()) == (True, "GROWS")
    assert round(found.per_hour) == 60


def test_a_leak_in_noise_grows() -> None:
    chance = random.Random(1)
    assert slope("a MB", hourly([100 + minute / 2 + chance.uniform(-8, 8) for minute in range(120)]), MB).grows


def test_noise_is_flat() -> None:
    chance = random.Random(2)
    assert slope("a MB", hourly([100 + chance.uniform(-20, 20) for _ in range(60)]), MB).grows is False


def test_what_is_filled_in_the_warm_up_is_flat() -> None:
    assert slope("a MB", hourly([min(200, 50 + 20 * minute) for minute in range(60)]), MB).verdict() == "flat"


def test_one_wild_sample_is_no_growth() -> None:
    values = [100.0] * 60
    values[-1] = 10_000
    found = slope("a MB", hourly(values), MB)
    assert (found.grows, found.worst) == (False, 10_000)


def test_what_shrinks_is_flat() -> None:
    assert slope("a MB", hourly([200.0 - minute for minute in range(60)]), MB).grows is False


def test_a_few_samples_say_nothing() -> None:
    assert slope("a MB", hourly([1.0, 100.0, 200.0]), MB).verdict() == "too few samples"
    assert slope("a MB", [], MB).grows is None


def test_each_kind_has_its_own_allowance() -> None:
    leak = hourly([10.0 + minute / 2 for minute in range(60)])
    found = slopes({"ingest MB": leak, "ingest handles": leak}, {"handles": Allowance(0, 50)}, MB)
    assert [one.grows for one in found] == [True, False]
