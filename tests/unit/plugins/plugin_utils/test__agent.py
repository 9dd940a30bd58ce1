# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._agent import (
    RECOMMEND,
    ClusterSettings,
    Counts,
    Tick,
    decide,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._guards import GuardSettings, Pin
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import PolicySettings, default_options
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_000_000.0


def settings(policy: str = "erlang", **changes: Any) -> ClusterSettings:
    rule = _registry.get(policy)
    options = default_options(rule.options) | ({"count": 3} if policy == "static" else {})
    made = ClusterSettings(
        cluster="chat",
        policy=rule,
        policy_settings=PolicySettings(max_instances=20, options=options),
        guards=GuardSettings(max_instances=20, cooldown_down=0),
        service_rate=50.0,
        seed=7,
    )
    return replace(made, **changes)


def snapshot(rate: float = 60.0, **changes: Any) -> dict[str, Any]:
    figures = {
        "valid": True,
        "at": NOW,
        "interval_s": 15.0,
        "p99_latency_s": 0.1,
        "mean_latency_s": 0.022,
        "queue_depth": 1.0,
        "queue_total": 2.0,
        "eventloop_lag_s": 0.001,
        "arrival_rate": rate,
        "completion_rate": rate,
        "utilisation": None,
        "expected": 2,
        "answered": 2,
        "instances": [{"name": name, "state": "ready"} for name in ("chat-1", "chat-2")],
        "counters": {"format": 1},
    }
    return figures | changes


def tick(number: int = 0, **changes: Any) -> Tick:
    made = Tick(now=NOW + 15 * number, snapshot=snapshot(at=NOW + 15 * number), counts=Counts(ready=2))
    return replace(made, **changes)


def test_a_flood_is_answered_in_one_step_and_explained() -> None:
    decision, memory = decide({}, tick(snapshot=snapshot(400.0)), settings())
    assert decision.current == 2
    assert decision.target >= 9
    assert "400 msg/s" in decision.reason
    assert decision.proposal["count"] == decision.target
    assert decision.bound_by == []
    assert memory["tick"] == 1
    assert memory["guards"]["up_at"] == NOW


def test_what_a_guard_changed_is_in_the_reason() -> None:
    guards = GuardSettings(max_instances=5, cooldown_down=0)
    decision, _memory = decide({}, tick(snapshot=snapshot(400.0)), settings(guards=guards))
    assert decision.target == 5
    assert [bound["guard"] for bound in decision.bound_by] == ["bounds"]
    assert decision.reason.endswith("10 proposed, 5 by bounds: the cluster has 1 to 5 instances")


def test_below_the_minimum_it_is_the_minimum_whatever_the_metrics() -> None:
    blind = {"valid": False, "expected": 0, "answered": 0, "reasons": {"valid": "there is no ready instance"}}
    guards = GuardSettings(min_instances=3, max_instances=20)
    decision, memory = decide({}, Tick(NOW, blind, Counts()), settings(guards=guards))
    assert decision.target == 3
    assert memory["calibration"].get("lessons", 0) == 0


@pytest.mark.parametrize("policy", ["shadow_q", "dqn", "erlang", "seasonal", "holt_winters"])
def test_where_instances_do_not_answer_as_much_arrives_as_before_and_nothing_is_learned(policy: str) -> None:
    """Four fifths of the traffic are seen for a while, as one of five instances hangs."""
    own, memory = settings(policy, service_rate=50.0), {}
    for number in range(40):
        _decision, memory = decide(memory, tick(number, snapshot=snapshot(200.0 + number % 5)), own)
    partly = snapshot(160.0, expected=5, answered=4)
    for number in range(40, 50):
        decision, memory = decide(memory, tick(number, snapshot=partly), own)
        assert decision.target >= 5
    assert memory["arrival_rate"] == 204.0
    whole, _memory = decide(memory, tick(50, snapshot=snapshot(204.0)), own)
    assert whole.proposal["count"] <= 7, "that all of it is seen again is no growth"


def test_what_crashed_is_replaced_and_missing_data_does_not_make_it_the_new_count() -> None:
    guards = GuardSettings(min_instances=0, max_instances=20)
    for ready in (2, 0):
        crashed = Tick(NOW, {"valid": False}, Counts(ready=ready, desired=5))
        assert decide({}, crashed, settings(guards=guards))[0].target == 5


def test_never_more_than_the_pools_hold() -> None:
    decision, _memory = decide({}, tick(snapshot=snapshot(400.0)), settings().within(4))
    assert decision.target == 4
    assert settings().within(None) == settings().within(100) == settings()


