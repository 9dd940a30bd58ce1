# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A simulated world for the state machine: instances, pools and a load balancer that fail and are cut off at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling import _health
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._balancers._base import (
    ACTIVE,
    Balancer,
    Server,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._balancers._base import DRAINING as DRAINED
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._balancing import Balancing
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._cluster import Cluster, Urls
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._converge import carry_out, intend
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Driver, Order, each
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    Memory,
    Pool,
    Probe,
    Reported,
    Settings,
    ordered,
    ready,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._outcome import Outcome
from pytest import MonkeyPatch

TICK_S = 15.0
BOOT_S = 40.0


class CutOff(BaseException):
    """The run was killed."""


@dataclass
class Thing:
    """One instance as it really is."""

    name: str
    index: int
    port: int
    uid: str
    works_at: float
    visible_at: float
    ended: bool = False
    paused: bool = False
    asked_to_stop: bool = False
    stops_at: float = 1e12
    connections: int = 0
    stubborn: bool = False  # it cannot be asked to stop, only be killed

    def works(self, now: float) -> bool:
        return self.works_at <= now and not (self.ended or self.paused)


@dataclass
class World:
    """All that is there. Trouble is how likely things go wrong, and ends when it is set to 0."""

    random: Random
    trouble: float
    now: float = 1000.0
    pools: dict[str, dict[str, Thing]] = field(default_factory=dict)
    servers: dict[int, str] = field(default_factory=dict)  # port -> state in the load balancer
    forgetful: bool = False  # what has ended has no address any more
    silent: set[str] = field(default_factory=set)
    starts: int = 0
    next_uid: int = 0

    def things(self) -> list[Thing]:
        return [thing for pool in self.pools.values() for thing in pool.values()]

    def chance(self, part: float) -> bool:
        return self.random.random() < self.trouble * part

    def tick(self) -> None:
        self.now += TICK_S
        self.silent = {name for name in (*self.pools, "balancer") if self.chance(0.15)}
        for thing in self.things():
            if self.chance(0.2) or thing.stops_at <= self.now:
                thing.ended = True
            if thing.ended or self.servers.get(thing.port) != ACTIVE:
                thing.connections = 0 if thing.ended else self.random.randint(0, thing.connections)
            else:
                thing.connections = self.random.randint(0, 3)

    def answer(self, name: str) -> None:
        """Be there, or not; and perhaps that is the last thing that this run does."""
        if name in self.silent:
            raise AutoscaleError(f"{name} cannot be reached")

    def act(self, name: str) -> None:
        self.answer(name)
        if self.chance(0.05):
            raise CutOff

    def probe(self, urls: dict[str, str], _http: object) -> dict[str, Probe]:
        things = {thing.name: thing for thing in self.things()}
        return {
            name: Probe(name in things and things[name].works(self.now) and not self.chance(0.2), "HTTP 503")
            for name in urls
        }


class SimulatedPool(Driver):
    """One pool of that world."""

    pauses = True

    def __init__(self, world: World, name: str, room: int | None, *, cloud: bool = False) -> None:
        super().__init__(Context("chat", name, {}, run_module=lambda *_args, **_options: {}))
        self.world, self.name, self.room = world, name, room
        self.gives_names = cloud
        self.pauses = not cloud
        self.things: dict[str, Thing] = world.pools.setdefault(name, {})
        self.expected: int | None = None

    def status(self) -> list[Reported]:
        self.world.answer(self.name)
        return [
            Reported(
                name,
                thing.index,
                self.name,
                running=not thing.ended,
                paused=thing.paused and not thing.ended,
                address=None if thing.ended and self.world.forgetful else "a",
                port=thing.port,
                created_at=1000.0,
                uid=thing.uid,
            )
            for name, thing in self.things.items()
            if thing.visible_at <= self.world.now
        ]

    def expect(self, count: int) -> None:
        self.expected = count

    def start(self, orders: Sequence[Order]) -> dict[str, str]:
        refused = {}
        for order in orders:
            self.world.act(self.name)
            self.world.starts += 1
            assert order.name not in self.things
            if self.world.chance(0.2):
                refused[order.name] = "no room"
                continue
            taken = {thing.port for thing in self.world.things()}
            port = next(port for port in range(1, len(taken) + 2) if port not in taken)
            self.world.next_uid += 1
            name = f"i-{self.world.next_uid}" if self.gives_names else order.name
            boot = 1e9 if self.world.chance(0.2) else BOOT_S
            late = self.world.random.choice([0.0, 20.0]) if self.gives_names else 0.0
            index = 0 if self.gives_names else order.index
            stubborn = self.world.chance(0.1)
            self.things[name] = Thing(
                name, index, port, str(self.world.next_uid), self.world.now + boot, self.world.now + late
            )
            self.things[name].stubborn = stubborn
        assert self.room is None or len(self.things) <= self.room
        return refused

    def stop(self, instances: Sequence[Reported], *, kill: bool = False) -> None:
        def end(instance: Reported) -> None:
            self.world.act(self.name)
            thing = self.things[instance.name]
            if self.world.chance(0.1) or (thing.stubborn and not kill and not thing.ended):
                raise AutoscaleError("resource busy")
            if thing.ended:
                del self.things[instance.name]
            elif kill:
                thing.ended = True
            else:
                assert self.world.servers.get(thing.port) != ACTIVE, "a load balancer still sends to it"
                thing.asked_to_stop, thing.paused = True, False
                thing.stops_at = self.world.now + self.world.random.choice([1.0, 20.0, 1e9])

        each(instances, end)

    def pause(self, instances: Sequence[Reported]) -> None:
        for instance in instances:
            self.world.act(self.name)
            self.things[instance.name].paused = True

    def resume(self, instances: Sequence[Reported]) -> None:
        for instance in instances:
            self.world.act(self.name)
            self.things[instance.name].paused = False


class SimulatedBalancer(Balancer):
    """The load balancer of that world."""

    def __init__(self, world: World) -> None:
        super().__init__(Context("chat", "balancer", {}, run_module=lambda *_args, **_options: {}))
        self.world = world

    def status(self, instances: Sequence[Reported]) -> dict[str, Server]:
        self.world.answer("balancer")
        things = {thing.port: thing for thing in self.world.things()}
        servers = {}
        for instance in instances:
            state = self.world.servers.get(instance.port or 0)
            if state is not None:
                thing = things.get(instance.port or 0)
                works = thing is not None and thing.works(self.world.now)
                servers[instance.name] = Server(state, works, thing.connections if thing else 0)
        return servers

    def register(self, instances: Sequence[Reported]) -> None:
        self._set(instances, ACTIVE)

    def drain(self, instances: Sequence[Reported]) -> None:
        self._set(instances, DRAINED)

    def deregister(self, instances: Sequence[Reported]) -> None:
        self._set(instances, None)

    def _set(self, instances: Sequence[Reported], state: str | None) -> None:
        for instance in instances:
            self.world.act("balancer")
            port = instance.port
            assert port is not None
            if state is None:
                self.world.servers.pop(port, None)
            else:
                self.world.servers[port] = state


@dataclass
class Simulation:
    """A cluster of two pools in such a world."""

    seed: int = 1
    trouble: float = 0.0
    balanced: bool = False
    cloud: bool = False
    forgetful: bool = False
    settings: Settings = field(default_factory=lambda: Settings(min_instances=0, stop_timeout=30.0))

    def __post_init__(self) -> None:
        self.world = World(Random(self.seed), self.trouble, forgetful=self.forgetful)
        drivers = {
            "near": SimulatedPool(self.world, "near", 4),
            "far": SimulatedPool(self.world, "far", None, cloud=self.cloud),
        }
        self.drivers = drivers
        self.cluster = Cluster(
            "chat",
            [Pool(name, driver.room, driver.gives_names, pauses=driver.pauses) for name, driver in drivers.items()],
            drivers,
            settings=self.settings,
            urls=Urls(health="http://{address}:{port}/", metrics="", drain="", shed="", http={}),
            balancing=Balancing({"balancer": SimulatedBalancer(self.world)} if self.balanced else {}),
            clock=lambda: self.world.now,
        )
        self.memory = Memory()

    def install(self, monkeypatch: MonkeyPatch) -> None:
        """Let instances answer from this world."""
        monkeypatch.setattr(_health, "probe_all", self.world.probe)
        monkeypatch.setattr(_health, "drain_all", lambda urls, _http: {})

    def step(self, target: int) -> Outcome | None:
        """A tick and a pass; None where it came to nothing. What a run leaves behind is what it has stored."""
        self.world.tick()
        memory = Memory.from_plain(self.memory.to_plain())
        try:
            intention = intend(self.cluster, memory, target)
        except AutoscaleError:
            assert self.world.silent >= self.drivers.keys()
            return None
        self.memory = intention.memory
        try:
            outcome, self.memory = carry_out(self.cluster, intention)
        except CutOff:
            return None
        # More than the target there may be only where something silent keeps them.
        kept = ordered(outcome.before) if outcome.holding or outcome.errors else 0
        assert ordered(outcome.after) <= max(target, kept)
        return outcome

    def spares(self) -> int:
        """So many there shall be: a pool that gives names has none, and the other one has room for four."""
        near = sum(not thing.paused for thing in self.world.pools["near"].values())
        return min(self.settings.warm, 4 - near) if self.cloud else self.settings.warm

    def run(self, target: int, ticks: int) -> bool:
        """Tick; whether the target was reached, and as many spares are paused as shall be."""
        for _tick in range(ticks):
            outcome = self.step(target)
            if outcome is not None and not outcome.unfinished:
                assert ready(outcome.after) == target
                observed = self.cluster.observe(self.memory)
                if not observed.unfinished and self.facts()["paused"] == self.spares():
                    return True
        return False

    def facts(self) -> dict[str, Any]:
        """What is really there."""
        things = self.world.things()
        works = [thing for thing in things if thing.works(self.world.now)]
        return {
            "works": len(works),
            "paused": sum(thing.paused for thing in things),
            "others": sum(not thing.paused and not thing.works(self.world.now) for thing in things),
            "gets traffic": sorted(port for port, state in self.world.servers.items() if state == ACTIVE),
            "ports": sorted(thing.port for thing in works),
            "leftovers": sum(state != ACTIVE for state in self.world.servers.values()),
        }
