# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What policies share that staff for an arrival rate: unknown rates, backlog, Erlang C, the hold window, the reason."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any, ClassVar, NamedTuple

from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    MAX_ERLANGS,
    Memory,
    Observation,
    PerCluster,
    PolicySettings,
    Proposal,
    cannot_be,
    figure,
    no_data,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._fallback import FALLBACK, delegate
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._hold import hold
from ansible_collections.rlops.autoscale.plugins.plugin_utils._queueing import (
    Staffing,
    instances_p99,
    required_instances,
)

#: Ticks whose rates show a trend.
TREND_TICKS = 4
#: What a trend foretells is at most this many times what arrives: a jump is no trend.
MAX_GROWTH = 1.5

#: Options of every rule here: s that what was needed is kept for, s in which a backlog is to be worked off.
RATE_OPTIONS: dict[str, Any] = {
    "hold": {"type": "float", "default": 300.0},
    "drain_time": {"type": "float", "default": 60.0},
}
RATE_LIMITS: dict[str, tuple[float, float]] = {"hold": (0.0, 86400.0), "drain_time": (1.0, 86400.0)}
#: Options of those that staff by Erlang C: a factor on the arrival rate.
ERLANG_C_OPTIONS: dict[str, Any] = {"headroom": {"type": "float", "default": 1.1}, **RATE_OPTIONS}
ERLANG_C_LIMITS: dict[str, tuple[float, float]] = {"headroom": (0.1, 10.0), **RATE_LIMITS}


class Load(NamedTuple):
    """What there is to do."""

    arrival_rate: float  # messages/s
    queued: float  # messages that wait
    service_rate: float  # messages/s of one server


class Expected(NamedTuple):
    """What is expected to arrive until instances that are ordered now have served for a tick."""

    rate: float  # messages/s
    source: str = "expected"  # how the reason calls it


class Needed(NamedTuple):
    """What a load needs."""

    instances: int
    reason: str  # see Proposal
    details: dict[str, Any]


class RateRule(PerCluster):
    """Base of policies that staff for an arrival rate and a service rate: they give `staff`.

    Policy hpa decides while a rate is unknown. Growth is immediate; it shrinks to the most that was needed in the last
    `hold` seconds. Memory: the rule's own, `needs` of the hold window, and `hpa`'s memory while that decides.
    """

    def staff(self, memory: Memory, now: float, load: Load, settings: PolicySettings) -> tuple[Needed, Memory]:
        """What the load at unix second `now` needs, and the rule's own memory."""
        raise NotImplementedError

    def learn(self, memory: Memory, now: float, arrival_rate: float, settings: PolicySettings) -> Memory:  # noqa: ARG002
        """The rule's own memory after this arrival rate, where it wants to know those that it does not staff for.

        They are those of the past, and those that come while the service rate is unknown.
        """
        return {}

    def prefilled(self, rates: Sequence[float], end: float, settings: PolicySettings) -> Memory:
        """See Policy.prefilled."""
        memory: Memory = {}
        for now, rate in timed(rates, end, settings.interval):
            memory = self.learn(memory, now, rate, settings)
        return self.dump(memory)

    def propose(
        self, memory: Memory, observation: Observation, settings: PolicySettings, rng: Random
    ) -> tuple[Proposal, Memory]:
        """Staff for the load; delegate to hpa where the service rate or the arrival rate is unknown."""
        snapshot, options, now = observation.snapshot, settings.options, observation.now
        arrival_rate, service_rate = snapshot.get("arrival_rate"), observation.service_rate
        if not snapshot.get("valid"):
            return Proposal(None, no_data(snapshot)), memory
        if service_rate is None or arrival_rate is None:
            unknown = "service rate not calibrated yet" if service_rate is None else "arrival rate unknown"
            learned: Memory = {}
            if arrival_rate is not None and observation.complete:
                learned = self.learn(memory, now, arrival_rate, settings)
            proposal, remembered = delegate(unknown, memory.get(FALLBACK, {}), observation, settings, rng)
            return proposal, {**memory, **learned, FALLBACK: remembered}

        load = Load(arrival_rate, snapshot.get("queue_total") or 0.0, service_rate)
        least = options.get("headroom", 1.0) * arrival_rate + load.queued / options["drain_time"]
        if least / service_rate > MAX_ERLANGS:
            return Proposal(None, cannot_be(arrival_rate, load.queued, service_rate)), memory
        needed, own = self.staff(memory, now, load, settings)
        if not observation.complete:
            own = {name: memory.get(name, new) for name, new in own.items()}
        count, held, needs = hold(
            memory.get("needs", []), now, needed.instances, ordered=observation.ordered, seconds=options["hold"]
        )
        return Proposal(count, needed.reason + held, needed.details), {"needs": needs, **own}


