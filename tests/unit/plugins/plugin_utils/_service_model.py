# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service under load, message by message, and the agent's loop around it, without Ansible.

It is event-based, not a fluid or a formula: every message arrives, waits for a server, is served and leaves, so p99,
mean latency and queue come out of what happened to the messages, waiting included. A test against the queueing
formulas that the policy itself staffs by would only show that they agree with themselves.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils import _guards, _service_rate
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    Observation,
    PolicySettings,
    default_options,
)


@dataclass
class _Instance:
    name: str
    ready_at: float
    free_at: list[float]  # when each server is done with what it has
    waiting: deque[float] = field(default_factory=deque)  # arrival times; per_instance only


@dataclass
class Service:
    """Messages arrive at `arrivals(now)` per second; an instance has `concurrency` servers of `rate(now)` each."""

    arrivals: Callable[[float], float]
    rate: Callable[[float], float] = lambda _now: 50.0
    concurrency: int = 1
    queueing: str = "shared"
    boot_time: float = 45.0
    constant: bool = False  # constant instead of exponential service times
    lose: float = 0.0  # share of scrapes that fail
    extra: frozenset[str] = frozenset()  # figures beyond the article's three metrics: utilisation
    seed: int = 0
    initial: int = 2

    def __post_init__(self) -> None:
        """Begin with the initial instances ready and nothing to do."""
        self.random = random.Random(self.seed)
        self.now = -self.boot_time
        self.born = 0
        self.instances: list[_Instance] = []
        self.waiting: deque[float] = deque()  # arrival times
        self.leaving: list[tuple[float, float]] = []  # when, and after how long
        self.busy = 0.0  # server seconds in this tick
        self.last_queue = 0
        self.order(self.initial)
        self.now = 0.0

    @property
    def ready(self) -> list[_Instance]:
        return [instance for instance in self.instances if instance.ready_at <= self.now]

    def order(self, count: int) -> None:
        """Start or stop instances; the newest stop first, and what waits there goes back to the others."""
        while len(self.instances) < count:
            self.born += 1
            ready_at = self.now + self.boot_time
            self.instances.append(_Instance(f"demo-{self.born}", ready_at, [ready_at] * self.concurrency))
        stopped, self.instances = self.instances[count:], self.instances[:count]
        for instance in stopped:
            self.waiting.extend(instance.waiting)

    def tick(self, interval: float = 15.0) -> dict[str, Any]:
        """Run one interval, in slices so that instances become ready in between, and scrape it."""
        end, self.busy = self.now + interval, 0.0
        ready_before = len(self.ready)
        while self.now < end:
            until = min(end, self.now + 1.0)
            at, rate = self.now, self.arrivals(self.now)
            while rate > 0 and (at := at + self.random.expovariate(rate)) < until:
                self.waiting.append(at)
            ready = self.ready
            if self.queueing == "shared" or not ready:
                self._serve(self.waiting, ready, until)
            else:
                for arrived in self.waiting:
                    self.random.choice(ready).waiting.append(arrived)
                self.waiting.clear()
                for instance in ready:
                    self._serve(instance.waiting, [instance], until)
            self.now = until
        done = sorted(latency for left, latency in self.leaving if left < end)
        self.leaving = [each for each in self.leaving if each[0] >= end]
        return self._scrape(done, interval, ready_before)

    def _serve(self, queue: deque[float], instances: list[_Instance], until: float) -> None:
        """Start what can start before `until`, first come first served on the server that is free first."""
        servers = [(free, i, s) for i, instance in enumerate(instances) for s, free in enumerate(instance.free_at)]
        heapq.heapify(servers)
        while queue and servers:
            free, i, s = servers[0]
            start = max(queue[0], free)
            if start >= until:
                break
            arrived = queue.popleft()
            rate = self.rate(start)
            end = start + (1.0 / rate if self.constant else self.random.expovariate(rate))
            instances[i].free_at[s] = end
            heapq.heapreplace(servers, (end, i, s))
            self.leaving.append((end, end - arrived))
            self.busy += min(end, until) - start

    def _scrape(self, done: list[float], interval: float, ready_before: int) -> dict[str, Any]:
        ready = len(self.ready)
        queue = len(self.waiting) + sum(len(instance.waiting) for instance in self.instances)
        growth, self.last_queue = queue - self.last_queue, queue
        snapshot: dict[str, Any] = {
            "cluster": "demo",
            "at": self.now,
            "interval_s": interval,
            "age_s": 0.0,
            "valid": ready > 0,
            "p99_latency_s": done[int(0.99 * len(done))] if done else None,
            "mean_latency_s": sum(done) / len(done) if done else None,
            "queue_depth": queue / ready if ready else None,
            "queue_total": queue if ready else None,
            "eventloop_lag_s": 0.001,
            "arrival_rate": max(0.0, (len(done) + growth) / interval),
            "completion_rate": len(done) / interval,
            "utilisation": min(1.0, self.busy / interval / (ready_before * self.concurrency))
            if "utilisation" in self.extra and ready_before
            else None,
            "expected": ready,
            "answered": ready,
            "instances": [
                {
                    "name": inst.name,
                    "state": "ready" if inst.ready_at <= self.now else "booting",
                    "queue_depth": len(inst.waiting),
                }
                for inst in self.instances
            ],
        }
        if self.random.random() < self.lose:
            lost = ("p99_latency_s", "mean_latency_s", "queue_depth", "queue_total", "arrival_rate", "completion_rate")
            snapshot |= {"valid": False, "answered": 0, **dict.fromkeys(lost)}
        return snapshot


