# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of one pass."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Instance, Mark, Reported, Traffic
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._outcome import Outcome
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._plan import REMOVE, START, Operation
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._rebalance import Shedding


def instance(index: int, *, ready: bool = False, reason: str | None = None, outdated: bool = False) -> Instance:
    mark = Mark("local", index, 0.0, ready_at=1.0 if ready else None)
    return Instance(Reported(f"chat-{index}", index, "local", outdated=outdated), mark, mark.state, reason=reason)


def dry_run(*operations: tuple[str, int], holding: str | None = None) -> Outcome:
    planned = [Operation(kind, "local", f"chat-{index}", index, "wanted") for kind, index in operations]
    there = [instance(index, ready=True) for index in (1, 2, 3)]
    return Outcome("chat", 4, planned, holding, {}, there, there)


def test_a_message_says_why_the_first_that_boots_is_not_ready() -> None:
    after = [instance(1, ready=True), instance(2, reason="HTTP 503"), instance(3, reason="no connection")]
    outcome = Outcome("chat", 3, (), None, {}, [], after, elapsed_s=300)
    assert outcome.message() == "chat: 1 of 3 ready, 2 booting (300 s); chat-2 is not ready: HTTP 503"


def test_what_boots_hides_no_earlier_failure() -> None:
    outcome = Outcome("chat", 3, (), "wait", {}, [], [instance(2, reason="slow")], last_failure="chat-1 failed: why")
    assert outcome.message().endswith(" (0 s); chat-1 failed: why; wait; chat-2 is not ready: slow")


def test_older_settings_are_said_and_hold_nothing_up() -> None:
    after = [instance(1, ready=True), instance(2, ready=True, outdated=True)]
    outcome = Outcome("chat", 2, (), None, {}, [], after)
    assert outcome.message() == "chat: 2 of 2 ready, 1 with older settings of their pool (0 s)"
    assert not outcome.unfinished


def test_a_reason_from_outside_stays_one_short_line() -> None:
    message = Outcome("chat", 1, (), None, {}, [], [instance(1, reason="a\nb\x1b" * 1000)]).message()
    assert len(message) < 300
    assert message.isprintable()


def test_a_dry_run_is_told_in_one_line() -> None:
    assert dry_run((START, 4)).intention() == "chat: would start chat-4 (3 ready, 4 wanted)"
    assert dry_run().intention() == "chat: would change nothing (3 ready, 4 wanted)"
    mixed = dry_run((REMOVE, 4), *[(START, index) for index in range(5, 12)], holding="wait")
    assert mixed.intention() == (
        "chat: would remove chat-4, start chat-5 chat-6 chat-7 chat-8 chat-9 and 2 more (3 ready, 4 wanted); wait"
    )


def test_what_is_done_is_told_by_name() -> None:
    assert dry_run().deeds() is None
    assert dry_run((START, 4), (START, 5)).deeds() == "chat: start chat-4 chat-5 (3 ready, 4 wanted)"
    shed = replace(dry_run(), sheddings=[Shedding("local", "chat-1", 15, 60, 20.0)])
    assert shed.deeds() == (
        "chat: shed 15 connections of chat-1 in pool local: it has 60, the mean is 20 (3 ready, 4 wanted)"
    )


def test_the_connections_that_are_left_are_said() -> None:
    def draining(index: int, sessions: int | None) -> Instance:
        mark = Mark("local", index, 0.0, ready_at=1.0, draining_since=2.0)
        traffic = Traffic(sent=False, sessions=sessions)
        return Instance(Reported(f"chat-{index}", index, "local"), mark, mark.state, traffic=traffic)

    def message(*sessions: int | None) -> str:
        leaving = [draining(index, count) for index, count in enumerate(sessions, 2)]
        return Outcome("chat", 1, (), None, {}, [], [instance(1, ready=True), *leaving]).message()

    assert message(2, 5) == "chat: 1 of 1 ready, 2 draining (0 s); 7 connections left to drain"
    assert message(1, None) == "chat: 1 of 1 ready, 2 draining (0 s); 1 connection left to drain"
    assert message(None) == "chat: 1 of 1 ready, 1 draining (0 s)"
