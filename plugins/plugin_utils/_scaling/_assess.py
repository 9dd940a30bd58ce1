# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which state is each instance? Pure: what was seen and what is remembered in, instances and memory out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    BOOTING,
    FAILED,
    FORGET_AFTER_S,
    NAMELESS,
    READY,
    Instance,
    Mark,
    Memory,
    Probe,
    Reported,
    Settings,
    Sighting,
    Traffic,
    is_to_be_paused,
)

#: The longest wait before the next try.
MAX_RETRY_DELAY_S = 300.0


def assess(seen: Sighting, memory: Memory, settings: Settings) -> tuple[list[Instance], Memory]:
    """Put each instance in its state.

    Instances that were never heard of are adopted. What was remembered and is gone is failed, unless it was asked to
    stop. What is in a pool that does not answer keeps its state for `unhealthy_timeout`, and counts as failed from then
    on for as long as the pool is silent. While nobody is healthy, those that have served are given up one by one.

    Returns the instances by pool and index, and the memory with what was learned; nothing is changed in place.
    """
    marks, unreported = _matched(seen, memory, settings)
    down_since = {pool: memory.down_since.get(pool, seen.now) for pool in seen.down}
    instances = [_reported(report, marks[report.name], seen, settings) for report in seen.reported]
    for name, mark in unreported.items():
        if mark.pool in seen.down:
            lost = seen.now - down_since[mark.pool] > settings.unhealthy_timeout
            instances.append(_held(name, mark, seen, lost=lost))
        elif not mark.leaves or (seen.traffic is not None and mark.registered_at is not None):
            instances.append(_missing(name, mark, seen, settings))
    instances = _without_panic(instances, memory)
    instances.sort(key=lambda instance: (instance.pool, instance.index, instance.name))
    return instances, _remember(instances, replace(memory, down_since=down_since), settings, seen.now)


def _without_panic(instances: Sequence[Instance], memory: Memory) -> list[Instance]:
    """The instances, where it may be the way to them or what they all ask that is ill, and not they.

    While none of several is healthy, at most one of those that have served is given up, the one that has been unhealthy
    the longest; the next one when its successor is there. If that gets healthy, the others follow at once. (Envoy calls
    that the panic threshold of a cluster.)
    """
    there = [i for i in instances if i.exists and not i.held and i.reported.running and not i.reported.paused]
    served = [i for i in there if (i.mark.ready_at is not None or i.mark.adopted) and not i.mark.leaves]
    given_up = newly_failed(served, memory)
    known = [i for i in instances if i.state == FAILED and _known_as_failed(i, memory)]
    healthy = any(i.mark.healthy_in_a_row > 0 and not i.mark.leaves and i.mark.failed is None for i in there)
    if healthy or len(served) < 2 or not given_up:
        return list(instances)
    replacing = bool(known) or memory.retry_at is not None
    replacing = replacing or any(i.state == BOOTING and not i.mark.adopted for i in instances)
    first = min(given_up, key=lambda i: (i.mark.unhealthy_since or i.mark.asked_at, i.index)).name
    spared = {i.name for i in given_up if replacing or i.name != first}
    return [_kept(i) if i.name in spared else i for i in instances]


def _kept(instance: Instance) -> Instance:
    mark = replace(instance.mark, failed=None)
    reason = f"{instance.reason}; kept, for no instance is healthy"
    return replace(instance, mark=mark, state=mark.state, reason=reason)


def newly_failed(instances: Sequence[Instance], memory: Memory) -> list[Instance]:
    """Those that ``memory``, as it was before the assessment, did not know as failed.

    What is held is not among them: it was its pool that failed, and it may come back with it.
    """
    return [i for i in instances if i.state == FAILED and not i.held and not _known_as_failed(i, memory)]


def awaited(name: str, mark: Mark) -> Reported:
    """What stands for the report of an instance that is remembered and not reported."""
    return Reported(
        name=name,
        index=mark.index,
        pool=mark.pool,
        running=False,
        address=mark.address,
        port=mark.port,
        created_at=mark.asked_at,
    )


def _known_as_failed(instance: Instance, memory: Memory) -> bool:
    mark = memory.marks.get(instance.name)
    return mark is not None and mark.failed is not None


