# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a protected cluster does without a person, and with one."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._approval import (
    ApprovalSettings,
    allowed,
    answered,
    ask,
    begin,
    by_whom,
    valid_answer,
    waiting,
    why_not,
)
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_790_000_000.0
RULES = ApprovalSettings(above_step=5)
COMMAND = "ansible-playbook rlops.autoscale.approve -e cluster=chat"


class Chat:
    """A protected cluster that orders as much as it may."""

    def __init__(self, ordered: int = 10, rules: ApprovalSettings = RULES) -> None:
        self.ordered = ordered
        self.rules = rules
        self.now = NOW
        self.memory: dict[str, Any] = {}

    def tick(self, wanted: int, reach: tuple[int, int] = (0, 100)) -> int:
        """One tick, 15 s after the last one; returns what is ordered."""
        self.now += 15
        memory = begin(self.memory, self.rules, self.ordered, reach=reach, now=self.now)
        floor, ceiling = allowed(memory, self.rules, self.ordered, self.now)
        assert floor <= self.ordered <= ceiling, "it never moves a count by itself"
        self.ordered = min(max(wanted, floor), ceiling)
        beyond = wanted if wanted != self.ordered else None
        self.memory = ask(memory, beyond, self.now, by="erlang", reason="much traffic")
        return self.ordered

    def answer(self, approved: bool = True, count: int | None = None, seconds: float = 3600) -> dict[str, Any] | None:
        """A person's word."""
        after = answered(
            self.memory,
            self.rules,
            approved=approved,
            by="alice",
            count=count,
            now=self.now,
            until=self.now + seconds,
        )
        self.memory = after or self.memory
        return after

    def why(self) -> str:
        return why_not(self.memory, self.rules, self.now, COMMAND)


def test_a_small_change_asks_nobody() -> None:
    chat = Chat()
    assert [chat.tick(15), chat.tick(12), chat.tick(5)] == [15, 12, 5]
    assert waiting(chat.memory, chat.now) is None
    assert chat.answer() is None


def test_a_large_one_goes_as_far_as_it_may_and_waits_however_often_it_is_wanted() -> None:
    chat = Chat()
    assert {chat.tick(30) for _tick in range(1000)} == {15}
    assert waiting(chat.memory, chat.now) == {
        "from": 10,
        "to": 30,
        "at": NOW + 15,
        "by": "erlang",
        "reason": "much traffic",
        "refused_by": None,
    }
    assert chat.why() == f"10 to 30 is more than 5 within 10 min and waits for approval: {COMMAND} -e instance_count=30"


def test_so_does_a_change_in_small_steps_and_one_down() -> None:
    chat = Chat()
    assert {chat.tick(10) for _tick in range(100)} == {10}
    assert [chat.tick(count) for count in (13, 16, 19, 22)] == [13, 15, 15, 15]
    chat = Chat()
    assert [chat.tick(count) for count in (8, 3, 0)] == [8, 5, 5]
    assert chat.why() == f"10 to 0 is more than 5 within 10 min and waits for approval: {COMMAND} -e instance_count=0"


def test_a_wish_that_comes_and_goes_does_not_creep_on() -> None:
    chat = Chat()
    assert {chat.tick(wanted) for _round in range(100) for wanted in (30, 15)} == {15}
    assert [chat.tick(15) for _tick in range(41)] == [15] * 41
    assert chat.tick(30) == 20, "that was the count for ten minutes, without a wish for more"


def test_nor_does_it_while_nobody_ticks() -> None:
    chat = Chat()
    chat.tick(30)
    chat.now += 3600
    assert chat.tick(30) == 15


def test_what_is_approved_is_ordered_and_the_decision_says_by_whom() -> None:
    chat = Chat()
    chat.tick(30)
    chat.answer()
    assert waiting(chat.memory, chat.now) is None
    assert chat.tick(30) == 30
    assert by_whom(chat.memory, chat.rules, 30, chat.now) == "alice has approved 30 until 2026-09-21 15:13:35 UTC"
    assert by_whom(chat.memory, chat.rules, 15, chat.now) == ""
    assert chat.memory["answer"] == {
        "approved": True,
        "by": "alice",
        "at": NOW + 15,
        "from": 10,
        "to": 30,
        "until": NOW + 3615,
    }


def test_more_than_was_approved_waits_again() -> None:
    chat = Chat()
    chat.tick(30)
    chat.answer()
    assert chat.tick(40) == 30
    assert "10 to 40 is more than 5 within 10 min and waits for approval" in chat.why()
    assert by_whom(chat.memory, chat.rules, 30, chat.now)
    chat = Chat()
    chat.tick(30)
    chat.answer(count=20)
    assert chat.tick(30) == 20


def test_an_approval_of_growth_is_none_of_shrinking() -> None:
    chat = Chat()
    chat.tick(30)
    chat.answer()
    assert chat.tick(0) == 5
    chat.ordered = 60
    chat.tick(60, reach=(60, 60))
    assert chat.tick(25) == 55, "though 30 was approved"
    assert by_whom(chat.memory, chat.rules, 50, chat.now) == ""


def test_an_approval_of_shrinking_is_none_of_growth() -> None:
    chat = Chat(ordered=30)
    chat.tick(10)
    chat.answer()
    assert chat.tick(10) == 10
    assert by_whom(chat.memory, chat.rules, 10, chat.now).startswith("alice has approved 10 until")
    chat.ordered = 2
    chat.tick(2, reach=(2, 2))
    assert chat.tick(10) == 7


