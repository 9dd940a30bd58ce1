# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the arrival rates of the last day say about the next minute."""

from __future__ import annotations

from bisect import bisect
from collections import deque
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, Ints, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._history import (
    Window,
    level_ratio,
    slope_weights,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._packing import pack, unpack
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._past import Past
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._times import (
    FAST,
    MEDIUM,
    SLOW,
    TERMS,
    Times,
)

#: Windows of the largest rates, s.
HOLDS_S = (300.0, 1200.0, 3600.0, 14400.0)
#: Periods that traffic is tried to repeat with, s; the last candidates are the season and the schedule.
LAGS_S = (300.0, 600.0, 900.0, 1200.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0)
#: How often the quantiles are taken anew, s.
SLOW_S = 300.0
LEVELS_S, GROWTH_S, GROWTH_BY_LEVEL_S = 28800.0, 7200.0, 43200.0
#: Bounds between the levels (rate / median) that growth is told apart by, and the samples that say something.
LEVELS = (0.7, 1.0, 1.4, 2.0)
ENOUGH_SAMPLES = 40
#: Where the season stands among the candidates; the schedule is the last.
SEASON = -2
#: Seconds that a season is judged by.
SCORE_S = 7500.0
#: A season that came short costs so many times one that was too high by the same.
SHORT_COST = 10.0
#: Growth is not taken from less than this share of what one instance can serve.
LEAST_SHARE = 0.1
#: Traffic breaks off where the rate falls below this share of the largest of the last so many seconds. That says
#: something of users only where it happens at less than this share of all ticks, seen for so many seconds.
BREAK, BREAK_S, RARE, LONG_ENOUGH_S = 0.5, 60.0, 0.002, 3600.0
#: Growth where nothing is known.
UNKNOWN_GROWTH = 1.1
#: Growth by more than so many times began from next to nothing: it says little of what is served now.
MOST_GROWTH = 3.0
#: What began below this share of the median is growth of its own level only: as after an outage, or at night.
USUAL_SHARE = 0.5
#: What a trend comes to is at most so many times what arrives: a jump is no trend.
MOST_TREND = 2.0
#: A slope of so many standard deviations is explained by chance.
CHANCE = 2.0
#: Ticks whose slope is the trend.
TREND = 4


class Signals(NamedTuple):
    """What is known at one tick; rates in messages/s."""

    rate: float  # of the last interval
    smooth: float  # f: its mean over some intervals
    rise: float  # how much it grew over the ticks that trends are taken from, a minute or so
    trend: float  # what it comes to at the end of the lead, if it grows
    holds: tuple[float, ...]  # largest smooth rate of each of HOLDS_S
    medium: float  # mean over some minutes
    season: float  # largest expected until the end of the lead, after the last season; 0: not known
    repeated: float  # the same, after whichever period has foretold best
    levels: tuple[float, float, float]  # 50, 90 and 99 % quantiles of the rate
    growth: float  # 99.5 % quantile of the growth within a lead
    growth_here: tuple[float, float]  # its 97 and 99.5 % quantiles at a level as now
    broke_off: bool  # the rate fell by half within a minute, which it rarely does


class Watch:
    """Reads signals off the past. All that it learns are the `scores` of the periods; smaller is better."""

    def __init__(self, history: Past, times: Times, capacity: float) -> None:
        """`capacity` is what one instance can serve, in messages/s."""
        self.history, self.times, self.capacity = history, times, capacity
        self._reach = times.lead + 2  # ticks that are looked ahead, with the one that is now
        self._holds = [times.ticks(seconds) for seconds in HOLDS_S]
        self._break = times.ticks(BREAK_S) + 1
        self._fine = times.fine
        self._trend, self._average = TREND * self._fine, times.smooth
        self._slope_variance = float(np.square(slope_weights(self._trend)).sum())
        self._terms = {weight: terms * self._fine for weight, terms in TERMS.items()}
        self._slow = times.ticks(SLOW_S)
        self._score_weight = 1.0 / times.ticks(SCORE_S)
        lags = [times.ticks(seconds) for seconds in LAGS_S]
        back = [lag - self._reach + 1 for lag in lags if lag >= self._reach]
        self._back: Ints = np.array(back, dtype=np.int64)  # where the largest rate after each lag is found
        self._foretold: deque[Floats] = deque(maxlen=times.lead + 1)  # candidates, and the smooth rate
        self.scores: Floats = np.zeros(len(lags) + 2)
        self._smooth = Window(max(self._holds[-1], times.lead + 1))
        self._growth = Window(times.ticks(GROWTH_BY_LEVEL_S))
        self._level = Window(self._growth.size)  # smooth rate from which that growth began
        self._most = Window(max([*lags, 1]) + 1)  # largest rate of `reach` ticks
        self._means = Window(self._reach)
        self._season = Window(1 if times.stride else times.season + 1)  # largest mean of `reach` ticks
        self._rebuild()

    def advance(self, scheduled: float = 0.0) -> None:
        """A rate has been appended: note what it was like, and judge what was foretold of it.

        `scheduled` is the largest rate that a person expects until the end of the lead; 0: nothing.
        """
        smooth = self._mean(FAST)
        self._note(smooth)
        if self.history.slot % self._slow == 0:
            self._levels()
        self._score(self._candidates(scheduled), smooth)

    def signals(self) -> Signals:
        """What the newest rates say, and what was foretold at the last `advance`."""
        history = self.history
        last = history.last(self._trend)
        rate = float(last[-1])
        slope = float(last @ slope_weights(self._trend)) if len(last) == self._trend else 0.0
        candidates, smooth = self._foretold[-1][:-1], float(self._foretold[-1][-1])
        newest = max(smooth, rate)
        growth = self._beyond_chance(slope, smooth)
        return Signals(
            rate=rate,
            smooth=smooth,
            rise=self._trend * slope,
            trend=min(newest + self.times.lead * growth, MOST_TREND * newest),
            holds=tuple(float(self._smooth.last(ticks).max()) for ticks in self._holds),
            medium=self._mean(MEDIUM),
            season=float(candidates[SEASON]),
            repeated=float(candidates[int(self.scores.argmin())]),
            levels=self.levels,
            growth=self.growth,
            growth_here=self.growth_here,
            broke_off=self._breaks_rare and rate < BREAK * float(history.last(self._break).max()),
        )

    def _beyond_chance(self, slope: float, rate: float) -> float:
        """What of a slope (messages/s a tick) is growth: none where chance explains it, nearly all where it is steep.

        Rates are counts, with a variance of rate / interval; of their slope it is that times the squared weights.
        Shrunk as by the positive-part estimator of James and Stein (1961).
        """
        if slope <= 0.0:
            return 0.0
        variance = max(rate, 0.0) / self.times.interval * self._slope_variance
        return slope * max(1.0 - CHANCE**2 * variance / slope**2, 0.0)

    def _grown(self, most: Floats, before: Floats | float) -> Floats:
        """How many times a rate has grown, at most MOST_GROWTH."""
        return np.minimum(most / np.maximum(before, self._least), MOST_GROWTH)

    @property
    def _least(self) -> float:
        """A rate below which growth is not taken for much."""
        return LEAST_SHARE * self.capacity

    def _candidates(self, scheduled: float) -> Floats:
        """What each period, the season and the schedule foretell; 0 where nothing."""
        candidates = np.zeros(len(self.scores))
        if len(self._most) > int(self._back.max(initial=0)):
            candidates[: len(self._back)] = self._most.at(self._back)
        candidates[SEASON:] = self._after_season(self._mean(MEDIUM)), scheduled
        return candidates

    def _note(self, smooth: float) -> None:
        """Append the newest values to the windows."""
        history, lead = self.history, self.times.lead
        self._smooth.append(smooth)
        if len(self._smooth) > lead:
            before = float(self._smooth.last(1, lead)[0])
            self._growth.append(float(self._grown(history.last(lead).max(), before)))
            self._level.append(before)
        self._most.append(float(history.last(self._reach).max()))
        newest = history.last(self._average)
        self._means.append(float(newest.sum()) / len(newest))
        self._season.append(float(self._means.last(self._reach).max()))

    def _rebuild(self) -> None:
        """Fill the windows as `_note` would have done at each tick of the history."""
        rates = self.history.last(self.history.size)
        lead, count = self.times.lead, len(rates)
        smooth = means = rates
        if count:
            taps, equal = _taps(FAST, self._fine)[::-1], np.ones(self._average)
            smooth = np.convolve(rates, taps)[:count] / np.convolve(np.ones(count), taps)[:count]
            means = np.convolve(rates, equal)[:count] / np.minimum(np.arange(count) + 1, self._average)
        self._smooth.replace(smooth)
        self._most.replace(_running_max(rates, self._reach))
        self._means.replace(means)
        self._season.replace(_running_max(means, self._reach))
        before = smooth[:-lead]
        self._growth.replace(self._grown(_running_max(rates, lead)[lead:], before))
        self._level.replace(before)
        self._levels(ago=self.history.slot % self._slow)

    def _levels(self, ago: int = 0) -> None:
        """Take the quantiles, as they were `ago` ticks ago."""
        times = self.times
        rates = self.history.last(times.ticks(LEVELS_S), ago)
        self._breaks_rare = len(rates) >= times.ticks(LONG_ENOUGH_S) and _breaks(rates, self._break) < RARE
        if not len(rates):
            self.levels, self.growth, self.growth_here = (
                (0.0, 0.0, 0.0),
                UNKNOWN_GROWTH,
                (UNKNOWN_GROWTH, UNKNOWN_GROWTH),
            )
            return
        median, high, highest = _quantiles(rates, (0.5, 0.9, 0.99))
        self.levels = (median, high, highest)
        usual = self._level.last(times.ticks(GROWTH_S), ago) >= USUAL_SHARE * median
        recent = self._growth.last(times.ticks(GROWTH_S), ago)[usual]
        (self.growth,) = _quantiles(recent, (0.995,)) if len(recent) else (UNKNOWN_GROWTH,)
        growth, before = self._growth.last(self._growth.size, ago), self._level.last(self._level.size, ago)
        if median > 0.0:
            here = bisect(LEVELS, float(self._smooth.last(1, ago)[0]) / median)
            same = growth[np.searchsorted(LEVELS, before / median, side="right") == here]
            growth = same if len(same) >= ENOUGH_SAMPLES else growth
        if len(growth):
            most, nearly_all = _quantiles(growth, (0.97, 0.995))
            self.growth_here = (most, nearly_all)
        else:
            self.growth_here = (UNKNOWN_GROWTH, UNKNOWN_GROWTH)

    def _mean(self, weight: float, ago: int = 0) -> float:
        """The exponentially weighted mean of the rates, as it was `ago` ticks ago."""
        window = self.history.last(self._terms[weight], ago)
        count = len(window)
        return float(window @ _taps(weight, self._fine)[-count:]) / _part(weight, self._fine, count)

    def _after_season(self, medium: float) -> float:
        """What the last season did at this time and after it, at the level of this one."""
        if self.times.stride:
            return self.history.after_season(self._reach)
        back = self.times.season - self._reach + 1
        if back < 1 or len(self._season) <= back or len(self.history) <= self.times.season:
            return 0.0
        level = self._mean(MEDIUM, self.times.season)
        return float(self._season.last(1, back)[0]) * level_ratio(medium, level)

    def _score(self, candidates: Floats, smooth: float) -> None:
        """Judge what was foretold a lead ago by what has come."""
        self._foretold.append(np.append(candidates, smooth))
        if len(self._foretold) <= self.times.lead:
            return
        then, smooth_then = self._foretold[0][:-1], self._foretold[0][-1]
        scale = max(self._mean(SLOW), self._least)
        missing = (float(self.history.last(self.times.lead).max()) - np.maximum(then, smooth_then)) / scale
        loss = np.where(missing > 0.0, SHORT_COST * missing, -missing)
        self.scores += self._score_weight * (loss - self.scores)

    def to_plain(self) -> dict[str, Any]:
        """What it has learned, and what is not judged yet; the rest is in the history."""
        return {"scores": self.scores.tolist(), "foretold": pack(np.array(self._foretold), "<f8")}

    def learn_from(self, plain: Mapping[str, Any]) -> None:
        """Go on from what `to_plain` wrote. AutoscaleError where it is damaged."""
        if len(plain["scores"]) != len(self.scores):
            raise AutoscaleError("what the policy has learned is damaged")
        self.scores = np.array(plain["scores"], dtype=float)
        self._foretold.extend(unpack(plain["foretold"], "<f8", (-1, len(self.scores) + 1)))


def _breaks(rates: Floats, ticks: int) -> float:
    """The share of these rates that lie far below the largest of the `ticks` up to them."""
    return float((rates < BREAK * _running_max(rates, ticks)).mean())


@lru_cache(maxsize=8)
def _taps(weight: float, fine: int) -> Floats:
    """Weights of an exponentially weighted mean of a window, oldest first: 1 - `weight` are left after `fine` ticks."""
    keep = (1.0 - weight) ** (1.0 / fine)
    return np.asarray((1.0 - keep) * keep ** np.arange(TERMS[weight] * fine)[::-1])


@lru_cache(maxsize=512)
def _part(weight: float, fine: int, count: int) -> float:
    return float(_taps(weight, fine)[-count:].sum())


def _running_max(values: Floats, count: int) -> Floats:
    """The largest of the last `count` values at each place; fewer at the beginning."""
    largest = values.copy()
    for shift in range(1, min(count, len(values))):
        np.maximum(largest[shift:], values[:-shift], out=largest[shift:])
    return largest


def _quantiles(values: Floats, quantiles: Sequence[float]) -> tuple[float, ...]:
    """The values below which these shares lie, none interpolated."""
    places = [min(int(quantile * len(values)), len(values) - 1) for quantile in quantiles]
    return tuple(np.partition(values, places)[places].tolist())
