# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state machine in a world that fails at random reaches its target, and never orders more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling import _health
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._balancers._base import Balancer, Server
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._balancing import Balancing
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._converge import carry_out, foresee, intend
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    FAILED,
    READY,
    VICTIMS,
    Memory,
    Probe,
    Reported,
    Settings,
    ordered,
    ready,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ._world import TICK_S, Simulation

some_settings = st.builds(
    Settings,
    min_instances=st.just(0),
    drain_timeout=st.sampled_from([0.0, 60.0]),
    stop_timeout=st.just(30.0),
    health_successes=st.sampled_from([1, 2]),
    warm=st.sampled_from([0, 0, 2]),
    victim=st.sampled_from(VICTIMS),
)


@settings(deadline=None, max_examples=200)
@given(
    seed=st.integers(0, 2**32),
    trouble=st.sampled_from([0.0, 0.3, 1.0]),
    balanced=st.booleans(),
    cloud=st.booleans(),
    forgetful=st.booleans(),
    chosen=some_settings,
    targets=st.lists(st.integers(0, 8), min_size=1, max_size=4),
)
def test_each_target_is_reached_once_the_trouble_is_over(
    seed: int, trouble: float, balanced: bool, cloud: bool, forgetful: bool, chosen: Settings, targets: list[int]
) -> None:
    simulation = Simulation(seed, trouble, balanced, cloud, forgetful, chosen)
    with pytest.MonkeyPatch.context() as patch:
        simulation.install(patch)
        for target in targets:
            simulation.world.trouble = trouble
            simulation.run(target, ticks=8)
            simulation.world.trouble = 0.0
            # The longest wait is MAX_RETRY_DELAY_S, then a boot_timeout and a stop of those that were doomed before.
            assert simulation.run(target, ticks=80)
            facts = simulation.facts()
            assert (facts["works"], facts["others"]) == (target, 0)
            if balanced:
                assert facts["gets traffic"] == facts["ports"]
                assert facts["leftovers"] == 0
            again = simulation.step(target)
            assert again is not None and again.operations == ()


def test_a_service_that_never_comes_up_is_not_started_at_each_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = Simulation()
    simulation.install(monkeypatch)
    monkeypatch.setattr(_health, "probe_all", lambda urls, _http: {name: Probe(False, "") for name in urls})
    simulation.run(5, ticks=240)  # an hour
    # Five at first, then one at a time: each takes its boot_timeout (120 s) and a wait of up to 300 s.
    assert 5 + 3600 // 435 - 1 <= simulation.world.starts <= 5 + 3600 // 150


def test_what_a_driver_refuses_to_start_is_reported_and_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = Simulation()
    simulation.install(monkeypatch)
    monkeypatch.setattr(simulation.world, "chance", lambda part: part == 0.2)  # refuses always
    outcome = simulation.step(2)
    assert outcome is not None
    assert [(failure["name"], failure["was_ready"]) for failure in outcome.failures()] == [
        ("chat-1", False),
        ("chat-2", False),
    ]
    assert outcome.added() == []
    assert outcome.after == []
    assert simulation.memory.marks == {}
    again = simulation.step(2)
    assert again is not None and again.operations == ()
    assert again.stuck
    assert again.message() == "chat: 0 of 2 ready (15 s); chat-1 failed: no room; the next try comes within 20 s"


