# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What load balancers change: who is ready, who may be stopped, who is told what."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._assess import assess
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    BOOTING,
    DRAINING,
    FAILED,
    READY,
    Mark,
    Memory,
    Pool,
    Probe,
    Reported,
    Settings,
    Sighting,
    Traffic,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._plan import Plan, Wanted, plan

NOW = 1000.0
SETTINGS = Settings(min_instances=0, boot_timeout=60.0, unhealthy_timeout=20.0, drain_timeout=30.0)
REPORT = Reported("chat-1", 1, "local", address="a", port=1)
WELL, ILL = Probe(True, "HTTP 200"), Probe(False, "HTTP 503")

ABSENT = Traffic(sent=False, lacking={"lb"}, detail="lb does not have it")
UNCHECKED = Traffic(sent=True, everywhere=True, detail="UP 1/2")
UP = Traffic(sent=True, everywhere=True, up=True, sessions=3)
DRAINED = Traffic(sent=False, sessions=3, detail="it drains there")
EMPTY = replace(DRAINED, sessions=0)
SILENT_SENT = Traffic(sent=True, answered=False, detail="lb does not answer")
SILENT = Traffic(sent=False, answered=False, detail="lb does not answer")


def mark(**facts: object) -> Mark:
    return Mark("local", 1, asked_at=NOW - 30, seen=True, **facts)  # type: ignore[arg-type]


def look(
    before: Mark | None, traffic: Traffic, *, probe: Probe = WELL, target: int = 1, **facts: object
) -> tuple[str, str | None, Plan]:
    """State, its reason, and the plan for one instance."""
    memory = Memory(marks={"chat-1": before} if before else {})
    report = replace(REPORT, **facts)  # type: ignore[arg-type]
    seen = Sighting(NOW, [report], {"chat-1": probe}, {"chat-1": traffic})
    instances, learned = assess(seen, memory, SETTINGS)
    (instance,) = (one for one in instances if one.name == "chat-1")
    made = plan(instances, learned, Wanted("chat", target, [Pool("local")]), SETTINGS, NOW)
    return instance.state, instance.reason, made


def deeds(made: Plan) -> list[str]:
    return [operation.kind for operation in made.operations if operation.name == "chat-1"]


@pytest.mark.parametrize(
    ("before", "traffic", "probe", "state", "done"),
    [
        # Healthy first, then registered, then ready.
        (mark(), ABSENT, ILL, BOOTING, []),
        (mark(), ABSENT, WELL, BOOTING, ["register"]),
        (mark(registered_at=NOW - 5), UNCHECKED, WELL, BOOTING, []),
        (mark(registered_at=NOW - 5), UP, WELL, READY, []),
        (mark(registered_at=NOW - 61), UNCHECKED, WELL, FAILED, ["drain"]),
        # As long as the load balancer is silent, nobody is to blame.
        (mark(registered_at=NOW - 61), SILENT_SENT, WELL, BOOTING, []),
        # What it has lost it gets again; what a person has put aside stays there.
        (mark(ready_at=1.0, registered_at=1.0), ABSENT, WELL, READY, ["register"]),
        (mark(ready_at=1.0, registered_at=1.0), DRAINED, WELL, READY, []),
        # What was drained by us and is wanted again, and a run that was cut off in between.
        (mark(ready_at=1.0, registered_at=1.0, drained=True), DRAINED, WELL, READY, ["register"]),
        (mark(ready_at=1.0, registered_at=1.0, drained=True), UP, WELL, READY, []),
        (
            mark(ready_at=1.0, registered_at=1.0, draining_since=NOW - 5, drained=True),
            DRAINED,
            WELL,
            DRAINING,
            ["undrain"],
        ),
        # Unhealthy ones get no registration.
        (mark(ready_at=1.0, registered_at=1.0), ABSENT, ILL, READY, []),
        # Adopted: the load balancer has it already.
        (None, UP, WELL, READY, []),
        (None, UNCHECKED, WELL, BOOTING, []),
    ],
)
def test_who_is_wanted(before: Mark | None, traffic: Traffic, probe: Probe, state: str, done: list[str]) -> None:
    found, _reason, made = look(before, traffic, probe=probe)
    assert found == state
    assert deeds(made) == done


