# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a policy sees and what it answers.

A policy proposes an instance count; it scales nothing, keeps nothing and reads no clock. It is asked for a whole batch of
clusters at once, so that one task can decide for a fleet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple, Protocol

#: What a policy remembers of one cluster between two ticks: plain data, a few hundred bytes for a rule.
Memory = dict[str, Any]


@dataclass(frozen=True)
class Slo:
    """What users may feel at most. None switches a limit off."""

    p99_latency: float | None = 0.2  # s
    queue_depth: float | None = 50.0  # messages per instance
    eventloop_lag: float | None = 0.1  # s


@dataclass(frozen=True)
class PolicySettings:
    """The settings of one cluster that a policy may use."""

    min_instances: int = 1
    max_instances: int = 10
    interval: float = 15.0  # s between two ticks
    boot_time: float = 45.0  # s from an order to a ready instance
    servers_per_instance: int = 1  # messages one instance works on at once (threads, workers)
    queueing: str = "shared"  # shared: one queue for all instances (M/M/n); per_instance: connections stick, n queues
    slo: Slo = field(default_factory=Slo)
    options: Mapping[str, Any] = field(default_factory=dict)  # this policy's own options, defaults filled in


@dataclass(frozen=True)
class Observation:
    """One cluster at one tick."""

    now: float  # unix seconds
    snapshot: Mapping[str, Any]  # see metrics_snapshot; missing values are None, never 0
    ordered: int  # booting + ready
    ready: int
    service_rate: float | None = None  # messages/s of one server of one instance, given or calibrated
    taken: int | None = None  # change in ordered since this policy's last proposal; None: do not learn from it
    explore: bool = True  # False in recommend and check mode: no exploration, no decay


class Proposal(NamedTuple):
    """What a policy would order."""

    count: int | None  # None: no opinion (data missing), the current count stays
    reason: str  # one plain sentence fragment with the figures behind it
    details: dict[str, Any] = {}  # figures for the result, plain data


class Policy(Protocol):
    """A staffing rule. Pure: the same arguments give the same answer."""

    #: Name in the option `policy`.
    name: str
    #: Argument spec (Ansible's form) of the option of the same name.
    options: dict[str, Any]

    def step(
        self,
        memories: Sequence[Memory],
        observations: Sequence[Observation],
        settings: Sequence[PolicySettings],
        rngs: Sequence[Random],
    ) -> tuple[list[Proposal], list[Memory]]:
        """Propose for each cluster of the batch; all sequences have the same length. Memories are returned, not changed."""
        ...
