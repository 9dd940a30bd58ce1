# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan is right in any situation: properties over random instances, and cases that are easy to get wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    BOOTING,
    DRAINING,
    FAILED,
    ORDERED,
    READY,
    Instance,
    Mark,
    Memory,
    Pool,
    Reported,
    Settings,
    check_target,
    ordered,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._plan import (
    DRAIN,
    KILL,
    REMOVE,
    START,
    STOP,
    UNDRAIN,
    Plan,
    Wanted,
    plan,
)
from hypothesis import given
from hypothesis import strategies as st

NOW = 1000.0
POOLS = [Pool("near", 3), Pool("far", None)]
SETTINGS = Settings(min_instances=0, max_instances=20)


def instance(index: int, state: str = READY, *, pool: str = "near", age: float = 500.0, **facts: object) -> Instance:
    """An instance that has been in its state for a while."""
    asked_at = NOW - age
    mark = Mark(
        pool=pool,
        index=index,
        asked_at=asked_at,
        seen=True,
        ready_at=asked_at if state in (READY, DRAINING) else None,
        draining_since=NOW - 5 if state == DRAINING else None,
        stopping_since=facts.pop("stopping_since", None),  # type: ignore[arg-type]
        unhealthy_since=facts.pop("unhealthy_since", None),  # type: ignore[arg-type]
        stop_sent=True,
        failed="broken" if state == FAILED else None,
    )
    exists = bool(facts.pop("exists", True))
    reported = Reported(name=f"chat-{index}", index=index, pool=pool, **facts)  # type: ignore[arg-type]
    return Instance(reported, mark, state, exists=exists, reason=mark.failed)


def planned(instances: Sequence[Instance], target: int, settings: Settings = SETTINGS, **memory: object) -> Plan:
    marks = {i.name: i.mark for i in instances}
    return plan(instances, Memory(marks=marks, **memory), Wanted("chat", target, POOLS), settings, NOW)  # type: ignore[arg-type]


def sent(made: Plan) -> Memory:
    """The memory once the operations were done."""
    marks = {n: replace(m, stop_sent=m.stopping_since is not None) for n, m in made.memory.marks.items()}
    return replace(made.memory, marks=marks)


def kinds(made: Plan, kind: str) -> list[str]:
    return [operation.name for operation in made.operations if operation.kind == kind]


@st.composite
def situations(draw: st.DrawFn) -> list[Instance]:
    """Any mix of instances in any state and pool."""
    indexes = draw(st.lists(st.integers(1, 15), unique=True, max_size=12))
    instances = []
    for index in indexes:
        state = draw(st.sampled_from([BOOTING, READY, DRAINING, FAILED]))
        running = state in ORDERED or draw(st.booleans())
        leaves = state in (DRAINING, FAILED)
        instances.append(
            instance(
                index,
                state,
                pool=draw(st.sampled_from(["near", "far", "gone from the settings"])),
                age=draw(st.sampled_from([0.0, 10.0, 500.0])),
                running=running,
                exists=state != FAILED or running or draw(st.booleans()),
                unhealthy_since=NOW - 3 if state == READY and draw(st.booleans()) else None,
                stopping_since=draw(st.sampled_from([None, NOW - 1, NOW - 100])) if leaves else None,
                connections=draw(st.sampled_from([None, 0, 2])),
            )
        )
    return instances


some_settings = st.builds(
    Settings,
    min_instances=st.just(0),
    max_instances=st.just(20),
    drain_timeout=st.sampled_from([0.0, 60.0]),
    victim=st.sampled_from(["newest", "oldest"]),
)


@given(situations(), st.integers(0, 15), some_settings)
def test_orders_exactly_the_target_where_nothing_holds_it_back(
    instances: list[Instance], target: int, settings: Settings
) -> None:
    made = planned(instances, target, settings)
    states = [mark.state for mark in made.memory.marks.values()]
    assert sum(state in ORDERED for state in states) == target
    assert made.holding is None


