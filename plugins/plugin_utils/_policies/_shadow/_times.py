# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The times of a cluster: ticks, the season, and how much of the past is remembered."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import DAY_S

#: All that smooths is written for ticks of so many seconds of a day; where they are shorter, it takes more of them.
TICK_S = 15.0
#: Weights of the newest value in exponentially weighted means, and terms of them; what is left out weighs below 1e-4.
FAST, MEDIUM, SLOW = 0.5, 0.15, 0.04
TERMS = {FAST: 16, MEDIUM: 64, SLOW: 256}
#: Ticks that the rate of a season is averaged over.
SMOOTH = 3
#: More slots are not remembered: a day of four ticks a minute, and some.
MOST_SLOTS = 6000
#: A season that is too long for them is remembered in so many coarse slots, or fewer.
COARSE_SLOTS = 2048


@dataclass(frozen=True)
class Times:
    """The times of a cluster."""

    interval: float  # s
    lead: int  # ticks from a measurement until what is ordered on it has served for a whole tick: boot + 1
    season: int  # ticks until traffic repeats

    def ticks(self, seconds: float) -> int:
        """So many seconds of a day, in ticks. Where a season is less than a day, all windows shrink with it."""
        day = min(self.season, DAY_S / self.interval)
        return min(max(1, round(seconds / DAY_S * day)), MOST_SLOTS)

    @property
    def fine(self) -> int:
        """Ticks in TICK_S."""
        return self.ticks(TICK_S)

    @property
    def smooth(self) -> int:
        """Ticks that the rate of a season is averaged over."""
        return SMOOTH * self.fine

    @property
    def memory(self) -> int:
        """Slots of history that are looked at."""
        return min(self.season + TERMS[MEDIUM] * self.fine, MOST_SLOTS)

    @property
    def stride(self) -> int:
        """Ticks of a coarse slot, where the season is too long for the history; 0 where it is not."""
        return math.ceil(self.season / COARSE_SLOTS) if self.season >= MOST_SLOTS else 0
