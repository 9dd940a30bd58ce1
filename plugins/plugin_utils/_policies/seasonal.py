# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy `seasonal`: what came a season ago is expected again; Erlang C says how many instances that needs.

The seasonal naive forecast, y(t + h) = y(t + h - m) with a season of m ticks (Hyndman and Athanasopoulos, Forecasting:
principles and practice, 3rd ed., section 5.2), here

* of rates averaged over three ticks, so that chance of a season ago is not staffed for;
* the largest of them until what is ordered now has served for a tick: boot_time and one tick;
* times the level of this season: the mean of the last ten minutes over that of the same ten minutes a season ago,
  from 0.3 to 3.

Staffed for is the larger of it and what policy erlang expects (what arrives now, and the trend of four ticks); and from
there on as in policy erlang. Without a season in memory it is policy erlang. Simplified: one season (a day by default),
no weekly one, and only the last one counts, without an average over several.

Ticks whose rate is missing are interpolated between their neighbours. It needs numpy.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import require_numpy
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    Live,
    Memory,
    PolicySettings,
    lead_ticks,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._history import History, level_ratio
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._staffing import (
    ERLANG_C_LIMITS,
    ERLANG_C_OPTIONS,
    TREND_TICKS,
    ErlangCRule,
    Expected,
    followed,
)

#: Seconds whose mean is the level of a season.
LEVEL_S = 600.0
#: Ticks that a rate of the last season is averaged over.
SMOOTH = 3


class Seasonal(ErlangCRule):
    """Memory: the `history` of a season's arrival rates, and that of an ErlangCRule. Live, the history is a History."""

    name = "seasonal"
    wants_history = True
    options: ClassVar[dict[str, Any]] = {"season": {"type": "float", "default": 86400.0}, **ERLANG_C_OPTIONS}
    limits: ClassVar[dict[str, tuple[float, float]]] = {"season": (600.0, 7 * 86400.0), **ERLANG_C_LIMITS}

    def dump(self, live: Live) -> Memory:
        """See Policy.dump."""
        history = live.get("history")
        return {**live, "history": history.to_plain()} if isinstance(history, History) else dict(live)

    def learn(self, memory: Live, now: float, arrival_rate: float, settings: PolicySettings) -> Live:
        """Append the rate to the history; see RateRule.learn."""
        require_numpy("policy seasonal")
        history = _history(memory.get("history"), settings)
        for rate in history.until(now, arrival_rate):
            history.append(rate)
        return {"history": history}

    def expect(self, memory: Live, now: float, arrival_rate: float, settings: PolicySettings) -> tuple[Expected, Live]:
        """The larger of trend and season; see ErlangCRule.expect."""
        own = self.learn(memory, now, arrival_rate, settings)
        history: History = own["history"]
        newest = history.last(TREND_TICKS).tolist()
        newest[-1] = arrival_rate  # the history has it rounded
        trend = followed([[place * settings.interval, rate] for place, rate in enumerate(newest)], settings)
        season = _after_season(history, settings)
        return (Expected(season, "as a season ago") if season > trend else Expected(trend)), own


def _history(known: Any, settings: PolicySettings) -> History:
    """The history of a memory, for this season and interval."""
    interval = settings.interval
    size = _season_ticks(settings) + max(_level_ticks(settings), SMOOTH)
    if isinstance(known, History):
        if (known.interval, known.size) == (interval, size):
            return known
        known = known.to_plain()
    history = History(interval, size)
    return history.read(known) if known else history


def _season_ticks(settings: PolicySettings) -> int:
    return max(1, round(settings.options["season"] / settings.interval))


def _level_ticks(settings: PolicySettings) -> int:
    return max(1, round(LEVEL_S / settings.interval))


def _after_season(history: History, settings: PolicySettings) -> float:
    """The largest rate to expect until the end of the lead, after the last season; 0 where there is none."""
    season, ticks, lead = _season_ticks(settings), _level_ticks(settings), lead_ticks(settings)
    # From the last rate before what is averaged to the first after it; what is not over yet a season ago is left out.
    ago = max(0, season - lead - SMOOTH // 2)
    rates = history.last(season - ago + SMOOTH // 2, ago).tolist()
    then = history.last(ticks, season)
    if len(then) < ticks or len(rates) < SMOOTH:
        return 0.0
    most = max(sum(rates[place : place + SMOOTH]) for place in range(len(rates) - SMOOTH + 1)) / SMOOTH
    return most * level_ratio(sum(history.last(ticks).tolist()), sum(then.tolist()))


POLICY = Seasonal()
