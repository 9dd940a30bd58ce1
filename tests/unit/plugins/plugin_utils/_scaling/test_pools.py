# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backends with ways of their own: those that give names, that take away the last only, and spares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._assess import assess
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    BOOTING,
    DRAINING,
    FAILED,
    READY,
    WARM,
    Instance,
    Mark,
    Memory,
    Pool,
    Probe,
    Reported,
    Settings,
    Sighting,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._plan import Plan, Wanted, expected, plan
from hypothesis import given
from hypothesis import strategies as st

from ._world import Simulation

NOW = 1000.0
SETTINGS = Settings(min_instances=0, boot_timeout=60.0)
WELL = Probe(True, "HTTP 200")


def look(
    reports: list[Reported], marks: Mapping[str, Mark], settings: Settings = SETTINGS
) -> tuple[list[Instance], Memory]:
    return assess(Sighting(NOW, reports, {r.name: WELL for r in reports}), Memory(marks=marks), settings)


def planned(instances: list[Instance], target: int, pool: Pool, settings: Settings = SETTINGS) -> Plan:
    memory = Memory(marks={i.name: i.mark for i in instances})
    return plan(instances, memory, Wanted("chat", target, [pool]), settings, NOW)


def deeds(made: Plan) -> list[tuple[str, str]]:
    return [(operation.kind, operation.name) for operation in made.operations]


def ready(index: int, **facts: object) -> Instance:
    mark = Mark("local", index, asked_at=NOW - 100 + index, seen=True, ready_at=NOW - 50, **facts)  # type: ignore[arg-type]
    return Instance(Reported(f"chat-{index}", index, "local"), mark, mark.state)


def test_what_is_new_takes_over_the_oldest_order_without_a_name() -> None:
    orders = {
        "chat#2": Mark("group", 2, asked_at=NOW - 20),
        "chat#3": Mark("group", 3, asked_at=NOW - 10),
        "chat#4": Mark("another", 4, asked_at=NOW - 30),
    }
    reports = [Reported(name, 0, "group", created_at=at) for name, at in (("i-b", NOW - 8.0), ("i-a", NOW - 18.0))]
    instances, memory = look(reports, orders)
    assert {i.name: (i.index, i.state) for i in instances} == {
        "i-a": (2, READY),
        "i-b": (3, READY),
        "chat#4": (4, BOOTING),
    }
    assert memory.marks["i-a"].asked_at == NOW - 20
    # One that nobody has ordered gets the lowest number that is free.
    instances, _memory = look([*reports, Reported("i-c", 0, "group", created_at=NOW)], orders)
    assert {i.name: i.index for i in instances}["i-c"] == 1


def test_the_number_that_a_backend_knows_is_the_right_one() -> None:
    instances, memory = look([Reported("web-6", 7, "group")], {"chat#2": Mark("group", 2, asked_at=NOW - 20)})
    assert [(i.name, i.index) for i in instances] == [("web-6", 7)]
    assert memory.marks["web-6"].index == 7


def test_an_order_that_nothing_comes_of_fails() -> None:
    (instance,), _memory = look([], {"chat#1": Mark("group", 1, asked_at=NOW - 61)})
    assert (instance.state, instance.reason) == (FAILED, "not reported within 60 s of its start")


def test_another_one_under_the_same_name_begins_anew() -> None:
    old = Mark("local", 1, asked_at=1.0, seen=True, uid="a", ready_at=5.0, draining_since=900.0)
    report = Reported("chat-1", 1, "local", uid="b")
    (instance,), memory = assess(
        Sighting(NOW, [report], {"chat-1": Probe(False, "")}), Memory(marks={"chat-1": old}), SETTINGS
    )
    assert (instance.state, memory.marks["chat-1"].uid, memory.marks["chat-1"].asked_at) == (BOOTING, "b", NOW)
    same = replace(report, uid=None)
    (instance,), memory = look([same], {"chat-1": old})
    assert (instance.state, memory.marks["chat-1"].uid) == (DRAINING, "a")


def test_a_pool_that_takes_away_the_last_only_loses_its_last() -> None:
    unhealthy = ready(1, unhealthy_since=NOW - 5)
    pool = Pool("local", last_only=True)
    assert deeds(planned([unhealthy, ready(2), ready(3)], 1, pool)) == [("stop", "chat-3"), ("stop", "chat-2")]
    assert deeds(planned([unhealthy, ready(2), ready(3)], 1, Pool("local"))) == [("stop", "chat-1"), ("stop", "chat-3")]


