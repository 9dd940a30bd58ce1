# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards one by one, and what holds for all of them together."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils import _guards
from ansible_collections.rlops.autoscale.plugins.plugin_utils._guards import (
    Bound,
    GuardContext,
    GuardSettings,
    Pin,
    Range,
    Verdict,
    advance,
    combine,
    evaluate,
    judge,
    reach,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import Slo
from hypothesis import example, given
from hypothesis import strategies as st

NOW = 1_790_000_000.0
GOOD: dict[str, Any] = {
    "valid": True,
    "at": NOW,
    "age_s": 0.0,
    "p99_latency_s": 0.1,
    "queue_depth": 1.0,
    "queue_total": 5.0,
    "eventloop_lag_s": 0.01,
    "completion_rate": 100.0,
    "expected": 5,
    "answered": 5,
}


def context(
    ordered: int = 5,
    booting: int = 0,
    draining: int = 0,
    memory: dict[str, Any] | None = None,
    snapshot: dict[str, Any] | None = None,
    approval: Range | None = None,
    quota: Range | None = None,
    **settings: Any,
) -> GuardContext:
    return GuardContext(
        now=NOW,
        ordered=ordered,
        ready=ordered - booting,
        booting=booting,
        draining=draining,
        snapshot={**GOOD, **(snapshot or {})},
        settings=GuardSettings(**settings),
        memory=memory or {},
        approval=approval,
        quota=quota,
    )


def guards_of(verdict: Verdict) -> list[str]:
    return [bound["guard"] for bound in verdict.bound_by]


def judged(proposal: int | None, **of: Any) -> tuple[int, list[str]]:
    verdict = judge(context(**of), proposal)
    return verdict.target, guards_of(verdict)


def test_a_proposal_within_all_limits_passes_and_none_keeps_the_count() -> None:
    assert judged(8) == (8, [])
    assert judged(3) == (3, [])
    assert judged(None) == (5, [])


@pytest.mark.parametrize(("proposal", "target"), [(0, 2), (99, 7), (2, 2), (7, 7)])
def test_bounds(proposal: int, target: int) -> None:
    assert judged(proposal, min_instances=2, max_instances=7) == (target, [] if proposal == target else ["bounds"])


def test_below_the_minimum_the_target_is_the_minimum_whatever_the_metrics() -> None:
    for valid in (True, False):
        target, bound_by = judged(None, ordered=0, min_instances=3, max_step_up=1, snapshot={"valid": valid})
        assert (target, bound_by) == (3, ["bounds"])


def test_equal_bounds_and_none_at_all() -> None:
    assert judged(9, min_instances=4, max_instances=4)[0] == 4
    assert judged(9, min_instances=0, max_instances=0)[0] == 0


@pytest.mark.parametrize(
    ("settings", "option"),
    [
        ({"min_instances": 5, "max_instances": 4}, "max_instances"),
        ({"min_instances": -1}, "min_instances"),
        ({"cooldown_up": -1.0}, "cooldown_up"),
        ({"cooldown_down": float("nan")}, "cooldown_down"),
        ({"max_step_up": 0}, "max_step_up"),
        ({"max_step_down": 0}, "max_step_down"),
    ],
)
def test_contradicting_settings_are_named(settings: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionError) as error:
        GuardSettings(**settings)
    assert error.value.option == option


def test_a_pin_overrides_all_but_the_bounds_until_it_runs_out() -> None:
    stale = {"valid": False}
    pinned = {"pin": Pin(2, NOW + 1), "snapshot": stale, "booting": 1, "max_step_down": 1}
    assert judged(9, **pinned) == (2, ["pin"])
    assert judged(9, **{**pinned, "pin": Pin(2, NOW)})[0] == 9
    assert judged(9, **{**pinned, "pin": Pin(0, None)}) == (1, ["bounds", "pin"])
    assert judged(5, pin=Pin(50, None)) == (10, ["bounds", "pin"])
    assert judged(0, ordered=0, min_instances=0, pin=Pin(3, None))[0] == 3


@pytest.mark.parametrize(
    ("until", "unix"),
    [
        (NOW, NOW),
        ("1790000000", NOW),
        ("2026-09-21T14:13:20Z", NOW),
        ("2026-09-21T16:13:20+02:00", NOW),
        ("2026-09-21 14:13:20", NOW),
        (datetime(2026, 9, 21, 14, 13, 20), NOW),  # YAML makes such of an unquoted time
        (datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC), NOW),
        (None, None),
        ("", None),
    ],
)
def test_the_end_of_a_pin(until: object, unix: float | None) -> None:
    assert Pin.from_option({"count": 3, "until": until}) == Pin(3, unix)


