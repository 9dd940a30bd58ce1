# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets a cluster converge by one pass: look, plan, do what is planned. Never waits for an instance.

A pass has two halves, and what is intended is stored between them: a run that is cut off while it acts leaves behind
what it was about to do, and the next pass goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, about
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling import _health
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._assess import awaited, hold_back, newly_failed
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._cluster import Cluster
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Driver, Order, SomeFailed
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    DRAINING,
    Instance,
    Memory,
    Reported,
    check_target,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._outcome import Outcome
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._plan import (
    DEREGISTER,
    DRAIN,
    KILL,
    PAUSE,
    REGISTER,
    REMOVE,
    RESUME,
    SPARE,
    START,
    STOP,
    UNDRAIN,
    Operation,
    Plan,
    Wanted,
    expected,
    plan,
)

T = TypeVar("T", Reported, Order)


@dataclass(frozen=True)
class Intention:
    """What one pass has found and is about to do."""

    target: int
    earlier: Memory  # what was remembered before
    before: Sequence[Instance]
    planned: Plan
    problems: Sequence[str]  # pools and load balancers that do not answer
    now: float

    @property
    def memory(self) -> Memory:
        """What to store before anything is done."""
        return self.planned.memory


def intend(
    cluster: Cluster, memory: Memory, target: int, *, dry_run: bool = False, retry_now: bool = False
) -> Intention:
    """The first half: observe and plan. ``retry_now`` forgives failures, and counts the time from now.

    Asks instances that drain how many connections they have left, which tells them once more to drain; under
    ``dry_run`` it does not. Raises OptionError for a target out of bounds.
    """
    check_target(target, cluster.pools, cluster.settings)
    if retry_now:
        memory = replace(memory, failures=0, retry_at=None, unfinished_since=None)
    observed = cluster.observe(memory)
    before = observed.instances if dry_run else _with_connections(cluster, observed.instances)
    now = cluster.clock()
    wanted = Wanted(cluster.name, target, cluster.pools_now(observed.down))
    planned = plan(before, observed.memory, wanted, cluster.settings, now)
    return Intention(target, memory, before, planned, observed.problems, now)


def foresee(cluster: Cluster, intention: Intention) -> Outcome:
    """What would come of it."""
    reported = [instance.reported for instance in intention.before if instance.exists]
    outcome, _memory = _outcome(cluster, intention, _Done(), reported)
    return outcome


def carry_out(cluster: Cluster, intention: Intention) -> tuple[Outcome, Memory]:
    """The second half: do it. Returns what came of it and the memory to keep.

    An error of one pool or load balancer keeps no other from its work; the outcome lists them.
    """
    operations = intention.planned.operations
    done = _Act(cluster, intention).perform()
    done.notes += _shed(cluster, intention)
    reported, down = cluster.reported() if operations else ([], {})
    if not operations or down:
        there = [i.reported for i in intention.before if i.exists and (not operations or i.pool in down)]
        reported += there
    return _outcome(cluster, intention, done, reported)


