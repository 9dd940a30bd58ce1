# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a policy sees and what it answers.

A policy proposes an instance count; it scales nothing, keeps nothing and reads no clock. It is asked for a whole
batch of clusters at once, so that one task can decide for a fleet.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar, NamedTuple, Protocol

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError

DAY_S = 86400.0
#: Of a season that is longer than a day so many are asked for, so that its level is known, too.
SEASON_AND_LEVEL = 1.02

#: What a policy remembers of one cluster between two ticks: plain data, a few hundred bytes for a rule.
Memory = dict[str, Any]
#: The same, ready to work with: a policy's own affair. For a rule it is the memory itself.
Live = Any


#: Clients are taken to give up when the work before them is so many times the SLO on p99, or s where there is none.
PATIENCE_SLOS, PATIENCE_S = 25.0, 5.0
#: A larger load than this, in Erlangs, is none: some metric is wrong.
MAX_ERLANGS = 100_000.0


@dataclass(frozen=True)
class Slo:
    """What users may feel at most. None switches a limit off."""

    p99_latency: float | None = 0.2  # s
    queue_depth: float | None = 50.0  # messages per instance
    eventloop_lag: float | None = 0.1  # s

    @property
    def patience(self) -> float:
        """Seconds of work before them at which clients are taken to give up."""
        return PATIENCE_S if self.p99_latency is None else PATIENCE_SLOS * self.p99_latency


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
    expected_rate: float | None = None  # messages/s, the most that a calendar foretells for the next boot time
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
    complete: bool = True  # False where instances did not answer: rates are a guess, which teaches nothing


@dataclass(frozen=True)
class Proposal:
    """What a policy would order."""

    count: int | None  # None: no opinion (data missing), the current count stays
    reason: str  # one plain sentence fragment with the figures behind it
    details: dict[str, Any] = field(default_factory=dict)  # figures for the result, plain data


class Entry(NamedTuple):
    """One value of what a policy has learned, as a person reads and writes it."""

    situation: str
    choice: str  # what may be done there
    value: float  # how good it is; see Policy.less_is_better
    seen: float | None = None  # how often the situation has been learned from, where that is counted


