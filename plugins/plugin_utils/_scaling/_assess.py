# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which state is each instance? Pure: reports, memory and probe answers in, instances and memory out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    BOOTING,
    DRAINING,
    FAILED,
    FORGET_AFTER_S,
    READY,
    Instance,
    Mark,
    Memory,
    Probe,
    Reported,
    Settings,
)

#: The longest wait before the next try.
MAX_RETRY_DELAY_S = 300.0


def assess(
    reported: Sequence[Reported],
    memory: Memory,
    probes: Mapping[str, Probe],
    settings: Settings,
    now: float,
) -> tuple[list[Instance], Memory]:
    """Put each instance in its state.

    Instances without an entry in ``probes`` have no health gate: they are healthy while they run. Instances that were
    never heard of are adopted. What was remembered and is gone is failed, unless it was asked to stop.

    Returns the instances by pool and index, and the memory with what was learned; nothing is changed in place.
    """
    instances = []
    seen = set()
    for report in reported:
        seen.add(report.name)
        mark = memory.marks.get(report.name) or _adopted(report, settings, now)
        instances.append(_assess_one(report, replace(mark, seen=True), probes.get(report.name), settings, now))
    for name, mark in memory.marks.items():
        if name not in seen and not mark.leaves:
            instances.append(_assess_missing(name, mark, settings, now))
    instances.sort(key=lambda instance: (instance.pool, instance.index, instance.name))
    return instances, _remember(instances, memory, settings, now)


def newly_failed(instances: Sequence[Instance], memory: Memory) -> list[Instance]:
    """Those that ``memory``, as it was before the assessment, did not know as failed."""
    return [i for i in instances if i.state == FAILED and not _known_as_failed(i, memory)]


def _known_as_failed(instance: Instance, memory: Memory) -> bool:
    mark = memory.marks.get(instance.name)
    return mark is not None and mark.failed is not None


def _adopted(report: Reported, settings: Settings, now: float) -> Mark:
    """The mark of what was not started here: as it need not be new, one healthy answer is enough.

    Its time to boot begins now. It may be old, and was perhaps only late to answer this once.
    """
    healthy_in_a_row = settings.health_successes - 1
    return Mark(pool=report.pool, index=report.index, asked_at=now, healthy_in_a_row=healthy_in_a_row)


def _assess_one(report: Reported, mark: Mark, probe: Probe | None, settings: Settings, now: float) -> Instance:
    if report.stopping and mark.stopping_since is None:
        mark = replace(mark, stopping_since=now)
    if mark.failed is not None:
        return Instance(report, mark, FAILED, reason=mark.failed)
    if mark.stopping_since is not None:
        return Instance(report, mark, DRAINING, reason="it was asked to stop")
    if mark.draining_since is not None:
        return Instance(report, mark, DRAINING, reason="connections are leaving")
    if not report.running:
        return _failed(report, mark, report.reason or "it does not run")
    if probe is None or probe.ok:
        return _healthy(report, mark, settings, now)
    return _unhealthy(report, mark, probe.detail, settings, now)


def _healthy(report: Reported, mark: Mark, settings: Settings, now: float) -> Instance:
    mark = replace(mark, healthy_in_a_row=mark.healthy_in_a_row + 1, unhealthy_since=None)
    if mark.ready_at is not None:
        return Instance(report, mark, READY)
    if mark.healthy_in_a_row >= settings.health_successes:
        return Instance(report, replace(mark, ready_at=now), READY)
    times = f"healthy {mark.healthy_in_a_row} of {settings.health_successes} times"
    return Instance(report, mark, BOOTING, reason=times)


def _unhealthy(report: Reported, mark: Mark, detail: str, settings: Settings, now: float) -> Instance:
    mark = replace(mark, healthy_in_a_row=0)
    if mark.ready_at is None:
        if now - mark.asked_at > settings.boot_timeout:
            return _failed(report, mark, f"not healthy within {settings.boot_timeout:g} s: {detail}")
        return Instance(report, mark, BOOTING, reason=detail)
    since = now if mark.unhealthy_since is None else mark.unhealthy_since
    mark = replace(mark, unhealthy_since=since)
    if now - since > settings.unhealthy_timeout:
        return _failed(report, mark, f"unhealthy for more than {settings.unhealthy_timeout:g} s: {detail}")
    return Instance(report, mark, READY, reason=f"unhealthy for {now - since:.0f} s: {detail}")


def _failed(report: Reported, mark: Mark, reason: str, *, exists: bool = True) -> Instance:
    return Instance(report, replace(mark, failed=reason), FAILED, exists=exists, reason=reason)


def _assess_missing(name: str, mark: Mark, settings: Settings, now: float) -> Instance:
    report = Reported(name=name, index=mark.index, pool=mark.pool, running=False, created_at=mark.asked_at)
    if mark.failed is not None:
        return _failed(report, mark, mark.failed, exists=False)
    if mark.seen:
        return _failed(report, mark, "it is gone", exists=False)
    if now - mark.asked_at > settings.boot_timeout:
        return _failed(report, mark, f"not reported within {settings.boot_timeout:g} s of its start", exists=False)
    return Instance(report, mark, BOOTING, exists=False, reason="asked for, not reported yet")


def _remember(instances: Sequence[Instance], memory: Memory, settings: Settings, now: float) -> Memory:
    after = replace(memory, marks={instance.name: instance.mark for instance in instances})
    failed = newly_failed(instances, memory)
    if failed:
        once_ready = all(instance.mark.ready_at is not None for instance in failed)
        return hold_back(after, settings, now, f"{failed[-1].name} failed: {failed[-1].reason}", once_ready=once_ready)
    if any(instance.mark.ready_at == now for instance in instances):
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
