"""Counters for hot paths: plain integers while counting, Prometheus samples only when somebody scrapes.

Every metric is declared before it is used, so that it is there at 0 from the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


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
    """A number of this moment."""

    def __init__(self, name: str, doc: str) -> None:
        self.name, self.doc, self.value = name, doc, 0.0


class Metrics(Collector):
    """The metrics of one service, as its own registry."""

    def __init__(self) -> None:
        self._counters: list[Counter] = []
        self._gauges: list[Gauge] = []
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def counter(self, name: str, doc: str, label: str = "", values: Iterable[str] = ()) -> Counter:
        self._counters.append(Counter(name, doc, label, values))
        return self._counters[-1]

    def gauge(self, name: str, doc: str) -> Gauge:
        self._gauges.append(Gauge(name, doc))
        return self._gauges[-1]

    def collect(self) -> Iterator[Metric]:
        for counter in self._counters:
            family = CounterMetricFamily(counter.name, counter.doc, labels=[counter.label] if counter.label else [])
            for value, count in counter.counts.items():
                family.add_metric([value] if counter.label else [], count)
            yield family
        for gauge in self._gauges:
            yield GaugeMetricFamily(gauge.name, gauge.doc, value=gauge.value)
