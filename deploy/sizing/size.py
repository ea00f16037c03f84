"""`./just size --hits-per-day 1e9 --contacts 5e7`: how many of everything that needs, and what of it was measured."""

from __future__ import annotations

import argparse
import sys

import msgspec

from deploy.sizing.layouts import layouts
from deploy.sizing.measured import read_measured
from deploy.sizing.model import MOST_HITS, Load, Need, plan


def main() -> int:
    options = _options()
    if options.layouts:
        print(layouts(read_measured()))
        return 0
    load = Load(options.hits_per_day, options.contacts, options.identified_share, options.retention_days,
                options.peak_factor)  # fmt: skip
    needs = plan(load, read_measured())
    if options.json:
        found = [{**need._asdict(), "is_extrapolated": need.is_extrapolated} for need in needs]
        print(msgspec.json.format(msgspec.json.encode({"load": load._asdict(), "needs": found})).decode())
    else:
        print(as_text(needs))
    return 0


def as_text(needs: list[Need]) -> str:
    lines = [f"{one.part:<11}{_number(one.value):>9} {one.unit:<29} {basis(one):<30} {one.why}" for one in needs]
    return "\n".join(
        [*lines, "", "Extrapolated: so many times beyond what was measured; docs/sizing.md says how far that is."]
    )


def basis(need: Need) -> str:
    if not need.is_extrapolated:
        return "measured"
    return f"extrapolated, {need.beyond:,.0f} times" if need.beyond >= 1.5 else "extrapolated"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2g}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="size", description=__doc__)
    parser.add_argument("--hits-per-day", type=_positive, default=0.0, help=f"up to {MOST_HITS:.0e}")
    parser.add_argument("--contacts", type=_natural, default=0.0, help="known ones; visitors cost Redis nothing")
    parser.add_argument("--identified-share", type=_share, default=0.1, help="of the hits: from known contacts")
    parser.add_argument("--retention-days", type=_positive, default=1095.0)
    parser.add_argument("--peak-factor", type=_peak, default=3.0, help="the busiest hour beside the average")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--layouts", action="store_true", help="the table of docs/sizing.md")
    options = parser.parse_args()
    if not options.hits_per_day and not options.layouts:
        parser.error("--hits-per-day is needed")
    if options.hits_per_day > MOST_HITS:
        parser.error(f"--hits-per-day: the model ends at {MOST_HITS:.0e}")
    return options


def _bounded(text: str, least: float, most: float) -> float:
    value = float(text)
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"{text} is not from {least:g} to {most:g}")
    return value


def _positive(text: str) -> float:
    return _bounded(text, 1, 1e12)


def _natural(text: str) -> float:
    return _bounded(text, 0, 1e12)


def _share(text: str) -> float:
    return _bounded(text, 0, 1)


def _peak(text: str) -> float:
    return _bounded(text, 1, 1_000)


if __name__ == "__main__":
    sys.exit(main())
