# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A training from beginning to end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._decision_spec import DECISION_SPEC, cluster_settings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import default_options
from ansible_collections.rlops.autoscale.plugins.plugin_utils._settings import resolved
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training import _session
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._plan import (
    EPISODE,
    Plan,
    Validation,
    fits,
    validation,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._spec import plan_of

GOOD = Validation(0.9, 1.2, {"diurnal": 1.0}, 0.01, 0.02)


def calibrated(rate: float) -> dict[str, Any]:
    """The state of a cluster whose service rate the agent has learned."""
    return {"calibration": {"rate": rate, "source": "sojourn", "lessons": 20, "floor": 0.0}}


def decision(policy: str = "dqn", **options: Any) -> dict[str, Any]:
    """Validated options of rl_scale_decision."""
    defaults = default_options(resolved(DECISION_SPEC, {"policy": policy}))
    return {**defaults, "policy": policy, "cluster": "chat", **options}


def options(**own: Any) -> dict[str, Any]:
    return {"steps": 1, "environments": 5, "seed": 0, "save_every": 60.0, "wait": 0.0, **own}


class Steady:
    """A trainer that only counts."""

    def __init__(self, done: int = 0) -> None:
        self.done, self.validations = done, 0

    def episode(self) -> None:
        self.done += 1

    def validate(self) -> Validation:
        self.validations += 1
        return GOOD

    report = validate

    def memory(self) -> dict[str, Any]:
        return {}

    def checkpoint(self) -> dict[str, Any]:
        return {"done": self.done}


def run(done: int = 0, every: float = 10.0) -> tuple[list[dict[str, Any]], list[str]]:
    """Ten episodes of 4 s each; the checkpoints and the lines."""
    plan = Plan(cluster_settings(decision()).policy_settings, 50.0, steps=10 * 5 * EPISODE, environments=5)
    trainer = Steady(done)
    saved: list[dict[str, Any]] = []
    said: list[str] = []
    found = _session.train(
        trainer, plan, clock=lambda: 4.0 * trainer.done, every=every, save=saved.append, say=said.append
    )
    assert found is GOOD
    assert trainer.done == 10
    return saved, said


def test_checkpoints_come_from_time_to_time_and_at_the_end() -> None:
    saved, _said = run()
    assert saved == [{"done": 3}, {"done": 6}, {"done": 9}, {"done": 10}]
    assert run(every=1e9)[0] == [{"done": 10}]
    assert run(done=10)[0] == [{"done": 10}]


def test_lines_tell_speed_time_left_and_the_last_validation() -> None:
    _saved, said = run()
    assert said[0] == (
        "trained 30 %, 3,000 steps/s, about 28 s left, cost 0.900 of the rule's (worst service 1.20), "
        "1.00 % of ticks over the SLO, the rule 2.00 %"
    )
    resumed = run(done=5)[1]
    assert resumed[0].startswith("trained 80 %, 3,000 steps/s, about 8 s left")


def test_a_network_that_is_worse_than_its_margin_is_refused() -> None:
    _session.refuse_the_worse("dqn", GOOD._replace(ratio=1.05), 0.05)
    for ratio in (1.06, float("nan")):
        with pytest.raises(AutoscaleError, match=r"not installed: cost .* margin of 0.05.*force"):
            _session.refuse_the_worse("dqn", GOOD._replace(ratio=ratio), 0.05)
    _session.refuse_the_worse("q_learning", GOOD._replace(ratio=9.0), 0.0)  # it promises nothing


def test_a_validation_is_a_mean_of_ratios() -> None:
    costs, rule = np.array([1.0, 8.0, 4.0, 2.0]), np.array([2.0, 2.0, 2.0, 2.0])
    late = np.array([[True, False, False, False]])
    found = validation(("a", "b"), costs, rule, late, ~late)
    assert found.ratio == pytest.approx((0.5 * 4.0 * 2.0 * 1.0) ** 0.25)
    assert found.worst == pytest.approx(4.0)
    assert found.families == pytest.approx({"a": 1.0, "b": 2.0})
    assert (found.violations, found.rule_violations) == (0.25, 0.75)


def test_provenance_says_what_made_it() -> None:
    plan = plan_of(options(), decision(service_rate=50.0), {}, {})
    found = _session.provenance("dqn", plan, GOOD, GOOD, 123.0)
    assert json.loads(json.dumps(found)) == found
    assert found["steps"] == 5 * EPISODE
    assert found["version"] == "0.1.0"
    assert fits(found, plan, "dqn")
    assert not fits(found, plan_of(options(seed=1), decision(service_rate=50.0), {}, {}), "dqn")


def test_the_version_is_that_of_the_collection_built_or_not(tmp_path: Path) -> None:
    assert _session.collection_version(tmp_path) == "unknown"
    (tmp_path / "galaxy.yml").write_text("name: autoscale\nversion: 1.2.3\n")
    assert _session.collection_version(tmp_path) == "1.2.3"
    (tmp_path / "MANIFEST.json").write_text('{"collection_info": {"version": "2.0.0"}}')
    assert _session.collection_version(tmp_path) == "2.0.0"


def test_the_service_rate_is_given_or_calibrated_or_that_of_the_checkpoint() -> None:
    given = plan_of(options(), decision(service_rate=50.0), {}, {})
    assert given.service_rate == 50.0
    with pytest.raises(OptionError, match=r"^service_rate: it is not known yet"):
        plan_of(options(), decision(), {}, {})
    begun = plan_of(options(), decision(), calibrated(48.0), {})
    assert begun.service_rate == 48.0
    checkpoint = json.loads(json.dumps({"policy": "dqn", "plan": begun.to_plain()}))
    assert plan_of(options(), decision(), calibrated(50.0), checkpoint) == begun
    assert plan_of(options(), decision(), calibrated(80.0), checkpoint).service_rate == 80.0  # another service
    assert plan_of(options(seed=1), decision(), calibrated(50.0), checkpoint).service_rate == 50.0  # another training
    assert plan_of(options(), decision(service_rate=50.0), calibrated(48.0), checkpoint).service_rate == 50.0


@pytest.mark.parametrize("name", ["steps", "environments", "seed", "save_every", "wait"])
def test_options_that_make_no_sense_are_named(name: str) -> None:
    with pytest.raises(OptionError, match=f"^{name}: ") as error:
        plan_of(options(**{name: -1}), decision(service_rate=50.0), {}, {})
    assert error.value.option == name


def test_a_boot_that_no_episode_holds_is_refused() -> None:
    with pytest.raises(OptionError, match=r"^boot_time: at most 8085 s are expected, got 9000"):
        plan_of(options(), decision(service_rate=50.0, boot_time=9000.0), {}, {})
    assert plan_of(options(), decision(service_rate=50.0, boot_time=8085.0), {}, {}).episodes == 1


def test_what_changes_from_tick_to_tick_is_no_part_of_a_plan() -> None:
    plain = plan_of(options(), decision(service_rate=50.0), {}, {})
    assert plan_of(options(), decision(service_rate=50.0, expected_rate=900.0), {}, {}) == plain


def test_a_checkpoint_is_of_one_plan_and_policy() -> None:
    plan = plan_of(options(), decision(service_rate=50.0), {}, {})
    kept = json.loads(json.dumps({"policy": "dqn", "plan": plan.to_plain()}))
    assert fits(kept, plan, "dqn")
    assert not fits(kept, plan, "q_learning")
    assert not fits(kept, plan_of(options(), decision(service_rate=51.0), {}, {}), "dqn")
    assert not fits({}, plan, "dqn")
