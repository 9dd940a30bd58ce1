# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One cluster with its pools and load balancers, and what is there now. Read-only; `_converge` changes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import (
    AutoscaleError,
    OptionError,
    SettingError,
    quoted,
)
from ansible_collections.rlops.autoscale.plugins.module_utils._http import check_http
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling import _health
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._assess import assess, awaited
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Context, RunModule
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._balancing import Balancing
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Driver
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    READY,
    WARM,
    Instance,
    Mark,
    Memory,
    Pool,
    Probe,
    Reported,
    Settings,
    Sighting,
    ordered,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._plan import Wanted, plan
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._registry import BALANCERS, DRIVERS
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._spec import (
    named,
    pools_of,
    reports_of,
    settings_of,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._templates import fill


@dataclass(frozen=True)
class Urls:
    """Templates of an instance's URLs; "" where it has none."""

    health: str
    metrics: str
    drain: str
    shed: str  # with {count} and {seconds}, too
    http: Mapping[str, Any]  # how to ask for health and drain, see HTTP_SPEC


@dataclass(frozen=True)
class Observed:
    """A cluster at one moment."""

    instances: list[Instance]
    memory: Memory  # with what this observation taught; kept only by those who act on it
    unfinished: bool  # whether a pass of converge has something to do or to remember
    problems: list[str]  # pools and load balancers that do not answer, in words
    down: Mapping[str, str]  # those of the pools: name -> why


@dataclass(frozen=True)
class Cluster:
    """The instances of one service, in all its pools."""

    name: str
    pools: Sequence[Pool]
    drivers: Mapping[str, Driver]  # by pool, in the order of the pools
    settings: Settings
    urls: Urls
    balancing: Balancing = field(default_factory=Balancing)
    unreported: bool = False  # some pool or load balancer that only tasks can ask has not been asked
    clock: Callable[[], float] = time.time

    @classmethod
    def from_options(cls, options: Mapping[str, Any], run_module: RunModule) -> Cluster:
        """The cluster that the validated options (see SCALING_SPEC) describe. Raises OptionError."""
        check_http(options["http"])
        settings = settings_of(options)
        of_pools, of_balancers = reports_of(options)

        def context(name: str, given: Mapping[str, Any], reported: Mapping[str, Any]) -> Context:
            return Context(
                cluster=options["cluster"],
                name=name,
                options=given,
                run_module=run_module,
                stop_timeout=settings.stop_timeout,
                reported=reported.get(name),
            )

        given_pools, given_balancers = pools_of(options), named("balancers", options["balancers"])
        drivers = {
            name: DRIVERS.make(given["backend"], context(name, given, of_pools)) for name, given in given_pools.items()
        }
        balancers = {
            name: BALANCERS.make(given["backend"], context(name, given, of_balancers))
            for name, given in given_balancers.items()
        }
        pools = [
            Pool(name, given_pools[name]["max"], driver.gives_names, driver.last_only, driver.pauses)
            for name, driver in drivers.items()
        ]
        if settings.warm and not any(pool.pauses for pool in pools):
            raise OptionError("warm", "expected a pool whose backend can pause instances; there is none")
        urls = Urls(
            health=options["health_url"],
            metrics=options["metrics_url"],
            drain=options["drain_url"] or "",
            shed=options["rebalance"]["url"] if options["rebalance"] else "",
            http=options["http"] | {"timeout": options["health_timeout"]},
        )
        # Where tasks were asked in vain there is an entry, too, and nothing in it: to ask again is of no use.
        unreported = any(driver.by_tasks and name not in of_pools for name, driver in drivers.items()) or any(
            balancer.by_tasks and name not in of_balancers for name, balancer in balancers.items()
        )
        return cls(options["cluster"], pools, drivers, settings, urls, Balancing(balancers), unreported)

    @property
    def asked_by_tasks(self) -> bool:
        """Whether some pool or load balancer can only be asked by tasks, which give the option `reported`."""
        return any(backend.by_tasks for backend in (*self.drivers.values(), *self.balancing.balancers.values()))

    @property
    def capacity(self) -> int | None:
        """How many instances all pools can hold together; None: no limit."""
        limits = [pool.max for pool in self.pools]
        return None if None in limits else sum(limit for limit in limits if limit is not None)

    @property
    def doubts(self) -> list[str]:
        """Settings that can be of no use, in words."""
        by_tasks = any(driver.by_tasks for driver in self.drivers.values())
        if self.settings.rebalance is None or self.balancing.balancers or by_tasks:
            return []
        return ["rebalance: it does nothing without balancers: nobody tells how many connections an instance has"]

    @property
    def only_watched(self) -> list[str]:
        """The pools in which nothing can be started or stopped."""
        return [pool for pool, driver in self.drivers.items() if not driver.scales]

    def observe(self, memory: Memory) -> Observed:
        """What is there now, in which state. Read-only. Raises AutoscaleError where no pool answers at all."""
        for name, mark in memory.marks.items():
            if mark.pool not in self.drivers:
                lost = f"{name} runs in pool {mark.pool}, which is not in the list any more"
                cure = "put it back, and scale down before you take it out; if that place is gone for good, let another"
                raise OptionError("pools", f"{lost}; {cure} pool that is empty have its name for one pass")
        reported, down = self.reported()
        reported = [_where_known(report, memory.marks.get(report.name)) for report in reported]
        if len(down) == len(self.drivers):
            raise AutoscaleError("; ".join(_silence(down)))
        # Load balancers may still know what is gone.
        there = {report.name for report in reported}
        gone = [awaited(n, m) for n, m in memory.marks.items() if n not in there and m.registered_at is not None]
        traffic, silent = self.balancing.traffic([*reported, *gone], memory.marks)
        # What is on its way out is not asked: its health no longer matters.
        asked = [r for r in reported if r.running and not (r.stopping or r.paused or _leaves(memory, r.name))]
        seen = Sighting(self.clock(), reported, self._probes(asked), traffic, down)
        instances, learned = assess(seen, memory, self.settings)
        unfinished = (
            bool(down or silent)
            or any(i.state not in (READY, WARM) or (i.state == WARM and not i.reported.paused) for i in instances)
            or memory.target not in (None, ordered(instances))
            or _lasting(learned) != _lasting(memory)
            or self._has_to_do(instances, learned)
        )
        problems = [*_silence(down), *(f"load balancer {name} does not answer: {why}" for name, why in silent.items())]
        return Observed(instances, learned, unfinished, problems, down)

    def _probes(self, asked: Sequence[Reported]) -> dict[str, Probe]:
        """The answers of the health URLs; empty where there is none. Who has no address yet cannot be healthy."""
        urls = self.filled(self.urls.health, asked)
        probes = _health.probe_all(urls, self.urls.http)
        if self.urls.health:
            probes |= {r.name: Probe(False, _lacking(r)) for r in asked if r.name not in urls}
        return probes

    def _has_to_do(self, instances: Sequence[Instance], memory: Memory) -> bool:
        """Whether a pass for the same target would do anything."""
        if memory.target is None:
            return False
        wanted = Wanted(self.name, memory.target, self.pools)
        planned = plan(instances, memory, wanted, self.settings, self.clock())
        return bool(planned.operations or planned.sheddings)

    def pools_now(self, down: Mapping[str, str]) -> list[Pool]:
        """The pools, and which of them do not answer."""
        return [replace(pool, down=pool.name in down) for pool in self.pools]

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
            "metrics_url": reported.metrics_url or self.filled(self.urls.metrics, [reported]).get(instance.name),
            "created_at": reported.created_at,
            "connections": instance.connections,
            "reason": instance.reason,
            "outdated": reported.outdated,
        }

    def reported(self) -> tuple[list[Reported], dict[str, str]]:
        """What the drivers say is there, and the pools that do not answer: name -> why. Raises SettingError."""
        reported: list[Reported] = []
        down = {}
        for name, driver in self.drivers.items():
            try:
                reported += driver.status()
            except SettingError:
                raise
            except AutoscaleError as error:
                down[name] = str(error)
        places: dict[str, str] = {}
        for report in reported:
            if places.setdefault(report.name, report.pool) != report.pool:
                twins = f"{quoted(report.name)} is in pool {places[report.name]} and in pool {report.pool}"
                raise OptionError("pools", f"{twins}; each instance belongs into one")
        return reported, down

    def filled(self, template: str, reported: Iterable[Reported], **more: object) -> dict[str, str]:
        """name -> URL, of those that have one."""
        urls = {}
        for instance in reported:
            values = {
                "address": instance.address,
                "cluster": self.name,
                "index": instance.index,
                "name": instance.name,
                "port": instance.port,
                **more,
            }
            url = fill(template, values)
            if url:
                urls[instance.name] = url
        return urls


def _where_known(report: Reported, mark: Mark | None) -> Reported:
    """What has ended may have lost its address. Load balancers know it, and can forget it, by the one that it had."""
    if mark is None or mark.registered_at is None or None not in (report.address, report.port):
        return report
    if report.uid is not None and mark.uid is not None and report.uid != mark.uid:
        return report
    return replace(report, address=mark.address, port=mark.port)


def _lacking(instance: Reported) -> str:
    return f"its {'address' if instance.address is None else 'port'} is not known yet"


def _leaves(memory: Memory, name: str) -> bool:
    mark = memory.marks.get(name)
    return mark is not None and (mark.leaves or mark.failed is not None)


def _silence(down: Mapping[str, str]) -> list[str]:
    return [f"pool {name} does not answer: {why}" for name, why in down.items()]


def _lasting(memory: Memory) -> Memory:
    """The memory without what changes at each look."""
    return replace(memory, marks={name: replace(mark, healthy_in_a_row=0) for name, mark in memory.marks.items()})
