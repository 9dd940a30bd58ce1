# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy q_learning: the algorithm by hand, and step by step against recordings of the original."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    Memory,
    Observation,
    PolicySettings,
    Slo,
)
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._policies._policy_helpers import (
    propose,
    settings_of,
    snapshot,
)


class Script(random.Random):
    """Uniform numbers in a given order; drawing one too many fails."""

    def __init__(self, *draws: float) -> None:
        super().__init__()
        self.draws = list(draws)

    def random(self) -> float:
        return self.draws.pop(0)


def tick(
    memory: Memory,
    p99: float | None,
    queue: float | None,
    ordered: int,
    *draws: float,
    taken: int | None = None,
    explore: bool = True,
    settings: PolicySettings | None = None,
    **options: Any,
) -> tuple[int | None, Memory]:
    """One tick; all draws given must be drawn. Returns the action."""
    rng = Script(*draws)
    observation = Observation(
        0.0, snapshot(p99_latency_s=p99, queue_depth=queue), ordered, ordered, taken=taken, explore=explore
    )
    proposal, after = propose("q_learning", memory, observation, settings_of("q_learning", settings, **options), rng)
    assert not rng.draws
    return None if proposal.count is None else proposal.count - ordered, after


@pytest.mark.parametrize("name", ["exploring", "greedy"])
def test_recordings_of_the_original(shared_dir: Path, name: str) -> None:
    """Fed only observations and draws: each action, state, epsilon and value is the recorded one.

    The recording learns at the end of a step from `after`, which is the next step's `before`; an agent that observes
    once a tick does the same at the start of the next tick. The last `after` is one more tick without exploration.
    """
    recording = json.loads((shared_dir / "golden" / f"q_learning_{name}.json").read_text())
    steps, epsilon = recording["steps"], recording["initial_epsilon"]
    memory: Memory = {}
    taken: int | None = None
    for i, step in enumerate(steps):
        seen = step["before"]
        if i:
            assert seen == steps[i - 1]["after"]
        action, memory = tick(
            memory,
            seen["avgP99Latency"],
            seen["avgQueueDepth"],
            step["instances"],
            *step["uniform_draws"],
            taken=taken,
            epsilon=epsilon,
        )
        assert action == step["action"]
        assert memory["pending"]["state"] == step["state"]
        if i:
            last = steps[i - 1]
            assert memory["q_table"][last["state"]][str(last["action"])] == pytest.approx(last["q_updated"], abs=1e-9)
        following = steps[i + 1]["epsilon"] if i + 1 < len(steps) else recording["final_epsilon"]
        assert memory["epsilon"] == pytest.approx(following, abs=1e-12)
        taken = step["action"]
    last = steps[-1]
    _unused, memory = tick(
        memory,
        last["after"]["avgP99Latency"],
        last["after"]["avgQueueDepth"],
        last["instances"] + last["action"],
        taken=taken,
        explore=False,
    )
    assert memory["pending"]["state"] == last["next_state"]
    assert memory["epsilon"] == pytest.approx(recording["final_epsilon"], abs=1e-12)
    assert memory["q_table"].keys() == recording["final_q_table"].keys()
    for state, values in recording["final_q_table"].items():
        assert memory["q_table"][state] == pytest.approx(values, abs=1e-9)


def test_three_steps_by_hand() -> None:
    """Explore to +1, exploit the first of the best, learn with the maximum over all three actions."""
    # 0.3 < epsilon 1: explore; at 1 instance only 0 and +1 are allowed, floor(0.7 x 2) = 1 is +1
    action, memory = tick({}, 0.05, 5.0, 1, 0.3, 0.7)
    assert action == 1
    assert memory == {"q_table": {}, "epsilon": 0.995, "pending": {"state": "0_0_1", "action": 1}}

    # reward -100 x 0.1 - 10 x 10 - 1.5 x 2 = -113; Q(0_0_1, +1) = 0.1 x -113
    # 0.995 is not below epsilon 0.995: exploit; all unknown, so the first, -1
    action, memory = tick(memory, 0.3, 60.0, 2, 0.995, taken=1)
    assert memory["q_table"] == {"0_0_1": {"1": pytest.approx(-11.3)}}
    assert memory["pending"] == {"state": "2_2_2", "action": -1}
    assert action == -1

    # back in 0_0_1: reward -1.5, the best of -11.3, unknown 0 and unknown 0 is 0; Q(2_2_2, -1) = 0.1 x -1.5
    action, memory = tick(memory, 0.05, 5.0, 1, 0.999, taken=-1)
    assert memory["q_table"]["2_2_2"] == {"-1": pytest.approx(-0.15)}
    assert action == 0  # the first best of those allowed: -1 would leave the bounds
    assert memory["epsilon"] == pytest.approx(0.995**3)


def test_the_update_discounts_what_comes_next() -> None:
    table = {"0_0_3": {"-1": -8.0, "0": -4.0, "1": -6.0}, "3_3_2": {"1": -10.0}}
    memory: Memory = {"q_table": table, "epsilon": 0.05, "pending": {"state": "3_3_2", "action": 1}}
    _unused, memory = tick(memory, 0.05, 5.0, 3, 0.5, taken=1)
    assert memory["q_table"]["3_3_2"]["1"] == pytest.approx(-10 + 0.1 * (-4.5 + 0.9 * -4.0 + 10))
    assert table["3_3_2"]["1"] == -10.0


