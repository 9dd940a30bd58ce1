# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From reports, memory and probes to states, one rule at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._assess import (
    FORGET_AFTER_S,
    MAX_RETRY_DELAY_S,
    assess,
    hold_back,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    BOOTING,
    DRAINING,
    FAILED,
    READY,
    Mark,
    Memory,
    Probe,
    Reported,
    Settings,
    Sighting,
)
from hypothesis import given
from hypothesis import strategies as st

SETTINGS = Settings(boot_timeout=60.0, unhealthy_timeout=20.0, retry_delay=10.0)
REPORT = Reported(name="chat-1", index=1, pool="local", created_at=0.0)
WELL = {"chat-1": Probe(True, "HTTP 200")}
ILL = {"chat-1": Probe(False, "HTTP 503")}


def mark(**facts: object) -> Memory:
    return Memory(marks={"chat-1": Mark(pool="local", index=1, asked_at=0.0, seen=True, **facts)})  # type: ignore[arg-type]


def state(reports: list[Reported], memory: Memory, probes: dict[str, Probe], now: float) -> str | None:
    instances, _memory = assess(Sighting(now, reports, probes), memory, SETTINGS)
    return instances[0].state if instances else None


@pytest.mark.parametrize(
    ("memory", "probes", "now", "expected"),
    [
        (mark(), ILL, 60.0, BOOTING),
        (mark(), ILL, 60.1, FAILED),
        (mark(), WELL, 60.1, READY),
        (mark(), {}, 1.0, READY),  # no health gate: it runs, so it is ready
        (mark(ready_at=1.0), ILL, 100.0, READY),  # only just
        (mark(ready_at=1.0, unhealthy_since=80.0), ILL, 100.0, READY),
        (mark(ready_at=1.0, unhealthy_since=79.9), ILL, 100.0, FAILED),
        (mark(ready_at=1.0, unhealthy_since=79.9), WELL, 100.0, READY),
        (mark(ready_at=1.0, draining_since=50.0), ILL, 100.0, DRAINING),
        (mark(ready_at=1.0, stopping_since=50.0), WELL, 100.0, DRAINING),
        (mark(failed="broken"), WELL, 100.0, FAILED),  # no way back
        (Memory(), WELL, 5.0, READY),  # adopted
        (Memory(), ILL, 5.0, BOOTING),
        (Memory(), ILL, 61.0, BOOTING),  # it may be old, and only late to answer this once
    ],
)
def test_running(memory: Memory, probes: dict[str, Probe], now: float, expected: str) -> None:
    assert state([REPORT], memory, probes, now) == expected


@pytest.mark.parametrize(
    ("probes", "expected"),
    [
        (WELL, (READY, None)),  # what it says itself counts most
        (ILL, (BOOTING, "HTTP 503; no image")),
        ({}, (BOOTING, "no image")),
    ],
)
def test_what_the_backend_has_against_one_that_runs(probes: dict[str, Probe], expected: tuple[str, str | None]) -> None:
    instances, _memory = assess(Sighting(1.0, [replace(REPORT, reason="no image")], probes), mark(), SETTINGS)
    assert (instances[0].state, instances[0].reason) == expected


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        (mark(), FAILED),
        (mark(ready_at=1.0), FAILED),
        (mark(stopping_since=2.0), DRAINING),  # it has ended as it was asked to; the next pass clears it away
    ],
)
def test_ended(memory: Memory, expected: str) -> None:
    assert state([replace(REPORT, running=False)], memory, {}, 5.0) == expected


@pytest.mark.parametrize(
    ("memory", "now", "expected"),
    [
        (mark(ready_at=1.0), 5.0, FAILED),
        (mark(ready_at=1.0, draining_since=2.0), 5.0, None),
        (mark(failed="broken", stopping_since=2.0), 5.0, None),
        (Memory(marks={"chat-1": Mark("local", 1, asked_at=0.0)}), 60.0, BOOTING),  # clouds report with a delay
        (Memory(marks={"chat-1": Mark("local", 1, asked_at=0.0)}), 60.1, FAILED),
    ],
)
def test_not_reported(memory: Memory, now: float, expected: str | None) -> None:
    assert state([], memory, {}, now) == expected


def test_a_gate_of_several_successes_counts_them_in_a_row() -> None:
    settings = replace(SETTINGS, health_successes=2)
    memory = mark()
    states = []
    for now, probes in enumerate((WELL, ILL, WELL, WELL)):
        instances, memory = assess(Sighting(float(now), [REPORT], probes), memory, settings)
        states.append(instances[0].state)
    assert states == [BOOTING, BOOTING, BOOTING, READY]


def test_what_was_not_started_here_is_ready_at_its_first_healthy_answer() -> None:
    """In recommend mode nothing is remembered, so every look is the first."""
    settings = replace(SETTINGS, health_successes=3)
    instances, _memory = assess(Sighting(5.0, [REPORT], WELL), Memory(), settings)
    assert [instance.state for instance in instances] == [READY]
    ill = replace(REPORT, created_at=None)
    instances, _memory = assess(Sighting(5000.0, [ill], ILL), Memory(), settings)
    assert [(instance.state, instance.reason) for instance in instances] == [(BOOTING, "HTTP 503")]