@given(situations(), st.integers(0, 15), some_settings)
def test_no_name_and_no_index_is_given_twice(instances: list[Instance], target: int, settings: Settings) -> None:
    made = planned(instances, target, settings)
    there = [i for i in instances if i.exists or i.state != FAILED]
    started = kinds(made, START)
    assert len(set(started)) == len(started)
    assert not set(started) & {i.name for i in there}
    assert len(made.memory.marks) == len(there) + len(started)


@given(situations(), st.integers(0, 15), some_settings)
def test_no_ready_instance_goes_while_a_worse_one_stays(
    instances: list[Instance], target: int, settings: Settings
) -> None:
    made = planned(instances, target, settings)
    touched = {operation.name for operation in made.operations}
    sound = {i.name for i in instances if i.state == READY and i.mark.unhealthy_since is None}
    worse = {i.name for i in instances if i.state in ORDERED} - sound
    if touched & sound:
        assert worse <= touched
    assert {i.name for i in instances if i.state == FAILED and i.exists and not i.mark.stopping_since} <= touched


@given(situations(), st.integers(0, 15), some_settings)
def test_pools_are_filled_in_order_and_never_beyond_their_max(
    instances: list[Instance], target: int, settings: Settings
) -> None:
    made = planned(instances, target, settings)
    there = [i for i in instances if i.exists or i.state != FAILED]
    started = [operation.pool for operation in made.operations if operation.kind == START]
    near = sum(i.pool == "near" for i in there) + started.count("near")
    if "near" in started:
        assert near <= 3
    if "far" in started:
        assert near >= 3


@given(situations(), st.integers(0, 15), some_settings)
def test_planning_what_is_planned_gives_nothing(instances: list[Instance], target: int, settings: Settings) -> None:
    made = planned(instances, target, settings)
    earlier = {i.name: i for i in instances}
    cleared = set(kinds(made, REMOVE))
    after = []
    for name, mark in sent(made).marks.items():
        if name in cleared:
            continue
        before = earlier.get(name)
        reported = before.reported if before else Reported(name=name, index=mark.index, pool=mark.pool)
        # Those that drain have connections: a drain that is over is the next pass's work.
        reported = replace(reported, connections=2)
        after.append(Instance(reported, mark, mark.state, exists=before.exists if before else True))
    assert ordered(after) == target
    again = plan(after, sent(made), Wanted("chat", target, POOLS), settings, NOW)
    assert again.operations == ()


def test_the_newest_of_the_last_pool_goes_first_and_the_oldest_if_so_wished() -> None:
    instances = [instance(1, age=300), instance(2, age=200), instance(3, age=900, pool="far"), instance(4, age=50)]
    assert kinds(planned(instances, 2), STOP) == ["chat-3", "chat-4"]
    assert kinds(planned(instances, 2, replace(SETTINGS, victim="oldest")), STOP) == ["chat-3", "chat-1"]


def test_of_the_booting_the_newest_goes_first_whatever_the_victim() -> None:
    instances = [instance(1, BOOTING, age=30), instance(2, BOOTING, age=5)]
    for victim in ("newest", "oldest"):
        assert kinds(planned(instances, 1, replace(SETTINGS, victim=victim)), STOP) == ["chat-2"]


def test_the_unhealthy_go_before_the_booting_and_these_before_the_ready() -> None:
    instances = [instance(1, age=1), instance(2, BOOTING, age=1), instance(3, unhealthy_since=NOW - 1)]
    assert kinds(planned(instances, 2), STOP) == ["chat-3"]
    assert kinds(planned(instances, 1), STOP) == ["chat-3", "chat-2"]


def test_a_ready_instance_drains_where_a_drain_is_set_and_stops_where_not() -> None:
    draining = replace(SETTINGS, drain_timeout=60.0)
    assert kinds(planned([instance(1)], 0, draining), DRAIN) == ["chat-1"]
    assert kinds(planned([instance(1, BOOTING)], 0, draining), STOP) == ["chat-1"]
    assert kinds(planned([instance(1, unhealthy_since=NOW)], 0, draining), STOP) == ["chat-1"]
    assert kinds(planned([instance(1)], 0), STOP) == ["chat-1"]