LEAVES = {"ready_at": 1.0, "registered_at": 1.0, "draining_since": NOW - 5, "drained": True}
DOOMED = {"ready_at": 1.0, "registered_at": 1.0, "failed": "broken"}


@pytest.mark.parametrize(
    ("before", "traffic", "done"),
    [
        (mark(ready_at=1.0, registered_at=1.0), UP, ["drain"]),
        (mark(ready_at=1.0, registered_at=1.0), SILENT_SENT, []),
        (mark(), ABSENT, ["stop"]),  # booting, and unknown there
        (mark(registered_at=NOW - 5), UNCHECKED, ["drain"]),  # booting, and may have traffic already
        # The load balancer was not told, or has forgotten it.
        (mark(**LEAVES), UP, ["drain"]),
        (mark(**LEAVES), DRAINED, []),
        (mark(**LEAVES), EMPTY, ["stop"]),
        (mark(**LEAVES), SILENT, []),
        (mark(**LEAVES | {"draining_since": NOW - 31}), DRAINED, ["stop"]),
        (mark(**LEAVES | {"draining_since": NOW - 31}), SILENT, []),
        (mark(**LEAVES | {"draining_since": NOW - 31}), UP, ["drain"]),
        # A failed one that runs may have connections, too.
        (mark(**DOOMED), UP, ["drain"]),
        (mark(**DOOMED), DRAINED, ["stop"]),
        (mark(**DOOMED), SILENT_SENT, []),
        # Stopping: asked by us, cut off before, asked by others, and late.
        (mark(**LEAVES, stopping_since=NOW - 5, stop_sent=True), DRAINED, []),
        (mark(**LEAVES, stopping_since=NOW - 5), DRAINED, ["stop"]),
        (mark(**LEAVES, stopping_since=NOW - 5, stop_sent=True), UP, ["drain"]),
        (mark(**LEAVES, stopping_since=NOW - 31, stop_sent=True), SILENT, ["kill"]),
    ],
)
def test_who_is_surplus(before: Mark, traffic: Traffic, done: list[str]) -> None:
    _state, _reason, made = look(before, traffic, target=0)
    assert deeds(made) == done


def test_a_drain_that_is_repeated_does_not_begin_anew() -> None:
    _state, _reason, made = look(mark(**LEAVES), UP, target=0)
    assert made.memory.marks["chat-1"].draining_since == NOW - 5


def test_the_larger_figure_of_connections_counts() -> None:
    assert deeds(look(mark(**LEAVES), EMPTY, target=0, connections=2)[2]) == []
    assert deeds(look(mark(**LEAVES), DRAINED, target=0, connections=0)[2]) == []
    assert deeds(look(mark(**LEAVES), EMPTY, target=0, connections=0)[2]) == ["stop"]


def test_what_has_ended_is_forgotten_there_before_it_is_cleared_away() -> None:
    stopped = mark(**LEAVES, stopping_since=NOW - 5, stop_sent=True)
    assert deeds(look(stopped, EMPTY, target=0, running=False)[2]) == ["deregister", "remove"]
    assert deeds(look(stopped, SILENT, target=0, running=False)[2]) == [], "nobody else is to get its port"


@pytest.mark.parametrize(("traffic", "done"), [(EMPTY, ["deregister"]), (SILENT, [])])
def test_what_is_gone_is_remembered_until_it_is_forgotten_there(traffic: Traffic, done: list[str]) -> None:
    gone = mark(**LEAVES, stopping_since=NOW - 5, stop_sent=True, address="a", port=1)
    seen = Sighting(NOW, [], {}, {"chat-1": traffic})
    (instance,), learned = assess(seen, Memory(marks={"chat-1": gone}), SETTINGS)
    assert (instance.exists, instance.reported.address, instance.reported.port) == (False, "a", 1)
    made = plan([instance], learned, Wanted("chat", 0, [Pool("local")]), SETTINGS, NOW)
    assert deeds(made) == done
    assert "chat-1" in made.memory.marks


