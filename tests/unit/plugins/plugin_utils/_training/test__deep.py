# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Training the network: targets, a problem whose optimum is known, and going on after an interruption."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import PolicySettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._pilot import Trained
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._world import ACTIONS, RULE, world_of
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training import _course, _days, _deep
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._deep import DISCOUNT, DeepTrainer
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._plan import EPISODE, SETTLE, Plan
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._policies._policy_helpers import settings_of

SETTINGS = settings_of("dqn", PolicySettings(max_instances=12))
PLAN = Plan(SETTINGS, 50.0, steps=1, environments=5)
WORLD = world_of(SETTINGS, 50.0)


def flat_days(levels: list[float]) -> Any:
    """In place of `_days.days`: rates that never change."""

    def days(_families: Any, count: int, length: int, **_unused: Any) -> np.ndarray:
        return np.resize(np.array(levels), count)[:, None, None] * np.ones((1, length, 3))

    return days


def targets(trainer: DeepTrainer, levels: list[float]) -> np.ndarray:
    """The targets of each action (E, actions) under constant load, from where the rule is settled."""
    given = _course.course(WORLD, flat_days(levels)(None, len(levels), SETTLE))
    fleet = WORLD.fleet(WORLD.needed(given.ruled[0]))
    found, _nexts = trainer._targets(given, 10, fleet, _course.play_rule(given).costs)
    return found


def test_targets_are_what_actions_save_over_the_next_leads() -> None:
    """240/s: 7 by the rule, 6 are enough. One less leaves at once; one more boots, but is paid for from the start."""
    saved = targets(DeepTrainer(PLAN), [240.0])[0] * _deep.full_price(WORLD) / 1.5
    counts = [
        int(WORLD.wanted(np.array(factor), np.array(264.0), np.array(240.0), np.array(0.0))) for factor in ACTIONS
    ]
    assert counts[RULE] == 7
    # The untrained network prefers the first action, which is what follows in the second lead.
    expected = [4 * (7 - count) + DISCOUNT * 4 * (7 - counts[0]) for count in counts]
    assert saved == pytest.approx(expected, rel=1e-5)


def test_later_actions_are_chosen_by_the_network_and_valued_by_the_slow_one() -> None:
    """Double DQN: the slow network's own favourite does not matter."""
    trainer = DeepTrainer(PLAN)
    trainer._online_network.b3[RULE] = 1.0
    before = targets(trainer, [100.0, 240.0])
    trainer._target_network.b3[:] = np.arange(len(ACTIONS)) - 2.0
    worth = float(trainer._target_network.b3[RULE])
    assert targets(trainer, [100.0, 240.0]) - before == pytest.approx(
        np.full((2, len(ACTIONS)), DISCOUNT**2 * worth), abs=1e-6
    )


def test_the_rule_saves_nothing_over_itself() -> None:
    trainer = DeepTrainer(PLAN)
    trainer._online_network.b3[RULE] = 1.0
    assert targets(trainer, [30.0, 100.0, 240.0, 500.0])[:, RULE] == pytest.approx(np.zeros(4))


@pytest.mark.slow
def test_a_known_optimum_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loads that never change: the best constant factor of each is known by trying all of them."""
    levels = [100.0, 150.0, 200.0, 240.0, 400.0]
    monkeypatch.setattr(_days, "days", flat_days(levels))
    trainer = DeepTrainer(replace(PLAN, steps=2 * 5 * EPISODE))
    while trainer.done < 2:
        trainer.episode()
    given = _course.course(WORLD, flat_days(levels)(None, 5, EPISODE))
    tried = []
    for factor in ACTIONS:
        same = np.full(5, factor)
        fleet = WORLD.fleet(WORLD.needed(given.ruled[0]))
        played = _course.play(given, range(EPISODE), fleet, lambda _tick, _fleet, same=same: same)
        tried.append(played.costs[-100:].mean(0))
    best, rule = np.min(tried, axis=0), _course.play_rule(given).costs[-100:].mean(0)
    found = _deep.play_network(given, trainer.network).costs[-100:].mean(0)
    assert (best < rule).sum() >= 3
    assert found == pytest.approx(best)


@pytest.mark.slow
def test_an_interrupted_training_comes_to_the_same() -> None:
    plan = replace(PLAN, steps=2 * 5 * EPISODE, seed=7)
    straight = DeepTrainer(plan)
    straight.episode()
    kept = json.loads(json.dumps(straight.checkpoint()))
    straight.episode()
    resumed = DeepTrainer(plan, kept)
    assert resumed.done == 1
    resumed.episode()
    assert resumed.checkpoint() == straight.checkpoint()
    assert resumed.memory() == straight.memory()
    other = DeepTrainer(replace(plan, seed=8))
    other.episode()
    assert other.memory() != kept
    assert len(json.dumps(kept)) < 100_000


def test_what_is_remembered_is_a_network_for_this_service() -> None:
    trainer = DeepTrainer(PLAN)
    trainer.episode()
    trained = Trained.from_plain(json.loads(json.dumps(trainer.memory()["network"])))
    assert trained.misfit(WORLD) == ""
    assert (trained.low <= trained.high).all()
    assert np.array_equal(trained.network.flat(), trainer.network.flat())


def test_an_untrained_network_is_judged_and_held_out_families_are_others() -> None:
    trainer = DeepTrainer(PLAN)
    found, held_out = trainer.validate(), trainer.report()
    assert set(found.families) == set(_days.TRAINING)
    assert set(held_out.families) == set(_days.HELD_OUT)
    assert found.worst >= found.ratio > 0
    trainer._target_network.b3[RULE] = 1.0  # the rule
    assert trainer.validate().ratio == pytest.approx(1.0)


def test_days_come_from_their_seed() -> None:
    service = WORLD.service
    one, again, other = (
        _days.days(_days.TRAINING, 3, 100, service=service, interval=15.0, seed=[_days.TRAIN, seed])
        for seed in (1, 1, 2)
    )
    assert one.shape == (3, 100, 3)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    most = service.capacity * service.max_instances
    assert (np.quantile(one, 0.995, axis=(1, 2)) < 0.9 * most).all()
