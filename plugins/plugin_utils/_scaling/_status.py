# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which instances a cluster has, as the rest of the collection sees it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._cluster import Cluster
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    Memory,
    drift,
    left_to_drain,
    on_their_way,
    ordered,
    ready,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import Store


def refuse_static(only_watched: Sequence[str] | None) -> None:
    """Raise OptionError where there is a pool that cannot be scaled."""
    if only_watched:
        watched = f"pool {only_watched[0]} is static: it can be watched, not scaled"
        raise OptionError("mode", f"{watched}; set autoscale_mode: recommend")


def status_of(cluster: Cluster, store: Store) -> dict[str, Any]:
    """The result of cluster_status. Changes nothing. Raises OptionError."""
    memory = Memory.from_plain(store.read(f"{cluster.name}.instances").data)
    observed = cluster.observe(memory)
    instances = observed.instances
    now = time.time()
    head = f"{cluster.name}: {ready(instances)} of {ordered(instances)} ready"
    counts = ", ".join([head, *on_their_way(instances), *drift(instances)])
    return {
        "instances": [cluster.plain(instance) for instance in instances],
        "ordered": ordered(instances),
        "ready": ready(instances),
        "desired": memory.target,
        "capacity": cluster.capacity,
        "only_watched": cluster.only_watched,
        # As long as a pool is silent, nothing can be learned from what became of an order.
        "failed_at": now if observed.down else memory.failed_at,
        "unfinished": observed.unfinished,
        "at": now,
        "problems": observed.problems,
        "message": "; ".join([counts, *left_to_drain(instances), *observed.problems]),
    }
