# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets a cluster converge by one pass: look, plan, do what is planned. Never waits for an instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling import _health
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._assess import hold_back, newly_failed
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._cluster import Cluster
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Order
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    DRAINING,
    Instance,
    Mark,
    Memory,
    Reported,
    check_target,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._outcome import Outcome
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._plan import (
    DRAIN,
    KILL,
    REMOVE,
    START,
    STOP,
    UNDRAIN,
    Operation,
    Wanted,
    plan,
)


def converge(
    cluster: Cluster, memory: Memory, target: int, *, dry_run: bool = False, retry_now: bool = False
) -> tuple[Outcome, Memory]:
    """One pass towards ``target``: observe, plan, and unless ``dry_run`` do it. ``retry_now`` forgives failures.

    Returns what came of it and the memory to keep. Raises OptionError for a target out of bounds.
    """
    check_target(target, cluster.pools, cluster.settings)
    if retry_now:
        memory = replace(memory, failures=0, retry_at=None)
    observed = cluster.observe(memory)
    before = observed.instances if dry_run else _with_connections(cluster, observed.instances)
    now = cluster.clock()
    planned = plan(before, observed.memory, Wanted(cluster.name, target, cluster.pools), cluster.settings, now)
    refused = {} if dry_run else _execute(cluster, planned.operations, before)
    after = planned.memory
    if refused:
        after = replace(after, marks={name: mark for name, mark in after.marks.items() if name not in refused})
        failure = "{} failed: {}".format(*next(iter(refused.items())))
        after = hold_back(after, cluster.settings, now, failure, once_ready=False)
    reported = cluster.reported() if planned.operations and not dry_run else [i.reported for i in before if i.exists]
    instances, after = _afterwards(before, after, reported)
    failed = {i.name: (i.reason or "", i.mark.ready_at is not None) for i in newly_failed(before, memory)}
    failed |= {name: (reason, False) for name, reason in refused.items()}
    todo = [item for driver in cluster.drivers.values() for item in driver.todo()]
    since = now if memory.unfinished_since is None else memory.unfinished_since
    outcome = Outcome(
        cluster=cluster.name,
        target=target,
        operations=planned.operations,
        holding=planned.holding,
        failed=failed,
        before=before,
        after=instances,
        last_failure=after.failure,
        elapsed_s=now - since,
        todo=todo,
    )
    return outcome, replace(after, unfinished_since=since if outcome.unfinished else None)


def _with_connections(cluster: Cluster, instances: list[Instance]) -> list[Instance]:
    """Ask those that drain how many connections they have left. Asking again to drain does no harm."""
    draining = [i.reported for i in instances if i.state == DRAINING and i.mark.stopping_since is None]
    left = _health.drain_all(cluster.filled(cluster.urls.drain, draining), cluster.urls.http)
    return [
        replace(i, reported=replace(i.reported, connections=left[i.name])) if i.name in left else i for i in instances
    ]


def _execute(cluster: Cluster, operations: Sequence[Operation], instances: Sequence[Instance]) -> dict[str, str]:
    """Do what is planned, pool by pool. Returns those that could not be started: name -> why."""
    reports = {instance.name: instance.reported for instance in instances}
    refused: dict[str, str] = {}
    for pool, driver in cluster.drivers.items():
        own = [operation for operation in operations if operation.pool == pool]
        kinds = (UNDRAIN, REMOVE, STOP, KILL, DRAIN)
        chosen = {kind: [reports[o.name] for o in own if o.kind == kind] for kind in kinds}
        if chosen[UNDRAIN]:
            _health.undrain_all(cluster.filled(cluster.urls.drain, chosen[UNDRAIN]), cluster.urls.http)
            driver.undrain(chosen[UNDRAIN])
        # What has ended is cleared away before anything is started, which may need its room.
        if chosen[REMOVE] + chosen[STOP]:
            driver.stop(chosen[REMOVE] + chosen[STOP])
        if chosen[KILL]:
            driver.stop(chosen[KILL], kill=True)
        orders = [Order(o.name, o.index) for o in own if o.kind == START]
        if orders:
            refused |= driver.start(orders)
        if chosen[DRAIN]:
            _health.drain_all(cluster.filled(cluster.urls.drain, chosen[DRAIN]), cluster.urls.http)
            driver.drain(chosen[DRAIN])
    return refused


def _afterwards(
    before: Sequence[Instance], memory: Memory, reported: Sequence[Reported]
) -> tuple[list[Instance], Memory]:
    """The instances once the operations are asked for, and the memory without those that are gone already."""
    earlier = {instance.name: instance for instance in before}
    there = {report.name: report for report in reported}
    marks = {name: mark for name, mark in memory.marks.items() if name in there or not mark.leaves}
    instances = []
    for name, mark in marks.items():
        report = there.get(name) or _awaited(name, mark)
        old = earlier.get(name)
        reason = old.reason if old and old.state == mark.state else mark.failed
        instances.append(Instance(report, mark, mark.state, exists=name in there, reason=reason))
    instances.sort(key=lambda instance: (instance.pool, instance.index, instance.name))
    return instances, replace(memory, marks=marks)


def _awaited(name: str, mark: Mark) -> Reported:
    return Reported(name=name, index=mark.index, pool=mark.pool, running=False, created_at=mark.asked_at)
