# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy hpa against the rules of the Kubernetes HorizontalPodAutoscaler."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    Memory,
    Observation,
    default_options,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies.hpa import Hpa
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._policies._policy_helpers import (
    propose,
    settings_of,
    snapshot,
)

QUEUE = [{"field": "queue_depth", "target": 10.0}]
RULES = default_options(Hpa.options)


def rules(direction: str, **changes: Any) -> dict[str, Any]:
    return {direction: {**RULES[direction], **changes}}


def ask(
    ordered: int,
    ready: int | None = None,
    now: float = 0.0,
    memory: Memory | None = None,
    taken: int | None = None,
    options: dict[str, Any] | None = None,
    **figures: Any,
) -> tuple[int | None, Memory]:
    ready = ordered if ready is None else ready
    observation = Observation(now, snapshot(**figures), ordered, ready, taken=taken)
    settings = settings_of("hpa", **{"metrics": QUEUE, **(options or {})})
    proposal, after = propose("hpa", memory or {}, observation, settings)
    return proposal.count, after


def after_downs_window(**options: Any) -> dict[str, Any]:
    return {**rules("scale_down", stabilization_window=0.0), **options}


@pytest.mark.parametrize(
    ("queue", "count"),
    [(20.0, 8), (40.0, 8), (11.0, 4), (11.1, 5), (10.0, 4), (9.0, 4), (8.9, 4), (7.5, 3), (5.0, 2), (0.0, 0)],
)
def test_count_is_ready_times_ratio_rounded_up_outside_the_tolerance(queue: float, count: int) -> None:
    """Growth is limited to 8 from 4: max(100 %, 4 pods) in 15 s."""
    assert ask(4, queue_depth=queue, options=after_downs_window())[0] == count


def test_tolerance_is_per_direction() -> None:
    options = {**rules("scale_up", tolerance=0.5), **rules("scale_down", tolerance=0.0, stabilization_window=0.0)}
    assert ask(4, queue_depth=15.0, options=options)[0] == 4
    assert ask(4, queue_depth=15.1, options=options)[0] == 7
    assert ask(20, queue_depth=9.5, options=options)[0] == 19


def test_the_largest_recommendation_wins_and_a_missing_metric_never_shrinks() -> None:
    both = [*QUEUE, {"field": "p99_latency_s", "target": 0.1}]
    options = after_downs_window(metrics=both)
    assert ask(4, queue_depth=15.0, p99_latency_s=0.02, options=options)[0] == 6
    assert ask(4, queue_depth=5.0, p99_latency_s=0.02, options=options)[0] == 2
    assert ask(4, queue_depth=5.0, p99_latency_s=None, options=options)[0] == 4
    assert ask(4, queue_depth=15.0, p99_latency_s=None, options=options)[0] == 6
    assert ask(4, queue_depth=None, p99_latency_s=None, options=options)[0] is None


def test_average_value_shares_a_total() -> None:
    options = after_downs_window(metrics=[{"field": "arrival_rate", "type": "AverageValue", "target": 40.0}])
    assert ask(4, arrival_rate=210.0, options=options)[0] == 6
    assert ask(4, 2, arrival_rate=170.0, options=options)[0] == 4  # within tolerance of 4 ordered, booting or not
    assert ask(4, arrival_rate=30.0, options=options)[0] == 1
    assert ask(0, arrival_rate=130.0, options=options)[0] == 4


def test_instances_without_a_sample_are_counted_on_the_careful_side() -> None:
    window = after_downs_window()
    # growing: those that boot and those that did not answer are taken for idle
    assert ask(6, 2, queue_depth=30.0, options=window)[0] == 6
    assert ask(6, 2, queue_depth=45.0, options=window)[0] == 9
    assert ask(4, queue_depth=20.0, answered=3, expected=4, options=window)[0] == 6
    # shrinking: those that did not answer are taken to be at the target, those that boot are left out
    assert ask(4, queue_depth=4.0, answered=2, expected=4, options=window)[0] == 3
    assert ask(4, 3, queue_depth=5.0, options=window)[0] == 2
    # a direction that this turns round is not taken
    assert ask(6, 2, queue_depth=13.0, options=window)[0] == 6
    assert ask(4, 0, queue_depth=13.0, options=window)[0] is None


