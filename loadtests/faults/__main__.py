"""The fault suite: what goes wrong under load, one thing after the other, and the ledger after each.

`./just faults` has every fault once, `--long` minutes of each and two at a time, `--short` the few of the
CI; names or parts of them choose some. Status 1: a hit was lost, stored twice or put under the wrong contact, or a
fault was not run.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from itertools import count, groupby
from typing import Any

from loadtests import report
from loadtests.faults import page
from loadtests.faults.catalogue import FAULTS, chosen, pairs, short
from loadtests.faults.fault import Fault, Outcome, not_run
from loadtests.faults.measure import Load, measure
from loadtests.faults.stage import Stage
from loadtests.stack import StackError
from loadtests.traffic import TrafficError

SHORT = Load(rate=200, before_seconds=1, after_seconds=1.5)
USUAL = Load(rate=400, before_seconds=3, after_seconds=5)
LONG = Load(rate=800, before_seconds=5, after_seconds=10)
_seeds = count(1)


def main() -> int:
    options = _options()
    faults = chosen(_faults(options), options.only)
    outcomes: list[Outcome] = []
    for on_cluster, group in groupby(sorted(faults, key=lambda one: one.on_cluster), key=lambda one: one.on_cluster):
        outcomes += _on_stage(list(group), on_cluster, options)
    outcomes.sort(key=lambda one: [fault.name for fault in faults].index(one.name))
    machine = report.machine()
    print("\n" + page.as_text(outcomes), flush=True)
    if not options.short and not options.only:
        facts = {"machine": machine, "settings": vars(options), "outcomes": [one._asdict() for one in outcomes]}
        report.write("faults-long" if options.long else "faults", facts)
    if options.write:
        section = "faults, long" if options.long else "faults"
        what = f"{_load(options).rate:,.0f} hits/s, `always`"
        page.write(section, f"{page.ran_on(machine, what)}\n\n{page.as_markdown(outcomes)}")
    is_clean = all(one.is_clean() and not one.not_run for one in outcomes)
    return 0 if outcomes and is_clean else 1


def _faults(options: argparse.Namespace) -> Sequence[Fault]:
    if options.short:
        return short()
    return [*FAULTS, *pairs()] if options.long else FAULTS


def _on_stage(faults: list[Fault], on_cluster: bool, options: argparse.Namespace) -> list[Outcome]:
    """One stage for all of them; after one from which it did not come back the rest get another."""
    outcomes: list[Outcome] = []
    while len(outcomes) < len(faults):
        try:
            with Stage(on_cluster=on_cluster) as stage:
                stage.start_all()
                for fault in faults[len(outcomes) :]:
                    outcomes.append(_measured(stage, fault, options))
                    if outcomes[-1].not_run:
                        break
        except StackError as error:
            outcomes += [not_run(fault, str(error)) for fault in faults[len(outcomes) :]]
    return outcomes


def _measured(stage: Stage, fault: Fault, options: argparse.Namespace) -> Outcome:
    lengths = fault.lengths
    seconds = lengths.long if options.long else lengths.short if options.short else lengths.usual
    try:
        measurement = measure(stage, fault, seconds, _load(options), next(_seeds))
    except (StackError, TrafficError) as error:
        traceback.print_exc()
        return not_run(fault, f"failed: {error}")
    print(page.as_text([measurement.outcome]).splitlines()[-1], flush=True)
    if measurement.ledger and not measurement.outcome.is_clean():
        _explain(measurement.ledger._asdict())
    return measurement.outcome


def _explain(ledger: dict[str, Any]) -> None:
    for kind, examples in ledger["examples"].items():
        for one in examples:
            print(f"    {kind}: {one}", flush=True)


def _load(options: argparse.Namespace) -> Load:
    load = LONG if options.long else SHORT if options.short else USUAL
    return load._replace(rate=options.rate) if options.rate else load


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("only", nargs="*", help="parts of the names or families of faults; by default all")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--long", action="store_true", help="outages of minutes, and two faults at a time: some hours")
    form.add_argument("--short", action="store_true", help="a few faults in less than a minute")
    parser.add_argument("--rate", type=float, default=0, help="hits a second")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