class ErlangCRule(RateRule):
    """Base of policies that staff for the rate they expect by Erlang C: they give `expect`."""

    options: ClassVar[dict[str, Any]] = ERLANG_C_OPTIONS
    limits: ClassVar[dict[str, tuple[float, float]]] = ERLANG_C_LIMITS

    def expect(
        self, memory: Memory, now: float, arrival_rate: float, settings: PolicySettings
    ) -> tuple[Expected, Memory]:
        """What is expected at unix second `now`, at least what arrives, and the rule's own memory."""
        raise NotImplementedError

    def staff(self, memory: Memory, now: float, load: Load, settings: PolicySettings) -> tuple[Needed, Memory]:
        """The fewest instances that keep the SLO at the expected rate; see RateRule.staff."""
        options, arrival_rate = settings.options, load.arrival_rate
        expected, own = self.expect(memory, now, arrival_rate, settings)
        if expected.rate / load.service_rate > MAX_ERLANGS:  # learned from a wrong metric, before rates could be judged
            expected = Expected(arrival_rate)
        # A queue that has built up is part of what a trend shows: the larger of the two, not their sum.
        extra = max(options["headroom"] * (expected.rate - arrival_rate), load.queued / options["drain_time"])
        rate = options["headroom"] * arrival_rate + extra
        staffing = required_instances(
            rate, load.service_rate, settings.servers_per_instance, settings.slo.p99_latency, settings.queueing
        )
        details = {
            "arrival_rate": arrival_rate,
            "expected_rate": expected.rate,
            "staffed_rate": rate,
            "service_rate": load.service_rate,
            "erlangs": rate / load.service_rate,
            "needed": staffing.instances,
            "p99_s": staffing.p99_s,
            "slo_reachable": staffing.reachable,
        }
        return Needed(staffing.instances, _explain(load, expected, rate, staffing, settings), details), own


def timed(rates: Sequence[float], end: float, interval: float) -> Iterator[tuple[float, float]]:
    """Each of the rates that were measured, one an interval until unix second `end`, after the time of it."""
    first = end - (len(rates) - 1) * interval
    return ((first + place * interval, rate) for place, rate in enumerate(rates) if not math.isnan(rate))


def followed(rates: Sequence[Sequence[float]], settings: PolicySettings) -> float:
    """The rate, in messages/s, that the trend of the last rates [[unix seconds, rate], ...] leads to.

    It is followed for the boot time and one tick, up to MAX_GROWTH times the newest rate; a falling one is not.
    """
    newest = rates[-1][1]
    growth = _growth(rates, settings.interval) * (settings.boot_time + settings.interval)
    return min(newest + growth, MAX_GROWTH * newest)


def _growth(rates: Sequence[Sequence[float]], interval: float) -> float:
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


def _explain(load: Load, expected: Expected, rate: float, staffing: Staffing, settings: PolicySettings) -> str:
    """One sentence with the figures; `rate` is what is staffed for."""
    options, servers, count = settings.options, settings.servers_per_instance, staffing.instances
    text = f"{figure(load.arrival_rate)} msg/s"
    grows = options["headroom"] * (expected.rate - load.arrival_rate)
    drains = load.queued / options["drain_time"]
    if grows >= drains and grows >= 0.01 * rate:
        text += f" ({figure(expected.rate)} {expected.source})"
    if options["headroom"] != 1:
        text += f" x {options['headroom']:g}"
    if drains > grows and drains >= 0.01 * rate:
        text += queue_text(load.queued, options)
    text += server_text(load.service_rate, servers)
    slo = settings.slo.p99_latency
    if not count:
        return f"{text}: nothing to do"
    if slo is None:
        return f"{text}: {count} instances keep it stable"
    if not staffing.reachable:
        return (
            f"{text}: p99 {slo:g} s is out of reach with any sensible count, {count} instances keep it stable "
            f"at p99 {staffing.p99_s:.2g} s"
        )
    kept = f"{text}: {count} instances give p99 {staffing.p99_s:.2g} s"
    if count == 1:
        return kept
    fewer = instances_p99(count - 1, rate, load.service_rate, servers, settings.queueing)
    return f"{kept}, {count - 1} could not keep up" if math.isinf(fewer) else f"{kept}, {count - 1} {fewer:.2g} s"


def queue_text(queued: float, options: Mapping[str, Any]) -> str:
    """The backlog, in a reason."""
    return f" + {figure(queued)} queued to drain in {options['drain_time']:g} s"


def server_text(service_rate: float, servers: int) -> str:
    """The service rate, in a reason."""
    return f" at {figure(service_rate)} msg/s " + ("each" if servers == 1 else f"a server, {servers} each")
