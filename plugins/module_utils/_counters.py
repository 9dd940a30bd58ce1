# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an instance did between two scrapes, and how the earlier scrape is remembered until then.

Prometheus' own ``rate`` extrapolates to a window. Between two scrapes the plain difference is exact: v2 - v1 for each
series, and v2 after a reset.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, TypeVar

from ansible_collections.rlops.autoscale.plugins.module_utils._histogram import merge
from ansible_collections.rlops.autoscale.plugins.module_utils._reading import Histogram, Reading

FORMAT = 1

#: Start times of one process may differ by this (s): some clients compute theirs anew from the host's boot time.
SAME_START = 2.0

Value = TypeVar("Value", float, Histogram)


@dataclass(frozen=True)
class Scrape:
    """Readings by instance name. One that did not answer `at` this time may be here with its last, older reading."""

    at: float  # unix seconds
    readings: Mapping[str, Reading]


@dataclass(frozen=True)
class Increase:
    """What one instance did between two scrapes. None: its page does not say."""

    seconds: float
    latency: dict[float, float]  # upper bound in s -> observations since; empty without a histogram
    latency_total: float | None  # s, sum of those observations
    observations: float | None
    completions: float | None
    arrivals: float | None
    queue: float | None  # growth of the queue; negative when it shrank


def increase(earlier: Scrape, name: str, now: Reading) -> Increase | None:
    """What the instance did since the earlier scrape; None where that cannot be told.

    A process that was not seen before counts from zero if it began after the earlier scrape. If it began before,
    nothing is known but where it stands now.
    """
    before = earlier.readings.get(name)
    if before is not None and _is_same_process(before, now):
        since = before.at
    elif now.started is not None and now.started > earlier.at:
        before, since = None, earlier.at
    else:
        return None
    if now.at <= since:
        return None

    latency, latency_reset = _differences(before.latency if before else None, now.latency, _histogram_difference)
    completions, completions_reset = _differences(before.completions if before else None, now.completions, _difference)
    arrivals, arrivals_reset = _differences(before.arrivals if before else None, now.arrivals, _difference)
    if latency_reset or completions_reset or arrivals_reset:
        before = None  # it restarted, and its queue was empty then
    totals = [histogram.total for histogram in latency if histogram.total is not None]
    return Increase(
        seconds=now.at - since,
        latency=merge(histogram.buckets for histogram in latency),
        latency_total=sum(totals) if totals and len(totals) == len(latency) else None,
        observations=sum(histogram.count for histogram in latency) if latency else None,
        completions=sum(completions) if completions else None,
        arrivals=sum(arrivals) if arrivals else None,
        queue=_growth(before, now),
    )


def _is_same_process(before: Reading, now: Reading) -> bool:
    return before.started is None or now.started is None or abs(now.started - before.started) <= SAME_START


def _differences(
    before: Mapping[str, Value] | None, now: Mapping[str, Value], difference: Callable[[Value, Value], Value | None]
) -> tuple[list[Value], bool]:
    """Growth of each series, and whether one was reset. Without `before` all count from zero."""
    if before is None:
        return list(now.values()), False
    grown = {key: difference(before[key], value) for key, value in now.items() if key in before}
    return [now[key] if value is None else value for key, value in grown.items()], None in grown.values()


def _difference(before: float, now: float) -> float | None:
    return now - before if now >= before else None


def _histogram_difference(before: Histogram, now: Histogram) -> Histogram | None:
    """None after a reset: one bucket that decreased is enough; other bounds mean another process too."""
    if before.buckets.keys() != now.buckets.keys():
        return None
    if any(count < before.buckets[bound] for bound, count in now.buckets.items()):
        return None
    total = None if before.total is None or now.total is None else _difference(before.total, now.total)
    return Histogram({bound: count - before.buckets[bound] for bound, count in now.buckets.items()}, total)


def _growth(before: Reading | None, now: Reading) -> float | None:
    if now.queue_depth is None:
        return None
    if before is None:
        return now.queue_depth
    return None if before.queue_depth is None else now.queue_depth - before.queue_depth


def remember(now: Scrape, earlier: Scrape | None, names: Collection[str], keep: float) -> Scrape:
    """What the next scrape is to be compared with: these readings, and older ones of instances that did not answer.

    `names` are the instances there are; a reading older than `keep` seconds is given up.
    """
    older = earlier.readings if earlier else {}
    kept = {name: reading for name, reading in older.items() if name in names and now.at - reading.at <= keep}
    return Scrape(now.at, kept | dict(now.readings))


def encode(scrape: Scrape) -> dict[str, Any]:
    """Compact plain data: bucket bounds once for all instances, each reading a short list."""
    layouts: list[list[float]] = []

    def histogram(series: Histogram) -> list[Any]:
        bounds = list(series.buckets)[:-1]  # without +Inf, which JSON does not know
        if bounds not in layouts:
            layouts.append(bounds)
        return [layouts.index(bounds), series.total, *map(_compact, series.buckets.values())]

    instances = {
        name: [
            reading.at,
            reading.started,
            reading.queue_depth,
            {key: histogram(series) for key, series in reading.latency.items()},
            {key: _compact(value) for key, value in reading.arrivals.items()},
            {key: _compact(value) for key, value in reading.completions.items()},
        ]
        for name, reading in scrape.readings.items()
    }
    return {"format": FORMAT, "at": scrape.at, "layouts": layouts, "instances": instances}


def decode(counters: Mapping[str, Any]) -> Scrape | None:
    """The scrape that was encoded; None where this is not what `encode` writes."""
    try:
        if counters["format"] != FORMAT:
            return None
        layouts = [[float(bound) for bound in layout] for layout in counters["layouts"]]
        readings = {str(name): _decode_reading(row, layouts) for name, row in counters["instances"].items()}
        return Scrape(float(counters["at"]), readings)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None


def _decode_reading(row: Sequence[Any], layouts: Sequence[Sequence[float]]) -> Reading:
    at, started, queue_depth, latency, arrivals, completions = row
    return Reading(
        at=float(at),
        started=_optional(started),
        queue_depth=_optional(queue_depth),
        latency={
            key: Histogram(
                dict(zip([*layouts[layout], inf], map(float, counts), strict=True)),
                _optional(total),
            )
            for key, (layout, total, *counts) in latency.items()
        },
        arrivals={key: float(value) for key, value in arrivals.items()},
        completions={key: float(value) for key, value in completions.items()},
    )


def _optional(value: Any) -> float | None:
    return None if value is None else float(value)


def _compact(value: float) -> int | float:
    return int(value) if value == int(value) else value