def test_the_time_counts_from_when_a_person_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not from whatever was unfinished before."""
    simulation = Simulation()
    simulation.install(monkeypatch)
    monkeypatch.setattr(simulation.world, "chance", lambda part: part == 0.2)  # refuses always
    simulation.step(2)
    later = simulation.step(2)
    assert later is not None and later.elapsed_s == TICK_S
    intention = intend(simulation.cluster, simulation.memory, 2, retry_now=True)
    outcome, memory = carry_out(simulation.cluster, intention)
    assert outcome.elapsed_s == 0
    assert memory.unfinished_since == simulation.world.now


def test_check_mode_touches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = Simulation(balanced=True)
    simulation.install(monkeypatch)
    outcome = foresee(simulation.cluster, intend(simulation.cluster, Memory(), 3, dry_run=True))
    assert [str(operation) for operation in outcome.operations] == [
        f"start chat-{index} in pool near: wanted" for index in (1, 2, 3)
    ]
    assert simulation.world.starts == 0
    assert outcome.diff()["before"] == "ordered: 0\n"
    assert outcome.diff()["after"].startswith("ordered: 3\nnear chat-1 booting\n")


def test_a_pool_that_is_silent_for_long_is_replaced_by_the_next_and_taken_back_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulation = Simulation(balanced=True)
    simulation.install(monkeypatch)
    assert simulation.run(3, ticks=20)
    monkeypatch.setattr(simulation.world, "chance", lambda _part: False)
    tick = simulation.world.tick

    def near_is_silent() -> None:
        tick()
        simulation.world.silent = {"near"}

    monkeypatch.setattr(simulation.world, "tick", near_is_silent)
    at_first = simulation.step(3)
    assert at_first is not None and at_first.operations == ()
    assert [i.state for i in at_first.after] == [READY] * 3
    assert at_first.problems == ["pool near does not answer: near cannot be reached"]
    shrink = simulation.step(1)
    assert shrink is not None and shrink.operations == ()
    assert shrink.holding == "nothing is stopped while pool near does not answer"
    for _tick in range(10):
        later = simulation.step(3)
        assert later is not None
    assert [(i.pool, i.state) for i in later.after] == [("far", READY)] * 3 + [("near", FAILED)] * 3
    assert (ordered(later.after), ready(later.after)) == (3, 3)

    monkeypatch.setattr(simulation.world, "tick", tick)
    assert simulation.run(3, ticks=20)
    assert {pool: len(things) for pool, things in simulation.world.pools.items()} == {"near": 3, "far": 0}


def test_a_load_balancer_that_is_silent_keeps_everything_that_may_have_traffic(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = Simulation(balanced=True, settings=replace(Settings(min_instances=0), drain_timeout=30.0))
    simulation.install(monkeypatch)
    assert simulation.run(3, ticks=20)
    simulation.world.servers[simulation.world.things()[0].port] = "drain"  # by a person
    assert simulation.run(3, ticks=3)
    assert "drain" in simulation.world.servers.values()
    tick = simulation.world.tick

    def balancer_is_silent() -> None:
        tick()
        simulation.world.silent = {"balancer"}

    monkeypatch.setattr(simulation.world, "tick", balancer_is_silent)
    for _tick in range(5):
        outcome = simulation.step(1)
        assert outcome is not None and outcome.operations == ()
        assert outcome.holding == "nothing that gets traffic is stopped while a load balancer does not answer"
    grown = [simulation.step(4) for _tick in range(15)][-1]
    assert grown is not None
    assert [(i.name, i.state) for i in grown.after if i.state != READY] == [("chat-4", "booting")]
    assert simulation.facts()["works"] == 4

    monkeypatch.setattr(simulation.world, "tick", tick)
    assert simulation.run(1, ticks=20)


def test_a_run_that_is_cut_off_while_it_starts_is_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = Simulation()
    simulation.install(monkeypatch)
    calls = []

    def the_third_is_the_last(name: str) -> None:
        calls.append(name)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(simulation.world, "act", the_third_is_the_last)
    intention = intend(simulation.cluster, Memory(), 4)
    with pytest.raises(KeyboardInterrupt):
        carry_out(simulation.cluster, intention)
    simulation.memory = intention.memory
    assert len(simulation.world.things()) == 2
    assert simulation.run(4, ticks=40)
    assert simulation.world.starts == 4


class TwinBalancer(Balancer):
    """One of two, with states of its own."""

    def __init__(self, name: str) -> None:
        super().__init__(Context("chat", name, {}, run_module=lambda *_args, **_options: {}))
        self.states: dict[int | None, str] = {}

    def status(self, instances: Sequence[Reported]) -> dict[str, Server]:
        return {i.name: Server(self.states[i.port], sessions=0) for i in instances if i.port in self.states}

    def register(self, instances: Sequence[Reported]) -> None:
        self.states |= {instance.port: "ready" for instance in instances}

    def drain(self, instances: Sequence[Reported]) -> None:
        self.states |= {instance.port: "drain" for instance in instances}

    def deregister(self, instances: Sequence[Reported]) -> None:
        for instance in instances:
            self.states.pop(instance.port, None)


def test_where_one_load_balancer_has_lost_an_instance_another_keeps_what_a_person_has_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left, right = TwinBalancer("left"), TwinBalancer("right")
    simulation = Simulation()
    simulation.install(monkeypatch)
    simulation.cluster = replace(simulation.cluster, balancing=Balancing({"left": left, "right": right}))
    assert simulation.run(2, ticks=20)
    first, second = sorted(thing.port for thing in simulation.world.things())
    left.states[first] = "maint"
    del right.states[first]
    outcome = simulation.step(2)
    assert outcome is not None
    assert [str(operation) for operation in outcome.operations] == ["register chat-1 in pool near: healthy"]
    assert left.states == {first: "maint", second: "ready"}
    assert right.states == {first: "ready", second: "ready"}
    assert simulation.run(0, ticks=20)
    assert (left.states, right.states) == ({}, {})
