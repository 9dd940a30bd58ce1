# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes all clusters of a play through one tick, in one task; see the documentation of the module of the same name."""

from __future__ import annotations

import time
from collections import ChainMap
from collections.abc import Mapping
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot import take_snapshot
from ansible_collections.rlops.autoscale.plugins.module_utils._source_prometheus import Together
from ansible_collections.rlops.autoscale.plugins.plugin_utils._deciding import DecidingAction
from ansible_collections.rlops.autoscale.plugins.plugin_utils._fleet import USED, Fleet, in_processes
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._cluster import Cluster


class OneOfFleet(DecidingAction):
    """One cluster of the play: what a task of its own would do, with the settings from its variables alone."""

    arguments: Mapping[str, Any] = {"operation": "decide", "deadline": 0.0}

    def __init__(self, fleet: ActionModule, prometheus: Together) -> None:
        super().__init__(
            fleet._task, fleet._connection, fleet._play_context, fleet._loader, fleet._templar, fleet._shared_loader_obj
        )
        self._prometheus = prometheus
        self._warnings: list[str] = []

    def say(self, line: str, color: str | None = None) -> str:  # noqa: ARG002 - as in the base
        """The fleet shows what is worth it."""
        shown: str = self.without_secrets(line)
        return shown

    def warn(self, line: str) -> None:
        """The fleet shows it."""
        self._warnings.append(self.without_secrets(line))

    def tick(self, host: str, hosts: Mapping[str, Any]) -> dict[str, Any]:
        """What came of the tick of the cluster of this host; what a person should know is in `warned`."""
        self._warnings, self._secrets = [], set()
        try:
            result = self.result_for(ChainMap({"hostvars": hosts}, hosts[host]))
        except Exception as error:  # such as a variable that cannot be templated: the others shall tick
            result = {"failed": True, "changed": False, "msg": self.without_secrets(f"{type(error).__name__}: {error}")}
        return {name: result[name] for name in USED if name in result} | {"warned": self._warnings}

    def pooled_cluster(self, options: Mapping[str, Any]) -> Cluster | None:
        """The cluster, if no tasks are needed to ask about it."""
        cluster = super().pooled_cluster(options)
        if cluster and cluster.unreported:
            alone = "run rlops.autoscale.autoscale for this cluster"
            raise OptionError("pools", f"those of backend custom are asked by tasks, and a fleet has none; {alone}")
        return cluster

    def _observe_and_decide(self, options: Mapping[str, Any]) -> dict[str, Any]:
        last_at = self.open_store(options).read(options["cluster"]).data.get("last_at")
        if last_at is not None and 0 <= time.time() - last_at < options["interval"] / 2:
            return self.known | {"changed": False, "act": False, "over": True}
        return super()._observe_and_decide(options)

    def _look(self, options: Mapping[str, Any]) -> dict[str, Any]:
        options = {**options, "prime_delay": 0.0}  # all would wait for each; the next tick has what to compare with
        if options["source"] == "prometheus" and not options["scrape_via"]:
            return take_snapshot(options, time.time, time.sleep, self._prometheus.ask)
        return super()._look(options)


class ActionModule(ActionBase):  # type: ignore[misc]
    """All clusters of the play. What goes wrong with one is told, and keeps no other from its tick."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_async = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset({"processes"})

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ansible's entry point."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _checked, options = self.validate_argument_spec({"processes": {"type": "int"}})
        one = OneOfFleet(self, Together())

        def tick(host: str) -> dict[str, Any]:
            return one.tick(host, variables["hostvars"])

        hosts = list(variables.get("ansible_play_hosts", ()))
        fleet = Fleet(in_processes(hosts, tick, options["processes"]))
        for line in fleet.lines():
            self._display.display(line)
        for warning in fleet.warnings():
            self._display.warning(warning)
        for host, failure in fleet.failures.items():
            self._display.display(f"{host}: this tick failed: {failure}", color=constants.COLOR_ERROR)
        self._display.display(fleet.summary())
        return result | fleet.result()
