# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Base of the actions that observe a cluster: in process, or by the module metrics_snapshot on another host."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible import constants
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot import take_snapshot
from ansible_collections.rlops.autoscale.plugins.plugin_utils._action import ClusterAction
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._cluster import Cluster
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._spec import SCALING_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._settings import VARIABLE_PREFIX
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import Store

MODULE = "rlops.autoscale.metrics_snapshot"
#: Variables that choose a Python; those of the cluster say nothing of the bastion.
INTERPRETER_VARIABLES = ("ansible_python_interpreter", "discovered_interpreter_python")


class ObservingAction(ClusterAction):
    """An action that finds the instances of a cluster and takes a snapshot of their load."""

    def pooled_cluster(self, options: Mapping[str, Any]) -> Cluster | None:
        """The cluster as its pools and settings describe it; None if it has no pools. Raises OptionError."""
        if VARIABLE_PREFIX + "pools" not in self._variables:
            return None
        arguments = self.arguments_of(SCALING_SPEC) | {"cluster": options["cluster"]}
        return Cluster.from_options(self.options(SCALING_SPEC, arguments))

    def snapshot(self, options: dict[str, Any], status: Mapping[str, Any] | None, store: Store) -> dict[str, Any]:
        """Observe the instances of the status, else those of the option; see SNAPSHOT_SPEC for the options."""
        if status is not None:
            options = options | {"instances": status["instances"]}
        if options["previous"] is None:
            options = options | {"previous": store.read(options["cluster"]).data.get("counters")}
        bastion = options["scrape_via"]
        if bastion:
            return self._observe_there(options, self._go_to(bastion, self._variables))
        if self._connection.transport != "local":
            return self._observe_there(options, self._variables)
        return take_snapshot(options, time.time, time.sleep)

    def _observe_there(self, options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Run the module over the connection."""
        place = quoted(self._connection.get_option("host") if self._connection.has_option("host") else "the target")
        arguments = {name: value for name, value in _given(options).items() if name not in ("scrape_via", "status")}
        try:
            result = self._execute_module(module_name=MODULE, module_args=arguments, task_vars=dict(task_vars))
        except AnsibleConnectionFailure as error:
            raise AutoscaleError(f"{place} cannot be reached: {quoted(error)}") from error
        if "snapshot" not in result:
            raise AutoscaleError(f"on {place}: {quoted(result.get('msg', 'the module gave no result'))}")
        snapshot: dict[str, Any] = result["snapshot"]
        return snapshot

    def _go_to(self, host: str, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Connect to another host of the inventory as its variables say; returns the variables for a task there."""
        if host not in task_vars["hostvars"]:
            raise OptionError("scrape_via", f"a host of the inventory is expected, got {quoted(host)}")
        variables = task_vars["hostvars"][host]
        name = variables.get("ansible_connection", constants.DEFAULT_TRANSPORT)
        context = self._play_context.copy()
        context.remote_addr = variables.get("ansible_host", host)
        connection = self._shared_loader_obj.connection_loader.get(
            "ssh" if name == "smart" else name, context, new_stdin=None
        )
        if connection is None:
            raise OptionError("scrape_via", f"{quoted(host)} has the unknown connection {quoted(name)}")
        _set_options(connection, "connection", variables)
        _set_options(connection._shell, "shell", variables)
        self._connection = connection
        there = {variable: variables[variable] for variable in INTERPRETER_VARIABLES if variable in variables}
        here = {name: value for name, value in task_vars.items() if name not in INTERPRETER_VARIABLES}
        return here | there


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options without those that are null, which the module would count as given when it looks for contradictions."""
    return {
        name: _given(value) if isinstance(value, Mapping) else value
        for name, value in options.items()
        if value is not None
    }


def _set_options(plugin: ConnectionBase, kind: str, variables: Mapping[str, Any]) -> None:
    names = constants.config.get_plugin_vars(kind, plugin._load_name)
    plugin.set_options(var_options={name: variables[name] for name in names if name in variables})
