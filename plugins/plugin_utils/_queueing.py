# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The M/M/c queue: Poisson arrivals, exponential service, c servers, first come first served.

Symbols of the formulas: arrival rate l, service rate m of one server, offered load a = l/m in Erlangs, c servers.
Sources: Kleinrock, Queueing Systems, vol. 1 (1975), section 3.5; Gross, Shortle, Thompson and Harris, Fundamentals of
Queueing Theory (4th ed., 2008), section 2.3.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_left
from collections.abc import Callable
from typing import NamedTuple

#: The quantile that an SLO on latency speaks of.
P99 = 0.99
#: Where no count meets the SLO, servers are kept at most this busy: enough for stability, nothing is bought in vain.
BUSY_LIMIT = 0.7
#: A count that leaves servers less busy than this (one instance aside) is no reasonable price for an SLO.
IDLE_LIMIT = 0.3


class Staffing(NamedTuple):
    """How many instances, and what they give."""

    instances: int
    p99_s: float  # p99 of the sojourn time with that count
    reachable: bool  # False: no reasonable count meets the SLO; `instances` then only keeps the queue stable


def erlang_b(servers: int, load: float) -> float:
    """Share of arrivals lost in M/M/c/c with `load` Erlangs.

    The recursion B(k) = a B(k-1) / (k + a B(k-1)) adds and divides positive numbers only, so it neither overflows nor
    cancels, for any number of servers.
    """
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = load * blocked / (k + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    """Share of arrivals that must wait in M/M/c with `load` Erlangs; 1 where the queue is not stable."""
    if load >= servers:
        return 1.0
    blocked = erlang_b(servers, load)
    return blocked / (1.0 - load / servers * (1.0 - blocked))


def sojourn_tail(time: float, arrival_rate: float, service_rate: float, servers: int) -> float:
    """P(waiting + service > time), exact.

    A message waits with probability C, then for an exponential time of rate s = c m - l, and is served for an
    exponential time of rate m, both independent. Convolved:

        P(T > t) = exp(-m t) + C m (exp(-m t) - exp(-s t)) / (s - m)

    which tends to exp(-m t) (1 + C m t) as s -> m. Adding the p99 of waiting to the p99 of service instead would
    assume that the slowest service meets the longest wait, and order too many instances.
    """
    slack = servers * service_rate - arrival_rate
    if slack <= 0:
        return 1.0
    return _sojourn_tail(time, service_rate, slack, erlang_c(servers, arrival_rate / service_rate))


def sojourn_quantile(quantile: float, arrival_rate: float, service_rate: float, servers: int) -> float:
    """Sojourn time in s that a share `quantile` of the messages does not exceed; inf where the queue is not stable."""
    slack = servers * service_rate - arrival_rate
    if slack <= 0:
        return math.inf
    exceeded = 1.0 - quantile
    waits = erlang_c(servers, arrival_rate / service_rate)
    # T > x + y needs S > x or W > y: each given half of the excess bounds the quantile from above
    highest = math.log(2.0 / exceeded) * (1.0 / service_rate + 1.0 / slack)
    return _falling_root(lambda time: _log(_sojourn_tail(time, service_rate, slack, waits) / exceeded), 0.0, highest)


def mean_sojourn(arrival_rate: float, service_rate: float, servers: int) -> float:
    """Mean of waiting + service in s: 1/m + C/(c m - l); inf where the queue is not stable."""
    slack = servers * service_rate - arrival_rate
    if slack <= 0:
        return math.inf
    return 1.0 / service_rate + erlang_c(servers, arrival_rate / service_rate) / slack


def service_rate_of(mean_sojourn_s: float, throughput: float, servers: int) -> float:
    """The service rate at which M/M/c with this throughput (messages/s) has this mean sojourn time.

    The mean sojourn falls steadily from infinity to 0 as the rate grows from throughput/servers, so there is exactly
    one. It lies between 1/T (no waiting) and the rate of c separate queues, 1/T + throughput/c (longest waiting).
    """
    lowest = max(1.0 / mean_sojourn_s, throughput / servers)
    highest = 1.0 / mean_sojourn_s + throughput / servers
    return _falling_root(lambda rate: _log(mean_sojourn(throughput, rate, servers) / mean_sojourn_s), lowest, highest)


def instances_p99(instances: int, arrival_rate: float, service_rate: float, servers: int, queueing: str) -> float:
    """p99 of the sojourn time in s with that many instances of `servers` servers each."""
    rate, count = _queue_of(instances, arrival_rate, servers, queueing)
    return sojourn_quantile(P99, rate, service_rate, count)


def required_instances(
    arrival_rate: float, service_rate: float, servers: int, slo_p99: float | None, queueing: str = "shared"
) -> Staffing:
    """The fewest instances whose p99 sojourn time is at most `slo_p99` seconds.

    `queueing` is `shared` (one queue before all instances, M/M/nc) or `per_instance` (connections stick: n queues
    M/M/c, each with arrival_rate/n). Without an SLO, and where no reasonable count meets it, servers are kept at most
    BUSY_LIMIT busy. That is so where the p99 of service alone is above the SLO, and where meeting it would leave all
    but one instance less than IDLE_LIMIT busy: beyond that, instances cost and hardly help.
    """
    if arrival_rate <= 0:
        return Staffing(0, 0.0, True)
    load = arrival_rate / service_rate / servers  # in instances kept fully busy
    at_busy_limit = math.ceil(load / BUSY_LIMIT)
    if slo_p99 is None:
        return Staffing(
            at_busy_limit, instances_p99(at_busy_limit, arrival_rate, service_rate, servers, queueing), True
        )
    lowest, highest = math.floor(load) + 1, math.ceil(load / IDLE_LIMIT) + 1

    def meets(instances: int) -> bool:
        rate, count = _queue_of(instances, arrival_rate, servers, queueing)
        return sojourn_tail(slo_p99, rate, service_rate, count) <= 1.0 - P99

    # Mostly it is little more than the load: reach for it in steps of doubling length, then halve the last one.
    reach = 1
    while lowest + reach - 1 <= highest and not meets(lowest + reach - 1):
        reach *= 2
    end = min(lowest + reach - 1, highest + 1)
    instances = bisect_left(range(end), True, lo=lowest + reach // 2, key=meets)
    reachable = instances <= highest
    if not reachable:
        instances = at_busy_limit
    return Staffing(instances, instances_p99(instances, arrival_rate, service_rate, servers, queueing), reachable)


def _queue_of(instances: int, arrival_rate: float, servers: int, queueing: str) -> tuple[float, int]:
    """Arrival rate and servers of each queue."""
    if queueing == "per_instance":
        return arrival_rate / instances, servers
    return arrival_rate, instances * servers


def _sojourn_tail(time: float, service_rate: float, slack: float, waits: float) -> float:
    """The formula of sojourn_tail, without cancellation where s is near m and without overflow where s is below m."""
    gap = (slack - service_rate) * time
    served = math.exp(-service_rate * time)
    if abs(gap) < 1e-9:
        both = served
    elif gap > 0:
        both = served * -math.expm1(-gap) / gap
    else:
        both = math.exp(-slack * time) * math.expm1(gap) / gap
    return min(1.0, served + waits * service_rate * time * both)


def _log(ratio: float) -> float:
    """Logarithm, also of what is too small for a float."""
    return math.log(max(ratio, sys.float_info.min))


def _falling_root(function: Callable[[float], float], lowest: float, highest: float) -> float:
    """Where a falling function crosses zero between `lowest` and `highest`, to 1e-9 of it: by the Illinois method.

    The secant of both ends, with the value at an end that stays halved so that it moves at last (Dowell and Jarratt,
    A modified regula falsi method, BIT 11, 1971). A handful of calls where halving takes thirty; functions that are
    nearly straight, such as logarithms of tails, are the quickest.
    """
    above, below = function(lowest), function(highest)
    if not above > 0.0 > below:
        return lowest if above <= 0.0 else highest
    root = math.nan
    while True:
        secant = (lowest * below - highest * above) / (below - above) if above < math.inf else math.nan
        before, root = root, secant if lowest < secant < highest else 0.5 * (lowest + highest)
        value = function(root)
        if value == 0.0 or abs(root - before) <= 1e-9 * root or highest - lowest <= 1e-9 * highest:
            return root
        if value > 0.0:
            below = 0.5 * below if lowest == before else below
            lowest, above = root, value
        else:
            above = 0.5 * above if highest == before else above
            highest, below = root, value