@dataclass
class _Done:
    """What came of the operations."""

    refused: dict[str, str] = field(default_factory=dict)  # could not be started: name -> why
    failed: set[tuple[str, str]] = field(default_factory=set)  # kind and name of what could not be done now
    errors: list[AutoscaleError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class _Act:
    """Does what is planned."""

    def __init__(self, cluster: Cluster, intention: Intention) -> None:
        self._cluster = cluster
        self._memory = intention.memory
        self._operations = intention.planned.operations
        self._before = {instance.name: instance for instance in intention.before}
        self._done = _Done()

    def perform(self) -> _Done:
        """Load balancers first: what leaves gets no new connections before it is stopped, and is forgotten before
        another can have its port."""
        self._balance()
        for pool, driver in self._cluster.drivers.items():
            own = [operation for operation in self._operations if operation.pool == pool]
            if own:
                self._in_pool(pool, driver, own)
        return self._done

    def _balance(self) -> None:
        urls, http = self._cluster.urls, self._cluster.urls.http
        welcome, leaving = self._those(self._operations, UNDRAIN), self._those(self._operations, DRAIN)
        _health.undrain_all(self._cluster.filled(urls.drain, welcome), http)
        registered = welcome + self._those(self._operations, REGISTER)
        balancing = self._cluster.balancing
        self._done.errors += balancing.tell(
            lambda balancer, those: balancer.register(those),
            lambda name: [one for one in registered if self._has_to_register(one.name, name)],
        )
        self._done.errors += balancing.tell(lambda balancer, those: balancer.drain(those), lambda _name: leaving)
        _health.drain_all(self._cluster.filled(urls.drain, leaving), http)
        gone = self._those(self._operations, DEREGISTER)
        errors = balancing.tell(lambda balancer, those: balancer.deregister(those), lambda _name: gone)
        if errors:
            self._done.errors += errors
            self._done.failed |= {(DEREGISTER, instance.name) for instance in gone}

    def _has_to_register(self, name: str, balancer: str) -> bool:
        """Whether an instance that some load balancer is to send to concerns this one: where it has been registered, a
        person may have put it aside."""
        instance = self._before[name]
        anew = instance.mark.registered_at is None or instance.mark.drained
        return anew or (instance.traffic is not None and balancer in instance.traffic.lacking)

    def _in_pool(self, pool: str, driver: Driver, own: Sequence[Operation]) -> None:
        orders = [Order(operation.name, operation.index) for operation in own if operation.kind in (START, SPARE)]
        # What load balancers have not forgotten keeps its port.
        remembered = {name for kind, name in self._done.failed if kind == DEREGISTER}
        ended = [one for one in self._those(own, REMOVE) if one.name not in remembered] + self._those(own, STOP)
        late = self._those(own, KILL)
        if ended or late or orders:
            driver.expect(expected(self._memory, pool))
        self._call(pool, (UNDRAIN,), self._those(own, UNDRAIN), driver.undrain)
        self._call(pool, (DRAIN,), self._those(own, DRAIN), driver.drain)
        # What has ended is cleared away before anything is started, which may need its room.
        self._call(pool, (REMOVE, STOP), ended, driver.stop)
        self._call(pool, (KILL,), late, partial(driver.stop, kill=True))
        self._call(pool, (RESUME,), self._those(own, RESUME), driver.resume)
        self._call(pool, (START, SPARE), orders, partial(self._start, driver))
        self._call(pool, (PAUSE,), self._those(own, PAUSE), driver.pause)

    def _call(
        self, pool: str, kinds: Sequence[str], concerned: Sequence[T], operation: Callable[[Sequence[T]], None]
    ) -> None:
        """Do something with some; an error is kept for later."""
        try:
            if concerned:
                operation(concerned)
        except AutoscaleError as error:
            self._done.errors.append(about(f"pool {pool}", error))
            names = error.names if isinstance(error, SomeFailed) else {one.name for one in concerned}
            self._done.failed |= {(kind, name) for kind in kinds for name in names}
            if START in kinds:
                self._done.refused |= {one.name: str(error) for one in concerned}

    def _start(self, driver: Driver, orders: Sequence[Order]) -> None:
        self._done.refused |= driver.start(orders)

    def _those(self, operations: Sequence[Operation], kind: str) -> list[Reported]:
        return [self._before[operation.name].reported for operation in operations if operation.kind == kind]


def _shed(cluster: Cluster, intention: Intention) -> list[str]:
    """Ask who has too many connections to let some go; returns who did not, which is no reason to stop."""
    rebalance = cluster.settings.rebalance
    if rebalance is None:
        return []
    reports = {instance.name: instance.reported for instance in intention.before}
    seconds = f"{rebalance.period:g}"
    urls: dict[str, str] = {}
    for one in intention.planned.sheddings:
        urls |= cluster.filled(cluster.urls.shed, [reports[one.name]], count=one.count, seconds=seconds)
    failed = _health.shed_all(urls, cluster.urls.http)
    return [f"rebalance: {name} did not let connections go: {why}" for name, why in failed.items()]


def _with_connections(cluster: Cluster, instances: list[Instance]) -> list[Instance]:
    """Ask those that drain how many connections they have left. Asking again to drain does no harm."""
    draining = [
        i.reported for i in instances if i.state == DRAINING and i.exists and not i.held and not i.mark.stopping_since
    ]
    left = _health.drain_all(cluster.filled(cluster.urls.drain, draining), cluster.urls.http)
    return [
        replace(i, reported=replace(i.reported, connections=left[i.name])) if i.name in left else i for i in instances
    ]


def _outcome(
    cluster: Cluster, intention: Intention, done: _Done, reported: Sequence[Reported]
) -> tuple[Outcome, Memory]:
    """The outcome, and the memory once the operations were asked for."""
    planned, now, earlier = intention.planned, intention.now, intention.earlier
    after = _remembered(planned, done)
    if done.refused:
        failure = "{} failed: {}".format(*next(iter(done.refused.items())))
        after = hold_back(after, cluster.settings, now, failure, once_ready=False)
    instances, after = _afterwards(intention.before, after, reported)
    failed = {i.name: (i.reason or "", i.mark.ready_at is not None) for i in newly_failed(intention.before, earlier)}
    failed |= {name: (reason, False) for name, reason in done.refused.items()}
    backends = (*cluster.balancing.balancers.values(), *cluster.drivers.values())  # in the order of `_Act`
    since = now if earlier.unfinished_since is None else earlier.unfinished_since
    outcome = Outcome(
        cluster=cluster.name,
        target=intention.target,
        operations=planned.operations,
        sheddings=planned.sheddings,
        holding=planned.holding,
        failed=failed,
        before=intention.before,
        after=instances,
        problems=intention.problems,
        errors=done.errors,
        notes=done.notes,
        last_failure=after.failure,
        elapsed_s=now - since,
        todo=[item for backend in backends for item in backend.todo()],
    )
    return outcome, replace(after, unfinished_since=since if outcome.unfinished else None)


def _remembered(planned: Plan, done: _Done) -> Memory:
    """The memory with what was done, and without what could not be started."""
    marks = {name: mark for name, mark in planned.memory.marks.items() if name not in done.refused}
    for operation in planned.operations:
        if operation.name not in marks:
            continue
        mark = marks[operation.name]
        failed = (operation.kind, operation.name) in done.failed
        if operation.kind == STOP and failed:
            mark = replace(mark, stop_failed_since=mark.stop_failed_since or mark.stopping_since)
        elif operation.kind in (STOP, KILL, REMOVE) and not failed:
            mark = replace(mark, stop_sent=True, stop_failed_since=None)
        elif operation.kind == DEREGISTER and not failed:
            mark = replace(mark, registered_at=None)
        marks[operation.name] = mark
    return replace(planned.memory, marks=marks)


def _afterwards(
    before: Sequence[Instance], memory: Memory, reported: Sequence[Reported]
) -> tuple[list[Instance], Memory]:
    """The instances once the operations are asked for, and the memory without those that are gone already."""
    earlier = {instance.name: instance for instance in before}
    there = {report.name: report for report in reported}
    marks = {}
    instances = []
    for name, mark in memory.marks.items():
        old = earlier.get(name)
        held = old is not None and old.held
        known = old is not None and old.traffic is not None and mark.registered_at is not None
        if not (name in there or held or known) and (mark.leaves or mark.failed is not None):
            continue
        marks[name] = mark
        state = old.state if old and held else mark.state
        same = old is not None and old.state == state
        instances.append(
            Instance(
                reported=replace(there[name], index=mark.index) if name in there else awaited(name, mark),
                mark=mark,
                state=state,
                exists=name in there,
                held=held,
                traffic=old.traffic if old else None,
                reason=old.reason if old and same else mark.failed,
            )
        )
    instances.sort(key=lambda instance: (instance.pool, instance.index, instance.name))
    return instances, replace(memory, marks=marks)
