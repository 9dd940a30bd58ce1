# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy `erlang`: the fewest instances that keep the SLO on latency at the measured arrival rate, by Erlang C.

It follows a rise at once and in one step, and where the rate has been growing, it staffs for what will arrive when the
instances that it orders now are ready. It shrinks to the most that was needed in the last `hold` seconds. Until
the service rate is known, policy `hpa` with its defaults decides, on p99.
"""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    Memory,
    Observation,
    PerCluster,
    PolicySettings,
    Proposal,
    default_options,
    figure,
    no_data,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._queueing import (
    Staffing,
    instances_p99,
    required_instances,
)

#: Ticks whose rates show a trend.
TREND_TICKS = 4
#: What is expected is at most this many times what arrives: a jump is no trend.
MAX_GROWTH = 1.5
#: A larger load than this, in Erlangs, is none: some metric is wrong.
MAX_ERLANGS = 100_000.0
#: The policy that decides where the rates are not known.
FALLBACK = "hpa"


class Erlang(PerCluster):
    """Memory: `needs` [[unix seconds, instances], ...] of the hold window, the last `rates` [[unix seconds, 1/s], ...],
    and hpa's memory while that decides."""

    name = "erlang"
    options: ClassVar[dict[str, Any]] = {
        "headroom": {"type": "float", "default": 1.1},
        "hold": {"type": "float", "default": 300.0},
        "drain_time": {"type": "float", "default": 60.0},
    }
    limits: ClassVar[dict[str, tuple[float, float]]] = {
        "headroom": (0.1, 10.0),
        "hold": (0.0, 86400.0),
        "drain_time": (1.0, 86400.0),
    }

    def propose(
        self, memory: Memory, observation: Observation, settings: PolicySettings, rng: Random
    ) -> tuple[Proposal, Memory]:
        """Staff to the SLO; delegate to hpa where the service rate or the arrival rate is unknown."""
        snapshot, options, ordered = observation.snapshot, settings.options, observation.ordered
        service_rate = observation.service_rate
        arrival_rate = snapshot.get("arrival_rate")
        if not snapshot.get("valid"):
            return Proposal(None, no_data(snapshot)), memory
        if service_rate is None or arrival_rate is None:
            unknown = "service rate not calibrated yet" if service_rate is None else "arrival rate unknown"
            proposal, remembered = self._delegate(unknown, memory, observation, settings, rng=rng)
            return proposal, {**memory, "hpa": remembered}

        queued = snapshot.get("queue_total") or 0.0
        rates = [*memory.get("rates", []), [observation.now, arrival_rate]][-TREND_TICKS:]
        growth = _growth(rates, settings.interval) * (settings.boot_time + settings.interval)
        expected = min(arrival_rate + growth, MAX_GROWTH * arrival_rate)
        # A queue that has built up is part of what the trend shows: the larger of the two, not their sum.
        extra = max(options["headroom"] * (expected - arrival_rate), queued / options["drain_time"])
        rate = options["headroom"] * arrival_rate + extra
        if rate / service_rate > MAX_ERLANGS:
            load = f"{figure(arrival_rate)} msg/s and {figure(queued)} queued at {figure(service_rate)} msg/s"
            return Proposal(None, f"{load} cannot be: one of these metrics is wrong"), memory
        staffing = required_instances(
            rate, service_rate, settings.servers_per_instance, settings.slo.p99_latency, settings.queueing
        )
        needs = _needs(memory.get("needs", []), observation.now, staffing.instances, options["hold"])
        count = staffing.instances
        held = ""
        if count < ordered:
            count = min(ordered, max(int(need) for _unused, need in needs))
            if count > staffing.instances:
                held = f"; {count} because that was needed in the last {options['hold']:g} s"
        details = {
            "arrival_rate": arrival_rate,
            "expected_rate": expected,
            "staffed_rate": rate,
            "service_rate": service_rate,
            "erlangs": rate / service_rate,
            "needed": staffing.instances,
            "p99_s": staffing.p99_s,
            "slo_reachable": staffing.reachable,
        }
        reason = _explain(details, queued, staffing, settings) + held
        return Proposal(count, reason, details), {"needs": needs, "rates": rates}

    @staticmethod
    def _delegate(
        unknown: str, memory: Memory, observation: Observation, settings: PolicySettings, *, rng: Random
    ) -> tuple[Proposal, Memory]:
        """What hpa says, where there is an SLO for it to keep. It may not grow further while instances boot.

        Latency that does not come from load would let it double again and again, and instances that keep joining
        would keep the service rate from being learned.
        """
        remembered = memory.get("hpa", {})
        if settings.slo.p99_latency is None:
            return Proposal(None, f"{unknown}, and there is no SLO on p99 for hpa to keep"), remembered
        fallback = _registry.get(FALLBACK)
        settings = replace(settings, options=default_options(fallback.options))
        (proposal,), (remembered,) = fallback.step([remembered], [observation], [settings], [rng])
        count, reason = proposal.count, f"{unknown}, hpa decides: {proposal.reason}"
        booting = observation.ordered - observation.ready
        if count is not None and count > observation.ordered and booting > 0:
            count, reason = observation.ordered, f"{reason}; {booting} booting instances are awaited"
        return Proposal(count, reason, {**proposal.details, "decided_by": FALLBACK}), remembered