def test_there_nobody_stops_before_those_behind_have() -> None:
    """Told to have two, such a backend would take away the third, which still drains."""
    settings = replace(SETTINGS, drain_timeout=100.0)
    done, still = ready(2, draining_since=NOW - 101), ready(3, draining_since=NOW - 5)
    assert deeds(planned([ready(1), done, still], 1, Pool("local", last_only=True), settings)) == []
    assert deeds(planned([ready(1), done, still], 1, Pool("local"), settings)) == [("stop", "chat-2")]
    over = ready(3, draining_since=NOW - 101)
    both = [("stop", "chat-2"), ("stop", "chat-3")]
    assert deeds(planned([ready(1), done, over], 1, Pool("local", last_only=True), settings)) == both
    # What has failed is replaced where it is.
    broken = ready(2, failed="broken")
    assert ("stop", "chat-2") in deeds(planned([ready(1), broken, ready(3)], 2, Pool("local", last_only=True)))


@given(st.integers(0, 8), st.integers(0, 8))
def test_a_backend_is_told_how_many_it_has_in_the_end(there: int, target: int) -> None:
    made = planned([ready(index) for index in range(1, there + 1)], target, Pool("local", gives_names=True))
    assert expected(made.memory, "local") == target
    assert expected(made.memory, "another") == 0


def test_who_drains_is_still_there() -> None:
    made = planned([ready(1), ready(2)], 1, Pool("local"), replace(SETTINGS, drain_timeout=60.0))
    assert expected(made.memory, "local") == 2


def spare(index: int, *, paused: bool, healthy: int = 1) -> Instance:
    mark = Mark("local", index, asked_at=NOW - 100 + index, seen=True, spare=True, healthy_in_a_row=healthy)
    return Instance(Reported(f"chat-{index}", index, "local", paused=paused), mark, WARM)


WARM_ONE = replace(SETTINGS, warm=1)
PAUSING = Pool("local", pauses=True)


def test_spares_are_started_paused_and_used_first_and_those_that_are_paused_before_those_that_boot() -> None:
    assert deeds(planned([ready(1)], 1, PAUSING, WARM_ONE)) == [("start spare", "chat-2")]
    assert deeds(planned([ready(1), spare(2, paused=False, healthy=0)], 1, PAUSING, WARM_ONE)) == []
    assert deeds(planned([ready(1), spare(2, paused=False)], 1, PAUSING, WARM_ONE)) == [("pause", "chat-2")]
    assert deeds(planned([ready(1), spare(2, paused=True)], 1, PAUSING, WARM_ONE)) == []
    there = [ready(1), spare(2, paused=False), spare(3, paused=True)]
    assert deeds(planned(there, 2, PAUSING, WARM_ONE)) == [("resume", "chat-3")]
    assert deeds(planned(there, 4, PAUSING, WARM_ONE)) == [
        ("resume", "chat-3"),
        ("resume", "chat-2"),
        ("start", "chat-4"),
    ]


def test_a_spare_that_is_used_boots_from_now_on_and_is_replaced_once_nothing_boots() -> None:
    made = planned([ready(1), spare(2, paused=True)], 2, PAUSING, WARM_ONE)
    mark = made.memory.marks["chat-2"]
    assert (mark.state, mark.asked_at, mark.spare) == (BOOTING, NOW, False)
    boots = Instance(Reported("chat-2", 2, "local"), mark, BOOTING)
    assert deeds(planned([ready(1), boots], 2, PAUSING, WARM_ONE)) == []
    assert deeds(planned([ready(1), ready(2)], 2, PAUSING, WARM_ONE)) == [("start spare", "chat-3")]


def test_too_many_spares_are_stopped_and_a_pool_that_cannot_pause_has_none() -> None:
    there = [ready(1), spare(2, paused=True), spare(3, paused=True)]
    assert deeds(planned(there, 1, PAUSING, WARM_ONE)) == [("stop", "chat-3")]
    assert deeds(planned(there, 1, PAUSING)) == [("stop", "chat-2"), ("stop", "chat-3")]
    assert deeds(planned([ready(1)], 1, Pool("local"), WARM_ONE)) == []
    assert deeds(planned([ready(1)], 1, Pool("local", max=1, pauses=True), WARM_ONE)) == []


def test_what_is_paused_and_no_spare_is_resumed() -> None:
    """A run was cut off between the intention and the act, or a person has paused it."""
    report = Reported("chat-1", 1, "local", paused=True)
    mark = Mark("local", 1, asked_at=NOW - 10, seen=True, ready_at=NOW - 5)
    (instance,), memory = look([report], {"chat-1": mark})
    assert (instance.state, instance.reason) == (READY, "unhealthy for 0 s: it is paused")
    made = plan([instance], memory, Wanted("chat", 1, [PAUSING]), SETTINGS, NOW)
    assert deeds(made) == [("resume", "chat-1")]
    assert deeds(planned([instance], 0, PAUSING)) == [("stop", "chat-1")]


def test_an_instance_in_two_pools_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = Simulation()
    simulation.install(monkeypatch)
    assert simulation.run(1, ticks=10)
    simulation.drivers["far"].things["chat-1"] = simulation.drivers["near"].things["chat-1"]
    with pytest.raises(
        OptionError, match=r"^pools: chat-1 is in pool near and in pool far; each instance belongs into one$"
    ):
        simulation.cluster.observe(simulation.memory)
