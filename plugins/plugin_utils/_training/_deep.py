# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trains the network of `dqn`: a double DQN in which every action is tried in every state.

As arrivals do not depend on what is ordered, each state is simulated on with each action, on the same arrivals, and
the cost of the rule on them is taken off. So all that targets differ in is the actions; what chance does to all of
them alike does not blur it. (With one action tried in each state, rare overload, which costs hundreds of times a normal
tick, drowns the rest.) For the same reason nothing is clipped but the largest errors: the rare overload is what
headroom is for, and whoever cuts it off learns to run without.

An action stays in force for a lead, the time until what is ordered now has served for a tick. Its target is

    y = sum of (rule's cost - cost) over this lead + G (the same over the next one, with the action that seems best)
        + G^2 Q'(s'', argmax Q(s'', .))

with the slowly following network Q' (van Hasselt et al., Deep reinforcement learning with double Q-learning, 2016). The
state then moves on with the action that seems best, or one drawn at random. Many services side by side take the place
of a memory of transitions, so that what has to be kept of a training are weights (Mnih et al., Asynchronous methods for
deep reinforcement learning, 2016).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, Ints, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import Memory
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn import _signals
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._network import (
    Network,
    from_flat,
    initial,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._pilot import Trained
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._world import (
    ACTIONS,
    RULE,
    World,
    world_of,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._packing import pack, unpack
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._fleet import Fleet
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import cost
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training import _days
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._course import (
    Course,
    Played,
    course,
    play,
    play_rule,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._gradient import Adam, gradient
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._plan import (
    EPISODE,
    REPORTED,
    SETTLE,
    VALIDATED,
    Plan,
    Validation,
    validation,
)

POLICY = "dqn"
#: Leads that are simulated before a target trusts the network.
LEADS = 2
#: What comes a lead later counts so much.
DISCOUNT = 0.9
#: Of the steps of Adam at first, and at the end.
RATE, LAST_RATE = 1e-3, 1e-4
#: How fast the target network follows, each step.
FOLLOW = 0.005
#: Share of states that move on with an action drawn at random: at first, and from half of the training on.
EXPLORE, LAST_EXPLORE = 0.5, 0.05


class DeepTrainer:
    """See Trainer."""

    def __init__(self, plan: Plan, checkpoint: Mapping[str, Any] | None = None) -> None:
        """Begin, or go on from a checkpoint of the same plan."""
        self._plan = plan
        self._world = world_of(plan.settings, plan.service_rate)
        features, actions = len(_signals.FEATURES), len(ACTIONS)
        rng = np.random.default_rng([_days.WEIGHTS, plan.seed])
        weights = initial(rng, features, actions).flat()
        self._adam = Adam(weights, RATE)
        self._target = weights.copy()
        self._low: Floats = np.full(features, np.inf, dtype=np.float32)
        self._high: Floats = -self._low
        self.done = 0
        if checkpoint is not None:
            self._resume(checkpoint)
        self._online_network = from_flat(self._adam.weights, features, actions)  # views: both follow the weights
        self._target_network = from_flat(self._target, features, actions)

    def episode(self) -> None:
        """See Trainer.episode."""
        plan, world = self._plan, self._world
        seed = [_days.TRAIN, plan.seed, self.done]
        rng = np.random.default_rng([_days.EXPLORE, plan.seed, self.done])
        arrivals = _days.days(
            _days.TRAINING, plan.environments, EPISODE, service=world.service, interval=world.interval, seed=seed
        )
        given = course(world, arrivals)
        saved = play_rule(given).costs
        part = self.done / plan.episodes
        self._adam.rate = RATE + (LAST_RATE - RATE) * part
        explore = EXPLORE + (LAST_EXPLORE - EXPLORE) * min(1.0, 2.0 * part)
        fleet = world.fleet(world.needed(given.ruled[0]))
        ones = np.ones(plan.environments)
        play(given, range(SETTLE), fleet, lambda _tick, _fleet: ones)
        for tick in range(SETTLE, EPISODE - LEADS * world.lead, world.lead):
            features = _features(given, tick, fleet)
            self._low = np.minimum(self._low, features.min(0))
            self._high = np.maximum(self._high, features.max(0))
            targets, nexts = self._targets(given, tick, fleet, saved)
            self._learn(features, targets)
            best = self._online_network.values(features).argmax(-1)
            drawn = rng.random(plan.environments) < explore
            action = np.where(drawn, rng.integers(len(ACTIONS), size=plan.environments), best)
            rows = np.arange(plan.environments)
            fleet.counts, fleet.backlog = nexts.counts[:, rows, action], nexts.backlog[rows, action]
        self.done += 1

    def _targets(self, given: Course, tick: int, fleet: Fleet, saved: Floats) -> tuple[Floats, Fleet]:
        """The target of each action (E, actions), and the fleets a lead later."""
        lead, shape = self._world.lead, (len(fleet.backlog), len(ACTIONS))
        tried = _copies(fleet, len(ACTIONS))
        factors = np.broadcast_to(np.array(ACTIONS), shape)
        total, discount = np.zeros(shape), 1.0
        for begin in range(tick, tick + LEADS * lead, lead):
            if begin > tick:
                factors = np.array(ACTIONS)[self._online_network.values(_features(given, begin, tried)).argmax(-1)]
            for each in range(begin, begin + lead):
                total += discount * (saved[each][:, None] - _tick(given, each, tried, factors))
            discount *= DISCOUNT
            if begin == tick:
                nexts = _copies(tried)
        features = _features(given, tick + LEADS * lead, tried)
        best = self._online_network.values(features).argmax(-1)[..., None]
        later = np.take_along_axis(self._target_network.values(features), best, -1)[..., 0]
        return (total / full_price(self._world) + discount * later).astype(np.float32), nexts

    def _learn(self, features: Floats, targets: Floats) -> None:
        """One step of the network towards the targets, and of the target network towards the network."""
        _loss, slope = gradient(self._online_network, features, targets)
        self._adam.step(slope)
        self._target += np.float32(FOLLOW) * (self._adam.weights - self._target)

    @property
    def network(self) -> Network:
        """What has been learned: the target network, a mean of the last ones."""
        return self._target_network

    def validate(self) -> Validation:
        """See Trainer.validate."""
        return self._judged(_days.TRAINING, VALIDATED, _days.VALIDATE)

    def report(self) -> Validation:
        """See Trainer.report."""
        return self._judged(_days.HELD_OUT, REPORTED, _days.REPORT)

    def _judged(self, families: Sequence[str], count: int, use: int) -> Validation:
        world = self._world
        given = course(
            world, _days.days(families, count, EPISODE, service=world.service, interval=world.interval, seed=[use])
        )
        rule, own = play_rule(given), play_network(given, self.network)
        return validation(
            families,
            own.costs[SETTLE:].mean(0),
            rule.costs[SETTLE:].mean(0),
            own.violations[SETTLE:],
            rule.violations[SETTLE:],
        )

    def memory(self) -> Memory:
        """See Trainer.memory."""
        trained = Trained(self.network, self._low, self._high, self._world.kind, self._world.speed)
        return {"network": trained.to_plain()}

    def checkpoint(self) -> dict[str, Any]:
        """See Trainer.checkpoint; about 80 kB."""
        adam = self._adam
        arrays = {
            "weights": adam.weights,
            "mean": adam.mean,
            "square": adam.square,
            "target": self._target,
            "low": self._low,
            "high": self._high,
        }
        return {
            "policy": POLICY,
            "plan": self._plan.to_plain(),
            "done": self.done,
            "steps": adam.steps,
            **{name: pack(array, "<f4") for name, array in arrays.items()},
        }

    def _resume(self, checkpoint: Mapping[str, Any]) -> None:
        """Go on from what `checkpoint` gave."""
        adam, self.done = self._adam, checkpoint["done"]
        adam.weights, adam.mean, adam.square, self._target, self._low, self._high = (
            unpack(checkpoint[name], "<f4") for name in ("weights", "mean", "square", "target", "low", "high")
        )
        adam.steps = checkpoint["steps"]


def play_network(given: Course, network: Network) -> Played:
    """What the network makes of it, without a guard, once means and peaks have settled; see `play`."""
    world, action = given.world, np.full(given.ruled.shape[1], RULE)

    def factors(tick: int, fleet: Fleet) -> Floats:
        nonlocal action
        if tick >= SETTLE and (tick - SETTLE) % world.lead == 0:
            action = network.values(_features(given, tick, fleet)).argmax(-1)
        return np.array(ACTIONS)[action]

    return play(given, range(len(given.ruled)), world.fleet(world.needed(given.ruled[0])), factors)


def full_price(world: World) -> float:
    """What all instances cost in a tick: the unit of values."""
    return world.weights.instance * world.service.max_instances


def _features(given: Course, tick: int, fleet: Fleet) -> Floats:
    """The features of fleets (E,) or (E, copies): their shape and one more."""
    further = (slice(None),) + (None,) * (fleet.backlog.ndim - 1)
    ruled, traffic = given.ruled[tick][further], given.traffic[tick][further]
    own = _signals.fleet(given.world, fleet.counts, fleet.backlog, ruled)
    return np.concatenate([np.broadcast_to(traffic, (*own.shape[:-1], traffic.shape[-1])), own], axis=-1)


def _tick(given: Course, tick: int, fleet: Fleet, factors: Floats) -> Floats:
    """Let fleets (E, actions) live through a tick with these factors; what it cost."""
    world = given.world
    fleet.order(world.wanted(factors, given.ruled[tick][:, None], given.smooth[tick][:, None], fleet.backlog))
    felt = fleet.work([rate[:, None] for rate in given.rates[tick]], given.seconds)
    return cost(world.service, world.weights, felt, fleet.ordered)


def _copies(fleet: Fleet, count: int | None = None) -> Fleet:
    """The same fleets, so many times each along a new last axis, or just once."""
    counts: Ints = fleet.counts.copy() if count is None else np.repeat(fleet.counts[..., None], count, axis=-1)
    backlog = fleet.backlog if count is None else np.repeat(fleet.backlog[..., None], count, axis=-1)
    copy = Fleet(fleet.service, len(counts) - 1, counts[0], backlog)
    copy.counts = counts
    return copy
