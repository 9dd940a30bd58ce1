# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What scores add up to: geometric mean regrets, paired ratios with bootstrap intervals, shares of days won."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from policies.arena import Score

RESAMPLES = 10_000
CONFIDENCE = 0.95

#: Cost / optimum by day; where a day was run with several seeds, their geometric mean.
Ratios = Mapping[str, float]


class Row(NamedTuple):
    """One contender over all days."""

    contender: str
    regret: float  # geometric mean of cost / optimum - 1
    over_slo: float  # share of ticks
    severe: float  # share of ticks
    instances: float  # instance-hours / the clairvoyant's
    changes: float  # an hour
    worst: float  # regret on the worst day
    worst_day: str


class Paired(NamedTuple):
    """One contender beside another: cost of the one / cost of the other, geometric mean over days."""

    contender: str
    ratio: float
    low: float  # of the 95 % interval over days
    high: float
    won: float  # share of days on which the other was cheaper
    worst: float  # smallest ratio of a day


def regret(ratios: Iterable[float]) -> float:
    """Geometric mean of cost / optimum, less 1. The arithmetic one would be owned by the burstiest days."""
    return float(np.exp(np.mean(np.log(list(ratios))))) - 1.0


def interval(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """Bootstrap interval (percentiles) of the geometric mean of values that are independent, such as days."""
    logs = np.log(np.asarray(values))
    picks = np.random.default_rng(seed).integers(len(logs), size=(RESAMPLES, len(logs)))
    tail = 0.5 * (1.0 - CONFIDENCE)
    low, high = np.quantile(logs[picks].mean(axis=1), [tail, 1.0 - tail])
    return float(np.exp(low)), float(np.exp(high))


def paired(contender: str, theirs: Ratios, ours: Ratios) -> Paired:
    """Their cost / our cost, day by day."""
    ratios = [theirs[day] / ours[day] for day in ours]
    low, high = interval(ratios)
    won = sum(ratio > 1.0 for ratio in ratios) / len(ratios)
    return Paired(contender, regret(ratios) + 1.0, low, high, won, min(ratios))


def ratios(scores: Iterable[Score]) -> dict[str, dict[str, float]]:
    """Cost / optimum by contender and day."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for score in scores:
        found[score.contender][score.day].append(score.ratio)
    return {contender: {day: regret(each) + 1.0 for day, each in days.items()} for contender, days in found.items()}


def rows(scores: Sequence[Score]) -> list[Row]:
    """One row a contender, cheapest first."""
    by_day = ratios(scores)
    found = []
    for contender, days in by_day.items():
        own = [score for score in scores if score.contender == contender]
        worst = max(days, key=lambda day: days[day])
        found.append(
            Row(
                contender=contender,
                regret=regret(days.values()),
                over_slo=_mean(score.over_slo for score in own),
                severe=_mean(score.severe for score in own),
                instances=_mean(score.instances for score in own),
                changes=_mean(score.changes for score in own),
                worst=days[worst] - 1.0,
                worst_day=worst,
            )
        )
    return sorted(found, key=lambda row: row.regret)


def by_trace(scores: Iterable[Score]) -> dict[str, dict[str, float]]:
    """Regret by contender and trace, of all its days and seeds."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for score in scores:
        found[score.contender][score.trace].append(score.ratio)
    return {contender: {trace: regret(each) for trace, each in own.items()} for contender, own in found.items()}


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
