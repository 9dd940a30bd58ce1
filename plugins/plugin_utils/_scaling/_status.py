# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which instances a cluster has, as the rest of the collection sees it."""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._cluster import Cluster
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Memory, ordered, ready
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import Store


def status_of(cluster: Cluster, store: Store) -> dict[str, Any]:
    """The result of cluster_status. Changes nothing. Raises OptionError."""
    memory = Memory.from_plain(store.read(f"{cluster.name}.instances").data)
    observed = cluster.observe(memory)
    instances = observed.instances
    return {
        "instances": [cluster.plain(instance) for instance in instances],
        "ordered": ordered(instances),
        "ready": ready(instances),
        "desired": memory.target,
        "capacity": cluster.capacity,
        "only_watched": cluster.only_watched,
        "failed_at": memory.failed_at,
        "unfinished": observed.unfinished,
        "at": time.time(),
        "message": f"{cluster.name}: {ready(instances)} of {ordered(instances)} ready",
    }
