# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards: limits on what a policy proposes.

Each guard looks at the cluster and answers with a range of counts and a reason, or not at all. `combine` moves the
proposal into the ranges in order of priority, the highest last, so that the highest has the last word; the order in
which the guards are given does not matter. In order of priority:

| priority | guard         | range                    | when                                                          |
|----------|---------------|--------------------------|---------------------------------------------------------------|
| 100      | bounds        | min..max                 | always                                                        |
| 90       | pin           | count..count             | a pin is set and has not run out                              |
| 88       | approval      | so far as it was, or is  | the cluster is protected: more than a step waits for a person |
| 85       | quota         | ..its share              | several clusters share a quota                                |
| 80       | zero          | 1.. with a backlog, or 0 | nothing is ordered: there is nothing to measure but a backlog |
| 70       | stale_data    | ordered..                | the snapshot is invalid, incomplete or older than two ticks   |
| 60       | distress      | ordered.., ordered + 1.. | p99, queue or lag over its SLO; for two ticks in a row        |
| 50       | booting       | ordered..                | instances drain; or boot, unless `cooldown_down` is 0         |
| 40       | cooldown_down | ordered..                | the count changed less than `cooldown_down` ago               |
| 35       | cooldown_up   | ..ordered                | the count grew less than `cooldown_up` ago                    |
| 30       | max_step      | ordered - down..+ up     | a step limit is set                                           |

Counts are of ordered instances, those that boot included, so what is on the way is never ordered twice. For the same
reason distress asks for one more only once what was ordered has come and two further ticks were over the SLO; until
then it only keeps what is ordered.

Approval never moves a count by itself: its range holds what is ordered. The quota outranks bad data and distress, since
it takes from one cluster only what another, of which there are data, has been given by the people who set priorities;
and a pin and the bounds outrank the quota. Both ranges are found elsewhere, see `_approval` and `_quota`.

While instances boot nothing shrinks, as what made them necessary is not over before they have served. A policy that
has learned when to shrink, with a `cooldown_down` of 0, may think better of it: those that boot are the first to go,
which costs nobody a connection.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._moments import moment, unix_seconds
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import Slo, figure

#: Ticks in a row over the SLO that are distress.
DISTRESS_TICKS = 2
#: A snapshot older than this many intervals is stale.
STALE_INTERVALS = 2
#: What guards remember of one cluster: `over_slo` (ticks in a row), `ready` at the last tick, `up_at` and `down_at`
#: (unix seconds of the last growth and the last shrinking). Absent: never.
GuardMemory = Mapping[str, Any]


@dataclass(frozen=True)
class Pin:
    """A count set by a person."""

    count: int
    until: float | None  # unix seconds; None: until it is taken away

    def holds(self, now: float) -> bool:
        """Whether it has not run out."""
        return self.until is None or now < self.until

    @classmethod
    def from_option(cls, option: Mapping[str, Any] | None) -> Pin | None:
        """Read `{count: 5, until: 1790000000 or "2026-09-21T14:13:20Z"}`; a time without offset is UTC."""
        if not option:
            return None
        count, until = option.get("count"), option.get("until")
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise OptionError("pin", f"count must be a whole number of at least 0, got {quoted(count)}")
        return cls(count, None if until is None or until == "" else unix_seconds(until, "pin.until"))


@dataclass(frozen=True)
class GuardSettings:
    """The limits of one cluster. Raises OptionError where they contradict each other."""

    min_instances: int = 1
    max_instances: int = 10
    interval: float = 15.0  # s between two ticks
    slo: Slo = field(default_factory=Slo)
    pin: Pin | None = None
    cooldown_up: float = 0.0  # s after growing before the next growth
    cooldown_down: float = 300.0  # s after any change before the next shrinking
    max_step_up: int | None = None  # instances more at most in one decision
    max_step_down: int | None = None  # instances fewer at most in one decision

    def __post_init__(self) -> None:
        """Check the options against each other."""
        if self.min_instances < 0:
            raise OptionError("min_instances", f"must be at least 0, got {self.min_instances}")
        if self.max_instances < self.min_instances:
            raise OptionError(
                "max_instances", f"must be at least min_instances ({self.min_instances}), got {self.max_instances}"
            )
        for name in ("cooldown_up", "cooldown_down"):
            if math.isnan(getattr(self, name)) or getattr(self, name) < 0:
                raise OptionError(name, f"must be at least 0 seconds, got {getattr(self, name)}")
        for name in ("max_step_up", "max_step_down"):
            step = getattr(self, name)
            if step is not None and step < 1:
                raise OptionError(name, f"must be at least 1, got {step}")


@dataclass(frozen=True)
class GuardContext:
    """What guards look at: one cluster at one tick, before the decision."""

    now: float  # unix seconds
    ordered: int  # booting + ready
    ready: int
    booting: int
    draining: int
    snapshot: Mapping[str, Any]  # see metrics_snapshot
    settings: GuardSettings
    memory: GuardMemory
    approval: Range | None = None  # of a protected cluster
    quota: Range | None = None  # of one that shares a quota


