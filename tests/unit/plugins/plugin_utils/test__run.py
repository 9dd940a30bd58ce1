# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._run import (
    BATCH,
    Tick,
    batches,
    lease_seconds,
    tick_line,
    ticks_of_run,
    wait_until,
    why_no_tick,
)
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("last_at", "deadline", "expected"),
    [
        pytest.param(None, 50, [0, 15, 30, 45], id="first run"),
        pytest.param(NOW - 15, 50, [0, 15, 30, 45], id="just due"),
        pytest.param(NOW - 10, 50, [5, 20, 35, 50], id="goes on in step"),
        pytest.param(NOW - 3600, 50, [0, 15, 30, 45], id="long ago"),
        pytest.param(NOW + 3600, 0, [0], id="the clock was set back"),
        pytest.param(None, 0, [0], id="one tick"),
        pytest.param(NOW - 5, 0, [], id="not due before the deadline"),
        pytest.param(NOW - 13, 0, [0], id="one tick, started each interval: the last was at the end of observing"),
    ],
)
def test_when_a_run_ticks(last_at: float | None, deadline: float, expected: list[float]) -> None:
    ticks = ticks_of_run(NOW, last_at, 15.0, deadline)
    assert [tick.due_at for tick in ticks] == [NOW + offset for offset in expected]
    assert [tick.further for tick in ticks] == list(range(len(expected)))[::-1]


@given(since=st.none() | st.floats(-100, 1e6), interval=st.floats(1, 3600), deadline=st.floats(0, 600))
def test_ticks_are_one_interval_apart_and_within_the_deadline(
    since: float | None, interval: float, deadline: float
) -> None:
    ticks = ticks_of_run(NOW, None if since is None else NOW - since, interval, deadline)
    due = [tick.due_at for tick in ticks]
    assert all(NOW <= moment <= NOW + deadline + 1e-3 for moment in due)
    assert all(later - earlier == pytest.approx(interval, abs=1e-6) for earlier, later in pairwise(due))
    if due:
        assert due[-1] + interval > NOW + deadline - 1e-3


@given(count=st.integers(0, 500))
def test_batches_hold_all_ticks_in_order(count: int) -> None:
    ticks = [Tick(NOW + k, count - k) for k in range(count)]
    made = batches(ticks)
    assert [text for batch in made for text in batch] == [str(tick) for tick in ticks]
    assert all(1 <= len(batch) <= BATCH for batch in made)


@given(due_at=st.floats(0, 1e11), further=st.integers(0, 10**6))
def test_a_tick_travels_as_text(due_at: float, further: int) -> None:
    back = Tick.from_text(str(Tick(due_at, further)))
    assert back.due_at == pytest.approx(due_at, abs=1e-3)
    assert back.further == further


@pytest.mark.parametrize("text", ["", "1764000000", "1764000000.5+1", "1764000000.500+", "now+1", "1764000000.500+1 "])
def test_what_is_no_tick_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"^tick: one of the ticks"):
        Tick.from_text(text)


@pytest.mark.parametrize(
    ("due_at", "slept"),
    [(NOW + 4, [4]), (NOW, [0]), (NOW - 14, [0]), (NOW + 3600, [15])],
    ids=["soon", "now", "a little late", "no longer than an interval"],
)
def test_waits(due_at: float, slept: list[float]) -> None:
    waits: list[float] = []
    assert wait_until(due_at, 15.0, lambda: NOW, waits.append) is None
    assert waits == slept


def test_a_tick_whose_successor_is_due_is_left_out() -> None:
    waits: list[float] = []
    late = wait_until(NOW - 40, 15.0, lambda: NOW, waits.append)
    assert late == "the tick is 40 s late, with an interval of 15 s: left out"
    assert waits == []


def test_a_lease_outlives_some_ticks_and_a_slow_action_but_not_the_run() -> None:
    assert lease_seconds(1, further=3) == 60
    assert lease_seconds(300, further=1) == 1200
    assert lease_seconds(15, further=0) == 7.5


def decision(**changes: Any) -> dict[str, Any]:
    return {
        "cluster": "chat",
        "at": NOW,
        "mode": "act",
        "current": 3,
        "ready": 3,
        "booting": 0,
        "target": 3,
        "reason": "all is well",
    } | changes


SNAPSHOT = {"p99_latency_s": 0.1432, "queue_depth": 2.05, "eventloop_lag_s": 0.004, "arrival_rate": 312.4}


@pytest.mark.parametrize(
    ("given_decision", "snapshot", "expected"),
    [
        (decision(), SNAPSHOT, "chat: p99 0.143 s, queue 2.05, lag 4 ms, 312/s | 3 ready, keep 3 | all is well"),
        (decision(target=8), SNAPSHOT, "| 3 ready, order 8 |"),
        (decision(current=5, booting=2, target=8), SNAPSHOT, "| 3 ready + 2 booting, order 8 |"),
        (decision(current=5, booting=1, target=5), SNAPSHOT, "| 3 ready + 1 booting, 1 to be replaced, keep 5 |"),
        (decision(target=8, mode="recommend"), SNAPSHOT, "| 3 ready, would order 8 |"),
        (decision(), {}, "chat: p99 ?, queue ?, lag ? | 3 ready"),
    ],
)
def test_a_tick_in_one_line(given_decision: dict[str, Any], snapshot: dict[str, Any], expected: str) -> None:
    line = tick_line(given_decision, snapshot, [])
    assert expected in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([("ready", 4), ("warm", 3), ("draining", None)], "| 3 ready + 1 draining + 1 warm, keep 3 |"),
        ([("draining", 1), ("draining", None)], "| 3 ready + 2 draining (1 connection), keep 3 |"),
        ([("draining", 5), ("draining", 2), ("failed", 1)], "| 3 ready + 2 draining (7 connections), keep 3 |"),
        ([("draining", 0)], "| 3 ready + 1 draining (0 connections), keep 3 |"),
    ],
)
def test_a_tick_tells_of_those_that_are_not_ordered(others: list[tuple[str, int | None]], expected: str) -> None:
    instances = [{"state": state, "connections": connections} for state, connections in others]
    assert expected in tick_line(decision(), SNAPSHOT, instances)


def test_a_run_without_a_tick_says_how_to_have_one() -> None:
    assert ticks_of_run(NOW, NOW - 4, 15.0, 0) == []
    why_not = "the last tick was 4 s ago, the next is due in 11 s, after the deadline: nothing to do"
    assert why_no_tick(NOW, NOW - 4, 15.0, waits=True) == why_not + "; -e autoscale_deadline=11 waits for it"
    assert why_no_tick(NOW, NOW - 4, 15.0, waits=False) == why_not
    assert ticks_of_run(NOW, NOW - 4, 15.0, 11)