@pytest.mark.parametrize(
    "option",
    [
        {"count": -1},
        {"count": True},
        {"count": "3"},
        {"until": NOW},
        {"count": 3, "until": "soon"},
        {"count": 3, "until": "nan"},
        {"count": 3, "until": 1e300},
    ],
)
def test_a_wrong_pin_is_named(option: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=r"^pin(\.until)?: "):
        Pin.from_option(option)


def test_no_pin() -> None:
    assert Pin.from_option(None) is None
    assert Pin.from_option({}) is None


def test_at_zero_only_a_backlog_wakes() -> None:
    asleep: dict[str, Any] = {"ordered": 0, "min_instances": 0, "snapshot": {"queue_total": 0.0}}
    assert judged(4, **asleep) == (0, ["zero"])
    assert judged(0, **{**asleep, "snapshot": {"queue_total": 3.0, "valid": False}}) == (1, ["zero"])
    assert judged(4, **{**asleep, "snapshot": {"queue_total": 3.0}}) == (4, [])


@pytest.mark.parametrize(
    "problem",
    [
        {"valid": False},
        {"at": NOW - 31},
        {"age_s": 31.0},
        {"age_s": None},
        {"answered": 4},
        {"p99_latency_s": None},
        {"queue_depth": None},
        {"eventloop_lag_s": None},
    ],
)
def test_bad_data_never_shrinks_and_does_not_stop_growth(problem: dict[str, Any]) -> None:
    assert judged(3, snapshot=problem) == (5, ["stale_data"])
    assert judged(7, snapshot=problem) == (7, [])


def test_what_has_no_slo_or_no_messages_may_be_missing() -> None:
    assert judged(3, snapshot={"eventloop_lag_s": None}, slo=Slo(eventloop_lag=None)) == (3, [])
    assert judged(3, snapshot={"p99_latency_s": None, "completion_rate": 0.0}) == (3, [])


@pytest.mark.parametrize("over", [{"p99_latency_s": 0.3}, {"queue_depth": 51.0}, {"eventloop_lag_s": 0.2}])
def test_distress_after_two_ticks_in_a_row_asks_for_one_more(over: dict[str, Any]) -> None:
    first = context(snapshot=over)
    assert judge(first, 3) == Verdict(
        5, [{"guard": "distress", "floor": 5, "ceiling": None, "reason": judge(first, 3).bound_by[0]["reason"]}]
    )
    memory = advance(first, 5)
    assert judged(5, memory=memory, snapshot=over) == (6, ["distress"])
    assert judged(8, memory=memory, snapshot=over) == (8, [])
    assert judged(5, memory=memory, snapshot=over, max_instances=5) == (5, ["bounds"])  # it would be 6
    assert judged(5, memory=advance(context(memory=memory), 5), snapshot=over) == (5, [])  # a good tick in between


def test_distress_awaits_what_boots_and_then_two_further_ticks() -> None:
    over = {"p99_latency_s": 0.3}
    memory = {"over_slo": 7, "ready": 3}
    assert judged(5, booting=2, memory=memory, snapshot=over)[0] == 5
    memory = advance(context(memory=memory, snapshot=over), 5)  # 5 ready now, 3 before
    assert memory["over_slo"] == 1
    assert judged(5, memory=memory, snapshot=over)[0] == 6


def test_bad_data_is_no_distress_and_leaves_the_count_of_ticks() -> None:
    over = {"p99_latency_s": 0.3, "valid": False}
    memory = {"over_slo": 1, "ready": 5}
    assert judged(5, memory=memory, snapshot=over)[0] == 5
    assert advance(context(memory=memory, snapshot=over), 5)["over_slo"] == 1