def _growth(rates: list[list[float]], interval: float) -> float:
    """How fast the rate grows (messages/s each second), as far as chance does not explain it; 0 if it falls.

    The least-squares slope of the last measured rates [[unix seconds, rate], ...], less one standard error of it: of
    Poisson arrivals, a rate r measured over an interval T has the variance r/T.
    """
    times, values = [time for time, _unused in rates], [value for _unused, value in rates]
    if len(rates) < TREND_TICKS or times[-1] - times[0] > 2 * TREND_TICKS * interval:
        return 0.0
    middle, mean = sum(times) / len(times), sum(values) / len(values)
    spread = sum((time - middle) ** 2 for time in times)
    if not spread:
        return 0.0
    slope = sum((time - middle) * (value - mean) for time, value in rates) / spread
    return max(0.0, slope - math.sqrt(mean / interval / spread))


def _needs(needs: list[list[float]], now: float, need: int, hold: float) -> list[list[float]]:
    """The needs of the window that may yet be its largest: older ones only where larger. Newest last."""
    return [each for each in needs if now - hold < each[0] <= now and each[1] > need] + [[now, need]]


def _explain(figures: dict[str, Any], queued: float, staffing: Staffing, settings: PolicySettings) -> str:
    """One sentence with the figures."""
    rate, service_rate = figures["staffed_rate"], figures["service_rate"]
    options, servers, count = settings.options, settings.servers_per_instance, staffing.instances
    load = f"{figure(figures['arrival_rate'])} msg/s"
    grows = options["headroom"] * (figures["expected_rate"] - figures["arrival_rate"])
    drains = queued / options["drain_time"]
    if grows >= drains and grows >= 0.01 * rate:
        load += f" ({figure(figures['expected_rate'])} expected)"
    if options["headroom"] != 1:
        load += f" x {options['headroom']:g}"
    if drains > grows and drains >= 0.01 * rate:
        load += f" + {figure(queued)} queued to drain in {options['drain_time']:g} s"
    server = "each" if servers == 1 else f"a server, {servers} each"
    load += f" at {figure(service_rate)} msg/s {server}"
    slo = settings.slo.p99_latency
    if not count:
        return f"{load}: nothing to do"
    if slo is None:
        return f"{load}: {count} instances keep it stable"
    if not staffing.reachable:
        return (
            f"{load}: p99 {slo:g} s is out of reach with any sensible count, {count} instances keep it stable "
            f"at p99 {staffing.p99_s:.2g} s"
        )
    kept = f"{load}: {count} instances give p99 {staffing.p99_s:.2g} s"
    if count == 1:
        return kept
    fewer = instances_p99(count - 1, rate, service_rate, servers, settings.queueing)
    return f"{kept}, {count - 1} could not keep up" if math.isinf(fewer) else f"{kept}, {count - 1} {fewer:.2g} s"


POLICY = Erlang()