def test_a_drain_ends_with_the_last_connection_or_its_timeout() -> None:
    settings = replace(SETTINGS, drain_timeout=60.0)
    assert planned([instance(1, DRAINING, connections=3)], 0, settings).operations == ()
    assert kinds(planned([instance(1, DRAINING, connections=0)], 0, settings), STOP) == ["chat-1"]
    assert kinds(planned([instance(1, DRAINING)], 0, replace(settings, drain_timeout=5.0)), STOP) == ["chat-1"]


def test_growth_takes_back_what_drains_but_not_what_was_asked_to_stop() -> None:
    settings = replace(SETTINGS, drain_timeout=60.0)
    instances = [instance(1, DRAINING), instance(2, DRAINING, stopping_since=NOW - 1)]
    made = planned(instances, 2, settings)
    assert kinds(made, UNDRAIN) == ["chat-1"]
    assert kinds(made, START) == ["chat-3"]
    assert made.memory.marks["chat-1"].state == READY
    # Even where its drain would end in this very pass.
    done = planned([instance(1, DRAINING, connections=0)], 1, settings)
    assert [operation.kind for operation in done.operations] == [UNDRAIN]


def test_what_does_not_stop_in_time_is_killed_once_per_timeout() -> None:
    overdue = instance(1, DRAINING, stopping_since=NOW - 31)
    made = planned([overdue], 0)
    assert kinds(made, KILL) == ["chat-1"]
    again = replace(overdue, mark=sent(made).marks["chat-1"])
    assert planned([again], 0).operations == ()


def test_indexes_are_the_lowest_that_are_free() -> None:
    assert kinds(planned([instance(2), instance(4)], 4), START) == ["chat-1", "chat-3"]


def test_full_pools_hold_growth_back_until_what_stops_has_gone() -> None:
    pools = [Pool("near", 2)]
    instances = [instance(1), instance(2, DRAINING, stopping_since=NOW - 1)]
    memory = Memory(marks={i.name: i.mark for i in instances})
    made = plan(instances, memory, Wanted("chat", 2, pools), SETTINGS, NOW)
    assert made.operations == ()
    assert made.holding is not None and "full" in made.holding


def test_after_failures_nothing_then_one_then_all() -> None:
    held = {"failures": 2}
    waiting = planned([], 3, retry_at=NOW + 11, **held)
    assert waiting.operations == ()
    assert waiting.holding == "after 2 failures, the next try comes within 20 s"
    trial = planned([], 3, retry_at=NOW - 1, **held)
    assert kinds(trial, START) == ["chat-1"]
    on_trial = planned([instance(1, BOOTING, age=0.5)], 3, retry_at=NOW - 1, **held)
    assert on_trial.operations == ()
    assert kinds(planned([instance(1)], 3, retry_at=None, **held), START) == ["chat-2", "chat-3"]


@pytest.mark.parametrize("target", [-1, 0, 5])
def test_a_target_out_of_bounds_is_refused(target: int) -> None:
    with pytest.raises(OptionError, match=rf"^target: .*\(1\).*\(4\), got {target}$"):
        check_target(target, POOLS, Settings(min_instances=1, max_instances=4))


def test_more_than_the_pools_hold_is_refused_unless_one_has_no_limit() -> None:
    with pytest.raises(OptionError, match=r"near 3 \+ far 0\), got 4"):
        check_target(4, [Pool("near", 3), Pool("far", 0)], SETTINGS)
    check_target(4, POOLS, SETTINGS)


def test_a_failure_of_yesterday_holds_nothing_back() -> None:
    waiting = planned([], 3, failures=1, failed_at=NOW - 86400, retry_at=NOW - 86370)
    assert len(waiting.operations) == 3
