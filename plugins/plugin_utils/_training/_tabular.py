# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trains the table of `q_learning`: many services side by side learn into one.

States, actions, rewards, epsilon and the update are the policy's, see `q_learning`; with one service, tick for tick. Of
several services in the same state with the same action, the targets are averaged, and it is one update with their mean:
as many updates one after another would forget all but the last of them. Epsilon decays once a tick, for all of them.

In one thing it differs: an action that leads out of the bounds is worth what staying is worth. The policy never tries
such an action and leaves it at 0, which is better than anything, as all else costs; so the values of the smallest and
the largest count are far too good, and a long training is drawn to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, Ints, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import dqn
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import Memory, default_options
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._world import world_of
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._packing import pack, unpack
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies.q_learning import ACTIONS, QTable, _decayed
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._environment import (
    EnvironmentSettings,
    Observations,
    ScalingEnv,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training import _days
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._course import course, play_rule
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._plan import (
    EPISODE,
    REPORTED,
    SETTLE,
    VALIDATED,
    Plan,
    Validation,
    validation,
)

POLICY = "q_learning"


class TabularTrainer:
    """See Trainer."""

    def __init__(self, plan: Plan, checkpoint: Mapping[str, Any] | None = None) -> None:
        """Begin, or go on from a checkpoint of the same plan."""
        settings = plan.settings
        self._plan = plan
        # What it is judged by is what dqn is judged by.
        self._world = world_of(replace(settings, options=default_options(dqn.POLICY.options)), plan.service_rate)
        self._latencies = np.array(settings.options["latency_thresholds"])
        self._queues = np.array(settings.options["queue_thresholds"])
        shape = (len(self._latencies) + 1, len(self._queues) + 1, settings.max_instances + 1, len(ACTIONS))
        self.table: Floats = np.zeros(shape)
        self.tries: Ints = np.zeros(shape, dtype=np.int64)
        self._bounds = max(1, settings.min_instances), settings.max_instances
        self.epsilon: float = settings.options["epsilon"]
        self.done = 0
        if checkpoint is not None:
            self.table = unpack(checkpoint["table"], "<f8").reshape(shape)
            self.tries = unpack(checkpoint["tries"], "<i8").reshape(shape)
            self.epsilon, self.done = checkpoint["epsilon"], checkpoint["done"]

    def episode(self) -> None:
        """See Trainer.episode."""
        plan = self._plan
        seed = [_days.TRAIN, plan.seed, self.done]
        rng = np.random.default_rng([_days.EXPLORE, plan.seed, self.done])
        world = self._world
        arrivals = _days.days(
            _days.TRAINING, plan.environments, EPISODE, service=world.service, interval=world.interval, seed=seed
        )
        env = self._environment(arrivals)
        observations, _info = env.reset(int(rng.integers(2**31)))
        state = self.state(observations)
        for _unused in range(EPISODE):
            action = self.choose(state, observations.ordered, rng)
            observations = env.step(observations.ordered + action)[0]
            nexts = self.state(observations)
            self.learn(state, action, self.reward(observations), nexts)
            state = nexts
        self.done += 1

    def state(self, seen: Observations) -> tuple[Ints, Ints, Ints]:
        """The states: index of latency bucket, queue bucket and instances, (E,) each."""
        return (
            np.searchsorted(self._latencies, seen.p99, side="right"),
            np.searchsorted(self._queues, seen.queue, side="right"),
            seen.ordered,
        )

    def choose(self, state: tuple[Ints, Ints, Ints], ordered: Ints, rng: np.random.Generator) -> Ints:
        """Epsilon-greedy changes of the count, (E,), as the policy chooses; then epsilon decays."""
        settings, actions = self._plan.settings, np.array(ACTIONS)
        counts = ordered[:, None] + actions
        allowed = (counts >= self._bounds[0]) & (counts <= self._bounds[1])
        best = np.where(allowed, self.table[state], -np.inf).argmax(-1)
        draws = rng.random((2, len(ordered)))
        place = (draws[1] * allowed.sum(-1)).astype(np.int64)  # among those allowed
        random = (allowed.cumsum(-1) > place[:, None]).argmax(-1)
        action = actions[np.where(draws[0] < self.epsilon, random, best)]
        self.epsilon = _decayed(self.epsilon, settings.options)
        return action

    def reward(self, seen: Observations) -> Floats:
        """What a tick was worth, (E,), by what was measured."""
        options, slo = self._plan.settings.options, self._plan.settings.slo
        total = -options["instance_weight"] * seen.ordered
        if slo.p99_latency is not None:
            total = total - options["latency_weight"] * np.maximum(seen.p99 - slo.p99_latency, 0.0)
        if slo.queue_depth is not None:
            total = total - options["queue_weight"] * np.maximum(seen.queue - slo.queue_depth, 0.0)
        return np.asarray(total)

    def learn(
        self, state: tuple[Ints, Ints, Ints], action: Ints, reward: Floats, nexts: tuple[Ints, Ints, Ints]
    ) -> None:
        """Update the table with one transition of each service."""
        options, size = self._plan.settings.options, self.table.size
        targets = reward + options["discount_factor"] * self.table[nexts].max(-1)
        cells = np.ravel_multi_index((*state, action - ACTIONS[0]), self.table.shape)
        count = np.bincount(cells, minlength=size)
        hit = np.flatnonzero(count)
        means = np.bincount(cells, weights=targets, minlength=size)[hit] / count[hit]
        values = self.table.reshape(-1)
        values[hit] += options["learning_rate"] * (means - values[hit])
        self.tries.reshape(-1)[hit] += count[hit]
        lowest, highest = self._bounds
        self.table[:, :, lowest, 0] = self.table[:, :, lowest, 1]
        self.table[:, :, highest, 2] = self.table[:, :, highest, 1]

    def validate(self) -> Validation:
        """See Trainer.validate."""
        return self._judged(_days.TRAINING, VALIDATED, _days.VALIDATE)

    def report(self) -> Validation:
        """See Trainer.report."""
        return self._judged(_days.HELD_OUT, REPORTED, _days.REPORT)

    def _judged(self, families: Sequence[str], count: int, use: int) -> Validation:
        """The table without exploration."""
        world = self._world
        arrivals = _days.days(families, count, EPISODE, service=world.service, interval=world.interval, seed=[use])
        rule = play_rule(course(world, arrivals))
        env = self._environment(arrivals)
        observations, _info = env.reset(0)
        greedy = TabularTrainer(self._plan)
        greedy.table, greedy.epsilon, rng = self.table, 0.0, np.random.default_rng(0)
        costs, violations = [], []
        for _unused in range(EPISODE):
            action = greedy.choose(greedy.state(observations), observations.ordered, rng)
            observations, rewards, _never, _ended, info = env.step(observations.ordered + action)
            costs.append(-rewards)
            violations.append(info["violation"])
        return validation(
            families,
            np.stack(costs)[SETTLE:].mean(0),
            rule.costs[SETTLE:].mean(0),
            np.stack(violations)[SETTLE:],
            rule.violations[SETTLE:],
        )

    def memory(self) -> Memory:
        """See Trainer.memory."""
        table: QTable = {}
        for latency, queue, instances, place in np.argwhere(self.tries).tolist():
            values = table.setdefault(f"{latency}_{queue}_{instances}", {})
            values[str(ACTIONS[place])] = float(self.table[latency, queue, instances, place])
        return {"q_table": table, "epsilon": self.epsilon, "pending": None}

    def checkpoint(self) -> dict[str, Any]:
        """See Trainer.checkpoint."""
        return {
            "policy": POLICY,
            "plan": self._plan.to_plain(),
            "done": self.done,
            "epsilon": self.epsilon,
            "table": pack(self.table, "<f8"),
            "tries": pack(self.tries, "<i8"),
        }

    def _environment(self, arrivals: Floats) -> ScalingEnv:
        world, settings = self._world, self._plan.settings
        return ScalingEnv(
            arrivals,
            EnvironmentSettings(
                service=world.service,
                weights=world.weights,
                interval=settings.interval,
                boot_time=settings.boot_time,
                min_instances=self._bounds[0],
            ),
        )
