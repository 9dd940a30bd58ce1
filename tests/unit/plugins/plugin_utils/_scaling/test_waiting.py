# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting, on a clock that only the test moves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Instance, Mark, Reported
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._outcome import Outcome
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._waiting import PAUSE_S, converge_until


def outcome(ready: int, booting: int, *, holding: str | None = None, todo: bool = False) -> Outcome:
    marks = [
        Mark("local", index, 0.0, ready_at=1.0 if index <= ready else None) for index in range(1, ready + booting + 1)
    ]
    instances = [Instance(Reported(f"chat-{m.index}", m.index, "local"), m, m.state) for m in marks]
    return Outcome("chat", 3, (), holding, {}, [], instances, todo=[{"operation": "stop"}] if todo else [])


@pytest.mark.parametrize(
    ("outcomes", "passes", "said"),
    [
        ([outcome(3, 0)], 1, ["chat: 3 of 3 ready (0 s)"]),
        (
            [outcome(0, 3), outcome(0, 3), outcome(2, 1), outcome(3, 0)],
            4,
            ["chat: 0 of 3 ready, 3 booting (0 s)", "chat: 2 of 3 ready, 1 booting (0 s)", "chat: 3 of 3 ready (0 s)"],
        ),
        ([outcome(2, 1, holding="why"), outcome(2, 0, holding="why"), outcome(3, 0)], 2, None),
        ([outcome(2, 1, todo=True), outcome(3, 0)], 1, None),
        ([outcome(2, 1)] * 100, 9, None),  # 2 s
    ],
)
def test_waits_until_there_is_nothing_to_wait_for(outcomes: list[Outcome], passes: int, said: list[str] | None) -> None:
    time = 0.0
    lines: list[str] = []

    def sleep(seconds: float) -> None:
        nonlocal time
        assert 0 < seconds <= PAUSE_S
        time += seconds

    following: Callable[[], Outcome] = iter(outcomes).__next__
    made = converge_until(following, 2.0, lines.append, sleep, lambda: time)
    assert made == outcomes[:passes]
    assert said is None or lines == said


def test_a_backend_that_is_slow_to_answer_is_asked_less_often() -> None:
    time = 0.0
    slept = []

    def one_pass() -> Outcome:
        nonlocal time
        time += 3.0
        return outcome(2, 1)

    def sleep(seconds: float) -> None:
        nonlocal time
        slept.append(seconds)
        time += seconds

    converge_until(one_pass, 10.0, lambda _line: None, sleep, lambda: time)
    assert slept == [3.0, 1.0]