@dataclass
class Tick:
    """One row of a run."""

    now: float
    snapshot: dict[str, Any]
    before: int  # ordered before the decision
    target: int
    rate: float | None  # calibrated service rate
    reason: str
    bound_by: list[dict[str, Any]]


@dataclass
class Agent:
    """The decision loop of one cluster: calibrate, propose, guard, order."""

    policy: str = "erlang"
    settings: PolicySettings = field(default_factory=lambda: PolicySettings(max_instances=30))
    options: Mapping[str, Any] = field(default_factory=dict)
    guards: Mapping[str, Any] = field(default_factory=dict)
    use_distress: bool = True
    memory: Mapping[str, Any] = field(default_factory=dict)  # of the policy, at first

    def run(self, service: Service, ticks: int, seed: int = 1) -> list[Tick]:
        """Let the agent scale the service for so many ticks."""
        policy = _registry.get(self.policy)
        settings = replace(self.settings, options={**default_options(policy.options), **self.options})
        slo = settings.slo
        limits = _guards.GuardSettings(
            min_instances=settings.min_instances, max_instances=settings.max_instances, slo=slo, **self.guards
        )
        rng = random.Random(seed)
        memory = policy.load(dict(self.memory))
        guard_memory: dict[str, Any] = {}
        calibration: dict[str, Any] = {}
        proposed_at: int | None = None
        rows = []
        for _unused in range(ticks):
            snapshot = service.tick(settings.interval)
            calibration = _service_rate.learn(
                calibration,
                snapshot,
                servers_per_instance=settings.servers_per_instance,
                queueing=settings.queueing,
                slo_p99=slo.p99_latency,
            )
            rate = _service_rate.estimate(calibration).rate
            ordered, ready = len(service.instances), len(service.ready)
            taken = None if proposed_at is None else ordered - proposed_at
            observation = Observation(service.now, snapshot, ordered, ready, service_rate=rate, taken=taken)
            (proposal,), (memory,) = policy.step([memory], [observation], [settings], [rng])
            proposed_at = ordered
            context = _guards.GuardContext(
                service.now, ordered, ready, ordered - ready, 0, snapshot, limits, guard_memory
            )
            bounds = [b for b in _guards.evaluate(context) if self.use_distress or b.guard != "distress"]
            verdict = _guards.combine(ordered if proposal.count is None else proposal.count, bounds)
            guard_memory = _guards.advance(context, verdict.target)
            service.order(verdict.target)
            rows.append(Tick(service.now, snapshot, ordered, verdict.target, rate, proposal.reason, verdict.bound_by))
        return rows
