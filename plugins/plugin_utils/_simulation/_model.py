# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a horizontally scaled service lets its users feel: a fluid model with the waiting of M/M/c on top.

In each moment the service has some serving instances, a backlog (messages that could not be worked off, a fluid) and
an arrival rate. Where it keeps up, messages wait as in M/M/c; where it does not, the backlog grows by what is too much
and is waited for in full. Clients give up when the work before them is longer than their patience.

    p99 of the sojourn time = p99 of service + p99 of waiting (Erlang C) + backlog / capacity

The sum of two p99s is an upper estimate of the p99 of the sum, by most where few servers share a queue. Where each
instance has a queue of its own it would be too far off (two thirds of the load that one server can really take), so
there the p99 of the sum is computed, see `_queueing.sojourn_tail`. Everything is vectorised: arrays of any one shape
go in and come out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, Ints, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._queueing import (
    BUSY_LIMIT,
    IDLE_LIMIT,
    P99,
    sojourn_quantile,
)

#: p99 of an exponential service time, in mean service times.
SERVICE_P99 = math.log(100.0)
#: Waiting is taken from Erlang C up to this utilisation; beyond it the backlog says how long it is.
HIGHEST_UTILISATION = 0.985
#: Steps of utilisation in the tables.
STEPS = 400
#: Larger queues are computed as if they had so many servers, which overstates their waiting a little.
MOST_SERVERS = 128
#: Instances, instead of 0 in divisions.
NO_INSTANCE = 0.01
#: Steps of the tables for each unit of utilisation.
PER_UTILISATION = (STEPS - 1) / HIGHEST_UTILISATION


@dataclass(frozen=True)
class Service:
    """The service, and what its users put up with."""

    service_rate: float = 50.0  # messages/s of one server
    servers_per_instance: int = 1
    queueing: str = "shared"  # shared: one queue before all instances (M/M/nc); per_instance: n queues M/M/c
    max_instances: int = 20
    patience: float = 5.0  # s of work before a client, after which it gives up
    slo_p99: float | None = 0.2  # s
    slo_queue: float | None = 50.0  # messages per instance

    @property
    def capacity(self) -> float:
        """messages/s of one instance."""
        return self.service_rate * self.servers_per_instance


class Weights(NamedTuple):
    """What a tick costs. The article's reward is minus this cost with its own weights, the defaults."""

    latency: float = 100.0  # per second of p99 above the SLO
    queue: float = 10.0  # per message in an instance's queue above the SLO
    instance: float = 1.5  # per ordered instance
    violation: float = 0.0  # for each tick with p99 above the SLO

    @classmethod
    def of(cls, service: Service, violation: float = 0.0) -> Weights:
        """The same in proportion to the SLOs of a service: the article's are 0.2 s and 50 messages."""
        usual = cls()
        return cls(
            latency=0.0 if service.slo_p99 is None else usual.latency * 0.2 / service.slo_p99,
            queue=0.0 if service.slo_queue is None else usual.queue * 50.0 / service.slo_queue,
            violation=violation,
        )


class Felt(NamedTuple):
    """What a tick was like; arrays of the shape that went in."""

    p99: Floats  # s, of the worst step
    queue: Floats  # messages per instance, mean over the steps
    backlog: Floats  # messages, at the end
    utilisation: Floats  # 0..1, mean over the steps
    given_up: Floats  # messages whose clients gave up


class Waiting(NamedTuple):
    """Waiting in equilibrium by instances and utilisation: arrays of (max_instances + 1, STEPS), flat."""

    p99: Floats  # what waiting adds to the p99 of service, in mean service times
    queue: Floats  # messages that wait, of the whole cluster


@lru_cache(maxsize=32)
def waiting(max_instances: int, servers_per_instance: int, queueing: str) -> Waiting:
    """Tables of M/M/c for 0..max_instances instances at utilisations from 0 to HIGHEST_UTILISATION.

    P(W > t) = C exp(-(c m - l) t), so the p99 of waiting is ln(100 C) / (c m - l), where that is positive; the mean
    number that waits is C rho / (1 - rho) (Gross et al., Fundamentals of Queueing Theory, section 2.3).
    """
    rho, counts = np.linspace(0.0, HIGHEST_UTILISATION, STEPS), np.arange(max_instances + 1)
    shared = queueing == "shared"
    each = np.maximum(counts, 1) if shared else np.ones_like(counts)
    servers, row = np.unique(np.minimum(each * servers_per_instance, MOST_SERVERS), return_inverse=True)
    waits = _erlang_c(servers, rho * servers[:, None], rho)
    queue = waits * rho / (1.0 - rho)
    if shared:
        p99 = np.maximum(0.0, np.log(np.maximum(100.0 * waits, 1e-12))) / (servers[:, None] * (1.0 - rho))
        waiting_for = queue[row]
    else:
        alone = int(servers[0])
        p99 = np.array([[sojourn_quantile(P99, load, 1.0, alone) for load in (rho * alone).tolist()]]) - SERVICE_P99
        waiting_for = queue[row] * counts[:, None]
    return Waiting(np.maximum(p99, 0.0)[row].astype(np.float32).ravel(), waiting_for.astype(np.float32).ravel())