def _matched(seen: Sighting, memory: Memory, settings: Settings) -> tuple[dict[str, Mark], dict[str, Mark]]:
    """The marks of what is reported, and those of what is not; by name.

    What is new takes over the oldest order of its pool that has no name yet; where there is none, it is adopted.
    """
    reports = {report.name: report for report in seen.reported}
    marks = {name: memory.marks[name] for name, r in reports.items() if not _is_new(r, memory.marks.get(name))}
    rest = {name: mark for name, mark in memory.marks.items() if name not in reports}
    for name, report in reports.items():
        old = memory.marks.get(name)
        if old is not None and _has_left_its_place(report, old):
            # Load balancers have yet to forget that place, and to hear of the new one.
            rest[f"{name} ({old.address}:{old.port})"] = replace(old, stopping_since=seen.now, stop_sent=True)
            if name in marks:
                marks[name] = replace(old, registered_at=None)
    taken = {mark.index for mark in (*marks.values(), *rest.values())}
    newcomers = [report for report in seen.reported if report.name not in marks]
    for report in sorted(newcomers, key=lambda newcomer: newcomer.created_at or seen.now):
        orders = [n for n, mark in rest.items() if mark.pool == report.pool and not mark.seen and NAMELESS in n]
        if orders:
            marks[report.name] = rest.pop(min(orders, key=lambda order: (rest[order].asked_at, rest[order].index)))
        else:
            index = report.index or next(i for i in range(1, len(taken) + 2) if i not in taken)
            taken.add(index)
            marks[report.name] = _adopted(report.pool, index, settings, seen.now)
    return marks, rest


def _is_new(report: Reported, mark: Mark | None) -> bool:
    return mark is None or (report.uid is not None and mark.uid is not None and report.uid != mark.uid)


def _has_left_its_place(report: Reported, mark: Mark) -> bool:
    """Whether load balancers know an instance of that name, this one or an earlier one, at another place."""
    known = mark.registered_at is not None and None not in (report.address, report.port, mark.address, mark.port)
    return known and (report.address, report.port) != (mark.address, mark.port)


def _adopted(pool: str, index: int, settings: Settings, now: float) -> Mark:
    """The mark of what was not started here: as it need not be new, one healthy answer is enough.

    Its time to boot begins now. It may be old, and was perhaps only late to answer this once.
    """
    healthy_in_a_row = settings.health_successes - 1
    return Mark(pool=pool, index=index, asked_at=now, adopted=True, healthy_in_a_row=healthy_in_a_row)


def _reported(report: Reported, mark: Mark, seen: Sighting, settings: Settings) -> Instance:
    """An instance that its driver reports."""
    traffic = seen.traffic_of(report.name)
    mark = _updated(mark, report, traffic, seen.now)
    instance = Instance(replace(report, index=mark.index), mark, mark.state, traffic=traffic)
    if mark.failed is not None:
        return replace(instance, reason=mark.failed)
    if mark.leaves:
        return replace(instance, reason=_why_still_there(mark, traffic))
    if not report.running:
        return _failed(instance, report.reason or "it does not run")
    if report.paused and mark.spare:
        return instance
    # Who has no health gate is healthy, unless its backend has something against it.
    probe = seen.probes.get(report.name) or Probe(ok=report.reason is None, detail="")
    if probe.ok and not report.paused:
        return _healthy(instance, settings, seen.now)
    said = "; ".join(part for part in (probe.detail, report.reason) if part)
    return _unhealthy(instance, "it is paused" if report.paused else said, settings, seen.now)


def _updated(mark: Mark, report: Reported, traffic: Traffic | None, now: float) -> Mark:
    """The mark with what the backend and the load balancers know for certain."""
    mark = replace(mark, seen=True, uid=report.uid or mark.uid, index=report.index or mark.index)
    if traffic is not None and traffic.sent and traffic.answered and mark.registered_at is None:
        mark = replace(mark, registered_at=now, address=report.address, port=report.port)
    if report.stopping:
        mark = replace(mark, stopping_since=mark.stopping_since or now, stop_sent=True)
    return mark


def _why_still_there(mark: Mark, traffic: Traffic | None) -> str:
    if mark.stopping_since is not None:
        return "it was asked to stop"
    if traffic is not None and not traffic.answered:
        return traffic.detail
    return "connections are leaving"


