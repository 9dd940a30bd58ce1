# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One cluster with its pools, and what is there now. Read-only; `_converge` changes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.module_utils._http import check_http
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling import _health
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._assess import assess
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Driver, PoolContext
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._registry import make_driver
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    READY,
    Instance,
    Memory,
    Pool,
    Reported,
    Settings,
    ordered,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._spec import pools_of, settings_of
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._templates import fill


@dataclass(frozen=True)
class Urls:
    """Templates of an instance's URLs; "" where it has none."""

    health: str
    metrics: str
    drain: str
    http: Mapping[str, Any]  # how to ask for health and drain, see HTTP_SPEC


@dataclass(frozen=True)
class Observed:
    """A cluster at one moment."""

    instances: list[Instance]
    memory: Memory  # with what this observation taught; kept only by those who act on it
    unfinished: bool  # whether a pass of converge has something to do or to remember


@dataclass(frozen=True)
class Cluster:
    """The instances of one service, in all its pools."""

    name: str
    pools: Sequence[Pool]
    drivers: Mapping[str, Driver]  # by pool, in the order of the pools
    settings: Settings
    urls: Urls
    asked_by_tasks: bool = False  # some pool can only be asked by tasks, which give the option `reported`
    unreported: bool = False  # ... and has not been
    clock: Callable[[], float] = time.time

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Cluster:
        """The cluster that the validated options (see SCALING_SPEC) describe. Raises OptionError."""
        check_http(options["http"])
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
            http=options["http"] | {"timeout": options["health_timeout"]},
        )
        by_tasks = {name for name, driver in drivers.items() if driver.by_tasks}
        unreported = by_tasks - reported.keys()
        return cls(options["cluster"], pools, drivers, settings, urls, bool(by_tasks), bool(unreported))

    @property
    def capacity(self) -> int | None:
        """How many instances all pools can hold together; None: no limit."""
        limits = [pool.max for pool in self.pools]
        return None if None in limits else sum(limit for limit in limits if limit is not None)

    @property
    def only_watched(self) -> list[str]:
        """The pools in which nothing can be started or stopped."""
        return [pool for pool, driver in self.drivers.items() if not driver.scales]

    def observe(self, memory: Memory) -> Observed:
        """What is there now, in which state. Read-only."""
        for name, mark in memory.marks.items():
            if mark.pool not in self.drivers:
                lost = f"{name} runs in pool {mark.pool}, which is not in the list any more"
                raise OptionError("pools", f"{lost}; put it back, and scale down before you take it out")
        reported = self.reported()
        # What is on its way out is not asked: its health no longer matters.
        asked = [r for r in reported if r.running and not r.stopping and not _leaves(memory, r.name)]
        probes = _health.probe_all(self.filled(self.urls.health, asked), self.urls.http)
        instances, learned = assess(reported, memory, probes, self.settings, self.clock())
        unfinished = (
            any(instance.state != READY for instance in instances)
            or memory.target not in (None, ordered(instances))
            or _lasting(learned) != _lasting(memory)
        )
        return Observed(instances, learned, unfinished)

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
            "reason": instance.reason,
        }

    def reported(self) -> list[Reported]:
        """What the drivers say is there."""
        return [instance for driver in self.drivers.values() for instance in driver.status()]

    def filled(self, template: str, reported: Iterable[Reported]) -> dict[str, str]:
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


def _leaves(memory: Memory, name: str) -> bool:
    mark = memory.marks.get(name)
    return mark is not None and (mark.leaves or mark.failed is not None)


def _lasting(memory: Memory) -> Memory:
    """The memory without what changes at each look."""
    return replace(memory, marks={name: replace(mark, healthy_in_a_row=0) for name, mark in memory.marks.items()})
