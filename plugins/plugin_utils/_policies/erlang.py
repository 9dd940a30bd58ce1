# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy `erlang`: the fewest instances that keep the SLO on latency at the measured arrival rate, by Erlang C.

It follows a rise at once and in one step, and where the rate has been growing, it staffs for what will arrive when the
instances that it orders now are ready. It shrinks to the most that was needed in the last `hold` seconds. Until
the service rate is known, policy `hpa` with its defaults decides, on p99.
"""

from __future__ import annotations

from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import Memory, PolicySettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._staffing import (
    TREND_TICKS,
    ErlangCRule,
    Expected,
    followed,
)


class Erlang(ErlangCRule):
    """Memory: `needs` [[unix seconds, instances], ...] of the hold window, the last `rates` [[unix seconds, 1/s], ...],
    and hpa's memory while that decides."""

    name = "erlang"

    def expect(
        self, memory: Memory, now: float, arrival_rate: float, settings: PolicySettings
    ) -> tuple[Expected, Memory]:
        """What a trend of four ticks leads to."""
        rates = [*memory.get("rates", []), [now, arrival_rate]][-TREND_TICKS:]
        return Expected(followed(rates, settings)), {"rates": rates}


POLICY = Erlang()
