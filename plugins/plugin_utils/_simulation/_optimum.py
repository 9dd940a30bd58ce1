# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nobody can beat: the cheapest counts for arrivals that are known in advance, by dynamic programming.

The state is how many instances served in the last tick, and the backlog. An instance that is added was ordered in time
and cost its boot; it may leave at once and for nothing. With V the cost to go,

    V(t, i, b) = min over j of  up max(j - i, 0) + C(t, j, b) + V(t + 1, j, b'),    up = boot ticks * price of one

where C and b' are what j instances make of tick t with the backlog b (`_model.feel`). As the price of a change is
linear on one side and nothing on the other, the minimum over j is one of two cumulative minima, not a table of all
pairs. Backlogs between levels are interpolated.

A state is soon forgotten, so chunks of the trace are worked on side by side. Backward, each begins some ticks after its
end with V = 0. Forward, each begins in a guessed state and is repeated until it is the one in which the chunk before
ends, so the path and its cost are exact.
"""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, Ints, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._environment import initial_instances
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import (
    Felt,
    Service,
    Weights,
    cost,
    feel,
)

#: Levels of backlog reach so many messages even where nobody waits for any.
LEAST_BACKLOG = 1e-9
#: Ticks of a chunk.
CHUNK = 720
#: Ticks after a chunk in which V = 0 is forgotten, and boot times more, as idle instances are kept through short lulls.
OVERLAP = 120
OVERLAP_BOOTS = 4


class Optimum(NamedTuple):
    """The cheapest path; T ticks."""

    serving: Ints  # (T,)
    cost: Floats  # (T,) with the boots of what begins to serve
    p99: Floats  # (T,) in s
    instance_ticks: int  # all that was paid for, boots included
    total_cost: float


class _Problem(NamedTuple):
    """What does not change from tick to tick."""

    arrivals: Floats  # (T, K) messages/s
    service: Service
    weights: Weights
    seconds: float  # of an inner step
    up: float  # price of one more
    counts: Ints  # (counts,) serving instances to choose from
    backlogs: Floats  # (levels,) from 0 to the largest that can be left
    starts: Ints  # (chunks,) first tick of each
    chunk: int  # ticks

    def ticks(self, at: Ints, serving: Ints, backlog: Floats) -> tuple[Felt, Floats]:
        """What the ticks `at` (n,) are like and cost; `serving` and `backlog` as they broadcast to (..., n, any)."""
        rates = self.arrivals[np.minimum(at, len(self.arrivals) - 1)]
        felt = feel(self.service, serving, backlog, list(rates.T[:, :, None]), self.seconds)
        costs = cost(self.service, self.weights, felt, serving)
        return felt, np.broadcast_to(costs, felt.backlog.shape)  # without an SLO it does not depend on the rates


def optimum(
    arrivals: Floats,
    service: Service,
    weights: Weights,
    interval: float,
    boot_ticks: int,
    *,
    min_instances: int = 1,
    initial: int | None = None,
    levels: int = 16,
    chunk: int = CHUNK,
    overlap: int = OVERLAP,
) -> Optimum:
    """The cheapest serving counts, min_instances..max_instances, for `arrivals` (T, K) in messages/s.

    Ticks last `interval` seconds. `initial` instances served before; None: those that an environment begins with.
    `levels` of backlog are told apart. What an environment with balanced load and without retries reports can only be
    dearer, but for the interpolation. Needs 4 bytes times T, counts and levels: 100 MB for 14 days of 15 s.
    """
    ticks, inner_steps = arrivals.shape
    highest = max(service.patience * service.capacity * service.max_instances, LEAST_BACKLOG)
    problem = _Problem(
        arrivals,
        service,
        weights,
        seconds=interval / inner_steps,
        up=weights.instance * boot_ticks,
        counts=np.arange(min_instances, service.max_instances + 1),
        backlogs=highest * np.linspace(0.0, 1.0, levels) ** 4,
        starts=np.arange(0, ticks, chunk),
        chunk=min(chunk, ticks),
    )
    if initial is None:
        initial = int(initial_instances(service, arrivals[:1].mean(1), min_instances)[0])
    to_go = _costs_to_go(problem, overlap + OVERLAP_BOOTS * boot_ticks)
    serving, costs, p99 = _path(problem, to_go, initial)
    added = np.maximum(np.diff(serving, prepend=initial), 0)
    costs = costs + problem.up * added
    paid = int(serving.sum() + boot_ticks * added.sum())
    return Optimum(serving, costs, p99, paid, float(costs.sum()))


def _costs_to_go(problem: _Problem, overlap: int) -> Floats:
    """V less its minimum, before each tick and after the last: (T + 1, counts, levels)."""
    ticks, counts, backlogs = len(problem.arrivals), problem.counts[:, None, None], problem.backlogs
    to_go = np.zeros((ticks + 1, len(counts), len(backlogs)), dtype=np.float32)
    value: Floats = np.zeros((len(counts), len(problem.starts), len(backlogs)))
    for step in reversed(range(min(problem.chunk + overlap, ticks))):
        at = problem.starts + step
        inside = at < ticks
        felt, now = problem.ticks(at, counts, backlogs)
        value = _after_change(now + _interpolated(value, felt.backlog, backlogs), problem.up * counts)
        value -= value.min((0, 2), keepdims=True)
        value[:, ~inside] = 0.0
        if step < problem.chunk:
            to_go[at[inside]] = value[:, inside].transpose(1, 0, 2)
    return to_go


def _after_change(costs: Floats, prices: Floats) -> Floats:
    """min over j of costs[j] + max(prices[j] - prices[i], 0), for each i of the first axis; `prices` ascend."""
    fewer, more = costs.copy(), costs + prices
    for j in range(1, len(costs)):  # several times as fast as minimum.accumulate
        np.minimum(fewer[j], fewer[j - 1], out=fewer[j])
        np.minimum(more[-1 - j], more[-j], out=more[-1 - j])
    return np.minimum(fewer, more - prices)


def _interpolated(value: Floats, backlog: Floats, backlogs: Floats) -> Floats:
    """Rows of `value` (..., levels) at these backlogs (..., any), between the levels `backlogs`."""
    levels = len(backlogs)
    gaps = np.diff(backlogs)
    # Levels rise with the fourth power, so two square roots find the one below.
    level = (np.sqrt(np.sqrt(backlog / backlogs[-1])) * (levels - 1)).astype(np.int32)
    level = np.minimum(level, levels - 2)
    part = (backlog - backlogs.take(level)) / gaps.take(level)
    index = level + np.arange(0, value.size, levels).reshape(*value.shape[:-1], 1)
    low, high = value.take(index), value.take(index + 1)
    return np.asarray(low + part * (high - low))


def _path(problem: _Problem, to_go: Floats, initial: int) -> tuple[Ints, Floats, Floats]:
    """Follow the smallest cost to go: serving counts, costs without boots, p99; (T,) each."""
    ticks, counts, starts = len(problem.arrivals), problem.counts, problem.starts
    serving = np.zeros((len(starts), problem.chunk), dtype=np.int64)
    costs, p99 = np.zeros(serving.shape), np.zeros(serving.shape)
    first, first_backlog = np.full(len(starts), initial), np.zeros(len(starts))
    last, last_backlog = first.copy(), first_backlog.copy()
    todo = np.arange(len(starts))
    while todo.size:
        count, backlog, rows = first[todo], first_backlog[todo], np.arange(todo.size)
        for step in range(problem.chunk):
            at = starts[todo] + step  # what lies beyond the end is cut off below
            felt, now = problem.ticks(at, counts, backlog[:, None])
            value = to_go[np.minimum(at + 1, ticks)]
            later = _interpolated(value, felt.backlog[:, :, None], problem.backlogs)[:, :, 0]
            change = problem.up * np.maximum(counts - count[:, None], 0)
            best = (change + now + later).argmin(1)
            count, backlog = counts[best], felt.backlog[rows, best]
            serving[todo, step], costs[todo, step], p99[todo, step] = count, now[rows, best], felt.p99[rows, best]
        last[todo], last_backlog[todo] = count, backlog
        todo = 1 + np.flatnonzero((first[1:] != last[:-1]) | (first_backlog[1:] != last_backlog[:-1]))
        first[1:], first_backlog[1:] = last[:-1], last_backlog[:-1]
    return serving.ravel()[:ticks], costs.ravel()[:ticks], p99.ravel()[:ticks]
