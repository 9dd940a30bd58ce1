# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy `predictive`: an hourly forecast of the arrival rate beside target tracking, as predictive scaling of AWS.

Source: Amazon EC2 Auto Scaling user guide, "How predictive scaling works", and API reference,
PredictiveScalingConfiguration. It needs 24 hours of data, and uses up to 14 days. It foretells the load of each hour;
divided by the target utilisation, that is the capacity. It is ordered at the start of the hour, or SchedulingBufferTime
(300 s) earlier. A forecast that falls does not scale in: a target tracking policy goes beside it; the larger counts.

    forecast of an hour = mean of the same hour of the days so far; where the same weekday has been seen,
                          the mean of that and of the same hour of those weekdays
    instances = forecast / (service rate x servers_per_instance x target_utilisation), rounded up

Simplified: the forecast is this mean, where AWS trains a model of its own that it does not publish, and it is made anew
each hour, not every six. Hours are of UTC, so that where clocks change, so does the season. Until 24 hours have been
seen, or while the service rate is unknown, target tracking decides alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import target_tracking
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    MAX_ERLANGS,
    Memory,
    Observation,
    PerCluster,
    PolicySettings,
    Proposal,
    figure,
    no_data,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._staffing import server_text, timed

HOUR_S = 3600.0
DAY, WEEK = 24, 7 * 24  # hours
#: Hours that are remembered, and those that have to have been seen before anything is foretold.
MOST_HOURS, FEWEST_HOURS = 14 * DAY, DAY
#: An hour of which less was seen is not remembered.
SEEN_SHARE = 0.5
#: The policy beside the forecast.
REACTIVE = target_tracking.POLICY


class Predictive(PerCluster):
    """Memory: mean arrival rates (messages/s) of past `hours`, the newest last, null where too little was measured;
    number, sum and count of the rates of the present `hour`; that of target_tracking."""

    name = "predictive"
    imitation = True
    wants_history = True
    options: ClassVar[dict[str, Any]] = {
        "target_utilisation": {"type": "float", "default": 0.65},
        "scheduling_buffer": {"type": "float", "default": 300.0},
        REACTIVE.name: {"type": "dict", "apply_defaults": True, "options": REACTIVE.options},
    }
    limits: ClassVar[dict[str, tuple[float, float]]] = {
        "target_utilisation": (0.05, 1.0),
        "scheduling_buffer": (0.0, 3599.0),
    }

    def check(self, options: Mapping[str, Any]) -> None:
        """See Policy.check."""
        super().check(options)
        try:
            REACTIVE.check(options[REACTIVE.name])
        except OptionError as error:
            message = str(error).removeprefix(f"{error.option}: ")
            raise OptionError(f"{self.name}.{error.option}", message) from error

    def past_days(self, settings: PolicySettings) -> float:  # noqa: ARG002
        """See Policy.past_days."""
        return MOST_HOURS / DAY

    def prefilled(self, rates: Sequence[float], end: float, settings: PolicySettings) -> Memory:
        """See Policy.prefilled."""
        memory: Memory = {}
        for now, rate in timed(rates, end, settings.interval):
            memory = _learned(memory, now, rate, settings.interval)
        return memory

    def propose(
        self, memory: Memory, observation: Observation, settings: PolicySettings, rng: Random
    ) -> tuple[Proposal, Memory]:
        """The larger of what target tracking says and of what the forecast needs, which never shrinks anything."""
        snapshot, options, now = observation.snapshot, settings.options, observation.now
        arrival_rate, service_rate = snapshot.get("arrival_rate"), observation.service_rate
        tracked = replace(settings, options=options[REACTIVE.name])
        reactive, tracking = REACTIVE.propose(memory.get(REACTIVE.name, {}), observation, tracked, rng)
        memory = {**memory, REACTIVE.name: tracking}
        if not snapshot.get("valid"):
            return Proposal(None, no_data(snapshot)), memory
        wrong = service_rate and (arrival_rate or 0.0) / service_rate > MAX_ERLANGS
        if arrival_rate is not None and observation.complete and not wrong:
            memory |= _learned(memory, now, arrival_rate, settings.interval)

        hours = {math.floor((now + ahead) / HOUR_S) for ahead in (0.0, options["scheduling_buffer"])}
        forecasts = [forecast for hour in hours if (forecast := _forecast(memory, hour)) is not None]
        if not forecasts:
            return replace(reactive, reason=f"{reactive.reason}; no forecast yet"), memory
        if service_rate is None:
            return replace(reactive, reason=f"{reactive.reason}; service rate not calibrated yet"), memory
        if max(forecasts) / service_rate > MAX_ERLANGS:  # learned from a wrong metric, before rates could be judged
            return replace(reactive, reason=f"{reactive.reason}; the forecast cannot be"), memory
        return _larger(reactive, max(forecasts), observation.ordered, service_rate, settings), memory


def _larger(
    reactive: Proposal, forecast: float, ordered: int, service_rate: float, settings: PolicySettings
) -> Proposal:
    """What target tracking proposes, or more where the forecast (messages/s) needs more than that."""
    options, servers = settings.options, settings.servers_per_instance
    needed = math.ceil(forecast / (service_rate * servers * options["target_utilisation"]))
    seen = (
        f"{figure(forecast)} msg/s forecast{server_text(service_rate, servers)}, "
        f"{100.0 * options['target_utilisation']:g} % busy, {needed} instances"
    )
    details = {"forecast_rate": forecast, "forecast_count": needed, "reactive_count": reactive.count}
    if needed > (ordered if reactive.count is None else reactive.count):
        return Proposal(needed, f"{seen}; {reactive.reason}", details)
    return Proposal(reactive.count, f"{reactive.reason}; {seen}", details)


def _learned(memory: Memory, now: float, rate: float, interval: float) -> Memory:
    """The hours after this rate. Where the clock was set back by more than an hour, they begin anew."""
    hours, total, ticks = memory.get("hours", []), memory.get("total", 0.0), memory.get("ticks", 0)
    hour = math.floor((now - 0.5 * interval) / HOUR_S)  # of the middle of the time that the rate was measured in
    known = memory.get("hour", hour)
    if hour == known - 1:
        hour = known
    elif hour < known:
        hours, total, ticks = [], 0.0, 0
    elif hour > known:
        mean = float(f"{total / ticks:.4g}") if ticks * interval >= SEEN_SHARE * HOUR_S else None
        unseen = [None] * min(hour - known - 1, MOST_HOURS)
        hours, total, ticks = [*hours, mean, *unseen][-MOST_HOURS:], 0.0, 0
    return {"hours": hours, "hour": hour, "total": total + rate, "ticks": ticks + 1}


def _forecast(memory: Memory, hour: int) -> float | None:
    """The arrival rate to expect in this hour (its number since 1970); None where it is not known."""
    hours = memory.get("hours", [])
    if len(hours) < FEWEST_HOURS:
        return None
    place = len(hours) + hour - memory["hour"]  # of this hour, if it were in the list
    days, weeks = _mean(hours[place % DAY :: DAY]), _mean(hours[place % WEEK :: WEEK])
    return days if days is None or weeks is None else 0.5 * (days + weeks)


def _mean(rates: Sequence[float | None]) -> float | None:
    known = [rate for rate in rates if rate is not None]
    return sum(known) / len(known) if known else None


POLICY = Predictive()
