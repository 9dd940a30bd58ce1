# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy `holt_winters`: exponential smoothing with a damped trend and a season foretells the arrival rate; Erlang C
says how many instances that needs.

With y the measured rate, l the level, b the trend and s the factor of this time of the season, at each tick

    l' = alpha y / s + (1 - alpha) (l + phi b)
    b' = beta (l' - l) + (1 - beta) phi b
    forecast in h ticks = (l' + (phi + phi^2 + ... + phi^h) b') s        s at that time

and at the end of each of the `seasonal_periods` of a season, with its mean rate for y, and l + phi b of its beginning

    s' = gamma y / (l + phi b) + (1 - gamma) s

This is Holt-Winters' multiplicative method with a damped trend (Hyndman and Athanasopoulos, Forecasting: principles and
practice, 3rd ed., sections 8.2 and 8.3; Holt 1957, Winters 1960, Gardner and McKenzie 1985), where a tick is a period
of the season. Ticks are short and seasons long, so that a factor for each would be learned from one noisy rate a day:
here a period is longer, and between the middles of two periods the factor is interpolated. During the first season,
and with a `season` of 0, all factors are 1: Holt's damped trend. The first season's means then are its factors, and
level and trend begin anew.

Staffed for is the largest of what arrives now and the forecasts for one tick and for boot_time and one tick ahead; and
from there on as in policy erlang. A tick that is missing counts as if the forecast had come true. Simplified: the
parameters are given, not fitted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import Memory, PolicySettings, lead_ticks
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._staffing import (
    ERLANG_C_LIMITS,
    ERLANG_C_OPTIONS,
    ErlangCRule,
    Expected,
)

#: After so many ticks without a rate, level and trend begin anew.
LONGEST_GAP = 40
#: No factor is below this: a rate divided by a smaller one says little about the level.
LEAST_FACTOR = 0.1


class HoltWinters(ErlangCRule):
    """Memory: `at` (unix seconds), `level` and `trend` (messages/s, a tick) without the season; the `season`, see
    `_season`; and that of an ErlangCRule."""

    name = "holt_winters"
    wants_history = True
    options: ClassVar[dict[str, Any]] = {
        "alpha": {"type": "float", "default": 0.5},
        "beta": {"type": "float", "default": 0.1},
        "gamma": {"type": "float", "default": 0.3},
        "phi": {"type": "float", "default": 0.9},
        "season": {"type": "float", "default": 86400.0},
        "seasonal_periods": {"type": "int", "default": 96},
        **ERLANG_C_OPTIONS,
    }
    limits: ClassVar[dict[str, tuple[float, float]]] = {
        **dict.fromkeys(("alpha", "beta", "gamma", "phi"), (0.0, 1.0)),
        "season": (0.0, 31 * 86400.0),
        "seasonal_periods": (2, 1000),
        **ERLANG_C_LIMITS,
    }

    def learn(self, memory: Memory, now: float, arrival_rate: float, settings: PolicySettings) -> Memory:
        """Smooth level, trend and season; see RateRule.learn."""
        options, interval = settings.options, settings.interval
        alpha, beta, phi = options["alpha"], options["beta"], options["phi"]
        middle = now - 0.5 * interval  # of the time that the rate was measured in
        season = _Season.at(middle, memory.get("season"), settings)
        settled = season.advance(middle, options["gamma"], interval)
        rate = arrival_rate / season.factor(middle)
        passed = now - memory.get("at", -math.inf)
        if settled or not 0.0 <= passed <= LONGEST_GAP * interval:
            before, trend = rate, 0.0
        else:
            ticks = max(1, round(passed / interval))
            before = memory["level"] + _damped(phi, ticks - 1) * memory["trend"]
            trend = phi**ticks * memory["trend"]
        foretold = before + trend
        season.note(arrival_rate, foretold)
        level = max(0.0, alpha * rate + (1.0 - alpha) * foretold)
        trend = beta * (level - before) + (1.0 - beta) * trend
        return {"at": now, "level": level, "trend": trend, "season": season.to_plain()}

    def expect(
        self, memory: Memory, now: float, arrival_rate: float, settings: PolicySettings
    ) -> tuple[Expected, Memory]:
        """The larger of the forecasts for one tick and for the lead; see ErlangCRule.expect."""
        own = self.learn(memory, now, arrival_rate, settings)
        middle = now - 0.5 * settings.interval
        season = _Season.at(middle, own["season"], settings)
        forecast = max(
            (own["level"] + _damped(settings.options["phi"], ticks) * own["trend"])
            * season.factor(middle + ticks * settings.interval)
            for ticks in (1, lead_ticks(settings))
        )
        return Expected(max(arrival_rate, forecast), "forecast"), own