class Policy(Protocol):
    """A staffing rule. Pure: the same arguments give the same answer."""

    #: Name in the option `policy`.
    name: str
    #: Argument spec (Ansible's form) of the option of the same name.
    options: ClassVar[dict[str, Any]]
    #: Seconds after any change before shrinking, where a person sets none: for rules that would shrink at any moment.
    cooldown_down: float
    #: Whether it imitates an autoscaler of others, which holds in its own way and competes without our cooldown.
    imitation: bool
    #: Whether it learns from arrival rates of the past, see `prefilled`.
    wants_history: bool
    #: Whether the values of its table are costs.
    less_is_better: bool

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise OptionError, as `policy.option`, where a value makes no sense."""

    def load(self, memory: Memory) -> Live:
        """Make a memory ready for any number of steps; it stays as it is. {} is the memory of a new cluster."""

    def dump(self, live: Live) -> Memory:
        """The plain memory of what `load` or `step` gave."""

    def prefilled(self, rates: Sequence[float], end: float, settings: PolicySettings) -> Memory:
        """The memory of a cluster with these arrival rates (messages/s, one an interval) until `end` (unix seconds).

        NaN where nothing was measured.
        """

    def past_days(self, settings: PolicySettings) -> float:
        """How many days of the past are enough for `prefilled`."""

    def table(self, memory: Memory) -> list[Entry]:
        """What it has learned, for people; empty where there is nothing that they could read."""

    def edited(self, memory: Memory, entries: Sequence[Entry]) -> Memory:
        """The memory with these entries instead of its own. Raises OptionError for what the table cannot have."""

    def step(
        self,
        memories: Sequence[Live],
        observations: Sequence[Observation],
        settings: Sequence[PolicySettings],
        rngs: Sequence[Random],
    ) -> tuple[list[Proposal], list[Live]]:
        """Propose for each cluster of the batch; all sequences have the same length.

        Returns the proposals and what is remembered now. What went in must not be used again.
        """


class PerCluster:
    """Base of policies that decide each cluster on its own: they give `propose`, this gives `step`."""

    name: str
    cooldown_down = 300.0
    imitation = False
    wants_history = False
    less_is_better = False
    #: Option -> lowest and highest value that make sense.
    limits: ClassVar[dict[str, tuple[float, float]]] = {}

    def check(self, options: Mapping[str, Any]) -> None:
        """See Policy.check."""
        for name, (low, high) in self.limits.items():
            if not low <= options[name] <= high:
                raise OptionError(f"{self.name}.{name}", f"must be from {low:g} to {high:g}, got {options[name]:g}")

    def load(self, memory: Memory) -> Live:
        """See Policy.load."""
        return memory

    def dump(self, live: Live) -> Memory:
        """See Policy.dump."""
        memory: Memory = live
        return memory

    def prefilled(self, rates: Sequence[float], end: float, settings: PolicySettings) -> Memory:  # noqa: ARG002
        """See Policy.prefilled."""
        return {}

    def past_days(self, settings: PolicySettings) -> float:
        """See Policy.past_days. A day, or a longer season, and what shows its level."""
        return float(SEASON_AND_LEVEL * max(settings.options.get("season", 0.0) / DAY_S, 1.0))

    def table(self, memory: Memory) -> list[Entry]:  # noqa: ARG002
        """See Policy.table."""
        return []

    def edited(self, memory: Memory, entries: Sequence[Entry]) -> Memory:  # noqa: ARG002
        """See Policy.edited."""
        raise OptionError("entries", f"policy {self.name} has no table that could be edited")

    def propose(
        self, memory: Live, observation: Observation, settings: PolicySettings, rng: Random
    ) -> tuple[Proposal, Live]:
        """Propose for one cluster; return what to remember. A memory that is plain data is left as it is."""
        raise NotImplementedError

    def step(
        self,
        memories: Sequence[Live],
        observations: Sequence[Observation],
        settings: Sequence[PolicySettings],
        rngs: Sequence[Random],
    ) -> tuple[list[Proposal], list[Live]]:
        """See Policy.step."""
        for each in settings:
            self.check(each.options)
        answers = [self.propose(*each) for each in zip(memories, observations, settings, rngs, strict=True)]
        return [proposal for proposal, _unused in answers], [memory for _unused, memory in answers]


def no_data(snapshot: Mapping[str, Any]) -> str:
    """Why there is nothing to decide on, for a snapshot that is not valid."""
    return f"{(snapshot.get('reasons') or {}).get('valid', 'no valid snapshot')}: the count stays"


def cannot_be(arrival_rate: float, queued: float, service_rate: float) -> str:
    """Why there is nothing to decide on, where a load would need more servers than anybody has."""
    seen = f"{figure(arrival_rate)} msg/s and {figure(queued)} queued at {figure(service_rate)} msg/s"
    return f"{seen} cannot be: one of these metrics is wrong"


def lead_ticks(settings: PolicySettings) -> int:
    """Ticks until what is ordered now has served for a whole one."""
    return math.ceil(settings.boot_time / settings.interval - 1e-9) + 1


def default_options(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The options that an Ansible argument spec gives when nothing is set, dicts with `apply_defaults` filled in."""
    return {
        name: default_options(option["options"]) if option.get("apply_defaults") else option.get("default")
        for name, option in spec.items()
    }


def figure(value: float) -> str:
    """A number as people read it in a sentence: three digits, large ones whole."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


#: Fields of a snapshot that a policy may be told to follow.
SNAPSHOT_FIELDS = (
    "p99_latency_s",
    "mean_latency_s",
    "queue_depth",
    "queue_total",
    "eventloop_lag_s",
    "arrival_rate",
    "completion_rate",
    "utilisation",
)
#: A target that is not given is this share of the field's SLO: below 1, because an instance takes a while to boot.
TARGET_SHARE_OF_SLO = 0.65


def target_of(option: str, field_name: str, target: float | None, slo: Slo) -> float:
    """The value to keep a snapshot field at: `target`, else a share of the SLO of that field.

    Raises OptionError, naming `option`, where there is neither or the target is not positive.
    """
    limits = {"p99_latency_s": slo.p99_latency, "queue_depth": slo.queue_depth, "eventloop_lag_s": slo.eventloop_lag}
    if target is None:
        limit = limits.get(field_name)
        if limit is None:
            raise OptionError(option, f"a target is needed for {field_name}, which has no SLO to take it from")
        target = TARGET_SHARE_OF_SLO * limit
    if not target > 0:
        raise OptionError(option, f"the target of {field_name} must be above 0, got {target:g}")
    return target