def test_the_first_failure_of_what_was_ready_is_repaired_at_once() -> None:
    _instances, memory = assess(Sighting(50.0, []), mark(ready_at=1.0), SETTINGS)
    assert (memory.failures, memory.retry_at) == (1, None)


def test_what_never_was_ready_waits_twice_as_long_each_time() -> None:
    memory = Memory()
    waits = []
    for attempt in range(8):
        now = 300.0 * attempt
        memory = hold_back(memory, SETTINGS, now, "chat-1", once_ready=False)
        assert memory.retry_at is not None
        waits.append(memory.retry_at - now)
    assert waits == [10.0, 20.0, 40.0, 80.0, 160.0, MAX_RETRY_DELAY_S, MAX_RETRY_DELAY_S, MAX_RETRY_DELAY_S]


def test_failures_are_forgotten_after_a_quiet_while() -> None:
    memory = Memory(failures=7, failed_at=0.0)
    assert hold_back(memory, SETTINGS, FORGET_AFTER_S, "chat-1", once_ready=True).failures == 8
    assert hold_back(memory, SETTINGS, FORGET_AFTER_S + 1, "chat-1", once_ready=True).failures == 1


def test_an_instance_that_gets_ready_ends_the_wait_but_not_the_count() -> None:
    memory = replace(mark(), failures=3, failed_at=0.0, retry_at=500.0)
    _instances, memory = assess(Sighting(30.0, [REPORT], WELL), memory, SETTINGS)
    assert (memory.failures, memory.retry_at) == (3, None)


@given(st.booleans(), st.sampled_from([None, 3.0]), st.sampled_from([None, 4.0]), st.floats(0, 1e9))
def test_memory_survives_being_plain_data(seen: bool, ready_at: float | None, since: float | None, at: float) -> None:
    memory = Memory(
        target=3,
        failures=1,
        failed_at=at,
        down_since={"local": at},
        marks={"chat-1": Mark("local", 1, at, seen, healthy_in_a_row=2, ready_at=ready_at, unhealthy_since=since)},
    )
    assert Memory.from_plain(memory.to_plain()) == memory
    assert Memory.from_plain({}) == Memory()
    assert Memory.from_plain(memory.to_plain() | {"of a later version": 1}) == memory


FOUR = [replace(REPORT, name=f"chat-{index}", index=index) for index in (1, 2, 3, 4)]


def ill_at(now: float, memory: Memory, well: tuple[str, ...] = ()) -> tuple[dict[str, str], Memory]:
    """States when all but some answer 503."""
    probes = {r.name: Probe(r.name in well, "HTTP 503") for r in FOUR}
    instances, memory = assess(Sighting(now, FOUR, probes), memory, SETTINGS)
    return {i.name: i.state for i in instances}, memory


def test_where_nobody_is_healthy_they_are_given_up_one_by_one() -> None:
    """It may be the way to them that is ill, or what they all ask."""
    marks = {r.name: Mark("local", r.index, asked_at=0.0, seen=True, ready_at=1.0) for r in FOUR}
    states, memory = ill_at(100.0, Memory(marks=marks))
    assert set(states.values()) == {READY}
    states, memory = ill_at(121.0, memory)
    assert states == {"chat-1": FAILED, "chat-2": READY, "chat-3": READY, "chat-4": READY}
    states, memory = ill_at(200.0, memory)
    assert list(states.values()).count(FAILED) == 1, "its successor is not there yet"
    # As soon as somebody is healthy, it is they who are ill.
    states, memory = ill_at(201.0, memory, well=("chat-4",))
    assert states == {"chat-1": FAILED, "chat-2": FAILED, "chat-3": FAILED, "chat-4": READY}


def test_what_was_adopted_is_not_given_up_all_at_once_for_a_wrong_health_url() -> None:
    states, memory = ill_at(0.0, Memory())
    assert set(states.values()) == {BOOTING}
    states, memory = ill_at(61.0, memory)
    assert sorted(states.values()) == [BOOTING, BOOTING, BOOTING, FAILED]


def test_one_that_is_alone_and_those_that_were_started_here_fail_as_ever() -> None:
    alone = {"chat-1": Mark("local", 1, asked_at=0.0, seen=True, ready_at=1.0, unhealthy_since=0.0)}
    assert state([FOUR[0]], Memory(marks=alone), ILL, 100.0) == FAILED
    started = {r.name: Mark("local", r.index, asked_at=0.0, seen=True) for r in FOUR}
    assert set(ill_at(61.0, Memory(marks=started))[0].values()) == {FAILED}


def test_what_is_gone_is_no_longer_expected() -> None:
    (instance,), memory = assess(Sighting(50.0, []), mark(ready_at=1.0), SETTINGS)
    assert instance.state == FAILED
    assert memory.marks["chat-1"].stopping_since == 50.0
