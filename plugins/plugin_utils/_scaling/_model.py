# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nouns of scaling: what a driver reports, what is remembered between two passes, and an instance in its state.

start             healthy, gets traffic           victim                   stop asked, gone
  ●────────▶ booting ────────────▶ ready ────────────────▶ draining ────────────────────────▶ ○
  │          ▲  │                    │ ▲                       │                               ▲
  │  resumed │  │ died, or           │ └───────────────────────┘                               │
  │          │  │ boot_timeout       │        un-drained by growth                             │
  │ spare    │  │                    │ died, or unhealthy_timeout                              │
  └──────▶ warm └────────▶ failed ◀──┘─────────────────────────────────────────────────────────┘
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, NamedTuple

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError

BOOTING = "booting"
READY = "ready"
DRAINING = "draining"
WARM = "warm"
FAILED = "failed"

#: Failures are forgotten after so many seconds without one.
FORGET_AFTER_S = 600.0

#: States that count as ordered.
ORDERED = (BOOTING, READY)

#: Which of the ready instances goes first.
VICTIMS = ("newest", "oldest", "fewest_connections")

#: Between the cluster and the number of an order whose name the backend has yet to give.
NAMELESS = "#"


@dataclass(frozen=True)
class Reported:
    """An instance as its driver sees it: facts, no judgement."""

    name: str
    index: int
    pool: str
    running: bool = True
    stopping: bool = False  # it runs, but was asked to stop
    paused: bool = False  # it is kept, but does not work: paused, suspended or stopped, as its backend can
    address: str | None = None  # as in a URL: IPv6 in brackets
    port: int | None = None
    created_at: float | None = None  # unix seconds
    connections: int | None = None  # still open; ends a drain at 0
    metrics_url: str | None = None  # None: built from the setting `metrics_url`
    reason: str | None = None  # why it does not run, or what keeps one that runs from working
    uid: str | None = None  # the backend's own: another one under the same name has another
    outdated: bool = False  # the settings of its pool have changed since it was started


@dataclass(frozen=True)
class Traffic:
    """What the load balancers say of one instance, all of them together."""

    sent: bool  # some of them may send it new connections
    everywhere: bool = False  # all of them do
    up: bool = False  # all of them do, and have found it healthy
    lacking: Collection[str] = ()  # names of those of them that do not have it
    sessions: int | None = None  # open ones through them; None: they cannot tell
    answered: bool = True  # False: some of them do not answer, and `sent` is what was asked of them last
    detail: str = ""  # fit for a message


_NOT_ASKED = Traffic(sent=False, detail="load balancers were not asked for it")


@dataclass(frozen=True)
class Mark:
    """What is remembered of one instance between two passes. Times are unix seconds."""

    pool: str
    index: int
    asked_at: float  # when its start was asked for
    seen: bool = False  # a driver has reported it
    uid: str | None = None
    adopted: bool = False  # it was there before anybody ordered it
    spare: bool = False  # it is kept warm, for a fast start
    healthy_in_a_row: int = 0
    ready_at: float | None = None
    unhealthy_since: float | None = None
    draining_since: float | None = None
    stopping_since: float | None = None
    stop_sent: bool = False  # False: a run was cut off between its intention and the act
    stop_failed_since: float | None = None  # since when it cannot even be asked to stop
    failed: str | None = None  # why; an instance never recovers from failed
    # Load balancers
    registered_at: float | None = None  # when they were told of it; None: they were not, or were told to forget it
    drained: bool = False  # they were asked to drain it, and were not yet seen to send to it again
    address: str | None = None  # where they know it: they can be told to forget it when it is gone
    port: int | None = None

    @property
    def leaves(self) -> bool:
        return self.draining_since is not None or self.stopping_since is not None

    @property
    def state(self) -> str:
        if self.failed is not None:
            return FAILED
        if self.leaves:
            return DRAINING
        if self.spare:
            return WARM
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
    down_since: Mapping[str, float] = field(default_factory=dict)  # by pool: since when it does not answer
    shed_at: float | None = None  # when instances were asked last to let go of connections
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


