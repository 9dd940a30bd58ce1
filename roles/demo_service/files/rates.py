# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Arrival rates over time: read, made up, fitted to the demo, and turned into arrivals.

A rate trace is a CSV file with the header `t_seconds,rate`: seconds from the start (strictly increasing) and arrivals
per second. Between two points the rate is linear.
"""

from __future__ import annotations

import csv
import itertools
import math
import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HEADER = ["t_seconds", "rate"]
HOUR = 3600.0
DAY = 24 * HOUR


class TraceError(ValueError):
    """The rate trace cannot be used; the message says where and why."""


@dataclass(frozen=True)
class Rates:
    """A rate trace: `values[i]` arrivals/s at `times[i]` seconds; at least two points."""

    times: tuple[float, ...]
    values: tuple[float, ...]

    @property
    def start(self) -> float:
        """Time of the first point (s)."""
        return self.times[0]

    @property
    def end(self) -> float:
        """Time of the last point (s)."""
        return self.times[-1]

    def at(self, time: float) -> float:
        """The rate at a time; outside of the trace that of the nearest point."""
        right = bisect_right(self.times, time)
        if right == 0:
            return self.values[0]
        if right == len(self.times):
            return self.values[-1]
        left = right - 1
        part = (time - self.times[left]) / (self.times[right] - self.times[left])
        return self.values[left] + part * (self.values[right] - self.values[left])

    def mean(self, start: float, end: float) -> float:
        """The mean rate between two times."""
        inner = [time for time in self.times[bisect_right(self.times, start) :] if time < end]
        knots = [start, *inner, end]
        area = sum((b - a) * (self.at(a) + self.at(b)) / 2 for a, b in itertools.pairwise(knots))
        return area / (end - start)

    def part(self, start: float, end: float) -> Rates:
        """What is between two times."""
        inner = (time for time in self.times[bisect_right(self.times, start) :] if time < end)
        times = (start, *inner, end)
        return Rates(times, tuple(self.at(time) for time in times))


def read(path: Path) -> Rates:
    """Read a rate trace. Raises TraceError with the file and what was expected."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        times, values = zip(*((float(time), float(value)) for time, value in rows), strict=True)
    except (OSError, ValueError) as error:
        raise TraceError(f"{path}: expected lines of {','.join(HEADER)}: {error}") from error
    growing = all(early < late for early, late in itertools.pairwise(times))
    if header != HEADER or not growing or not all(0 <= value < math.inf for value in values):
        raise TraceError(f"{path}: expected the header {','.join(HEADER)}, growing times, and rates of at least 0")
    if len(times) < 2 or not any(values):
        raise TraceError(f"{path}: expected two points or more, and a rate above 0")
    return Rates(times, values)