def test_one_decision_at_a_time() -> None:
    assert judged(3, booting=1) == (5, ["booting"])
    assert judged(3, draining=1) == (5, ["booting"])
    assert judged(8, booting=1, draining=1) == (8, [])


def test_a_policy_that_holds_by_itself_may_give_up_what_boots_but_what_drains_has_left_before_more_goes() -> None:
    assert judged(3, booting=1, cooldown_down=0.0) == (3, [])
    assert judged(3, booting=1, draining=1, cooldown_down=0.0) == (5, ["booting"])
    (held,) = judge(context(booting=1, draining=1, cooldown_down=0.0), 3).bound_by
    assert held["reason"] == "1 booting and 1 draining: one decision at a time"


def test_cooldowns_run_from_the_last_change() -> None:
    changed = advance(context(), 7)
    assert changed["up_at"] == NOW and "down_at" not in changed
    later = {"up_at": NOW - 299.0}
    assert judged(3, memory=later) == (5, ["cooldown_down"])
    assert judged(8, memory=later) == (8, [])
    assert judged(8, memory=later, cooldown_up=300.0) == (5, ["cooldown_up"])
    assert judged(3, memory={"up_at": NOW - 900.0, "down_at": NOW - 10.0}) == (5, ["cooldown_down"])
    assert judged(3, memory={"up_at": NOW - 300.0, "down_at": NOW - 300.0}) == (3, [])
    assert judged(3, memory={"down_at": NOW - 10.0}, cooldown_down=0.0) == (3, [])
    assert judged(8, memory={"down_at": NOW - 10.0}, cooldown_up=60.0) == (8, [])


def test_a_clock_set_back_ends_a_cooldown() -> None:
    assert judged(3, memory={"up_at": NOW + 1e6}) == (3, [])


def test_a_decision_that_changes_nothing_starts_no_cooldown() -> None:
    assert not {"up_at", "down_at"} & advance(context(), 5).keys()


def test_distress_breaks_a_growth_cooldown() -> None:
    memory = {"over_slo": 1, "ready": 5, "up_at": NOW - 1}
    target, bound_by = judged(9, memory=memory, cooldown_up=60.0, snapshot={"p99_latency_s": 0.3})
    assert target == 6
    assert bound_by == ["distress", "cooldown_up"]


def test_a_quota_takes_where_a_policy_alone_would_not_but_not_what_bounds_and_pins_say() -> None:
    share = Range(0, 3, "site has 40 instances: at most 3")
    held = {"booting": 1, "draining": 1, "memory": {"up_at": NOW, "over_slo": 5, "ready": 5}, "cooldown_down": 300.0}
    assert judged(8, quota=share, max_step_down=1, snapshot={"valid": False}, **held) == (3, ["quota"])
    assert judged(8, quota=share, snapshot={"p99_latency_s": 9.0}, **held) == (3, ["quota"])
    assert judged(8, quota=share, min_instances=4) == (4, ["bounds", "quota"])
    assert judged(8, quota=share, pin=Pin(6, None))[0] == 6
    assert judged(2, quota=share) == (2, [])
    nothing = {"ordered": 0, "min_instances": 0, "snapshot": {"queue_total": 9.0}}
    assert judged(4, quota=Range(0, 0, "none is left"), **nothing) == (0, ["quota"])


def test_approval_is_above_the_quota_and_below_a_pin() -> None:
    protected = Range(3, 7, "waits for approval")
    assert judged(9, approval=protected) == (7, ["approval"])
    assert judged(1, approval=protected) == (3, ["approval"])
    assert judged(9, approval=protected, quota=Range(0, 1, "")) == (3, ["approval", "quota"])
    assert judged(9, approval=protected, quota=Range(0, 5, "")) == (5, ["approval", "quota"])
    assert judged(9, approval=protected, pin=Pin(9, None)) == (9, ["pin"])
    assert judged(1, approval=protected, min_instances=4) == (4, ["bounds"])