def _healthy(instance: Instance, settings: Settings, now: float) -> Instance:
    mark, traffic = instance.mark, instance.traffic
    mark = replace(mark, healthy_in_a_row=mark.healthy_in_a_row + 1, unhealthy_since=None)
    if traffic is None or traffic.everywhere:
        mark = replace(mark, drained=False)
    if mark.ready_at is not None:
        reason = traffic.detail if traffic is not None and not traffic.up else None
        return replace(instance, mark=mark, reason=reason)
    if mark.healthy_in_a_row < settings.health_successes:
        times = f"healthy {mark.healthy_in_a_row} of {settings.health_successes} times"
        return replace(instance, mark=mark, reason=times)
    if mark.spare:
        return replace(instance, mark=mark, reason="healthy, to be paused")
    if traffic is None or traffic.up:
        return replace(instance, mark=replace(mark, ready_at=now), state=READY)
    # While a load balancer does not answer, nobody can be blamed.
    if traffic.answered and mark.registered_at is not None and now - mark.registered_at > settings.boot_timeout:
        why = f"it got no traffic within {settings.boot_timeout:g} s: {traffic.detail}"
        return _failed(replace(instance, mark=mark), why)
    return replace(instance, mark=mark, reason=f"healthy, but gets no traffic yet: {traffic.detail}")


def _unhealthy(instance: Instance, detail: str, settings: Settings, now: float) -> Instance:
    mark = replace(instance.mark, healthy_in_a_row=0)
    if mark.ready_at is None:
        if now - mark.asked_at > settings.boot_timeout:
            return _failed(replace(instance, mark=mark), f"not healthy within {settings.boot_timeout:g} s: {detail}")
        return replace(instance, mark=mark, reason=detail)
    since = now if mark.unhealthy_since is None else mark.unhealthy_since
    instance = replace(instance, mark=replace(mark, unhealthy_since=since))
    if now - since > settings.unhealthy_timeout:
        return _failed(instance, f"unhealthy for more than {settings.unhealthy_timeout:g} s: {detail}")
    return replace(instance, reason=f"unhealthy for {now - since:.0f} s: {detail}")


def _failed(instance: Instance, reason: str) -> Instance:
    return replace(instance, mark=replace(instance.mark, failed=reason), state=FAILED, reason=reason)


def _held(name: str, mark: Mark, seen: Sighting, *, lost: bool) -> Instance:
    """An instance in a pool that does not answer. Its mark stays as it is: when the pool is back, so may be this."""
    state = FAILED if lost and not mark.leaves else mark.state
    traffic = seen.traffic_of(name)
    reason = f"pool {mark.pool} does not answer: {seen.down[mark.pool]}"
    return Instance(awaited(name, mark), mark, state, held=True, traffic=traffic, reason=reason)


def _missing(name: str, mark: Mark, seen: Sighting, settings: Settings) -> Instance:
    """An instance that is remembered, and that its driver does not report."""
    traffic = seen.traffic_of(name)
    instance = Instance(awaited(name, mark), mark, mark.state, exists=False, traffic=traffic)
    if mark.failed is not None:
        return replace(instance, reason=mark.failed)
    if mark.leaves:
        return replace(instance, reason="it is gone, and load balancers have yet to forget it")
    ended = replace(instance, mark=replace(mark, stopping_since=seen.now, stop_sent=True))
    if mark.seen:
        return _failed(ended, "it is gone")
    if seen.now - mark.asked_at > settings.boot_timeout:
        return _failed(ended, f"not reported within {settings.boot_timeout:g} s of its start")
    return replace(instance, reason="asked for, not reported yet")


def _remember(instances: Sequence[Instance], memory: Memory, settings: Settings, now: float) -> Memory:
    after = replace(memory, marks={instance.name: instance.mark for instance in instances})
    failed = newly_failed(instances, memory)
    if failed:
        once_ready = all(instance.mark.ready_at is not None for instance in failed)
        return hold_back(after, settings, now, f"{failed[-1].name} failed: {failed[-1].reason}", once_ready=once_ready)
    if any(i.mark.ready_at == now or is_to_be_paused(i, settings) for i in instances):
        return replace(after, retry_at=None)
    return after


def hold_back(memory: Memory, settings: Settings, now: float, failure: str, *, once_ready: bool) -> Memory:
    """The memory after a pass that saw instances fail, the last of them in words: how long the next start has to wait.

    The first failure of an instance that was ready once is repaired at once. Any other is followed by a wait of
    ``retry_delay``, doubled each time up to MAX_RETRY_DELAY_S, then by one start; when that is ready, the wait is over.
    """
    quiet = memory.failed_at is None or now - memory.failed_at > FORGET_AFTER_S
    failures = 1 if quiet else memory.failures + 1
    # The exponent is bounded because a float overflows at 2 ** 1024.
    delay = min(settings.retry_delay * 2.0 ** min(failures - 1, 30), MAX_RETRY_DELAY_S)
    retry_at = None if failures == 1 and once_ready else now + delay
    return replace(memory, failures=failures, failed_at=now, failure=failure, retry_at=retry_at)
