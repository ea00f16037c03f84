"""Counters for hot paths: plain integers while counting, Prometheus samples only when somebody scrapes.

Every metric is declared before it is used, so that it is there at 0 from the start. `docs/metrics.md` lists them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

# Seconds: where the promises of the README are made, the bounds are close to each other.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.08, 0.1, 0.15, 0.25, 0.4, 0.8, 1.5, 3.0, 5.0, 10.0, 30.0)


class Counter:
    """A number that only grows, by the values of at most one label."""

    def __init__(self, name: str, doc: str, label: str = "", values: Iterable[str] = ()) -> None:
        self.name, self.doc, self.label = name, doc, label
        self.counts: dict[str, int] = dict.fromkeys(values if label else [""], 0)

    def add(self, amount: int = 1, value: str = "") -> None:
        self.counts[value] += amount

    def total(self) -> int:
        return sum(self.counts.values())


class Gauge:
    """A number of this moment, by the values of at most one label."""

    def __init__(self, name: str, doc: str, label: str = "", values: Iterable[str] = ()) -> None:
        self.name, self.doc, self.label = name, doc, label
        self.values: dict[str, float] = dict.fromkeys(values if label else [""], 0.0)

    @property
    def value(self) -> float:
        return self.values[""]

    @value.setter
    def value(self, value: float) -> None:
        self.values[""] = value


class Histogram:
    """How often something took how long (or how much), by the values of at most one label."""

    def __init__(
        self, name: str, doc: str, bounds: Sequence[float], label: str = "", values: Iterable[str] = ()
    ) -> None:
        self.name, self.doc, self.label, self.bounds = name, doc, label, bounds
        self.counts = {value: [0] * (len(bounds) + 1) for value in (values if label else [""])}
        self.sums = dict.fromkeys(self.counts, 0.0)

    def observe(self, amount: float, value: str = "") -> None:
        self.counts[value][bisect_left(self.bounds, amount)] += 1
        self.sums[value] += amount

    def buckets(self, value: str) -> list[tuple[str, float]]:
        """Each with those below it."""
        names = [*map(str, self.bounds), "+Inf"]
        return list(zip(names, map(float, accumulate(self.counts[value])), strict=True))


class Described(NamedTuple):
    """A metric as `docs/metrics.md` lists it, and as dashboards and alerts name it."""

    name: str
    type: str
    label: str
    values: tuple[str, ...]  # none: they are known only as it runs
    doc: str


class Metrics(Collector):
    """The metrics of one service, as its own registry."""

    def __init__(self, service: str) -> None:
        self._counters: list[Counter] = []
        self._gauges: list[Gauge] = []
        self._histograms: list[Histogram] = []
        self.registry = CollectorRegistry()
        self.ready = self.gauge(f"{service}_ready", "1 while /readyz answers 200, else 0.")
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def counter(self, name: str, doc: str, label: str = "", values: Iterable[str] = ()) -> Counter:
        self._counters.append(Counter(name, doc, label, values))
        return self._counters[-1]

    def gauge(self, name: str, doc: str, label: str = "", values: Iterable[str] = ()) -> Gauge:
        self._gauges.append(Gauge(name, doc, label, values))
        return self._gauges[-1]

    def histogram(
        self, name: str, doc: str, bounds: Sequence[float] = SECONDS, label: str = "", values: Iterable[str] = ()
    ) -> Histogram:
        self._histograms.append(Histogram(name, doc, bounds, label, values))
        return self._histograms[-1]

    def described(self) -> list[Described]:
        """All of them, in the order of their declaration by type; nothing is asked for their values."""
        counters = [
            Described(f"{one.name.removesuffix('_total')}_total", "counter", one.label, tuple(one.counts), one.doc)
            for one in self._counters
        ]
        gauges = [Described(one.name, "gauge", one.label, tuple(one.values), one.doc) for one in self._gauges]
        histograms = [
            Described(one.name, "histogram", one.label, tuple(one.counts), one.doc) for one in self._histograms
        ]
        return [one if one.label else one._replace(values=()) for one in (*counters, *gauges, *histograms)]

    def collect(self) -> Iterator[Metric]:
        for counter in self._counters:
            family = CounterMetricFamily(counter.name, counter.doc, labels=_labels(counter.label))
            for value, count in counter.counts.items():
                family.add_metric([value] if counter.label else [], count)
            yield family
        for gauge in self._gauges:
            shown = GaugeMetricFamily(gauge.name, gauge.doc, labels=_labels(gauge.label))
            for value, amount in gauge.values.items():
                shown.add_metric([value] if gauge.label else [], amount)
            yield shown
        for histogram in self._histograms:
            times = HistogramMetricFamily(histogram.name, histogram.doc, labels=_labels(histogram.label))
            for value in histogram.counts:
                labels = [value] if histogram.label else []
                times.add_metric(labels, histogram.buckets(value), histogram.sums[value])
            yield times


def _labels(label: str) -> list[str]:
    return [label] if label else []
