# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be done so that a cluster has its target? Pure: instances and memory in, operations and memory out.

Nothing here waits: what needs time (boots, drains, stops) goes on at the next pass, from the instances' states. And
nothing is stopped that a load balancer may still send to: it drains first, at least until the next pass.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    BOOTING,
    DRAINING,
    FAILED,
    FORGET_AFTER_S,
    NAMELESS,
    ORDERED,
    READY,
    WARM,
    Instance,
    Mark,
    Memory,
    Pool,
    Settings,
    is_to_be_paused,
    ordered,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._rebalance import Shedding, sheddings

START = "start"
SPARE = "start spare"  # one to keep warm
RESUME = "resume"
PAUSE = "pause"
REGISTER = "register"
UNDRAIN = "undrain"
DRAIN = "drain"
STOP = "stop"  # ask it to end
KILL = "kill"  # it did not end within stop_timeout
DEREGISTER = "deregister"
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
    """What to do in one pass."""

    operations: tuple[Operation, ...]
    memory: Memory  # what to remember before anything is done: a run that is cut off is gone on with from there
    holding: str | None = None  # why fewer are started, or stopped, than are wanted
    sheddings: tuple[Shedding, ...] = ()  # once the cluster has its target


def plan(instances: Sequence[Instance], memory: Memory, wanted: Wanted, settings: Settings, now: float) -> Plan:
    """Plan one pass: clear away what failed, let drains go on, then grow or shrink to the target.

    ``instances`` and ``memory`` are those of ``assess`` at ``now``. Names are ``<cluster>-<lowest free index>``, where
    the backend does not give its own.
    """
    tidy = [operation for instance in instances for operation in _tidy(instance, settings, now)]
    missing = wanted.target - ordered(instances)
    if missing < 0:
        change, holding = _shrink(instances, -missing, wanted.pools, settings)
    elif missing > 0:
        change, holding = _grow(instances, missing, memory, wanted, now)
    else:
        change, holding = _keep_warm(instances, memory, wanted, settings, now), None
    changed = {operation.name for operation in change}
    operations = [operation for operation in tidy if operation.name not in changed] + change
    operations += _registrations(instances, {operation.name for operation in operations}, settings)
    operations = _last_first(operations, instances, wanted.pools)
    asked = () if missing or operations else sheddings(instances, settings.rebalance, memory.shed_at, now)
    marks = _marks_after(instances, operations, now)
    after = replace(memory, target=wanted.target, marks=marks, shed_at=now if asked else memory.shed_at)
    return Plan(tuple(operations), after, holding, asked)


def expected(memory: Memory, pool: str) -> int:
    """How many instances a pool has once what is remembered is done; for backends that are given a count."""
    return sum(mark.pool == pool and mark.stopping_since is None for mark in memory.marks.values())


def _operation(kind: str, instance: Instance, reason: str) -> Operation:
    return Operation(kind, instance.pool, instance.name, instance.index, reason)


def _tidy(instance: Instance, settings: Settings, now: float) -> list[Operation]:
    """What an instance needs whatever the target is: most of all one on its way out."""
    mark = instance.mark
    if instance.held or instance.state == WARM:
        return []
    if instance.state in ORDERED:
        return _remind(instance)
    if not (instance.exists and instance.reported.running):
        return _bury(instance)
    sent_to = instance.gets_traffic and not instance.unheard
    drain = [_operation(DRAIN, instance, "load balancers still send to it")] * sent_to
    if mark.stopping_since is not None and mark.stop_sent:
        late = now - mark.stopping_since > settings.stop_timeout
        kill = _operation(KILL, instance, f"it did not stop within {settings.stop_timeout:g} s")
        return drain + [kill] * late
    reason = None if drain or instance.unheard else _why_stop(instance, settings, now)
    return drain if reason is None else [_operation(*_stop_or_kill(instance, reason, settings, now))]


def _stop_or_kill(instance: Instance, reason: str, settings: Settings, now: float) -> tuple[str, Instance, str]:
    since = instance.mark.stop_failed_since
    if since is not None and now - since > settings.stop_timeout:
        return KILL, instance, f"for {settings.stop_timeout:g} s it could not be asked to stop"
    return STOP, instance, reason


