# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The staffing rules that compete: readable, and all of them asked at each tick.

A mode is a head (what to staff for, with its headroom), a season (which past is expected to come again) and a hold
(for how long the most that was needed is kept). It staffs for the largest of them, with a headroom each.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import NamedTuple

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._signals import HOLDS_S, Signals

#: Head -> its headroom. The names are what people read and write.
HEADS = {
    "1.0 x rate": 1.0,
    "1.05 x rate": 1.05,
    "1.1 x rate": 1.1,
    "1.3 x rate": 1.3,
    "1.8 x rate": 1.8,
    "growth of 97 % here": 1.08,
    "growth of 99.5 % here": 1.08,
    "growth of 99.5 %": 1.08,
    "median rate": 1.08,
    "rate of 90 %": 1.08,
    "rate of 99 %, capped": 1.08,
    "a third towards the peak": 1.05,
}
SEASONS = ("last season", "best period")
HOLDS = ("no hold", *(f"held {seconds / 60:g} min" for seconds in HOLDS_S))
MODES = tuple(", ".join(parts) for parts in product(HEADS, SEASONS, HOLDS))
#: Modes that differ in the season only, for people.
RULES = tuple(", ".join(parts) for parts in product(HEADS, HOLDS))
#: The headroom of a trend, a season and a hold is the head's, up to these.
TREND_HEADROOM, SEASON_HEADROOM, HOLD_HEADROOM = 1.1, 1.3, 1.1


#: Headroom of the heads that staff for a level.
HEADROOM = 1.08


class Rule(NamedTuple):
    """What a rule (a mode whatever its season) adds to the decision."""

    name: str
    weight: float
    rate: float  # what it staffs for, messages/s


class _Headrooms(NamedTuple):
    """Columns of one headroom a head."""

    trend: Floats
    season: Floats
    hold: Floats


@lru_cache(maxsize=1)
def _headrooms() -> _Headrooms:
    own = np.array(list(HEADS.values()))[:, None]
    return _Headrooms(*(np.minimum(own, most) for most in (TREND_HEADROOM, SEASON_HEADROOM, HOLD_HEADROOM)))


def loads(signals: Signals) -> Floats:
    """The rate that each mode staffs for, in messages/s, in the order of MODES."""
    smooth, (median, high, highest) = signals.smooth, signals.levels
    plain = HEADROOM * smooth
    values = np.array(
        [
            smooth,
            1.05 * smooth,
            1.1 * smooth,
            1.3 * smooth,
            1.8 * smooth,
            signals.growth_here[0] * smooth,
            signals.growth_here[1] * smooth,
            signals.growth * smooth,
            max(median, plain),
            max(high, plain),
            max(min(2.2 * smooth, 1.05 * highest), 1.05 * smooth),
            smooth + 0.3 * max(signals.holds[-1] - smooth, 0.0),
        ]
    )
    headrooms = _headrooms()
    base = np.maximum(values[:, None], headrooms.trend * signals.trend)
    seasons = headrooms.season * np.array([signals.season, signals.repeated])
    holds = headrooms.hold * np.array([0.0, *signals.holds])
    return np.maximum(np.maximum(base, seasons)[:, :, None], holds[:, None, :]).ravel()


def heaviest(weights: Floats, rates: Floats, count: int) -> list[Rule]:
    """The `count` rules that weigh most, heaviest first; `weights` and `rates` are of the modes."""
    shape = (len(HEADS), len(SEASONS), len(HOLDS))
    each = weights.reshape(shape).sum(axis=1).ravel()
    staffed = (weights * rates).reshape(shape).sum(axis=1).ravel()
    order = np.argsort(-each, kind="stable")[:count].tolist()
    return [Rule(RULES[i], float(each[i]), float(staffed[i] / each[i])) for i in order if each[i] > 0.0]
