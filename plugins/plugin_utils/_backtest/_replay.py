# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replays traffic on simulated services, one for each contender, and lets the whole agent decide: policy and guards."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils._agent import (
    ClusterSettings,
    Counts,
    Memory,
    Tick,
    decide_live,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._result import Course, Replay
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._environment import (
    EnvironmentSettings,
    Observations,
    ScalingEnv,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._fleet import boot_ticks
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._optimum import optimum

#: The last decisions of each contender that are kept in words.
REASONS = 3


@dataclass(frozen=True)
class Traffic:
    """What arrives."""

    arrivals: Floats  # (ticks, inner steps), messages/s
    start: float  # unix seconds of the first tick
    warmup: int  # ticks before those that are scored: policies learn, nothing counts


@dataclass
class _Contender:
    """One policy at work."""

    name: str
    settings: ClusterSettings
    memory: Memory
    live: Any
    reason: str = ""

    def decide(self, now: float, snapshot: dict[str, Any], ready: int, ordered: int) -> int:
        tick = Tick(now, snapshot, Counts(ready=ready, booting=ordered - ready))
        decision, self.memory, self.live = decide_live(self.memory, self.live, tick, self.settings)
        self.reason = decision.reason
        return decision.target


def replay(
    contenders: Sequence[tuple[str, ClusterSettings]],
    traffic: Traffic,
    environment: EnvironmentSettings,
    *,
    seed: int = 0,
    notes: Sequence[str] = (),
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Replay:
    """Let each contender (name, settings) scale a service of its own under the same traffic.

    `progress` is told the ticks that are done, of how many, from time to time.
    """
    running = [_Contender(name, settings, {}, settings.policy.load({})) for name, settings in contenders]
    ticks, steps = traffic.arrivals.shape
    env = ScalingEnv(np.broadcast_to(traffic.arrivals, (len(running), ticks, steps)), environment)
    ordered = np.zeros((ticks, len(running)), dtype=np.int64)
    p99, cost = np.zeros((ticks, len(running))), np.zeros((ticks, len(running)))
    given_up = np.zeros(len(running))
    seen, _unused = env.reset(seed)
    targets = np.zeros(len(running), dtype=np.int64)
    for tick in range(ticks):
        now = traffic.start + tick * environment.interval
        snapshots = _snapshots(seen, now, environment.interval)
        for place, contender in enumerate(running):
            targets[place] = contender.decide(now, snapshots[place], int(seen.ready[place]), int(seen.ordered[place]))
        seen, reward, _terminated, _truncated, info = env.step(targets)
        ordered[tick], p99[tick], cost[tick] = info["ordered"], info["p99"], -reward
        if tick >= traffic.warmup:
            given_up += info["given_up"]
        if tick % 1000 == 0:
            progress(tick, ticks)
    progress(ticks, ticks)

    scored = slice(traffic.warmup, None)
    price = environment.weights.instance
    courses = [
        Course(
            contender.name,
            ordered[scored, place],
            p99[scored, place],
            cost[scored, place] / price,
            float(given_up[place]),
            (contender.reason,),
        )
        for place, contender in enumerate(running)
    ]
    return Replay(
        interval=environment.interval,
        start=traffic.start + traffic.warmup * environment.interval,
        rates=traffic.arrivals[scored].mean(axis=1),
        slo_p99=environment.service.slo_p99,
        courses=courses,
        optimum=_optimum(traffic, environment),
        notes=notes,
        assumed=_assumed(environment),
    )


def _assumed(environment: EnvironmentSettings) -> dict[str, Any]:
    """The settings of the service, by option."""
    service = environment.service
    return {
        "service_rate": service.service_rate,
        "servers_per_instance": service.servers_per_instance,
        "queueing": service.queueing,
        "boot_time": environment.boot_time,
        "interval": environment.interval,
        "min_instances": environment.min_instances,
        "max_instances": service.max_instances,
        "slo_p99_latency": service.slo_p99,
        "slo_queue_depth": service.slo_queue,
    }


def _snapshots(seen: Observations, now: float, interval: float) -> list[dict[str, Any]]:
    """What metrics_snapshot would have said of each service."""
    columns = (seen.arrival_rate, seen.completion_rate, seen.p99, seen.queue, seen.utilisation, seen.ready)
    snapshots: list[dict[str, Any]] = []
    for arrivals, completions, p99, queue, utilisation, ready in zip(*(c.tolist() for c in columns), strict=True):
        if math.isnan(arrivals):
            snapshots.append({"valid": False, "at": now, "reasons": {"valid": "the scrape is missing"}})
            continue
        snapshots.append(
            {
                "valid": True,
                "at": now,
                "interval_s": interval,
                "age_s": 0.0,
                "expected": ready,
                "answered": ready,
                "arrival_rate": arrivals,
                "completion_rate": completions,
                "p99_latency_s": p99,
                "queue_depth": queue,
                "queue_total": queue * ready,
                "utilisation": utilisation,
            }
        )
    return snapshots


def _optimum(traffic: Traffic, environment: EnvironmentSettings) -> Course:
    """The clairvoyant's course; what it orders is what will serve at any time until it could be ready."""
    boot = boot_ticks(environment.boot_time, environment.interval)
    best = optimum(
        traffic.arrivals,
        environment.service,
        environment.weights,
        environment.interval,
        boot,
        min_instances=environment.min_instances,
    )
    ordered = best.serving.copy()
    for ahead in range(1, boot + 1):
        np.maximum(ordered[:-ahead], best.serving[ahead:], out=ordered[:-ahead])
    scored, price = slice(traffic.warmup, None), environment.weights.instance
    return Course("optimum", ordered[scored], best.p99[scored], best.cost[scored] / price)