@pytest.mark.parametrize(
    ("p99", "queue", "state"),
    [
        (0.0999, 19.9, "0_0_1"),
        (0.1, 20.0, "1_1_1"),
        (0.2, 50.0, "2_2_1"),
        (0.499, 99.9, "2_2_1"),
        (0.5, 100.0, "3_3_1"),
    ],
)
def test_a_threshold_belongs_to_the_bucket_above(p99: float, queue: float, state: str) -> None:
    assert tick({}, p99, queue, 1, 0.5, 0.5)[1]["pending"]["state"] == state


def test_epsilon_decays_while_above_its_minimum() -> None:
    assert tick({"epsilon": 0.1001}, 0.1, 1.0, 1, 0.5)[1]["epsilon"] == pytest.approx(0.1001 * 0.995)
    assert tick({"epsilon": 0.1}, 0.1, 1.0, 1, 0.5)[1]["epsilon"] == 0.1


def test_without_exploration_it_is_greedy_draws_nothing_and_does_not_decay_but_learns() -> None:
    memory: Memory = {
        "q_table": {"0_0_2": {"-1": -5.0, "0": -1.0, "1": -2.0}},
        "epsilon": 0.8,
        "pending": {"state": "x", "action": 0},
    }
    action, after = tick(memory, 0.05, 5.0, 2, taken=0, explore=False)
    assert action == 0
    assert after["epsilon"] == 0.8
    assert "x" in after["q_table"]


@pytest.mark.parametrize(("taken", "learned"), [(1, "1"), (4, "1"), (0, "0"), (-1, "-1"), (-3, "-1")])
def test_the_action_that_was_taken_is_learned_by_its_sign(taken: int, learned: str) -> None:
    memory = {"epsilon": 0.1, "pending": {"state": "s", "action": -1}}
    assert list(tick(memory, 0.05, 5.0, 5, 0.5, taken=taken)[1]["q_table"]["s"]) == [learned]


def test_a_failed_driver_drops_the_transition() -> None:
    memory = {"q_table": {}, "epsilon": 0.1, "pending": {"state": "s", "action": 1}}
    _unused, after = tick(memory, 0.05, 5.0, 5, 0.5, taken=None)
    assert after["q_table"] == {}
    assert after["pending"]["state"] == "0_0_5"


@pytest.mark.parametrize(("p99", "queue"), [(None, 5.0), (0.1, None)])
def test_missing_figures_teach_nothing_and_cost_no_exploration(p99: float | None, queue: float | None) -> None:
    memory = {"q_table": {"s": {"1": -3.0}}, "epsilon": 0.5, "pending": {"state": "s", "action": 1}}
    action, after = tick(memory, p99, queue, 5, taken=1)
    assert action is None
    assert after == {**memory, "pending": None}
    # what is seen next belongs to a later tick, not to the action that was pending
    assert tick(after, 0.05, 5.0, 5, 0.9, taken=1)[1]["q_table"] == memory["q_table"]


@pytest.mark.parametrize(("ordered", "action"), [(0, 1), (12, -1)])
def test_beyond_the_bounds_the_only_way_is_back_and_nothing_is_drawn(ordered: int, action: int) -> None:
    settings = PolicySettings(min_instances=2, max_instances=10)
    assert tick({}, 0.1, 1.0, ordered, settings=settings)[0] == action


@pytest.mark.parametrize(("draw", "action"), [(0.0, -1), (0.3333, -1), (0.3334, 0), (0.6667, 1), (0.9999, 1)])
def test_exploration_draws_evenly_among_what_is_allowed(draw: float, action: int) -> None:
    assert tick({}, 0.1, 1.0, 5, 0.0, draw)[0] == action


def test_all_parameters_are_options() -> None:
    settings = PolicySettings(slo=Slo(p99_latency=1.0, queue_depth=None))
    options: dict[str, Any] = {
        "learning_rate": 0.5,
        "discount_factor": 0.0,
        "epsilon": 0.4,
        "epsilon_decay": 0.5,
        "epsilon_min": 0.3,
        "latency_thresholds": [1.0],
        "queue_thresholds": [],
        "latency_weight": 10.0,
        "instance_weight": 2.0,
    }
    _unused, memory = tick({}, 3.0, 900.0, 2, 0.4, settings=settings, **options)
    assert memory == {"q_table": {}, "epsilon": 0.2, "pending": {"state": "1_0_2", "action": -1}}
    _unused, memory = tick(memory, 3.0, 900.0, 1, 0.4, taken=-1, settings=settings, **options)
    assert memory["q_table"] == {"1_0_2": {"-1": pytest.approx(0.5 * (-10.0 * 2.0 - 2.0))}}


def test_a_run_is_the_same_again_with_the_same_seed() -> None:
    def run(seed: int) -> list[int]:
        rng, world = random.Random(seed), random.Random(3)
        memory: Memory = {}
        count, actions = 3, []
        settings = settings_of("q_learning")
        taken = None
        for _unused in range(200):
            seen = snapshot(p99_latency_s=world.random(), queue_depth=100 * world.random())
            proposal, memory = propose(
                "q_learning", memory, Observation(0.0, seen, count, count, taken=taken), settings, rng
            )
            assert proposal.count is not None
            taken, count = proposal.count - count, proposal.count
            actions.append(taken)
        return actions

    assert run(1) == run(1) != run(2)
