# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be done so that a cluster has its target? Pure: instances and memory in, operations and memory out.

Nothing here waits: what needs time (boots, drains, stops) goes on at the next pass, from the instances' states.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    BOOTING,
    DRAINING,
    FAILED,
    FORGET_AFTER_S,
    READY,
    Instance,
    Mark,
    Memory,
    Pool,
    Settings,
    ordered,
)

START = "start"
UNDRAIN = "undrain"
DRAIN = "drain"
STOP = "stop"  # ask it to end
KILL = "kill"  # it did not end within stop_timeout
REMOVE = "remove"  # clear away what is left of one that has ended


@dataclass(frozen=True)
class Operation:
    """One thing to do with one instance."""

    kind: str
    pool: str
    name: str
    index: int
    reason: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} in pool {self.pool}: {self.reason}"


@dataclass(frozen=True)
class Wanted:
    """So many instances of this cluster, in these pools."""

    cluster: str
    target: int
    pools: Sequence[Pool]


@dataclass(frozen=True)
class Plan:
    operations: tuple[Operation, ...]
    memory: Memory
    holding: str | None = None  # why fewer are started than are missing


def plan(instances: Sequence[Instance], memory: Memory, wanted: Wanted, settings: Settings, now: float) -> Plan:
    """Plan one pass: clear away what failed, let drains go on, then grow or shrink to the target.

    ``instances`` and ``memory`` are those of ``assess`` at ``now``. Names are ``<cluster>-<lowest free index>``.
    """
    tidy = [operation for instance in instances for operation in _tidy(instance, settings, now)]
    missing = wanted.target - ordered(instances)
    holding = None
    if missing >= 0:
        undrained = _undrain(instances, missing, wanted.pools)
        starts, holding = _start(instances, missing - len(undrained), memory, wanted, now)
        change = undrained + starts
    else:
        change = _shrink(instances, -missing, wanted.pools, settings)
    taken_back = {operation.name for operation in change if operation.kind == UNDRAIN}
    operations = tuple(operation for operation in tidy if operation.name not in taken_back) + tuple(change)
    marks = _marks_after(instances, operations, now)
    return Plan(operations, replace(memory, target=wanted.target, marks=marks), holding)


def _operation(kind: str, instance: Instance, reason: str) -> Operation:
    return Operation(kind, instance.pool, instance.name, instance.index, reason)


def _tidy(instance: Instance, settings: Settings, now: float) -> list[Operation]:
    """What an instance on its way out needs, whatever the target is."""
    mark = instance.mark
    if instance.state not in (FAILED, DRAINING) or not instance.exists:
        return []
    if not instance.reported.running:
        return [_operation(REMOVE, instance, instance.reason or "it has ended")]
    stop: str | None = None
    if instance.state == FAILED and mark.stopping_since is None:
        stop = instance.reason or "failed"
    elif mark.stopping_since is not None:
        if now - mark.stopping_since > settings.stop_timeout:
            return [_operation(KILL, instance, f"it did not stop within {settings.stop_timeout:g} s")]
    elif instance.reported.connections == 0:
        stop = "it has no connections left"
    elif mark.draining_since is not None and now - mark.draining_since >= settings.drain_timeout:
        stop = f"it has drained for {settings.drain_timeout:g} s"
    return [] if stop is None else [_operation(STOP, instance, stop)]


def _undrain(instances: Sequence[Instance], missing: int, pools: Sequence[Pool]) -> list[Operation]:
    """Take back those that are draining and were not yet asked to stop; first pool first."""
    rank = _rank(pools)
    back = [
        instance
        for instance in instances
        if instance.state == DRAINING and instance.mark.stopping_since is None and instance.reported.running
    ]
    back.sort(key=lambda instance: (rank.get(instance.pool, len(rank)), instance.index))
    return [_operation(UNDRAIN, instance, "wanted again") for instance in back[:missing]]


