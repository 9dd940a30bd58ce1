# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy `kpa`: the Knative Pod Autoscaler, on concurrency: messages in the service, waiting or in work.

Follows pkg/autoscaler/scaling/autoscaler.go of knative/serving, step by step:

1. Concurrency is averaged over the stable window, and over the panic window, its newest part.
2. Each mean / target, rounded up, is a count; at least ready / max_scale_down_rate (rounded down), at most
   ready x max_scale_up_rate (rounded up).
3. Panic begins where the panic window's mean / target is panic_threshold_percentage of the ready count or more, and
   ends when that has not been so for longer than a stable window.
4. The stable window's count counts. In panic the larger of both does, and nothing shrinks.
5. With a scale_down_delay, it shrinks to the largest count of that time.

As in Knative, who knows nothing yet but finds more than one instance ready begins in panic, so that nothing shrinks
before a window has been seen. Defaults are Knative's, and the target is servers_per_instance (its containerConcurrency)
times target_utilization_percentage.

Concurrency is queue_total + utilisation x ready x servers_per_instance, where the snapshot has both; else it is
arrival_rate x mean_latency_s, by Little's law, though no less than what waits now.

Simplified: Knative samples each second, here it is the tick, so that with the defaults the panic window has one sample.
There are no requests per second as a metric, no activation scale, no burst capacity and no grace period before zero;
minimum and maximum are the guard `bounds`. In panic nothing shrinks below what is ordered; Knative looks at the ready.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    Memory,
    Observation,
    PerCluster,
    PolicySettings,
    Proposal,
    figure,
    no_data,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._hold import hold

#: The smallest target of an instance that Knative allows.
LEAST_TARGET = 0.01


class Kpa(PerCluster):
    """Memory: `samples` [[unix seconds, concurrency], ...] of the stable window, the `delayed` counts of the scale-down
    delay, and in panic when it was last renewed (`panic_at`, unix seconds) and the `most` it has asked for."""

    name = "kpa"
    imitation = True
    options: ClassVar[dict[str, Any]] = {
        "target": {"type": "float"},
        "target_utilization_percentage": {"type": "float", "default": 70.0},
        "stable_window": {"type": "float", "default": 60.0},
        "panic_window_percentage": {"type": "float", "default": 10.0},
        "panic_threshold_percentage": {"type": "float", "default": 200.0},
        "max_scale_up_rate": {"type": "float", "default": 1000.0},
        "max_scale_down_rate": {"type": "float", "default": 2.0},
        "scale_down_delay": {"type": "float", "default": 0.0},
    }
    limits: ClassVar[dict[str, tuple[float, float]]] = {
        "target_utilization_percentage": (1.0, 100.0),
        "stable_window": (6.0, 3600.0),
        "panic_window_percentage": (1.0, 100.0),
        "panic_threshold_percentage": (110.0, 1000.0),
        "max_scale_up_rate": (1.01, 1e6),
        "max_scale_down_rate": (1.01, 1e6),
        "scale_down_delay": (0.0, 3600.0),
    }

    def check(self, options: Mapping[str, Any]) -> None:
        """See Policy.check; the target may be missing."""
        super().check(options)
        if options["target"] is not None and not options["target"] >= LEAST_TARGET:
            raise OptionError("kpa.target", f"must be at least {LEAST_TARGET:g}, got {options['target']:g}")

    def propose(
        self,
        memory: Memory,
        observation: Observation,
        settings: PolicySettings,
        rng: Random,  # noqa: ARG002 - nothing is drawn
    ) -> tuple[Proposal, Memory]:
        """Average, divide, panic. Without a concurrency there is no opinion, and nothing is remembered of the tick."""
        options, now, ordered = settings.options, observation.now, observation.ordered
        if not observation.snapshot.get("valid"):
            return Proposal(None, no_data(observation.snapshot)), memory
        seen = _concurrency(observation, settings.servers_per_instance)
        if seen is None:
            return Proposal(None, "no concurrency: neither queue and utilisation nor mean latency is known"), memory

        window = options["stable_window"]
        samples = [*_within(memory.get("samples", []), now, window), [now, seen[0]]]
        stable = _mean(samples)
        panicky = _mean(_within(samples, now, window * options["panic_window_percentage"] / 100.0))
        target = options["target"] or settings.servers_per_instance
        target = max(LEAST_TARGET, target * options["target_utilization_percentage"] / 100.0)
        ready = max(1, observation.ready)
        count, wanted = (_limited(math.ceil(mean / target), ready, options) for mean in (stable, panicky))

        over = math.ceil(panicky / target) >= options["panic_threshold_percentage"] / 100.0 * ready
        panic_at = _panic_at(memory, observation, over=over, window=window)
        reason = f"concurrency {figure(stable)} ({seen[1]}, mean of {window:g} s), target {figure(target)} each"
        remembered: Memory = {"samples": samples, "delayed": []}
        if panic_at is not None:
            count = max(count, wanted, memory.get("most", 0), ordered)
            reason = f"{reason}, panic at {figure(panicky)}: {count} instances, nothing shrinks"
            remembered |= {"panic_at": panic_at, "most": count}
        else:
            reason = f"{reason}: {count} instances"
        held = ""
        if options["scale_down_delay"]:
            count, held, remembered["delayed"] = hold(
                memory.get("delayed", []), now, count, ordered=ordered, seconds=options["scale_down_delay"]
            )
        details = {"concurrency": seen[0], "stable": stable, "panic": panicky, "panicking": panic_at is not None}
        return Proposal(count, reason + held, details), remembered


def _concurrency(observation: Observation, servers: int) -> tuple[float, str] | None:
    """Messages in the whole cluster, and where the figure is from; None where it is not known."""
    snapshot = observation.snapshot
    queued, busy = snapshot.get("queue_total"), snapshot.get("utilisation")
    if queued is not None and busy is not None:
        return queued + busy * observation.ready * servers, "queue + busy servers"
    rate, latency = snapshot.get("arrival_rate"), snapshot.get("mean_latency_s")
    if rate == 0.0 and latency is None:
        latency = 0.0  # nothing came, and what waits is counted below
    if rate is None or latency is None:
        return None
    return max(rate * latency, queued or 0.0), "arrival rate x mean latency"


def _panic_at(memory: Memory, observation: Observation, *, over: bool, window: float) -> float | None:
    """When there was last a reason to panic, if that is no longer than a stable window ago."""
    now = observation.now
    first = not memory and observation.ready > 1
    if over or first:
        return now
    at: float | None = memory.get("panic_at")
    return at if at is not None and 0.0 <= now - at <= window else None


def _limited(count: int, ready: int, options: Mapping[str, Any]) -> int:
    """Within the rates of growing and shrinking."""
    least = math.floor(ready / options["max_scale_down_rate"])
    return min(max(count, least), math.ceil(ready * options["max_scale_up_rate"]))


def _within(samples: Sequence[Sequence[float]], now: float, window: float) -> list[list[float]]:
    """Samples younger than `window` seconds; those from a clock that was set back are dropped."""
    return [list(sample) for sample in samples if now - window < sample[0] <= now]


def _mean(samples: Sequence[Sequence[float]]) -> float:
    return sum(value for _unused, value in samples) / len(samples)


POLICY = Kpa()
