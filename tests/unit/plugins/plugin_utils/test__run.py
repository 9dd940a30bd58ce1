# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._run import due_times, lease_seconds, tick_line
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
    ],
)
def test_due_times(last_at: float | None, deadline: float, expected: list[float]) -> None:
    assert due_times(NOW, last_at, 15.0, deadline) == [NOW + offset for offset in expected]


@given(since=st.none() | st.floats(-100, 1e6), interval=st.floats(1, 3600), deadline=st.floats(0, 600))
def test_ticks_are_one_interval_apart_and_within_the_deadline(
    since: float | None, interval: float, deadline: float
) -> None:
    due = due_times(NOW, None if since is None else NOW - since, interval, deadline)
    assert all(NOW <= moment <= NOW + deadline + 1e-3 for moment in due)
    assert all(later - earlier == pytest.approx(interval, abs=1e-6) for earlier, later in pairwise(due))
    if due:
        assert due[-1] + interval > NOW + deadline - 1e-3


def test_a_lease_outlives_some_ticks_and_a_slow_action() -> None:
    assert lease_seconds(1) == 60
    assert lease_seconds(300) == 1200


def decision(**changes: Any) -> dict[str, Any]:
    return {
        "cluster": "chat",
        "at": NOW,
        "mode": "act",
        "current": 3,
        "ready": 3,
        "target": 3,
        "reason": "all is well",
    } | changes


SNAPSHOT = {"p99_latency_s": 0.1432, "queue_depth": 2.05, "eventloop_lag_s": 0.004, "arrival_rate": 312.4}


@pytest.mark.parametrize(
    ("given_decision", "snapshot", "expected"),
    [
        (decision(), SNAPSHOT, "chat: p99 0.143 s, queue 2.05, lag 4 ms, 312/s | 3 ready, keep 3 | all is well"),
        (decision(target=8), SNAPSHOT, "| 3 ready, order 8 |"),
        (decision(current=5, target=8), SNAPSHOT, "| 3 ready + 2 booting, order 8 |"),
        (decision(target=8, mode="recommend"), SNAPSHOT, "| 3 ready, would order 8 |"),
        (decision(), {}, "chat: p99 ?, queue ?, lag ? | 3 ready"),
    ],
)
def test_a_tick_in_one_line(given_decision: dict[str, Any], snapshot: dict[str, Any], expected: str) -> None:
    line = tick_line(given_decision, snapshot)
    assert expected in line
    assert "\n" not in line
