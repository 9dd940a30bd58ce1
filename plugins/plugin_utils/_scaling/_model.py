# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nouns of scaling: what a driver reports, what is remembered between two passes, and an instance in its state.

start                health gate                  victim                   stop asked, gone
  ●────────▶ booting ────────────▶ ready ────────────────▶ draining ────────────────────────▶ ○
                │                    │ ▲                       │                               ▲
                │ died, or           │ └───────────────────────┘                               │
                │ boot_timeout       │        un-drained by growth                             │
                │                    │ died, or unhealthy_timeout                              │
                └────────▶ failed ◀──┘─────────────────────────────────────────────────────────┘
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, NamedTuple

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError

BOOTING = "booting"
READY = "ready"
DRAINING = "draining"
FAILED = "failed"

#: Failures are forgotten after so many seconds without one.
FORGET_AFTER_S = 600.0

#: States that count as ordered.
ORDERED = (BOOTING, READY)


@dataclass(frozen=True)
class Reported:
    """An instance as its driver sees it: facts, no judgement."""

    name: str
    index: int
    pool: str
    running: bool = True
    stopping: bool = False  # it runs, but was asked to stop
    address: str | None = None
    port: int | None = None
    created_at: float | None = None  # unix seconds
    connections: int | None = None  # still open; ends a drain at 0
    metrics_url: str | None = None  # None: built from the setting `metrics_url`
    reason: str | None = None  # why it does not run


@dataclass(frozen=True)
class Mark:
    """What is remembered of one instance between two passes. Times are unix seconds."""

    pool: str
    index: int
    asked_at: float  # when its start was asked for
    seen: bool = False  # a driver has reported it
    healthy_in_a_row: int = 0
    ready_at: float | None = None
    unhealthy_since: float | None = None
    draining_since: float | None = None
    stopping_since: float | None = None
    failed: str | None = None  # why; an instance never recovers from failed

    @property
    def leaves(self) -> bool:
        return self.draining_since is not None or self.stopping_since is not None

    @property
    def state(self) -> str:
        if self.failed is not None:
            return FAILED
        if self.leaves:
            return DRAINING
        return BOOTING if self.ready_at is None else READY


@dataclass(frozen=True)
class Memory:
    """What is remembered of a cluster's instances; stored as plain data under the key ``<cluster>.instances``."""

    target: int | None = None  # what the last pass was asked for
    failures: int = 0  # passes in a row that saw instances fail; forgotten after a quiet while
    failed_at: float | None = None
    failure: str | None = None  # the last of them, in words
    retry_at: float | None = None  # until one start has proved itself, no more than one from this moment on
    unfinished_since: float | None = None
    marks: Mapping[str, Mark] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> Memory:
        """Read what ``to_plain`` wrote; {} gives an empty memory, fields of other versions are ignored."""
        known = {f.name for f in fields(Mark)}
        marks = {
            name: Mark(**{key: value for key, value in mark.items() if key in known})
            for name, mark in (data.get("marks") or {}).items()
        }
        own = {f.name for f in fields(cls)} - {"marks"}
        return cls(**{key: value for key, value in data.items() if key in own}, marks=marks)


class Probe(NamedTuple):
    """The answer of an instance's health URL."""

    ok: bool
    detail: str  # "HTTP 503", "connection refused"; fit for a message


@dataclass(frozen=True)
class Instance:
    """One instance in its state: what was reported, together with what is remembered."""

    reported: Reported
    mark: Mark
    state: str
    exists: bool = True  # False: remembered, but its driver does not report it
    reason: str | None = None  # why it is not ready, in words

    @property
    def name(self) -> str:
        return self.reported.name

    @property
    def pool(self) -> str:
        return self.reported.pool

    @property
    def index(self) -> int:
        return self.reported.index


@dataclass(frozen=True)
class Pool:
    """Where instances can run. Pools are filled in order and emptied in reverse."""

    name: str
    max: int | None = None  # how many instances may exist there at once; None: no limit of its own


@dataclass(frozen=True)
class Settings:
    """The settings of one cluster that the state machine uses. Durations are seconds."""

    min_instances: int = 1
    max_instances: int = 10
    boot_timeout: float = 120.0
    unhealthy_timeout: float = 60.0
    drain_timeout: float = 0.0
    stop_timeout: float = 30.0
    retry_delay: float = 30.0
    health_successes: int = 1
    victim: str = "newest"


def check_target(target: int, pools: Sequence[Pool], settings: Settings) -> None:
    """Refuse a target out of bounds. Raises OptionError."""
    if not settings.min_instances <= target <= settings.max_instances:
        raise OptionError(
            "target",
            f"expected a count from min_instances ({settings.min_instances}) to max_instances "
            f"({settings.max_instances}), got {target}",
        )
    limits = [pool.max for pool in pools if pool.max is not None]
    if len(limits) == len(pools) and target > sum(limits):
        rooms = " + ".join(f"{pool.name} {pool.max}" for pool in pools)
        raise OptionError("target", f"expected at most what the pools hold together ({rooms}), got {target}")


def ordered(instances: Iterable[Instance]) -> int:
    return sum(instance.state in ORDERED for instance in instances)


def ready(instances: Iterable[Instance]) -> int:
    return sum(instance.state == READY for instance in instances)