def _erlang_c(servers: Ints, load: Floats, rho: Floats) -> Floats:
    """Share of arrivals that must wait, by the recursion of `_queueing.erlang_b`, for all rows at once."""
    blocked = np.ones_like(load)
    for k in range(1, int(servers.max()) + 1):
        rows = slice(int(np.searchsorted(servers, k)), None)  # servers never falls from row to row
        part = load[rows] * blocked[rows]
        blocked[rows] = part / (k + part)
    return np.asarray(blocked / (1.0 - rho * (1.0 - blocked)))


def feel(service: Service, serving: Ints, backlog: Floats, rates: Sequence[Floats], seconds: float) -> Felt:
    """Let `serving` instances work through consecutive steps of `seconds` with these arrival rates.

    `serving`, `backlog` and each of `rates` (messages/s) have one shape, or broadcast to it. Where nothing serves, all
    clients give up.
    """
    table = waiting(service.max_instances, service.servers_per_instance, service.queueing)
    capacity = np.maximum(serving, NO_INSTANCE) * service.capacity
    patience, row, done = service.patience * capacity, serving * STEPS, capacity * seconds
    p99: Floats | float = 0.0
    queue: Floats | float = 0.0
    busy: Floats | float = 0.0
    given_up: Floats | float = 0.0
    for rate in rates:
        relative = rate / capacity
        index = row + (np.minimum(relative, HIGHEST_UTILISATION) * PER_UTILISATION + 0.5).astype(np.int32)
        work = backlog + rate * seconds
        left = np.maximum(work - done, 0.0)
        kept = np.minimum(left, patience)
        middle = 0.5 * (backlog + kept)
        p99 = np.maximum(p99, table.p99.take(index) / service.service_rate + middle / capacity)
        queue = queue + middle + table.queue.take(index)
        busy = busy + np.minimum(work, done)
        given_up = given_up + (left - kept)
        backlog = kept
    count = len(rates)
    return Felt(
        p99=np.asarray(p99 + SERVICE_P99 / service.service_rate),
        queue=np.asarray(queue / (count * np.maximum(serving, 1))),
        backlog=backlog,
        utilisation=np.asarray(busy / (count * done)),
        given_up=np.asarray(given_up),
    )


def p99_of(service: Service, serving: int, rate: float, backlog: float) -> float:
    """p99 in s of one service at one moment, as `feel` has it; infinite where nothing serves."""
    if serving < 1:
        return math.inf
    capacity = serving * service.capacity
    step = int(min(rate / capacity, HIGHEST_UTILISATION) * PER_UTILISATION + 0.5)
    table = waiting(service.max_instances, service.servers_per_instance, service.queueing)
    return (float(table.p99[serving * STEPS + step]) + SERVICE_P99) / service.service_rate + backlog / capacity


def cost(service: Service, weights: Weights, felt: Felt, ordered: Ints | Floats) -> Floats:
    """What a tick with so many ordered instances cost; of their shape without any SLO, else of that of `felt`."""
    total = weights.instance * ordered
    if service.slo_p99 is not None:
        over = felt.p99 - service.slo_p99
        total = total + weights.latency * np.maximum(over, 0.0)
        if weights.violation:
            total = total + weights.violation * (over > 0.0)
    if service.slo_queue is not None:
        total = total + weights.queue * np.maximum(felt.queue - service.slo_queue, 0.0)
    return np.asarray(total)


@lru_cache(maxsize=256)
def most_load(service: Service) -> Floats:
    """The largest load, in messages/s, with which 0..max_instances instances keep the SLO in equilibrium; ascending.

    So `np.searchsorted(most_load(service), rate)` is the fewest instances for a rate (max_instances + 1: none will do).
    Without an SLO, and for counts that only keep it while less than IDLE_LIMIT busy, servers may be BUSY_LIMIT busy,
    as in `_queueing.required_instances`.
    """
    rho = np.linspace(0.0, HIGHEST_UTILISATION, STEPS)
    table = waiting(service.max_instances, service.servers_per_instance, service.queueing)
    p99 = (table.p99.reshape(-1, STEPS) + SERVICE_P99) / service.service_rate
    counts = np.arange(service.max_instances + 1)
    if service.slo_p99 is None or service.slo_p99 <= SERVICE_P99 / service.service_rate:
        busy = np.full(len(counts), BUSY_LIMIT)
    else:
        busy = np.array([_crossing(row, rho, service.slo_p99) for row in p99])
        # One instance less than IDLE_LIMIT busy is no reasonable price where there are others.
        busy = np.where(busy * counts < IDLE_LIMIT * (counts - 1), BUSY_LIMIT, busy)
    loads: Floats = np.maximum.accumulate(counts * busy * service.capacity)
    return loads


def needed(service: Service, rates: Floats, least: int) -> Ints:
    """The fewest instances, from `least` to max_instances, that keep the SLO at each of these rates (messages/s)."""
    counts = np.searchsorted(most_load(service), rates)
    return np.asarray(np.minimum(np.maximum(counts, least), service.max_instances))


def _crossing(p99: Floats, rho: Floats, slo: float) -> float:
    """The utilisation at which a rising p99 reaches the SLO, between two steps of the table."""
    above = int(np.searchsorted(p99, slo, side="right"))
    if above >= len(rho):
        return float(rho[-1])
    low, high = p99[above - 1], p99[above]
    return float(rho[above - 1] + (rho[above] - rho[above - 1]) * (slo - low) / (high - low))