def _bury(instance: Instance) -> list[Operation]:
    """What one that has ended needs. While load balancers have not forgotten it, it keeps its port: nobody else is to
    get its connections."""
    heard = not instance.unheard
    kinds = [DEREGISTER] * (instance.registered and heard) + [REMOVE] * (instance.exists and heard)
    return [_operation(kind, instance, instance.reason or "it has ended") for kind in kinds]


def _remind(instance: Instance) -> list[Operation]:
    """What one that should work is asked for once more: a run may have been cut off, or its request lost."""
    mark = instance.mark
    if instance.reported.paused:
        return [_operation(RESUME, instance, "it is paused and should work")]
    if mark.drained and mark.unhealthy_since is not None:
        return [_operation(UNDRAIN, instance, "it may not have heard that it is wanted")]
    return []


def _why_stop(instance: Instance, settings: Settings, now: float) -> str | None:
    """Why an instance that leaves, and gets no new connections, is asked to stop now; None: not yet."""
    mark = instance.mark
    if instance.state == FAILED:
        return instance.reason or "failed"
    if mark.stopping_since is not None:
        return "it was to be stopped already"
    if instance.connections == 0:
        return "it has no connections left"
    if mark.draining_since is not None and now - mark.draining_since >= settings.drain_timeout:
        return f"it has drained for {settings.drain_timeout:g} s"
    return None


def _grow(
    instances: Sequence[Instance], missing: int, memory: Memory, wanted: Wanted, now: float
) -> tuple[list[Operation], str | None]:
    """What drains is taken back, what is warm is resumed, and what is missing then is started; first pool first."""
    undrained = _undrain(instances, missing, wanted.pools)
    resumed = _resume(instances, missing - len(undrained), wanted.pools)
    starts, holding = _start(instances, missing - len(undrained) - len(resumed), memory, wanted, now)
    return undrained + resumed + starts, holding


def _undrain(instances: Sequence[Instance], missing: int, pools: Sequence[Pool]) -> list[Operation]:
    """Take back those that are draining and were not yet asked to stop."""
    back = [
        instance
        for instance in instances
        if instance.state == DRAINING
        and instance.mark.stopping_since is None
        and instance.reported.running
        and not instance.held
    ]
    return [_operation(UNDRAIN, i, "wanted again") for i in _in_order(back, pools)[:missing]]


def _resume(instances: Sequence[Instance], missing: int, pools: Sequence[Pool]) -> list[Operation]:
    """Let spares work, those first that have nothing to boot any more."""
    spares = [i for i in instances if i.state == WARM and i.exists and not i.held]
    ready_first = sorted(_in_order(spares, pools), key=lambda spare: not spare.reported.paused)
    return [_operation(RESUME, i, "wanted") for i in ready_first[:missing]]


def _start(
    instances: Sequence[Instance], missing: int, memory: Memory, wanted: Wanted, now: float
) -> tuple[list[Operation], str | None]:
    allowed, holding = _allowed_starts(instances, missing, memory, now)
    operations = _orders(START, instances, allowed, wanted.pools, wanted.cluster)
    if len(operations) < allowed and holding is None:
        silent = [pool.name for pool in wanted.pools if pool.down]
        full = "the pools are full until what is stopping has gone"
        holding = f"pool {', '.join(silent)} does not answer" if silent else full
    return operations, holding


def _orders(
    kind: str, instances: Sequence[Instance], count: int, pools: Sequence[Pool], cluster: str
) -> list[Operation]:
    """So many new instances as there is room for, in the order of the pools."""
    present = [instance for instance in instances if not _gone(instance)]
    taken = {instance.index for instance in present}
    operations: list[Operation] = []
    for pool in pools:
        # What is still stopping takes room too: a pool's max is a limit of its host or account.
        room = count if pool.max is None else pool.max - sum(i.pool == pool.name for i in present)
        for _unused in range(min(count - len(operations), 0 if pool.down else room)):
            index = next(i for i in range(1, len(taken) + 2) if i not in taken)
            taken.add(index)
            name = f"{cluster}{NAMELESS if pool.gives_names else '-'}{index}"
            operations.append(Operation(kind, pool.name, name, index, "kept warm" if kind == SPARE else "wanted"))
    return operations