class Range(NamedTuple):
    """The counts a guard allows, and why."""

    floor: int
    ceiling: int | None  # None: no limit
    reason: str


class Bound(NamedTuple):
    """A guard's answer at one tick."""

    guard: str
    priority: int
    floor: int
    ceiling: int | None
    reason: str

    def clamp(self, count: int) -> int:
        """The count nearest to `count` that this guard allows."""
        count = max(count, self.floor)
        return count if self.ceiling is None else min(count, self.ceiling)


class Verdict(NamedTuple):
    """What is left of a proposal."""

    target: int
    bound_by: list[dict[str, Any]]  # {guard, floor, ceiling, reason}, highest priority first


def _bounds(context: GuardContext) -> Range:
    low, high = context.settings.min_instances, context.settings.max_instances
    return Range(low, high, f"the cluster has {low} to {high} instances")


def _pin(context: GuardContext) -> Range | None:
    pin = context.settings.pin
    if pin is None or not pin.holds(context.now):
        return None
    end = "" if pin.until is None else f" until {moment(pin.until)}"
    return Range(pin.count, pin.count, f"pinned to {pin.count}{end}")


def _approval(context: GuardContext) -> Range | None:
    return context.approval


def _quota(context: GuardContext) -> Range | None:
    return context.quota


def _zero(context: GuardContext) -> Range | None:
    if context.ordered > 0:
        return None
    backlog = context.snapshot.get("queue_total")
    if backlog:
        return Range(1, None, f"{figure(backlog)} messages wait and nothing is ordered")
    return Range(0, 0, "nothing is ordered, and only a backlog wakes the cluster")


def _stale_data(context: GuardContext) -> Range | None:
    reason = _data_problem(context)
    return None if reason is None else Range(context.ordered, None, f"{reason}: no shrinking")


def _distress(context: GuardContext) -> Range | None:
    over = _over_slo(context)
    if not over or _data_problem(context, complete=False) is not None:
        return None
    ordered, ticks = context.ordered, _over_slo_ticks(context)
    if context.booting:
        return Range(ordered, None, f"{over}, {context.booting} booting instances are awaited")
    if ticks < DISTRESS_TICKS:
        return Range(ordered, None, f"{over}: no shrinking")
    return Range(ordered + 1, None, f"{over} for {ticks} ticks: at least one more")


def _booting(context: GuardContext) -> Range | None:
    if not context.draining and not (context.booting and context.settings.cooldown_down > 0):
        return None
    return Range(
        context.ordered, None, f"{context.booting} booting and {context.draining} draining: one decision at a time"
    )


def _cooldown_down(context: GuardContext) -> Range | None:
    period = context.settings.cooldown_down
    changes = [context.memory[key] for key in ("up_at", "down_at") if context.memory.get(key) is not None]
    left = _left(max(changes), period, context.now) if changes else 0.0
    return Range(context.ordered, None, f"{left:.0f} s left of {period:g} s before shrinking") if left > 0 else None


def _cooldown_up(context: GuardContext) -> Range | None:
    period, grown_at = context.settings.cooldown_up, context.memory.get("up_at")
    left = _left(grown_at, period, context.now) if grown_at is not None else 0.0
    return Range(0, context.ordered, f"{left:.0f} s left of {period:g} s before growing") if left > 0 else None


def _max_step(context: GuardContext) -> Range | None:
    up, down = context.settings.max_step_up, context.settings.max_step_down
    if up is None and down is None:
        return None
    floor = 0 if down is None else max(0, context.ordered - down)
    ceiling = None if up is None else context.ordered + up
    steps = [f"+{up}" if up is not None else "", f"-{down}" if down is not None else ""]
    return Range(floor, ceiling, f"one decision changes the count by {' or '.join(filter(None, steps))} at most")


#: Name, priority, function; see the table above.
GUARDS: tuple[tuple[str, int, Callable[[GuardContext], Range | None]], ...] = (
    ("bounds", 100, _bounds),
    ("pin", 90, _pin),
    ("approval", 88, _approval),
    ("quota", 85, _quota),
    ("zero", 80, _zero),
    ("stale_data", 70, _stale_data),
    ("distress", 60, _distress),
    ("booting", 50, _booting),
    ("cooldown_down", 40, _cooldown_down),
    ("cooldown_up", 35, _cooldown_up),
    ("max_step", 30, _max_step),
)


def evaluate(context: GuardContext) -> list[Bound]:
    """The bounds that hold at this tick."""
    ranges = ((name, priority, guard(context)) for name, priority, guard in GUARDS)
    return [Bound(name, priority, *found) for name, priority, found in ranges if found is not None]


