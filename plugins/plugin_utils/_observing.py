# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Base of the actions that observe a cluster: in process, or by the module metrics_snapshot on another host."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, quoted
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot import take_snapshot
from ansible_collections.rlops.autoscale.plugins.plugin_utils._action import ClusterAction
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._cluster import Cluster
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._spec import SCALING_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._settings import VARIABLE_PREFIX
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import Store

MODULE = "rlops.autoscale.metrics_snapshot"


class ObservingAction(ClusterAction):
    """An action that finds the instances of a cluster and takes a snapshot of their load."""

    def pooled_cluster(self, options: Mapping[str, Any]) -> Cluster | None:
        """The cluster as its pools and settings describe it; None if it has no pools. Raises OptionError."""
        if VARIABLE_PREFIX + "pools" not in self._variables:
            return None
        arguments = self.arguments_of(SCALING_SPEC) | {"cluster": options["cluster"]}
        cluster = Cluster.from_options(self.options(SCALING_SPEC, arguments), self.modules.run)
        for doubt in cluster.doubts:
            self.warn(f"{cluster.name}: {doubt}")
        return cluster

    def snapshot(self, options: dict[str, Any], status: Mapping[str, Any] | None, store: Store) -> dict[str, Any]:
        """Observe the instances of the status, else those of the option; see SNAPSHOT_SPEC for the options."""
        if status is not None:
            options = options | {"instances": status["instances"]}
        if options["previous"] is None:
            options = options | {"previous": store.read(options["cluster"]).data.get("counters")}
        return self._look(options)

    def _look(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Take the snapshot, where it has to be taken."""
        bastion = options["scrape_via"]
        if bastion or self._connection.transport != "local":
            return self._observe_there(options, bastion)
        return take_snapshot(options, time.time, time.sleep)

    def _observe_there(self, options: Mapping[str, Any], host: str | None) -> dict[str, Any]:
        """Run the module over the connection to a host; None: the cluster's own."""
        arguments = {name: value for name, value in _given(options).items() if name not in ("scrape_via", "status")}
        result = self.modules.run(MODULE, arguments, host, option="scrape_via")
        if "snapshot" not in result:
            place = quoted(host or options["cluster"])
            raise AutoscaleError(f"on {place}: {quoted(result.get('msg', 'the module gave no result'))}")
        snapshot: dict[str, Any] = result["snapshot"]
        return snapshot


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options without those that are null, which the module would count as given when it looks for contradictions."""
    return {
        name: _given(value) if isinstance(value, Mapping) else value
        for name, value in options.items()
        if value is not None
    }
