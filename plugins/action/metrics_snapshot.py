# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action metrics_snapshot: observes in process, or runs the module of the same name on another host."""

from __future__ import annotations

from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot_spec import SNAPSHOT_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._observing import ObservingAction
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._status import status_of


class ActionModule(ObservingAction):
    """See the documentation of the module of the same name."""

    SPEC = SNAPSHOT_SPEC

    def perform(self, options: dict[str, Any]) -> dict[str, Any]:
        """Find the instances, unless they are given, and observe them."""
        store, status = self.open_store(options), options["status"]
        if status is None and options["instances"] is None:
            cluster = self.pooled_cluster(options)
            status = status_of(cluster, store) if cluster else None
        return {"changed": False, "snapshot": self.snapshot(options, status, store), "status": status}
