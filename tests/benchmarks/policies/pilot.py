# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole agent at the helm of somebody's simulator: calibration, policy and guards, without a store."""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.rlops.autoscale.plugins.plugin_utils._agent import (
    ClusterSettings,
    Counts,
    Memory,
    Tick,
    decide_live,
)


class Seen(NamedTuple):
    """What a scrape says."""

    arrival_rate: float  # messages/s
    completion_rate: float | None  # messages/s; None: not known, nothing is learned about the service from it
    p99: float  # s
    queue: float  # messages per instance
    utilisation: float  # 0..1


class Pilot:
    """The agent of one cluster."""

    def __init__(self, settings: ClusterSettings, memory: Memory | None = None) -> None:
        """Begin with this memory of the policy."""
        self.settings = settings
        self._live: Any = settings.policy.load(memory or {})
        self._memory: Memory = {}
        self._ordered: int | None = None  # at the last tick
        self._crew = 0

    def decide(self, now: float, seen: Seen | None, ready: int, ordered: int) -> int:
        """The count to order; `seen` is None where the scrape is missing."""
        if self._ordered is not None and ordered < self._ordered:
            self._crew += 1
        self._ordered = ordered
        snapshot = {"valid": False, "at": now, "reasons": {"valid": "the scrape is missing"}}
        if seen is not None:
            snapshot = self.snapshot(now, seen, ready)
        tick = Tick(now, snapshot, Counts(ready=ready, booting=ordered - ready))
        decision, self._memory, self._live = decide_live(self._memory, self._live, tick, self.settings)
        return decision.target

    def snapshot(self, now: float, seen: Seen, ready: int) -> dict[str, Any]:
        """What metrics_snapshot would have said.

        A simulator tells of no names. Those that are made up change where instances left, as others may serve then:
        the service rate is learned only where the same ones served throughout.
        """
        return {
            "valid": True,
            "at": now,
            "interval_s": self.settings.policy_settings.interval,
            "age_s": 0.0,
            "expected": ready,
            "answered": ready,
            "arrival_rate": seen.arrival_rate,
            "completion_rate": seen.completion_rate,
            "p99_latency_s": seen.p99,
            "queue_depth": seen.queue,
            "queue_total": seen.queue * ready,
            "utilisation": seen.utilisation,
            "instances": [
                {"name": f"{self._crew}-{number}", "state": "ready", "queue_depth": seen.queue}
                for number in range(ready)
            ],
        }
