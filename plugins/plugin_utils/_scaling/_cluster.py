# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One cluster with its pools: observe it, and let it converge by one pass. Never waits for an instance."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling import _health
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._assess import assess, hold_back, newly_failed
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Driver, Order, PoolContext
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._registry import make_driver
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    DRAINING,
    READY,
    Instance,
    Mark,
    Memory,
    Pool,
    Reported,
    Settings,
    ordered,
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
    check_target,
    plan,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._spec import pools_of, settings_of
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._templates import fill


@dataclass(frozen=True)
class Urls:
    """Templates of an instance's URLs; "" where it has none."""

    health: str
    metrics: str
    drain: str
    timeout: float  # s


@dataclass(frozen=True)
class Observed:
    """A cluster at one moment."""

    instances: list[Instance]
    memory: Memory  # with what this observation taught; kept only by those who act on it
    unfinished: bool  # whether a pass of converge has something to do or to remember


class Cluster:
    """The instances of one service, in all its pools."""

    def __init__(
        self,
        name: str,
        pools: Sequence[Pool],
        drivers: Mapping[str, Driver],
        *,
        settings: Settings,
        urls: Urls,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._pools = pools
        self._drivers = drivers
        self._settings = settings
        self._urls = urls
        self._clock = clock

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Cluster:
        """The cluster that the validated options (see SCALING_SPEC) describe. Raises OptionError."""
        settings = settings_of(options)
        pools = pools_of(options)
        reported = {entry["pool"]: entry["instances"] for entry in options["reported"]}
        for name in reported.keys() - {pool.name for pool in pools}:
            raise OptionError("reported", f"there is no pool {quoted(name)}")
        drivers = {}
        for pool, given in zip(pools, options["pools"], strict=True):
            context = PoolContext(
                cluster=options["cluster"],
                name=pool.name,
                options=given,
                stop_timeout=settings.stop_timeout,
                reported=reported.get(pool.name),
            )
            drivers[pool.name] = make_driver(given["backend"], context)
        urls = Urls(
            health=options["health_url"],
            metrics=options["metrics_url"],
            drain=options["drain_url"] or "",
            timeout=options["health_timeout"],
        )
        return cls(options["cluster"], pools, drivers, settings=settings, urls=urls)

    @property
    def capacity(self) -> int | None:
        """How many instances all pools can hold together; None: no limit."""
        limits = [pool.max for pool in self._pools]
        return None if None in limits else sum(limit for limit in limits if limit is not None)

    @property
    def asks_by_tasks(self) -> bool:
        """Whether some pool can only be asked by tasks, which report what they find in the option `reported`."""
        return any(driver.by_tasks for driver in self._drivers.values())

    @property
    def only_watched(self) -> list[str]:
        """The pools in which nothing can be started or stopped."""
        return [pool for pool, driver in self._drivers.items() if not driver.scales]

    def observe(self, memory: Memory) -> Observed:
        """What is there now, in which state. Read-only."""
        for name, mark in memory.marks.items():
            if mark.pool not in self._drivers:
                lost = f"{name} runs in pool {mark.pool}, which is not in the list any more"
                raise OptionError("pools", f"{lost}; put it back, and scale down before you take it out")
        reported = self._reported()
        # What is on its way out is not asked: its health no longer matters.
        asked = [r for r in reported if r.running and not r.stopping and not _leaves(memory, r.name)]
        probes = _health.probe_all(self._filled(self._urls.health, asked), self._urls.timeout)
        instances, learned = assess(reported, memory, probes, self._settings, self._clock())
        unfinished = (
            any(instance.state != READY for instance in instances)
            or memory.target not in (None, ordered(instances))
            or _lasting(learned) != _lasting(memory)
        )
        return Observed(instances, learned, unfinished)

    def converge(
        self, memory: Memory, target: int, *, dry_run: bool = False, retry_now: bool = False
    ) -> tuple[Outcome, Memory]:
        """One pass towards ``target``: observe, plan, and unless ``dry_run`` do it. ``retry_now`` forgives failures.

        Returns what came of it and the memory to keep. Raises OptionError for a target out of bounds.
        """
        check_target(target, self._pools, self._settings)
        if retry_now:
            memory = replace(memory, failures=0, retry_at=None)
        observed = self.observe(memory)
        before = observed.instances if dry_run else self._with_connections(observed.instances)
        now = self._clock()
        planned = plan(before, observed.memory, Wanted(self.name, target, self._pools), self._settings, now)
        refused = {} if dry_run else self._execute(planned.operations, before)
        after = planned.memory
        if refused:
            after = replace(after, marks={name: mark for name, mark in after.marks.items() if name not in refused})
            failure = "{} failed: {}".format(*next(iter(refused.items())))
            after = hold_back(after, self._settings, now, failure, once_ready=False)
        instances, after = self._afterwards(before, after, look_again=bool(planned.operations) and not dry_run)
        failed = {i.name: (i.reason or "", i.mark.ready_at is not None) for i in newly_failed(before, memory)}
        failed |= {name: (reason, False) for name, reason in refused.items()}
        todo = [item for driver in self._drivers.values() for item in driver.todo()]
        since = now if memory.unfinished_since is None else memory.unfinished_since
        outcome = Outcome(
            cluster=self.name,
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

    def plain(self, instance: Instance) -> dict[str, Any]:
        """An instance as the rest of the collection sees it."""
        reported = instance.reported
        return {
            "name": instance.name,
            "index": instance.index,
            "pool": instance.pool,
            "state": instance.state,
            "address": reported.address,
            "port": reported.port,
            "metrics_url": reported.metrics_url or self._filled(self._urls.metrics, [reported]).get(instance.name),
            "created_at": reported.created_at,
            "reason": instance.reason,
        }

    def _reported(self) -> list[Reported]:
        return [instance for driver in self._drivers.values() for instance in driver.status()]

    def _filled(self, template: str, reported: Iterable[Reported]) -> dict[str, str]:
        """name -> URL, of those that have one."""
        urls = {}
        for instance in reported:
            values = {
                "address": instance.address,
                "cluster": self.name,
                "index": instance.index,
                "name": instance.name,
                "port": instance.port,
            }
            url = fill(template, values)
            if url:
                urls[instance.name] = url
        return urls

    def _with_connections(self, instances: list[Instance]) -> list[Instance]:
        """Ask those that drain how many connections they have left. Asking again to drain does no harm."""
        draining = [i.reported for i in instances if i.state == DRAINING and i.mark.stopping_since is None]
        left = _health.drain_all(self._filled(self._urls.drain, draining), self._urls.timeout)
        return [
            replace(i, reported=replace(i.reported, connections=left[i.name])) if i.name in left else i
            for i in instances
        ]

    def _execute(self, operations: Sequence[Operation], instances: Sequence[Instance]) -> dict[str, str]:
        """Do what is planned, pool by pool. Returns those that could not be started: name -> why."""
        reports = {instance.name: instance.reported for instance in instances}
        refused: dict[str, str] = {}
        for pool, driver in self._drivers.items():
            own = [operation for operation in operations if operation.pool == pool]
            kinds = (UNDRAIN, REMOVE, STOP, KILL, DRAIN)
            chosen = {kind: [reports[o.name] for o in own if o.kind == kind] for kind in kinds}
            if chosen[UNDRAIN]:
                _health.undrain_all(self._filled(self._urls.drain, chosen[UNDRAIN]), self._urls.timeout)
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
                _health.drain_all(self._filled(self._urls.drain, chosen[DRAIN]), self._urls.timeout)
                driver.drain(chosen[DRAIN])
        return refused

    def _afterwards(
        self, before: Sequence[Instance], memory: Memory, *, look_again: bool
    ) -> tuple[list[Instance], Memory]:
        """The instances once the operations are asked for, and the memory without those that are gone already."""
        earlier = {instance.name: instance for instance in before}
        reported = {i.name: i.reported for i in before if i.exists}
        if look_again:
            reported = {report.name: report for report in self._reported()}
        marks = {name: mark for name, mark in memory.marks.items() if name in reported or not mark.leaves}
        instances = []
        for name, mark in marks.items():
            report = reported.get(name) or _awaited(name, mark)
            old = earlier.get(name)
            reason = old.reason if old and old.state == mark.state else mark.failed
            instances.append(Instance(report, mark, mark.state, exists=name in reported, reason=reason))
        instances.sort(key=lambda instance: (instance.pool, instance.index, instance.name))
        return instances, replace(memory, marks=marks)


def _awaited(name: str, mark: Mark) -> Reported:
    return Reported(name=name, index=mark.index, pool=mark.pool, running=False, created_at=mark.asked_at)


def _leaves(memory: Memory, name: str) -> bool:
    mark = memory.marks.get(name)
    return mark is not None and (mark.leaves or mark.failed is not None)


def _lasting(memory: Memory) -> Memory:
    """The memory without what changes at each look."""
    return replace(memory, marks={name: replace(mark, healthy_in_a_row=0) for name, mark in memory.marks.items()})