def _start(
    instances: Sequence[Instance], missing: int, memory: Memory, wanted: Wanted, now: float
) -> tuple[list[Operation], str | None]:
    allowed, holding = _allowed_starts(instances, missing, memory, now)
    present = [instance for instance in instances if not _gone(instance)]
    taken = {instance.index for instance in present}
    operations: list[Operation] = []
    for pool in wanted.pools:
        # What is still stopping takes room too: a pool's max is a limit of its host or account.
        room = allowed if pool.max is None else pool.max - sum(i.pool == pool.name for i in present)
        for _unused in range(min(allowed - len(operations), room)):
            index = next(i for i in range(1, len(taken) + 2) if i not in taken)
            taken.add(index)
            operations.append(Operation(START, pool.name, f"{wanted.cluster}-{index}", index, "wanted"))
    if len(operations) < allowed and holding is None:
        holding = "the pools are full until what is stopping has gone"
    return operations, holding


def _allowed_starts(instances: Sequence[Instance], missing: int, memory: Memory, now: float) -> tuple[int, str | None]:
    """How many may be started now, and why not all of them. After failures: none, then one on trial."""
    forgotten = memory.failed_at is not None and now - memory.failed_at > FORGET_AFTER_S
    if memory.retry_at is None or missing <= 0 or forgotten:
        return max(missing, 0), None
    after = "" if memory.failures == 1 else f"after {memory.failures} failures, "
    if now < memory.retry_at:
        tens = math.ceil((memory.retry_at - now) / 10)
        return 0, f"{after}the next try comes within {tens * 10} s"
    on_trial = [i for i in instances if i.state == BOOTING and i.mark.asked_at >= memory.retry_at]
    if on_trial:
        return 0, f"{after}{on_trial[0].name} has to be ready first"
    return 1, None if missing == 1 else f"{after}one is tried first"


def _shrink(instances: Sequence[Instance], surplus: int, pools: Sequence[Pool], settings: Settings) -> list[Operation]:
    """Choose who goes: the unhealthy, then the booting, then the ready; of these the last pool's, then by ``victim``.

    What is booting or unhealthy has nothing to drain.
    """
    rank = _rank(pools)
    age_sign = -1 if settings.victim == "newest" else 1

    def worth(instance: Instance) -> tuple[int, int, float, int]:
        mark = instance.mark
        group = 0 if mark.unhealthy_since is not None else 1 if instance.state == BOOTING else 2
        # Booting ones go newest first whatever `victim` says: the oldest of them is the nearest to being of use.
        sign = -1 if instance.state == BOOTING else age_sign
        return (group, -rank.get(instance.pool, len(rank)), sign * mark.asked_at, sign * instance.index)

    victims = sorted((i for i in instances if i.state in (BOOTING, READY)), key=worth)[:surplus]
    operations = []
    for instance in victims:
        drains = instance.state == READY and instance.mark.unhealthy_since is None and settings.drain_timeout > 0
        operations.append(_operation(DRAIN if drains else STOP, instance, "surplus"))
    return operations


def _gone(instance: Instance) -> bool:
    return instance.state == FAILED and not instance.exists


def _rank(pools: Sequence[Pool]) -> dict[str, int]:
    return {pool.name: position for position, pool in enumerate(pools)}


def _marks_after(instances: Sequence[Instance], operations: Sequence[Operation], now: float) -> dict[str, Mark]:
    """The marks once the operations are asked for. What failed and is gone is forgotten."""
    marks = {instance.name: instance.mark for instance in instances if not _gone(instance)}
    for operation in operations:
        if operation.kind == START:
            marks[operation.name] = Mark(pool=operation.pool, index=operation.index, asked_at=now)
            continue
        mark = marks[operation.name]
        if operation.kind == UNDRAIN:
            marks[operation.name] = replace(mark, draining_since=None, unhealthy_since=None)
        elif operation.kind == DRAIN:
            marks[operation.name] = replace(mark, draining_since=now)
        else:  # KILL starts the clock again, so that it is asked for again if it was of no use
            marks[operation.name] = replace(mark, stopping_since=now)
    return marks
