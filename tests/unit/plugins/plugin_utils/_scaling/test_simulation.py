# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state machine on a simulated backend that fails at random reaches its target, and never orders more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, ClassVar
from unittest import mock

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling import _health
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._cluster import Cluster, Urls
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._converge import converge
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Order
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    Memory,
    Pool,
    Probe,
    Reported,
    Settings,
    ordered,
    ready,
)
from hypothesis import given, settings
from hypothesis import strategies as st

TICK_S = 15.0


class World:
    """Instances that boot, die, refuse to start and take their time to stop. Trouble ends after some ticks."""

    def __init__(self, seed: int, trouble: float) -> None:
        self.random = Random(seed)
        self.trouble = trouble
        self.now = 1000.0
        self.boots_until: dict[str, float] = {}
        self.ended: set[str] = set()
        self.stops_at: dict[str, float] = {}
        self.starts = 0

    def tick(self) -> None:
        self.now += TICK_S
        for name in list(self.boots_until):
            if self.random.random() < self.trouble / 4 or self.stops_at.get(name, self.now + 1) <= self.now:
                self.ended.add(name)

    def healthy(self, urls: dict[str, str], _http: object) -> dict[str, Probe]:
        return {
            name: Probe(self.boots_until[name] <= self.now and self.random.random() >= self.trouble / 4, "HTTP 503")
            for name in urls
        }


class Driver:
    """One pool of that world."""

    options: ClassVar[dict[str, Any]] = {}
    required: ClassVar[tuple[str, ...]] = ()

    def __init__(self, world: World, pool: str, room: int | None) -> None:
        self.world, self.pool, self.room = world, pool, room
        self.indexes: dict[str, int] = {}

    def status(self) -> list[Reported]:
        return [
            Reported(
                name, index, self.pool, running=name not in self.world.ended, address="a", port=1, created_at=1000.0
            )
            for name, index in self.indexes.items()
        ]

    def start(self, orders: Sequence[Order]) -> dict[str, str]:
        refused = {}
        for order in orders:
            self.world.starts += 1
            assert order.name not in self.indexes
            if self.world.random.random() < self.world.trouble / 4:
                refused[order.name] = "no room"
                continue
            self.indexes[order.name] = order.index
            never = self.world.random.random() < self.world.trouble / 4
            self.world.boots_until[order.name] = self.world.now + (1e9 if never else 40.0)
        assert self.room is None or len(self.indexes) <= self.room
        return refused

    def drain(self, instances: Sequence[Reported]) -> None: ...

    def undrain(self, instances: Sequence[Reported]) -> None: ...

    def stop(self, instances: Sequence[Reported], *, kill: bool = False) -> None:
        for instance in instances:
            if instance.name in self.world.ended:
                self.world.ended.discard(instance.name)
                del self.indexes[instance.name], self.world.boots_until[instance.name]
                self.world.stops_at.pop(instance.name, None)
            elif kill:
                self.world.ended.add(instance.name)
            else:
                self.world.stops_at[instance.name] = self.world.now + self.world.random.choice([1.0, 20.0, 1e9])

    def todo(self) -> list[dict[str, Any]]:
        return []


class Simulation:
    def __init__(self, seed: int, trouble: float, drain_timeout: float) -> None:
        self.world = World(seed, trouble)
        self.drivers = {"near": Driver(self.world, "near", 4), "far": Driver(self.world, "far", None)}
        self.cluster = Cluster(
            "chat",
            [Pool("near", 4), Pool("far", None)],
            self.drivers,
            settings=Settings(min_instances=0, drain_timeout=drain_timeout, stop_timeout=30.0),
            urls=Urls(health="http://{address}:{port}/", metrics="", drain="", http={}),
            clock=lambda: self.world.now,
        )
        self.memory = Memory()

    def run(self, target: int, ticks: int) -> bool:
        """Tick; whether the target was reached. After each tick the count ordered was never above the target."""
        for _tick in range(ticks):
            self.world.tick()
            outcome, self.memory = converge(self.cluster, Memory.from_plain(self.memory.to_plain()), target)
            assert ordered(outcome.after) <= target
            if not outcome.unfinished:
                assert ready(outcome.after) == target
                assert sum(len(driver.indexes) for driver in self.drivers.values()) == target
                return True
        return False


@pytest.fixture(autouse=True, scope="module")
def _no_http() -> Iterator[None]:
    with mock.patch.object(_health, "drain_all", lambda urls, _timeout: {}):
        yield


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    trouble=st.sampled_from([0.0, 0.3, 1.0]),
    drain_timeout=st.sampled_from([0.0, 60.0]),
    targets=st.lists(st.integers(0, 8), min_size=1, max_size=4),
)
def test_each_target_is_reached_once_the_trouble_is_over(
    seed: int, trouble: float, drain_timeout: float, targets: list[int]
) -> None:
    simulation = Simulation(seed, trouble, drain_timeout)
    with mock.patch.object(_health, "probe_all", simulation.world.healthy):
        for target in targets:
            simulation.world.trouble = trouble
            simulation.run(target, ticks=6)
            simulation.world.trouble = 0.0
            # The longest wait is MAX_RETRY_DELAY_S, then a boot_timeout and a stop of those that were doomed before.
            assert simulation.run(target, ticks=60)
            repeat, _memory = converge(simulation.cluster, simulation.memory, target)
            assert repeat.operations == ()


def test_a_service_that_never_comes_up_is_not_started_at_each_tick() -> None:
    simulation = Simulation(seed=1, trouble=0.0, drain_timeout=0.0)
    with mock.patch.object(_health, "probe_all", lambda urls, _timeout: {name: Probe(False, "") for name in urls}):
        simulation.run(5, ticks=240)  # an hour
    # Five at first, then one at a time: each takes its boot_timeout (120 s) and a wait of up to 300 s.
    assert 5 + 3600 // 435 - 1 <= simulation.world.starts <= 5 + 3600 // 150


def test_what_a_driver_refuses_to_start_is_reported_and_held_back() -> None:
    simulation = Simulation(seed=1, trouble=4.0, drain_timeout=0.0)  # refuses always
    with mock.patch.object(_health, "probe_all", simulation.world.healthy):
        outcome, memory = converge(simulation.cluster, Memory(), 2)
        assert [(failure["name"], failure["was_ready"]) for failure in outcome.failures()] == [
            ("chat-1", False),
            ("chat-2", False),
        ]
        assert outcome.added() == []
        assert outcome.after == []
        assert memory.marks == {}
        again, _memory = converge(simulation.cluster, memory, 2)
    assert again.operations == ()
    assert again.stuck
    assert again.message() == "chat: 0 of 2 ready (0 s); chat-1 failed: no room; the next try comes within 30 s"


def test_check_mode_touches_nothing() -> None:
    simulation = Simulation(seed=1, trouble=0.0, drain_timeout=0.0)
    with mock.patch.object(_health, "probe_all", simulation.world.healthy):
        outcome, _memory = converge(simulation.cluster, Memory(), 3, dry_run=True)
    assert [str(operation) for operation in outcome.operations] == [
        f"start chat-{index} in pool near: wanted" for index in (1, 2, 3)
    ]
    assert simulation.world.starts == 0
    assert outcome.diff()["before"] == "ordered: 0\n"
    assert outcome.diff()["after"].startswith("ordered: 3\nnear chat-1 booting\n")