def test_the_reach_of_those_above() -> None:
    assert reach(context(min_instances=2, max_instances=9), "pin") == (2, 9)
    assert reach(context(min_instances=2, max_instances=9, pin=Pin(20, None)), "approval") == (9, 9)
    assert reach(context(approval=Range(3, 7, ""), quota=Range(0, 4, "")), "quota") == (3, 7)
    assert reach(context(approval=Range(3, 7, ""), quota=Range(0, 4, "")), "zero") == (3, 4)


def test_step_limits() -> None:
    assert judged(9, max_step_up=2) == (7, ["max_step"])
    assert judged(1, max_step_down=2) == (3, ["max_step"])
    assert judged(9, max_step_down=2) == (9, [])


def test_of_two_guards_that_say_the_same_the_higher_is_listed() -> None:
    assert judged(3, booting=1, memory={"up_at": NOW}, snapshot={"valid": False}) == (5, ["stale_data"])


def test_listed_bounds_tell_their_range_and_reason() -> None:
    (listed,) = judge(context(max_step_up=2, max_step_down=1), 9).bound_by
    assert listed == {
        "guard": "max_step",
        "floor": 4,
        "ceiling": 7,
        "reason": "one decision changes the count by +2 or -1 at most",
    }


def test_priorities_fall_in_the_order_of_the_table() -> None:
    priorities = [priority for _unused, priority, _unused in _guards.GUARDS]
    assert priorities == sorted(set(priorities), reverse=True)
    rows = [line.split("|")[1:3] for line in (_guards.__doc__ or "").splitlines() if line.startswith("| ")][1:]
    assert [(name.strip(), int(rank)) for rank, name in rows] == [
        (name, rank) for name, rank, _unused in _guards.GUARDS
    ]


COUNTS = st.integers(0, 12)
MAYBE_TIME = st.none() | st.floats(NOW - 600, NOW + 60)


@st.composite
def contexts(draw: st.DrawFn) -> GuardContext:
    low = draw(st.integers(0, 6))
    ordered = draw(COUNTS)
    booting = draw(st.integers(0, ordered))
    until = draw(st.none() | st.sampled_from([NOW - 1, NOW + 1]))
    memory = {
        "over_slo": draw(st.integers(0, 3)),
        "ready": draw(COUNTS),
        "up_at": draw(MAYBE_TIME),
        "down_at": draw(MAYBE_TIME),
    }
    snapshot = {
        **GOOD,
        "valid": draw(st.booleans()),
        "at": NOW - draw(st.sampled_from([0, 29, 31])),
        "p99_latency_s": draw(st.sampled_from([None, 0.1, 0.5])),
        "queue_total": draw(st.sampled_from([None, 0.0, 9.0])),
        "answered": draw(st.sampled_from([4, 5])),
    }
    return context(
        ordered=ordered,
        booting=booting,
        draining=draw(st.integers(0, 2)),
        memory={key: value for key, value in memory.items() if value is not None},
        snapshot=snapshot,
        approval=draw(st.none() | st.builds(lambda n: Range(max(0, ordered - n), ordered + n, "a step"), COUNTS)),
        quota=draw(st.none() | st.builds(lambda n: Range(0, n, "a share"), COUNTS)),
        min_instances=low,
        max_instances=low + draw(st.integers(0, 6)),
        pin=draw(st.none() | st.builds(Pin, COUNTS, st.just(until))),
        cooldown_up=draw(st.sampled_from([0.0, 60.0])),
        cooldown_down=draw(st.sampled_from([0.0, 300.0])),
        max_step_up=draw(st.none() | st.integers(1, 3)),
        max_step_down=draw(st.none() | st.integers(1, 3)),
    )


def pinned(case: GuardContext) -> bool:
    pin = case.settings.pin
    return pin is not None and (pin.until is None or case.now < pin.until)


@given(contexts(), st.none() | st.integers(0, 30))
def test_always_within_the_bounds_and_pins_hold_within_them(case: GuardContext, proposal: int | None) -> None:
    low, high = case.settings.min_instances, case.settings.max_instances
    target = judge(case, proposal).target
    assert low <= target <= high
    if pinned(case):
        assert case.settings.pin is not None
        assert target == min(max(case.settings.pin.count, low), high)


