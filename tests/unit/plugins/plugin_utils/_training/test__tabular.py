# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Training the article's table: the policy's own update, many services at once, and going on after an interruption."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import Observation, PolicySettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies.q_learning import ACTIONS, POLICY, _learned
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._environment import Observations
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._plan import EPISODE, Plan
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._tabular import TabularTrainer
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._policies._policy_helpers import (
    settings_of,
    snapshot,
)

SETTINGS = settings_of("q_learning", PolicySettings(max_instances=12))
PLAN = Plan(SETTINGS, 50.0, steps=1, environments=1)


def key(state: tuple[np.ndarray, ...]) -> str:
    return "_".join(str(int(part[0])) for part in state)


def test_on_one_service_it_learns_tick_by_tick_as_the_policy_does() -> None:
    """The policy is given the trainer's observations and actions; both tables stay equal.

    The counts stay away from the bounds, where both differ, see test_actions_out_of_bounds_are_worth_staying.
    """
    trainer, rng = TabularTrainer(PLAN), np.random.default_rng(0)
    memory: dict[str, object] = {}
    ordered, taken, state = 6, None, None
    for tick in range(300):
        seen = Observations(
            *(np.array([value]) for value in (100.0, 100.0, rng.uniform(0.05, 0.8), rng.uniform(0, 150), 0.5)),
            ready=np.array([ordered]),
            ordered=np.array([ordered]),
        )
        figures = snapshot(p99_latency_s=float(seen.p99[0]), queue_depth=float(seen.queue[0]))
        observation = Observation(15.0 * tick, figures, ordered, ordered, taken=taken)
        _proposals, (memory,) = POLICY.step([memory], [observation], [SETTINGS], [random.Random(tick)])
        nexts = trainer.state(seen)
        assert memory["pending"]["state"] == key(nexts)  # type: ignore[index]
        if state is not None and taken is not None:
            trainer.learn(state, np.array([taken]), trainer.reward(seen), nexts)
        action = int(trainer.choose(nexts, seen.ordered, rng)[0])
        taken = action if 3 < ordered + action < 10 else 0
        ordered, state = ordered + taken, nexts
        assert memory["epsilon"] == pytest.approx(trainer.epsilon)
    ours, theirs = trainer.memory()["q_table"], memory["q_table"]
    assert ours.keys() == theirs.keys()  # type: ignore[attr-defined]
    for name, values in ours.items():
        assert values == pytest.approx(theirs[name])  # type: ignore[index]


def test_services_in_the_same_state_count_as_one_with_the_mean_of_their_targets() -> None:
    trainer = TabularTrainer(replace(PLAN, environments=3))
    trainer.table[1, 0, 5] = [-4.0, -3.0, -2.0]
    same = (np.array([0, 0, 2]), np.array([1, 1, 0]), np.array([4, 4, 7]))
    nexts = (np.array([1, 2, 0]), np.array([0, 0, 0]), np.array([5, 5, 7]))
    trainer.learn(same, np.array([1, 1, 0]), np.array([-10.0, -20.0, -30.0]), nexts)
    alone = _learned({}, "0_1_4", 1, reward=-15.0 + 0.9 * (-2.0 + 0.0) / 2, next_state="", options=SETTINGS.options)
    assert trainer.table[0, 1, 4, 2] == pytest.approx(alone["0_1_4"]["1"])
    assert trainer.table[2, 0, 7, 1] == pytest.approx(0.1 * -30.0)
    assert trainer.tries.sum() == 3


def test_actions_out_of_bounds_are_worth_staying() -> None:
    """The policy leaves them at 0, better than all else, and is drawn to the bounds."""
    trainer = TabularTrainer(PLAN)
    for count, place in ((1, 0), (12, 2)):
        state = (np.array([3]), np.array([3]), np.array([count]))
        trainer.learn(state, np.array([0]), np.array([-1000.0]), state)
        assert trainer.table[3, 3, count, place] == trainer.table[3, 3, count, 1] == -100.0
        trainer.learn(state, np.array([0]), np.array([-1000.0]), state)
        assert trainer.table[3, 3, count, 1] < -180.0  # but not by the maximum of 0 over all actions


def test_choices_stay_within_the_bounds_and_are_greedy_without_epsilon() -> None:
    many = 2000
    trainer, rng = TabularTrainer(replace(PLAN, environments=many)), np.random.default_rng(0)
    ordered = np.resize([1, 6, 12], many)
    zeros = np.zeros(many, dtype=int)
    drawn = trainer.choose((zeros, zeros, ordered), ordered, rng)
    assert trainer.epsilon == 0.995
    for count, allowed in ((1, [0, 1]), (6, [-1, 0, 1]), (12, [-1, 0])):
        found, often = np.unique(drawn[ordered == count], return_counts=True)
        assert found.tolist() == allowed
        assert often.min() > 0.7 * many / 3 / len(allowed)
    trainer.epsilon = 0.0
    trainer.table[0, 0, 6] = [-5.0, -1.0, -1.0]
    best = trainer.choose((zeros, zeros, ordered), ordered, rng)
    assert set(best[ordered == 6].tolist()) == {0}  # the first of the best
    assert set(best[ordered == 1].tolist()) == {0}


def test_an_interrupted_training_comes_to_the_same() -> None:
    plan = replace(PLAN, environments=4, steps=2 * 4 * EPISODE, seed=3)
    straight = TabularTrainer(plan)
    straight.episode()
    resumed = TabularTrainer(plan, json.loads(json.dumps(straight.checkpoint())))
    straight.episode()
    resumed.episode()
    assert resumed.checkpoint() == straight.checkpoint()
    assert resumed.memory() == straight.memory()


def test_the_policy_uses_what_was_learned() -> None:
    trainer = TabularTrainer(replace(PLAN, environments=8))
    trainer.episode()
    memory = json.loads(json.dumps(trainer.memory()))
    state, values = max(memory["q_table"].items(), key=lambda entry: (len(entry[1]), entry[0]))
    latency, queue, count = map(int, state.split("_"))
    p99, depth = [0.05, 0.15, 0.3, 0.9][latency], [1.0, 30.0, 70.0, 200.0][queue]
    observation = Observation(0.0, snapshot(p99_latency_s=p99, queue_depth=depth), count, count, explore=False)
    (proposal,), _after = POLICY.step([memory], [observation], [SETTINGS], [random.Random(0)])
    assert proposal.details["state"] == state
    assert proposal.details["values"] == {str(action): values.get(str(action), 0.0) for action in ACTIONS}
    assert proposal.details["epsilon"] == pytest.approx(trainer.epsilon)


def test_it_is_judged_against_the_rule_of_dqn() -> None:
    trainer = TabularTrainer(PLAN)
    found = trainer.validate()
    assert found.ratio > 1.0  # it knows nothing
    assert trainer.tries.sum() == 0
    assert trainer.epsilon == 1.0