def write(rates: Rates, path: Path) -> None:
    """Write a rate trace."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(HEADER)
        rows.writerows((f"{time:.3f}", f"{value:.4f}") for time, value in zip(rates.times, rates.values, strict=True))


def synthetic_days(seed: int, before: int) -> Rates:
    """A made-up day from 0 s on, and so many other days before it, at negative times."""
    days = [_moved(synthetic_day(seed, -ago), -ago * DAY) for ago in range(before, -1, -1)]
    times, values = (
        tuple(itertools.chain.from_iterable(getattr(day, name)[:-1] for day in days)) for name in ("times", "values")
    )
    return Rates((*times, days[-1].end), (*values, days[-1].values[-1]))


def synthetic_day(seed: int, number: int = 0) -> Rates:
    """A made-up day in steps of 10 minutes: quiet night, busy evening, some noise, and a flash crowd.

    The crowd comes between 9:00 and 16:00, doubles or triples the rate within an hour, and halves every 50 minutes.
    Another `number` is another day of the same service.
    """
    rng = random.Random(f"{seed} {number}")  # noqa: S311  (not for secrets)
    crowd_at = rng.uniform(9, 16)
    crowd_size = rng.uniform(1.0, 1.3)
    noise = 0.0
    times, values = [], []
    for step in range(24 * 6 + 1):
        hour = step / 6
        daily = 0.45 - 0.3 * math.cos(2 * math.pi * (hour - 5) / 24) + 0.12 * math.sin(4 * math.pi * (hour - 8) / 24)
        since = hour - crowd_at
        crowd = crowd_size * min(1.0, max(0.0, since)) * 0.5 ** (max(0.0, since - 1) / (5 / 6))
        noise = 0.8 * noise + rng.gauss(0, 0.02)
        times.append(hour * HOUR)
        values.append(max(0.05, daily * (1 + noise) + crowd))
    return Rates(tuple(times), tuple(values))


def busiest(rates: Rates, length: float = DAY) -> Rates:
    """The part of `length` seconds with the most arrivals, out of those that follow each other from the start.

    It starts at 0; what was before it comes along, at negative times. A shorter trace is taken whole.
    """
    parts = [rates.start + index * length for index in range(int((rates.end - rates.start) // length))]
    start = max(parts, key=lambda begin: rates.mean(begin, begin + length), default=rates.start)
    return _moved(rates.part(rates.start, start + length if parts else rates.end), -start)


def fit(rates: Rates, duration: float, peak: float, parts: int = 48) -> Rates:
    """Fit a trace to the demo: what is after 0 s into `duration` seconds, with `peak` arrivals/s at its 99.5th
    percentile; what is before, just as fast and as high.

    The rate is averaged over `parts` equal parts (half hours of a day) and linear between their middles. A count over
    one minute of a quiet site is mostly chance; scaled up, that would become changes in load that never were.
    """
    part = rates.end / parts
    first = math.ceil(rates.start / part)
    means = [rates.mean(index * part, (index + 1) * part) for index in range(first, parts)]
    scale = peak / percentile(means[-parts:], 99.5)
    middles = ((index + 0.5) * duration / parts for index in range(first, parts))
    return Rates(
        (first * duration / parts, *middles, duration), tuple(mean * scale for mean in (means[0], *means, means[-1]))
    )


def led_in(rates: Rates, lead: float) -> Rates:
    """The trace after `lead` seconds, in which its first rate is reached and then held: nobody starts cold."""
    return Rates((0.0, lead / 2, *(time + lead for time in rates.times)), (0.0, rates.values[0], *rates.values))


def counted(rates: Rates, interval: float, seed: int) -> Rates:
    """What somebody measured who counted the arrivals of each whole `interval` (s), by its end; the first one at 0."""
    count = int((rates.end - rates.start) / interval + 1e-9)
    found = [0] * count
    for time in arrivals(rates, seed):
        if (place := int((time - rates.start) / interval)) < count:
            found[place] += 1
    return Rates(tuple(place * interval for place in range(count)), tuple(number / interval for number in found))


def _moved(rates: Rates, seconds: float) -> Rates:
    """The same so much later."""
    return Rates(tuple(time + seconds for time in rates.times), rates.values)


def rescale(rates: Rates, speed: float, scale: float) -> Rates:
    """The trace `speed` times as fast, with `scale` times its rates, from 0 s."""
    times = ((time - rates.start) / speed for time in rates.times)
    return Rates(tuple(times), tuple(value * scale for value in rates.values))


def arrivals(rates: Rates, seed: int) -> Iterator[float]:
    """Times (s) of a Poisson process of these rates; the same for the same rates and seed.

    By thinning: a process of the highest rate, of which each arrival is kept with the probability rate / highest rate.
    """
    rng = random.Random(seed)  # noqa: S311  (not for secrets)
    highest = max(rates.values)
    time = rates.start
    while True:
        time += rng.expovariate(highest)
        if time >= rates.end:
            return
        if rng.random() * highest < rates.at(time):
            yield time


def percentile(values: Sequence[float], percent: float) -> float:
    """The percentile of at least one value, linear between the two nearest."""
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / 100
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (position - low) * (ordered[high] - ordered[low])
