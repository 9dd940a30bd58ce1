# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The load of a cluster, from what its instances said at two moments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import fmean
from typing import Any, TypeAlias

from ansible_collections.rlops.autoscale.plugins.module_utils._counters import Increase, Scrape, increase
from ansible_collections.rlops.autoscale.plugins.module_utils._histogram import merge, quantile
from ansible_collections.rlops.autoscale.plugins.module_utils._reading import Reading

#: A figure, or why there is none.
Figure: TypeAlias = "float | str"

NO_ANSWER = "no ready instance answered"
NOT_COMPARABLE = "no instance has counters of two moments to compare"
NO_OBSERVATION = "nothing was completed between the two scrapes"


@dataclass(frozen=True)
class Answer:
    """What came of asking one instance: its reading, or the error."""

    name: str
    state: str  # ready or draining
    reading: Reading | None = None
    error: str | None = None


@dataclass(frozen=True)
class Load:
    """The load of a cluster; figures and instances have the names of the snapshot."""

    figures: dict[str, Figure]
    instances: list[dict[str, Any]]
    expected: int  # ready instances asked
    answered: int  # of those
    compared: int  # instances, draining ones too, of which is known what they did since the earlier scrape


@dataclass(frozen=True)
class _Row:
    """An instance that answered, and what it did since the earlier scrape."""

    ready: bool
    reading: Reading
    since: Increase | None


def measure(earlier: Scrape | None, answers: Sequence[Answer], metrics: Mapping[str, Mapping[str, Any]]) -> Load:
    """Compare the answers with the earlier scrape.

    Latencies, rates, lag and the whole queue are those of all instances that answered; mean queue, utilisation and
    imbalance those of the ready ones, because an instance that drains still works but is no capacity.
    """
    meter = _Meter(metrics)
    rows = {
        answer.name: _Row(
            answer.state == "ready",
            answer.reading,
            increase(earlier, answer.name, answer.reading) if earlier else None,
        )
        for answer in answers
        if answer.reading
    }
    everyone = list(rows.values())
    ready = [row for row in everyone if row.ready]
    return Load(
        figures={
            "p99_latency_s": meter.p99_latency(everyone),
            "mean_latency_s": meter.mean_latency(everyone),
            "queue_depth": meter.gauge(ready, "queue_depth", fmean),
            "queue_total": meter.gauge(everyone, "queue_depth", sum),
            "eventloop_lag_s": meter.gauge(everyone, "eventloop_lag", max),
            "arrival_rate": meter.arrival_rate(everyone),
            "completion_rate": meter.completion_rate(everyone),
            "utilisation": meter.gauge(ready, "utilisation", fmean),
            "imbalance": imbalance(meter.arrival_rate([row]) for row in ready),
        },
        instances=[meter.instance(answer, rows.get(answer.name)) for answer in answers],
        expected=sum(answer.state == "ready" for answer in answers),
        answered=len(ready),
        compared=sum(row.since is not None for row in everyone),
    )


def imbalance(loads: Iterable[Figure]) -> Figure:
    """The largest load of an instance as a multiple of the mean."""
    known = [load for load in loads if not isinstance(load, str)]
    if len(known) < 2:
        return "fewer than two ready instances of known load"
    return max(known) / fmean(known) if any(known) else "no load"


def number(figure: Figure) -> float | None:
    return None if isinstance(figure, str) else figure


class _Meter:
    """Figures over any set of rows: the cluster's, its ready instances', one instance's."""

    def __init__(self, metrics: Mapping[str, Mapping[str, Any]]) -> None:
        self._names = {field: metric["name"] for field, metric in metrics.items()}

    def gauge(self, rows: Sequence[_Row], field: str, combine: Callable[[Iterable[float]], float]) -> Figure:
        values = [value for row in rows if (value := getattr(row.reading, field)) is not None]
        return combine(values) if values else self._absent(field) if rows else NO_ANSWER

    def p99_latency(self, rows: Sequence[_Row]) -> Figure:
        measured = self._that_say(rows, "observations", "latency")
        if isinstance(measured, str):
            return measured
        if not any(since.observations for since in measured):
            return NO_OBSERVATION
        value = quantile(0.99, merge(since.latency for since in measured))
        return value if isfinite(value) else f"{self._names['latency']} has no buckets with a finite bound"

    def mean_latency(self, rows: Sequence[_Row]) -> Figure:
        measured = self._that_say(rows, "observations", "latency")
        if isinstance(measured, str):
            return measured
        summed = [since for since in measured if since.latency_total is not None]
        if not summed:
            return f"no usable {self._names['latency']}_sum on any page"
        count = sum(since.observations or 0 for since in summed)
        return sum(since.latency_total or 0 for since in summed) / count if count else NO_OBSERVATION

    def completion_rate(self, rows: Sequence[_Row]) -> Figure:
        if self._names["completions"]:
            return self._rate(rows, "completions", "completions")
        return self._rate(rows, "observations", "latency")

    def arrival_rate(self, rows: Sequence[_Row]) -> Figure:
        """Completions plus growth of the queue: completions alone never show more than the service can do."""
        if self._names["arrivals"]:
            return self._rate(rows, "arrivals", "arrivals")
        completed = self.completion_rate(rows)
        if isinstance(completed, str):
            return completed
        growth = sum(row.since.queue / row.since.seconds for row in rows if row.since and row.since.queue is not None)
        return max(0.0, completed + growth)

    def instance(self, answer: Answer, row: _Row | None) -> dict[str, Any]:
        rows = [row] if row else []
        return {
            "name": answer.name,
            "state": answer.state,
            "ok": row is not None,
            "error": answer.error,
            "p99_latency_s": number(self.p99_latency(rows)),
            "queue_depth": row and row.reading.queue_depth,
            "eventloop_lag_s": row and row.reading.eventloop_lag,
            "completion_rate": number(self.completion_rate(rows)),
            "utilisation": row and row.reading.utilisation,
        }

    def _rate(self, rows: Sequence[_Row], attribute: str, field: str) -> Figure:
        measured = self._that_say(rows, attribute, field)
        if isinstance(measured, str):
            return measured
        return float(sum(getattr(since, attribute) / since.seconds for since in measured))

    def _that_say(self, rows: Sequence[_Row], attribute: str, field: str) -> list[Increase] | str:
        """The increases that tell this attribute, or why none does."""
        if not rows:
            return NO_ANSWER
        since = [row.since for row in rows if row.since]
        if not since:
            return NOT_COMPARABLE
        return [one for one in since if getattr(one, attribute) is not None] or self._absent(field)

    def _absent(self, field: str) -> str:
        name = self._names[field]
        return f"no usable {name} on any page" if name else f"no metric is named (metrics.{field}.name)"