def _allowed_starts(instances: Sequence[Instance], missing: int, memory: Memory, now: float) -> tuple[int, str | None]:
    """How many may be started now, and why not all of them. After failures: none, then one on trial."""
    forgotten = memory.failed_at is not None and now - memory.failed_at > FORGET_AFTER_S
    if memory.retry_at is None or missing <= 0 or forgotten:
        return max(missing, 0), None
    after = "" if memory.failures == 1 else f"after {memory.failures} failures, "
    if now < memory.retry_at:
        tens = math.ceil((memory.retry_at - now) / 10)
        return 0, f"{after}the next try comes within {tens * 10} s"
    boots = [i for i in instances if i.state == BOOTING or (i.state == WARM and not i.reported.paused)]
    on_trial = [i for i in boots if i.mark.asked_at >= memory.retry_at]
    if on_trial:
        return 0, f"{after}{on_trial[0].name} has to be ready first"
    return 1, None if missing == 1 else f"{after}one is tried first"


def _keep_warm(
    instances: Sequence[Instance], memory: Memory, wanted: Wanted, settings: Settings, now: float
) -> list[Operation]:
    """Keep as many spares as is set; new ones are started once nothing that is wanted boots any more."""
    spares = sorted((i for i in instances if i.state == WARM), key=lambda spare: (spare.mark.asked_at, spare.index))
    kept, surplus = spares[: settings.warm], spares[settings.warm :]
    operations = [_operation(STOP, i, "surplus") for i in surplus if i.exists and not i.held]
    operations += [_operation(PAUSE, i, "kept warm") for i in kept if is_to_be_paused(i, settings)]
    if any(instance.state == BOOTING for instance in instances):
        return operations
    allowed, _holding = _allowed_starts(instances, settings.warm - len(kept), memory, now)
    pausing = [pool for pool in wanted.pools if pool.pauses]
    return operations + _orders(SPARE, instances, allowed, pausing, wanted.cluster)


def _shrink(
    instances: Sequence[Instance], surplus: int, pools: Sequence[Pool], settings: Settings
) -> tuple[list[Operation], str | None]:
    """Choose who goes: the unhealthy, then the booting, then the ready; of these the last pool's, then by ``victim``.

    Nobody goes while a pool that counts does not answer, nor who gets traffic while a load balancer does not.
    """
    silent = sorted({i.pool for i in instances if i.held and i.state in ORDERED})
    if silent:
        return [], f"nothing is stopped while pool {', '.join(silent)} does not answer"
    candidates = [i for i in instances if i.state in ORDERED]
    free = [i for i in candidates if not i.unheard]
    victims = sorted(free, key=lambda i: _worth(i, pools, settings))[:surplus]
    holding = None
    if len(victims) < surplus:
        holding = "nothing that gets traffic is stopped while a load balancer does not answer"
    return [_farewell(i, settings) for i in _lasts(victims, free, pools)], holding


def _worth(instance: Instance, pools: Sequence[Pool], settings: Settings) -> tuple[float, ...]:
    """The lower, the sooner it goes."""
    mark = instance.mark
    group = 0 if mark.unhealthy_since is not None else 1 if instance.state == BOOTING else 2
    # Booting ones go newest first whatever `victim` says: the oldest of them is the nearest to being of use.
    sign = 1 if settings.victim == "oldest" and instance.state != BOOTING else -1
    few = settings.victim == "fewest_connections" and instance.state == READY
    count = (math.inf if instance.connections is None else instance.connections) if few else 0
    return (group, -_rank(pools).get(instance.pool, len(pools)), count, sign * mark.asked_at, sign * instance.index)


def _farewell(instance: Instance, settings: Settings) -> Operation:
    """What is booting or unhealthy has nothing to drain, unless a load balancer sends to it."""
    healthy = instance.state == READY and instance.mark.unhealthy_since is None
    drains = instance.gets_traffic or (healthy and settings.drain_timeout > 0)
    return _operation(DRAIN if drains else STOP, instance, "surplus")


def _lasts(victims: Sequence[Instance], candidates: Sequence[Instance], pools: Sequence[Pool]) -> list[Instance]:
    """As many of each pool; of those pools that can only take away their last ones, these."""
    restricted = {pool.name for pool in pools if pool.last_only}
    chosen = [victim for victim in victims if victim.pool not in restricted]
    for pool, count in Counter(victim.pool for victim in victims if victim.pool in restricted).items():
        own = sorted((i for i in candidates if i.pool == pool), key=lambda i: -i.index)
        chosen += own[:count]
    return chosen


