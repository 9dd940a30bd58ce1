# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Days with all that does not depend on what is ordered, computed once: signals, features, the rule's rates."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn import _signals
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._world import World
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._fleet import Fleet
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import cost


class Course(NamedTuple):
    """Services side by side (E) over T ticks. Row t is what is known when the order of tick t is given."""

    world: World
    rates: Floats  # (T, K, E) arrivals of the inner steps of the tick, in messages/s
    traffic: Floats  # (T, E, features), see _signals.TRAFFIC
    ruled: Floats  # (T, E) what the rule staffs for
    smooth: Floats  # (T, E) what arrives

    @property
    def seconds(self) -> float:
        """The length of an inner step."""
        return self.world.interval / self.rates.shape[1]


class Played(NamedTuple):
    """What became of fleets: (T, E) each."""

    costs: Floats
    violations: Floats


def course(world: World, arrivals: Floats) -> Course:
    """`arrivals` as `_days.days` gives them: (E, T, K)."""
    means = arrivals.mean(2)
    signals = _signals.Signals(world, means[:, 0])
    traffic, ruled, smooth = [], [], []
    for tick in range(arrivals.shape[1]):
        if tick:
            signals.see(means[:, tick - 1])
        traffic.append(signals.traffic())
        ruled.append(signals.ruled())
        smooth.append(signals.smooth)
    return Course(
        world,
        np.ascontiguousarray(arrivals.transpose(1, 2, 0)),
        np.stack(traffic),
        np.stack(ruled),
        np.stack(smooth),
    )


def play(given: Course, ticks: range, fleet: Fleet, factors: Callable[[int, Fleet], Floats]) -> Played:
    """Let fleets live through these ticks. `factors(tick, fleet)` are those on the rule's rates, (E,)."""
    world = given.world
    slo = np.inf if world.service.slo_p99 is None else world.service.slo_p99
    costs, violations = [], []
    for tick in ticks:
        fleet.order(world.wanted(factors(tick, fleet), given.ruled[tick], given.smooth[tick], fleet.backlog))
        felt = fleet.work(list(given.rates[tick]), given.seconds)
        costs.append(cost(world.service, world.weights, felt, fleet.ordered))
        violations.append(felt.p99 > slo)
    return Played(np.stack(costs), np.stack(violations))


def play_rule(given: Course) -> Played:
    """What the rule makes of it."""
    ones = np.ones(given.ruled.shape[1])
    fleet = given.world.fleet(given.world.needed(given.ruled[0]))
    return play(given, range(len(given.ruled)), fleet, lambda _tick, _fleet: ones)