def test_reasons_say_what_keeps_traffic_away() -> None:
    assert look(mark(), ABSENT)[1] == "healthy, but gets no traffic yet: lb does not have it"
    failed = look(mark(registered_at=NOW - 61), UNCHECKED)[1]
    assert failed == "it got no traffic within 60 s: UP 1/2"
    assert look(mark(ready_at=1.0, registered_at=1.0), DRAINED)[1] == "it drains there"
    assert look(mark(**LEAVES), SILENT)[1] == "lb does not answer"


def test_the_fewest_connections_go_first_if_so_wished() -> None:
    settings = replace(SETTINGS, victim="fewest_connections")
    reports = [replace(REPORT, name=f"chat-{index}", index=index, port=index) for index in (1, 2, 3)]
    marks = {r.name: replace(mark(ready_at=1.0, registered_at=1.0), index=r.index) for r in reports}
    traffic = {r.name: replace(UP, sessions=sessions) for r, sessions in zip(reports, (5, 1, None), strict=True)}
    probes = {r.name: WELL for r in reports}
    instances, memory = assess(Sighting(NOW, reports, probes, traffic), Memory(marks=marks), settings)
    made = plan(instances, memory, Wanted("chat", 1, [Pool("local")]), settings, NOW)
    assert [(operation.kind, operation.name) for operation in made.operations] == [
        ("drain", "chat-2"),
        ("drain", "chat-1"),
    ]


def test_another_one_at_another_place_lets_load_balancers_forget_the_first() -> None:
    """A pod of a StatefulSet that was replaced, a container that was made anew by hand."""
    old = mark(ready_at=1.0, registered_at=1.0, uid="a", address="a", port=1)
    _state, _reason, made = look(old, ABSENT, uid="b", address="b")
    assert [str(operation) for operation in made.operations] == [
        "deregister chat-1 (a:1) in pool local: it is gone, and load balancers have yet to forget it",
        "register chat-1 in pool local: healthy",
    ]
    assert (made.memory.marks["chat-1"].address, made.memory.marks["chat-1"].registered_at) == ("b", NOW)
    # The same one with a new address.
    _state, _reason, made = look(old, ABSENT, uid="a", address="c")
    assert [operation.kind for operation in made.operations] == ["deregister", "register"]
    # At the same place there is nothing to forget.
    assert deeds(look(old, UP, uid="b")[2]) == []


def test_who_finds_no_slot_has_failed_after_its_time() -> None:
    before = mark(registered_at=NOW - 30, address="a", port=1)
    _state, _reason, made = look(before, ABSENT)
    assert deeds(made) == ["register"]
    assert made.memory.marks["chat-1"].registered_at == NOW - 30
    state, reason, _made = look(replace(before, registered_at=NOW - 61), ABSENT)
    assert (state, reason) == (FAILED, "it got no traffic within 60 s: lb does not have it")


def test_who_may_not_have_heard_that_it_is_wanted_is_told_again() -> None:
    """The request was lost, or the run cut off: the service still refuses what is new."""
    deaf = mark(ready_at=1.0, drained=True, unhealthy_since=NOW - 5)
    memory = Memory(marks={"chat-1": deaf})
    (instance,), learned = assess(Sighting(NOW, [REPORT], {"chat-1": ILL}), memory, SETTINGS)
    made = plan([instance], learned, Wanted("chat", 1, [Pool("local")]), SETTINGS, NOW)
    assert deeds(made) == ["undrain"]
    assert made.memory.marks["chat-1"].unhealthy_since == NOW - 5
    (instance,), learned = assess(Sighting(NOW, [REPORT], {"chat-1": WELL}), memory, SETTINGS)
    assert learned.marks["chat-1"].drained is False
    assert deeds(plan([instance], learned, Wanted("chat", 1, [Pool("local")]), SETTINGS, NOW)) == []


def test_who_cannot_be_asked_to_stop_is_killed_after_its_time() -> None:
    asked = mark(**LEAVES, stopping_since=NOW - 5, stop_failed_since=NOW - 29)
    assert deeds(look(asked, EMPTY, target=0)[2]) == ["stop"]
    assert deeds(look(replace(asked, stop_failed_since=NOW - 31), EMPTY, target=0)[2]) == ["kill"]