def _last_first(
    operations: Sequence[Operation], instances: Sequence[Instance], pools: Sequence[Pool]
) -> list[Operation]:
    """Leave out stops of surplus instances whose pool would take away another one, which is still at work."""
    restricted = {pool.name for pool in pools if pool.last_only}
    if not restricted:
        return list(operations)
    stopped = {operation.name for operation in operations if operation.kind == STOP}
    kept = []
    for operation in operations:
        later = (
            i.name not in stopped and i.mark.stopping_since is None and i.exists and i.reported.running
            for i in instances
            if i.pool == operation.pool and i.index > operation.index
        )
        failed = any(i.name == operation.name and i.state == FAILED for i in instances)
        if operation.kind != STOP or operation.pool not in restricted or failed or not any(later):
            kept.append(operation)
    return kept


def _registrations(instances: Sequence[Instance], busy: set[str], settings: Settings) -> list[Operation]:
    """Bring what is healthy to the load balancers. What a person has put aside there is left alone."""
    operations = []
    for instance in instances:
        mark, traffic, reported = instance.mark, instance.traffic, instance.reported
        healthy = mark.healthy_in_a_row >= settings.health_successes and mark.unhealthy_since is None
        if traffic is None or instance.state not in ORDERED or instance.name in busy or not healthy:
            continue
        if not instance.exists or instance.held or reported.address is None or reported.port is None:
            continue
        if traffic.lacking or mark.registered_at is None or (mark.drained and not traffic.everywhere):
            operations.append(_operation(REGISTER, instance, "healthy"))
    return operations


def _gone(instance: Instance) -> bool:
    """Nothing is left of it, and nobody has to be told."""
    return not (instance.exists or instance.held or instance.registered) and instance.state in (FAILED, DRAINING)


def _rank(pools: Sequence[Pool]) -> dict[str, int]:
    return {pool.name: position for position, pool in enumerate(pools)}


def _in_order(instances: Iterable[Instance], pools: Sequence[Pool]) -> list[Instance]:
    """First pool first, then by index."""
    rank = _rank(pools)
    return sorted(instances, key=lambda instance: (rank.get(instance.pool, len(rank)), instance.index))


def _marks_after(instances: Sequence[Instance], operations: Sequence[Operation], now: float) -> dict[str, Mark]:
    """The marks once the operations are asked for. What failed and is gone is forgotten."""
    reported = {instance.name: instance.reported for instance in instances}
    marks = {instance.name: instance.mark for instance in instances if not _gone(instance)}
    for operation in operations:
        if operation.kind in (START, SPARE):
            spare = operation.kind == SPARE
            marks[operation.name] = Mark(pool=operation.pool, index=operation.index, asked_at=now, spare=spare)
            continue
        mark = marks[operation.name]
        if operation.kind == RESUME:
            # A spare begins to boot now. What was paused by somebody else has its time already.
            asked_at = now if mark.spare else mark.asked_at
            mark = replace(mark, spare=False, asked_at=asked_at, healthy_in_a_row=0)
        elif operation.kind == REGISTER:
            there = reported[operation.name]
            # The time that one has to get traffic begins with the first try.
            again = mark.ready_at is None and mark.registered_at is not None
            since = mark.registered_at if again else now
            mark = replace(mark, registered_at=since, address=there.address, port=there.port)
        elif operation.kind == UNDRAIN:
            registered_at = None if mark.registered_at is None else now
            unhealthy_since = None if mark.leaves else mark.unhealthy_since  # else it is asked once more only
            mark = replace(mark, draining_since=None, unhealthy_since=unhealthy_since, registered_at=registered_at)
        elif operation.kind == DRAIN:
            mark = replace(mark, draining_since=mark.draining_since or now, drained=True)
        elif operation.kind in (STOP, KILL, REMOVE):
            # KILL starts the clock again, so that it is asked for again if it was of no use.
            mark = replace(mark, stopping_since=now, stop_sent=False)
        marks[operation.name] = mark
    return marks