def _damped(phi: float, ticks: int) -> float:
    """phi + phi^2 + ... + phi^ticks."""
    return float(ticks) if phi == 1.0 else phi * (1.0 - phi**ticks) / (1.0 - phi)


@dataclass
class _Season:
    """The factors of a season: unix second t lies in period number t // length, which is alike every `count` periods.

    In the first season there are `means` instead, null where too little was measured.
    """

    length: float  # s of a period
    count: int  # periods of a season; 0: there is none
    first: int  # number of the period that the first season began in
    period: int  # number of the period that is being measured
    level: float = 0.0  # foretold for its beginning
    total: float = 0.0  # sum of its rates
    ticks: int = 0  # how many
    means: list[float | None] = field(default_factory=list)
    factors: list[float] = field(default_factory=list)

    @classmethod
    def at(cls, time: float, plain: Mapping[str, Any] | None, settings: PolicySettings) -> _Season:
        """The season of a memory at unix second `time`; a new one where there is none, or it has another shape."""
        season = settings.options["season"]
        count = min(settings.options["seasonal_periods"], int(season / settings.interval))
        if count < 2:
            return cls(1.0, 0, 0, 0)
        length = season / count
        number = math.floor(time / length)
        if plain and (plain["length"], plain["count"]) == (length, count) and plain["first"] <= number:
            return cls(**plain)
        return cls(length, count, number, number, means=[None] * count)

    def to_plain(self) -> Memory | None:
        """For `at`."""
        return dict(vars(self)) if self.count else None

    def factor(self, time: float) -> float:
        """The factor at unix second `time`; 1 in the first season."""
        if not self.factors:
            return 1.0
        place = time / self.length - 0.5
        number = math.floor(place)
        before, after = self.factors[number % self.count], self.factors[(number + 1) % self.count]
        return before + (place - number) * (after - before)

    def advance(self, time: float, gamma: float, interval: float) -> bool:
        """Go to the period of this time. Returns whether the first season has ended, so that there are factors now, and
        what was level and trend contains them."""
        number = math.floor(time / self.length)
        if not self.count or number == self.period:
            return False
        if self.ticks * interval >= 0.5 * self.length:
            self._learn(self.period % self.count, self.total / self.ticks, gamma)
        self.period, self.total, self.ticks = number, 0.0, 0
        # One period more than a season: the first was not seen from its beginning.
        return not self.factors and number > self.first + self.count and self._settle()

    def note(self, rate: float, foretold: float) -> None:
        """This rate (messages/s) was measured in the period, where this level was foretold."""
        if not self.ticks:
            self.level = foretold
        self.total += rate
        self.ticks += 1

    def _learn(self, place: int, mean: float, gamma: float) -> None:
        """A period has ended with this mean rate."""
        if not self.factors:
            self.means = [*self.means[:place], _short(mean), *self.means[place + 1 :]]
        elif self.level > 0.0:
            factor = max(LEAST_FACTOR, gamma * mean / self.level + (1.0 - gamma) * self.factors[place])
            self.factors = [*self.factors[:place], _short(factor), *self.factors[place + 1 :]]

    def _settle(self) -> bool:
        """Make factors of the means, if most are there; an unknown one is 1."""
        known = [mean for mean in self.means if mean is not None]
        if len(known) < 0.5 * self.count or not any(known):
            return False
        mean = sum(known) / len(known)
        self.factors = [1.0 if each is None else _short(max(each / mean, LEAST_FACTOR)) for each in self.means]
        self.means = []
        return True


def _short(value: float) -> float:
    """To five digits, as it is remembered."""
    return float(f"{value:.5g}")


POLICY = HoltWinters()