@given(contexts(), st.integers(0, 30), st.randoms())
def test_order_does_not_matter(case: GuardContext, proposal: int, shuffler: random.Random) -> None:
    bounds = evaluate(case)
    shuffled = bounds[:]
    shuffler.shuffle(shuffled)
    assert combine(proposal, shuffled) == combine(proposal, bounds)


@given(contexts(), st.none() | st.integers(0, 30))
def test_no_shrinking_on_bad_data_or_while_something_boots_or_drains(case: GuardContext, proposal: int | None) -> None:
    bad = not case.snapshot["valid"] or case.snapshot["at"] < NOW - 30 or case.snapshot["answered"] < 5
    booting = case.booting and case.settings.cooldown_down > 0.0
    if (bad or booting or case.draining) and not pinned(case):
        share = case.ordered if case.quota is None or case.quota.ceiling is None else case.quota.ceiling
        assert judge(case, proposal).target >= min(case.ordered, case.settings.max_instances, share)


@given(contexts(), st.none() | st.integers(0, 30))
def test_beyond_a_share_or_a_step_there_is_only_what_bounds_and_pin_say(
    case: GuardContext, proposal: int | None
) -> None:
    target = judge(case, proposal).target
    if case.quota is not None and case.quota.ceiling is not None:
        assert target <= max(case.quota.ceiling, reach(case, "quota")[0])
    if case.approval is not None:
        (low, high), (floor, ceiling, _why) = reach(case, "approval"), case.approval
        assert ceiling is not None
        assert min(max(floor, low), high) <= target <= max(min(ceiling, high), low)


@given(contexts(), st.none() | st.integers(0, 30))
def test_at_zero_nothing_but_backlog_minimum_or_pin_grows(case: GuardContext, proposal: int | None) -> None:
    case = replace(case, ordered=0, ready=0, booting=0, approval=None)
    if not pinned(case) and not case.snapshot["queue_total"]:
        assert judge(case, proposal).target == case.settings.min_instances


@given(contexts(), st.integers(0, 30))
@example(context(2, snapshot={"valid": False}, min_instances=0, max_instances=1, quota=Range(0, 1, "")), 0)
def test_each_listed_guard_moved_and_without_any_listed_the_proposal_passed(case: GuardContext, proposal: int) -> None:
    verdict = judge(case, proposal)
    assert (verdict.target != proposal) <= bool(verdict.bound_by)
    if not verdict.bound_by:
        assert verdict.target == proposal
    listed = set(guards_of(verdict))
    assert combine(proposal, [b for b in evaluate(case) if b.guard in listed]).target == verdict.target


@given(st.lists(st.tuples(COUNTS, st.none() | COUNTS), max_size=6), COUNTS)
def test_the_higher_priority_wins_every_conflict(ranges: list[tuple[int, int | None]], proposal: int) -> None:
    """For any ranges: the outcome is in the highest range, and in each lower one that the higher ones leave open."""
    bounds = [
        Bound(f"g{i}", i, floor, None if ceiling is None else max(floor, ceiling), "")
        for i, (floor, ceiling) in enumerate(ranges)
    ]
    target = combine(proposal, bounds).target
    allowed = set(range(40))
    for bound in reversed(bounds):
        here = {n for n in allowed if n == bound.clamp(n)}
        # one that contradicts those above is come as near to as they allow
        allowed = here or {min(allowed, key=lambda n: abs(n - bound.clamp(n)))}
    assert target in allowed


@given(contexts(), st.none() | st.integers(0, 30))
def test_memory_is_small_and_plain_and_the_old_one_is_left_alone(case: GuardContext, proposal: int | None) -> None:
    before = dict(case.memory)
    verdict = judge(case, proposal)
    memory = advance(case, verdict.target)
    assert case.memory == before
    assert len(json.dumps(memory, allow_nan=False)) < 200
    json.dumps(verdict.bound_by, allow_nan=False)
    assert all(bound["reason"] for bound in verdict.bound_by)
