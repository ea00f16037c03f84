"""The sizing says what was measured where it was measured, never less for more, and what it only extends."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.sizing.costs import fit
from deploy.sizing.layouts import layouts
from deploy.sizing.measured import read_measured
from deploy.sizing.model import Load, counts_of, disk_bytes, plan, redis_bytes, resolver_seconds_per_hit
from deploy.sizing.size import as_text, basis
from tests.processes import ROOT

MEASURED = read_measured()
COSTS = fit(MEASURED)
LINES = {"ingest": "", "identity": "", "clickhouse": "resolvers", "redis": "ingest"}
loads = st.builds(
    Load,
    hits_per_day=st.floats(1, 1e10),
    contacts=st.floats(0, 1e9),
    identified_share=st.floats(0, 1),
    retention_days=st.floats(1, 3_650),
    peak_factor=st.floats(1, 10),
)


@pytest.mark.parametrize("name", LINES)
def test_cores_are_those_that_were_measured_within_fifteen_percent(name: str) -> None:
    for point in MEASURED.points(f"{name}_cores"):
        count = point.at.get(LINES[name], 1.0) if LINES[name] else 1.0
        said = getattr(COSTS, name).at(count, point.at["hits_per_second"])
        assert said == pytest.approx(point.value, rel=0.15), point


def test_all_of_the_pipeline_together_costs_what_it_was_seen_to_cost() -> None:
    """./just bench-e2e at 4,876 hits/s with one resolver: 246 CPU seconds a million hits."""
    cores = sum(getattr(COSTS, name).at(1.0, 4_876.0) for name in LINES)
    assert cores / 4_876 * 1e6 == pytest.approx(246, rel=0.15)


@pytest.mark.parametrize(
    "name", ["redis_bytes_per_contact", "clickhouse_bytes_per_hit", "clickhouse_bytes_per_contact"]
)
def test_what_is_stored_grows_evenly_so_that_one_number_stands_for_all(name: str) -> None:
    values = [point.value for point in MEASURED.points(name)]
    assert len(values) >= 2 and max(values) / min(values) < 1.15


def test_a_resolver_is_as_fast_as_it_was_in_a_mix_of_one_kind() -> None:
    """But for those that name somebody, which come on top."""
    mix = MEASURED.mix
    named = mix.identifies / 7_058 + mix.merges / 5_140
    for share, rate in ((0.0, 51_050), (1.0, 39_289)):
        assert 1 / (resolver_seconds_per_hit(Load(1e6, identified_share=share), MEASURED) - named) == pytest.approx(
            rate
        )


@given(loads, st.floats(1, 10), st.sampled_from(["hits_per_day", "contacts", "peak_factor", "retention_days"]))
def test_more_never_needs_less(load: Load, times: float, name: str) -> None:
    larger = load._replace(**{name: getattr(load, name) * times})
    for less, more in zip(counts_of(load, MEASURED), counts_of(larger, MEASURED), strict=True):
        assert less <= more
    assert redis_bytes(load, MEASURED) <= redis_bytes(larger, MEASURED) * 1.000001
    assert disk_bytes(load, MEASURED) <= disk_bytes(larger, MEASURED) * 1.000001


@given(loads)
def test_every_need_is_a_number_and_says_whether_it_was_measured(load: Load) -> None:
    for need in plan(load, MEASURED):
        assert need.value >= 0
        assert (basis(need) == "measured") is (need.beyond <= 1)


def test_what_was_never_measured_is_called_so() -> None:
    small, large = plan(Load(1e5, 1e4, retention_days=1), MEASURED), plan(Load(1e10, 5e8), MEASURED)
    assert not [need for need in small if need.is_extrapolated]
    parts = {need.unit for need in large if need.is_extrapolated}
    assert parts >= {"processes", "resolvers", "masters", "shards", "GB of contacts", "TB on disk, of one copy"}
    assert "extrapolated, 36 times" in as_text(large)


def test_every_figure_says_when_on_what_and_by_which_command() -> None:
    for name, figure in MEASURED.figures.items():
        for point in figure.points:
            assert figure.unit and point.machine and point.at, name
            assert point.date.startswith("2026-") and "./just bench-" in point.command, name


def test_the_page_has_the_clusters_that_the_model_says() -> None:
    assert layouts(MEASURED) in (ROOT / "docs" / "sizing.md").read_text()


def test_the_verb_answers_as_text_and_as_json() -> None:
    def said(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "deploy.sizing.size", *more]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)

    assert "resolvers" in said("--hits-per-day", "1e9", "--contacts", "5e7").stdout
    needs = json.loads(said("--hits-per-day", "1e10", "--json").stdout)["needs"]
    assert {need["part"] for need in needs} >= {"ingest", "identity", "Redis", "ClickHouse", "network"}
    refused = said("--hits-per-day", "2e10")
    assert (refused.returncode, "the model ends at" in refused.stderr) == (2, True)
