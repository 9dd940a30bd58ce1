# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a replay showed, in figures that people compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, Ints, np

HOUR_S = 3600.0


@dataclass(frozen=True)
class Course:
    """What happened to one contender; arrays have one value a tick."""

    name: str  # as people know it
    ordered: Ints  # instances that cost, booting ones included
    p99: Floats  # s
    cost: Floats  # in instances: 1 is an instance for a tick, broken SLOs are priced in
    given_up: float = 0.0  # messages whose clients gave up
    reasons: Sequence[str] = ()  # the last decisions in words, newest last


@dataclass(frozen=True)
class Figures:
    """One row of the table."""

    name: str
    cost_per_hour: float  # instances; broken SLOs are priced in
    regret: float | None  # cost / cost of the optimum - 1; None for the optimum itself
    time_over_slo: float  # share of the time
    worst_p99_s: float
    instance_hours: float
    changes_per_hour: float
    worst_hour_at: float  # s from the start of what is scored
    worst_hour_over_slo: float  # share of that hour

    def to_plain(self) -> dict[str, Any]:
        """Plain data."""
        return dict(vars(self))


@dataclass(frozen=True)
class Replay:
    """All contenders on the same traffic."""

    interval: float  # s between two ticks
    start: float  # of the first scored tick: unix seconds, or seconds from the start of traffic of no known date
    rates: Floats  # messages/s, one a tick
    slo_p99: float | None  # s
    courses: Sequence[Course]
    optimum: Course
    notes: Sequence[str] = field(default_factory=tuple)  # what the reader has to know: assumptions, gaps
    assumed: Mapping[str, Any] = field(default_factory=dict)  # settings of the service, by option

    @cached_property
    def figures(self) -> list[Figures]:
        """One row a contender, cheapest first, and the optimum before them."""
        best = self._figures(self.optimum, None)
        rows = [self._figures(course, best.cost_per_hour) for course in self.courses]
        return [best, *sorted(rows, key=lambda row: row.cost_per_hour)]

    def _figures(self, course: Course, least: float | None) -> Figures:
        ticks = len(course.cost)
        over = course.p99 > self.slo_p99 if self.slo_p99 is not None else np.zeros(ticks, dtype=bool)
        hours = ticks * self.interval / HOUR_S
        hour = min(ticks, max(1, round(HOUR_S / self.interval)))
        in_hour = _windows(over.astype(float), hour)
        # Where hours are equally bad, the dearest is the worst.
        dear = _windows(course.cost, hour)
        worst = int(np.lexsort((dear, in_hour))[-1])
        cost = float(course.cost.mean())
        return Figures(
            name=course.name,
            cost_per_hour=cost,
            regret=None if least is None else cost / least - 1.0,
            time_over_slo=float(over.mean()),
            worst_p99_s=float(course.p99.max()),
            instance_hours=float(course.ordered.sum()) * self.interval / HOUR_S,
            changes_per_hour=float((np.diff(course.ordered) != 0).sum()) / hours,
            worst_hour_at=worst * self.interval,
            worst_hour_over_slo=float(in_hour[worst]) / hour,
        )


def _windows(values: Floats, width: int) -> Floats:
    """The sum of each `width` values in a row."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(sums[width:] - sums[:-width])