@dataclass(frozen=True)
class Sighting:
    """What one look at a cluster has found, before it is judged."""

    now: float  # unix seconds
    reported: Sequence[Reported]
    probes: Mapping[str, Probe] = field(default_factory=dict)  # by instance; who has none has no health gate
    traffic: Mapping[str, Traffic] | None = None  # by instance; None: there is no load balancer
    down: Mapping[str, str] = field(default_factory=dict)  # pools that do not answer: name -> why

    def traffic_of(self, name: str) -> Traffic | None:
        """What load balancers say of an instance; None where there are none."""
        return None if self.traffic is None else self.traffic.get(name, _NOT_ASKED)


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
    held: bool = False  # its pool does not answer: nothing is known of it, and nothing can be done with it
    traffic: Traffic | None = None  # None: there is no load balancer
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

    @property
    def gets_traffic(self) -> bool:
        """Whether a load balancer may send it new connections."""
        return self.traffic is not None and self.traffic.sent

    @property
    def registered(self) -> bool:
        """Whether load balancers were told of it, and have not been told to forget it."""
        return self.traffic is not None and self.mark.registered_at is not None

    @property
    def unheard(self) -> bool:
        """Whether it is registered, and some load balancer does not answer: it may have traffic."""
        return self.registered and self.traffic is not None and not self.traffic.answered

    @property
    def connections(self) -> int | None:
        """How many are open, as far as somebody can tell: the larger figure of load balancers and service."""
        figures = [self.reported.connections, self.traffic.sessions if self.traffic else None]
        return max((figure for figure in figures if figure is not None), default=None)


@dataclass(frozen=True)
class Pool:
    """Where instances can run. Pools are filled in order and emptied in reverse."""

    name: str
    max: int | None = None  # how many instances may exist there at once; None: no limit of its own
    gives_names: bool = False  # its backend names what it starts; an order is ``<cluster>#<n>`` until it has
    last_only: bool = False  # its backend can only take away the last
    pauses: bool = False  # its instances can be kept warm
    down: bool = False  # it does not answer now


@dataclass(frozen=True)
class Rebalance:
    """When instances are asked to let go of connections, and of how many. See `_rebalance`."""

    above: float = 1.3  # what the fullest instance may have, as a multiple of the mean
    share: float = 0.25  # of its connections, that an instance is asked for at once
    period: float = 15.0  # s from one time to the next


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
    warm: int = 0  # instances that are kept ready for a fast start
    rebalance: Rebalance | None = None  # None: connections stay where they are
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


def is_to_be_paused(instance: Instance, settings: Settings) -> bool:
    """Whether a spare has shown that it works."""
    healthy = instance.mark.healthy_in_a_row >= settings.health_successes
    return instance.state == WARM and instance.exists and healthy and not instance.reported.paused


def ordered(instances: Iterable[Instance]) -> int:
    return sum(instance.state in ORDERED for instance in instances)


def ready(instances: Iterable[Instance]) -> int:
    return sum(instance.state == READY for instance in instances)


def on_their_way(instances: Iterable[Instance]) -> list[str]:
    """What a message says of those that are not ready, such as ["2 booting", "1 draining", "1 warm"]."""
    counts = Counter(instance.state for instance in instances)
    return [f"{counts[state]} {state}" for state in (BOOTING, DRAINING, WARM, FAILED) if counts[state]]


def left_to_drain(instances: Iterable[Instance]) -> list[str]:
    """What a message says of the connections of those that drain, where somebody can tell how many there are."""
    left = [i.connections for i in instances if i.state == DRAINING and i.connections is not None]
    return [f"{sum(left)} connection{'' if sum(left) == 1 else 's'} left to drain"] if left else []


def drift(instances: Iterable[Instance]) -> list[str]:
    """What a message says of those that run with older settings of their pool, which nobody replaces."""
    count = sum(instance.reported.outdated for instance in instances)
    return [f"{count} with older settings of their pool"] if count else []