@pytest.mark.parametrize("field", ["p99_latency_s", "queue_depth", "eventloop_lag_s"])
def test_a_missing_figure_never_shrinks(field: str) -> None:
    quiet = snapshot(1.0, **{field: None})
    decision, _memory = decide({}, tick(snapshot=quiet, counts=Counts(ready=8)), settings())
    assert decision.target == 8
    assert "stale_data" in [bound["guard"] for bound in decision.bound_by]


def test_the_action_learned_from_is_the_change_that_came_about() -> None:
    """The agent asked for one count, somebody else made it another."""
    rules = settings("q_learning")
    _decision, memory = decide({}, tick(), rules)
    opened = memory["policies"]["q_learning"]["pending"]
    _decision, memory = decide(memory, tick(1, counts=Counts(ready=2, booting=1)), rules)
    table = memory["policies"]["q_learning"]["q_table"]
    assert list(table) == [opened["state"]]
    assert list(table[opened["state"]]) == ["1"]


@pytest.mark.parametrize(
    ("number", "failed_at", "learns"),
    [
        pytest.param(1, None, True, id="all went well"),
        pytest.param(1, NOW - 1, True, id="a failure before"),
        pytest.param(1, NOW + 2, False, id="a failure since"),
        pytest.param(3, None, True, id="two ticks were left out"),
        pytest.param(240, None, False, id="an hour without a run"),
        pytest.param(-1, None, False, id="the clock was set back"),
    ],
)
def test_nothing_is_learned_from_a_change_that_failed_or_is_long_ago(
    number: int, failed_at: float | None, learns: bool
) -> None:
    rules = settings("q_learning")
    _decision, memory = decide({}, tick(), rules)
    _decision, memory = decide(memory, tick(number, failed_at=failed_at), rules)
    assert bool(memory["policies"]["q_learning"]["q_table"]) == learns


def test_recommending_keeps_guards_and_exploration_where_they_are() -> None:
    rules = settings("q_learning", mode=RECOMMEND)
    memory: dict[str, Any] = {}
    for number in range(5):
        decision, memory = decide(memory, tick(number), rules)
        assert decision.mode == RECOMMEND
    assert memory["guards"] == {}
    assert memory["policies"]["q_learning"]["epsilon"] == 1.0
    assert memory["tick"] == 5


def test_a_pin_in_the_state_holds_unless_the_settings_have_one() -> None:
    pinned = {"pin": {"count": 6, "until": None}}
    assert decide(pinned, tick(), settings())[0].target == 6
    guards = GuardSettings(max_instances=20, pin=Pin(4, None))
    assert decide(pinned, tick(), settings(guards=guards))[0].target == 4
    run_out = GuardSettings(max_instances=20, pin=Pin(4, 1.0))
    assert decide(pinned, tick(), settings(guards=run_out))[0].target == 6


def test_the_service_rate_is_learned_unless_it_is_given() -> None:
    memory: dict[str, Any] = {}
    for number in range(8):
        decision, memory = decide(memory, tick(number), settings(service_rate=None))
    assert decision.service_rate["source"] == "sojourn"
    assert 50 < decision.service_rate["rate"] < 70
    assert decide(memory, tick(9), settings())[0].service_rate == {"rate": 50.0, "source": "given", "lessons": 0}


def test_old_counters_are_kept_when_nothing_was_observed() -> None:
    _decision, memory = decide({"counters": {"format": 1, "at": 5}}, tick(snapshot={"valid": False}), settings())
    assert memory["counters"] == {"format": 1, "at": 5}


@given(
    policy=st.sampled_from(sorted(_registry.POLICIES)),
    rates=st.lists(st.none() | st.floats(0, 2000), min_size=1, max_size=6),
    ready=st.integers(0, 25),
)
def test_same_memory_same_tick_same_decision(policy: str, rates: list[float | None], ready: int) -> None:
    """Also: memory is plain data, and is not changed in place; the target is within the bounds."""
    rules = settings(policy)
    memory: dict[str, Any] = {}
    for number, rate in enumerate(rates):
        seen = snapshot(0.0, valid=False) if rate is None else snapshot(rate)
        now = tick(number, snapshot=seen, counts=Counts(ready=ready))
        before = copy.deepcopy(memory)
        decision, after = decide(memory, now, rules)
        assert memory == before
        assert decide(memory, now, rules) == (decision, after)
        assert 1 <= decision.target <= 20
        memory = json.loads(json.dumps(after, allow_nan=False))
        assert memory == after