def test_shrinking_waits_for_the_stabilisation_window() -> None:
    count, memory = ask(8, queue_depth=5.0)
    assert count == 8  # the first recommendation on record is the count it was found with
    count, memory = ask(8, now=150.0, memory=memory, queue_depth=7.0)
    assert count == 8
    count, memory = ask(8, now=301.0, memory=memory, queue_depth=2.0)
    assert count == 6  # 4 at 0 s has left the window, ceil(8 x 0.7) at 150 s has not
    assert ask(8, now=460.0, memory=memory, queue_depth=2.0)[0] == 2


def test_growing_may_have_a_window_too() -> None:
    options = rules("scale_up", stabilization_window=60.0)
    count, memory = ask(4, queue_depth=20.0, options=options)
    assert count == 4
    count, memory = ask(4, now=30.0, memory=memory, queue_depth=15.0, options=options)
    assert count == 4
    assert ask(4, now=61.0, memory=memory, queue_depth=20.0, options=options)[0] == 6


def test_growth_in_the_period_counts_against_the_scaling_policies() -> None:
    options = rules("scale_up", policies=[{"type": "Pods", "value": 4, "period": 60.0}])
    count, memory = ask(4, queue_depth=100.0, options=options)
    assert count == 8
    count, memory = ask(8, now=15.0, memory=memory, taken=4, queue_depth=100.0, options=options)
    assert count == 8
    count, memory = ask(8, now=30.0, memory=memory, taken=0, queue_depth=100.0, options=options)
    assert count == 8
    assert ask(8, now=61.0, memory=memory, taken=0, queue_depth=100.0, options=options)[0] == 12


def test_only_what_was_really_changed_counts_as_growth() -> None:
    options = rules("scale_up", policies=[{"type": "Pods", "value": 4, "period": 60.0}])
    _unused, memory = ask(4, queue_depth=100.0, options=options)
    assert ask(4, now=15.0, memory=memory, taken=None, queue_depth=100.0, options=options)[0] == 8
    assert ask(6, now=15.0, memory=memory, taken=2, queue_depth=100.0, options=options)[0] == 8


@pytest.mark.parametrize(("select", "count"), [("Max", 20), ("Min", 14), ("Disabled", 10)])
def test_select_policy_up(select: str, count: int) -> None:
    assert ask(10, queue_depth=100.0, options=rules("scale_up", select_policy=select))[0] == count


@pytest.mark.parametrize(("select", "count"), [("Max", 5), ("Min", 8), ("Disabled", 10)])
def test_select_policy_down(select: str, count: int) -> None:
    policies = [{"type": "Percent", "value": 50, "period": 60.0}, {"type": "Pods", "value": 2, "period": 60.0}]
    down = rules("scale_down", select_policy=select, policies=policies, stabilization_window=0.0)
    assert ask(10, queue_depth=1.0, options=down)[0] == count


def test_percentages_round_towards_change() -> None:
    """Up by 10 % of 1 is 2, or it would never grow; down by 10 % of 9 is 8.1, cut to 8."""
    ten = [{"type": "Percent", "value": 10, "period": 60.0}]
    assert ask(1, queue_depth=50.0, options=rules("scale_up", policies=ten))[0] == 2
    assert ask(9, queue_depth=1.0, options=rules("scale_down", policies=ten, stabilization_window=0.0))[0] == 8


def test_without_scaling_policies_nothing_limits() -> None:
    assert ask(2, queue_depth=100.0, options=rules("scale_up", policies=[]))[0] == 20


@pytest.mark.parametrize(
    ("change", "option"),
    [
        ({"tolerance": -0.1}, "tolerance"),
        ({"stabilization_window": -1.0}, "stabilization_window"),
        ({"policies": [{"type": "Pods", "value": 1, "period": -1.0}]}, "policies.period"),
    ],
)
def test_a_negative_limit_is_named(change: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionError) as error:
        ask(4, queue_depth=10.0, options=rules("scale_down", **change))
    assert error.value.option == f"hpa.scale_down.{option}"


def test_memory_does_not_grow() -> None:
    memory: Memory = {}
    for i in range(2000):
        _unused, memory = ask(4 + i % 2, now=15.0 * i, memory=memory, taken=(-1) ** i, queue_depth=10.0 + 5 * (i % 3))
    assert len(memory["recommendations"]) <= 21
    assert len(memory["changes"]) <= 2


def test_windows_survive_a_gap_in_the_metrics() -> None:
    _unused, memory = ask(8, queue_depth=10.0)
    count, memory = ask(8, now=100.0, memory=memory, queue_depth=None)
    assert count is None
    assert ask(8, now=200.0, memory=memory, queue_depth=1.0)[0] == 8