def test_an_approval_runs_out_and_what_is_ordered_stays() -> None:
    chat = Chat()
    chat.tick(30)
    chat.answer(seconds=60)
    assert [chat.tick(count) for count in (20, 20, 20, 30)] == [20, 20, 20, 20]
    assert by_whom(chat.memory, chat.rules, 20, chat.now) == ""
    assert "waits for approval" in chat.why()


def test_an_approval_of_the_future_is_none() -> None:
    """Clocks that differ, or one that was set back."""
    chat = Chat()
    chat.tick(30)
    chat.answer()
    assert valid_answer(chat.memory, chat.now - 1) is None
    chat.now -= 100
    assert chat.tick(30) == 15


def test_a_refusal_is_told_and_runs_out_too() -> None:
    chat = Chat()
    chat.tick(30)
    chat.answer(approved=False, seconds=60)
    assert waiting(chat.memory, chat.now) is not None, "it is wanted still"
    assert chat.tick(40) == 15
    assert chat.why() == "10 to 40 is more than 5 within 10 min, which alice has refused until 2026-09-21 14:14:35 UTC"
    assert (waiting(chat.memory, chat.now) or {})["refused_by"] == "alice"
    for _tick in range(4):
        assert chat.tick(40) == 15
    assert "waits for approval" in chat.why()
    chat.answer()
    assert chat.tick(40) == 40, "somebody else may think better of it"


def test_a_refusal_of_growth_is_none_of_shrinking() -> None:
    chat = Chat()
    chat.tick(30)
    chat.answer(approved=False)
    assert chat.tick(0) == 5
    assert "10 to 0 is more than 5 within 10 min and waits for approval" in chat.why()


def test_a_refusal_takes_an_approval_back() -> None:
    for waits in (False, True):
        chat = Chat()
        chat.tick(30)
        chat.answer()
        chat.tick(40 if waits else 30)
        assert chat.answer(approved=False) is not None
        assert (chat.memory["answer"]["from"], chat.memory["answer"]["to"]) == (10, 40 if waits else 30)
        assert chat.ordered == 30
        assert [chat.tick(20), chat.tick(40)] == [20, 20]
        assert "which alice has refused until" in chat.why()


def test_bounds_and_pins_need_no_approval_and_are_what_changes_are_counted_from() -> None:
    chat = Chat(ordered=0)
    chat.tick(20, reach=(20, 100))
    assert chat.memory["from"] == 20
    assert chat.tick(30, reach=(20, 100)) == 25
    chat.ordered = 60
    chat.tick(60, reach=(60, 60))
    assert (chat.memory["from"], chat.tick(10)) == (60, 55)


def test_nobody_needs_approval_for_what_was_there_for_a_while() -> None:
    chat = Chat()
    for _tick in range(41):
        chat.tick(15)
    assert chat.tick(20) == 20


@pytest.mark.parametrize(
    ("wanted", "count", "expected"),
    [
        (30, 15, "expected 16 or more, since 10 to 30 waits, got 15"),
        (30, 3, "expected 16 or more"),
        (0, 5, "expected 4 or fewer, since 10 to 0 waits, got 5"),
        (0, 30, "expected 4 or fewer"),
        (0, -1, "expected 4 or fewer"),
    ],
)
def test_a_count_that_nobody_has_to_approve_is_refused(wanted: int, count: int, expected: str) -> None:
    chat = Chat()
    chat.tick(wanted)
    with pytest.raises(OptionError, match=f"^approval_count: {expected}"):
        chat.answer(count=count)


def test_an_approval_may_reach_further_than_what_waits() -> None:
    chat = Chat()
    chat.tick(30)
    chat.answer(count=50)
    assert chat.tick(45) == 45


def test_a_step_of_zero_asks_for_every_change() -> None:
    chat = Chat(rules=ApprovalSettings(above_step=0))
    assert chat.tick(11) == 10
    chat.answer()
    assert chat.tick(11) == 11


def test_those_who_record_nothing_ask_nobody() -> None:
    chat = Chat()
    chat.tick(30)
    assert (
        why_not(chat.memory, RULES, chat.now, None)
        == "10 to 30 is more than 5 within 10 min and would have to be approved"
    )


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"above_step": -1}, "approval.above_step"),
        ({"period": -1.0}, "approval.period"),
        ({"period": float("nan")}, "approval.period"),
    ],
)
def test_nonsense_is_refused(changes: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionError) as refused:
        ApprovalSettings(**{"above_step": 5, **changes})
    assert refused.value.option == option


def test_a_name_from_outside_is_one_short_line() -> None:
    chat = Chat()
    chat.tick(30)
    answered_by = answered(
        chat.memory, RULES, approved=True, by="x\n" * 500, count=None, now=chat.now, until=chat.now + 60
    )
    assert answered_by is not None
    assert len(answered_by["answer"]["by"]) <= 60
    assert "\n" not in answered_by["answer"]["by"]


@given(st.lists(st.integers(0, 60), min_size=1, max_size=200), st.integers(0, 7))
def test_without_a_person_it_is_a_step_a_period_and_never_beyond_a_wish_that_lasts(
    wishes: list[int], step: int
) -> None:
    chat = Chat(ordered=30, rules=ApprovalSettings(step))
    for wanted in wishes:
        before = copy.deepcopy(chat.memory)
        chat.tick(wanted)
        assert json.loads(json.dumps(chat.memory, allow_nan=False)) == chat.memory
        if before.get("request"):
            assert chat.memory["from"] == before["from"], "what waits is counted from where it began"
    periods = 15 * len(wishes) // chat.rules.period
    assert abs(chat.ordered - 30) <= step * (periods + 1)
