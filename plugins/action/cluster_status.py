# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says which instances a cluster has. See the module of the same name for its documentation."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils._action import ClusterAction
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._cluster import Cluster
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Memory, ordered, ready
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._spec import SCALING_SPEC


class ActionModule(ClusterAction):
    SPEC = SCALING_SPEC | {"due_at": {"type": "float"}, "interval": {"type": "float", "default": 15.0}}

    def perform(self, options: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        cluster = Cluster.from_options(options)
        if options["due_at"] is not None:
            time.sleep(max(0.0, min(options["due_at"] - time.time(), options["interval"])))
        record = self.open_store(options).read(f"{cluster.name}.instances")
        memory = Memory.from_plain(record.data)
        observed = cluster.observe(memory)
        counts = f"{ready(observed.instances)} of {ordered(observed.instances)} ready"
        return {
            "changed": False,
            "instances": [cluster.plain(instance) for instance in observed.instances],
            "ordered": ordered(observed.instances),
            "ready": ready(observed.instances),
            "desired": memory.target,
            "unfinished": observed.unfinished,
            "due": options["due_at"] is None or time.time() >= options["due_at"],
            "at": time.time(),
            "message": f"{cluster.name}: {counts}",
        }