def combine(proposal: int, bounds: Iterable[Bound]) -> Verdict:
    """Move the proposal into all bounds; where two contradict each other, the one of higher priority wins.

    `bound_by` lists the guards that changed the outcome: those that move it when they are added to the guards above
    them, and those without which it would be another. So of two guards that say the same only the higher one is
    listed, and a pin beyond the bounds is listed with the bounds that cut it. With these alone it would be the same.
    """
    ranked = sorted(bounds, key=lambda bound: (-bound.priority, bound.guard))
    if all(bound.clamp(proposal) == proposal for bound in ranked):
        return Verdict(proposal, [])
    target = _clamp(proposal, ranked)
    listed = ranked
    for rank, bound in reversed(list(enumerate(ranked))):
        moves = _clamp(proposal, ranked[: rank + 1]) != _clamp(proposal, ranked[:rank])
        decides = _clamp(proposal, ranked[:rank] + ranked[rank + 1 :]) != target
        others = [other for other in listed if other is not bound]
        if not moves and not decides and _clamp(proposal, others) == target:
            listed = others
    plain = [
        {"guard": bound.guard, "floor": bound.floor, "ceiling": bound.ceiling, "reason": bound.reason}
        for bound in listed
    ]
    return Verdict(target, plain)


def judge(context: GuardContext, proposal: int | None) -> Verdict:
    """What may be ordered. Without a proposal the ordered count stays, within the guards."""
    return combine(context.ordered if proposal is None else proposal, evaluate(context))


def reach(context: GuardContext, guard: str) -> tuple[int, int]:
    """The fewest and the most instances that the guards above this one leave open."""
    rank = next(priority for name, priority, _unused in GUARDS if name == guard)
    above = [bound for bound in evaluate(context) if bound.priority > rank]
    return _clamp(0, above), _clamp(context.settings.max_instances, above)


def advance(context: GuardContext, target: int) -> dict[str, Any]:
    """What guards remember after a decision that is carried out; not to be kept in recommend and check mode."""
    memory = dict(context.memory)
    if _data_problem(context, complete=False) is None:
        memory["over_slo"] = _over_slo_ticks(context)
    memory["ready"] = context.ready
    if target > context.ordered:
        memory["up_at"] = context.now
    elif target < context.ordered:
        memory["down_at"] = context.now
    return memory


def _clamp(count: int, ranked: list[Bound]) -> int:
    """Apply the bounds, given highest priority first, so that the highest has the last word."""
    for bound in reversed(ranked):
        count = bound.clamp(count)
    return count


def _data_problem(context: GuardContext, complete: bool = True) -> str | None:
    """Why the snapshot is no ground to shrink on; with complete=False, why it is no ground for anything."""
    snapshot, settings = context.snapshot, context.settings
    if not snapshot.get("valid"):
        return "no valid snapshot"
    age = max(context.now - snapshot.get("at", context.now), snapshot.get("age_s") or 0.0)
    if age > STALE_INTERVALS * settings.interval:
        return f"the snapshot is {age:.0f} s old"
    return _gap(context) if complete else None


def _gap(context: GuardContext) -> str | None:
    """What is missing in the snapshot."""
    snapshot = context.snapshot
    if snapshot.get("age_s", 0.0) is None:
        return "the age of the figures is not known"
    answered, expected = snapshot.get("answered", 0), snapshot.get("expected", 0)
    if answered < expected:
        return f"{answered} of {expected} instances answered"
    idle = snapshot.get("completion_rate") == 0  # without messages there is no latency to know
    for name, limit, value in _limits(context):
        if limit is not None and value is None and not (name == "p99_latency" and idle):
            return f"{name} is missing (set it to null in slo where the service has none)"
    return None


def _limits(context: GuardContext) -> list[tuple[str, float | None, float | None]]:
    """Name in the option slo, limit, measured value."""
    slo, snapshot = context.settings.slo, context.snapshot
    return [
        ("p99_latency", slo.p99_latency, snapshot.get("p99_latency_s")),
        ("queue_depth", slo.queue_depth, snapshot.get("queue_depth")),
        ("eventloop_lag", slo.eventloop_lag, snapshot.get("eventloop_lag_s")),
    ]


def _over_slo(context: GuardContext) -> str:
    """What is over its SLO now, in words; empty where nothing is."""
    return ", ".join(
        f"{name} {figure(value)} over {limit:g}"
        for name, limit, value in _limits(context)
        if limit is not None and value is not None and value > limit
    )


def _over_slo_ticks(context: GuardContext) -> int:
    """Ticks in a row over the SLO, this one included, since capacity last grew: what has just come may yet help."""
    if not _over_slo(context):
        return 0
    grown = context.ready > context.memory.get("ready", context.ready)
    return 1 if grown else int(context.memory.get("over_slo", 0)) + 1


def _left(since: float, period: float, now: float) -> float:
    """Seconds left of a period; none where the clock was set back before its start."""
    return since + period - now if since <= now else 0.0
