# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evening out connections that stick: who has too many is asked to let some of them go. Pure.

New instances get new connections only, and where connections last for hours, growth helps nobody who is connected
already. Clients that are sent away connect again through the load balancer, which sends them to those that have few.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    BOOTING,
    DRAINING,
    READY,
    Instance,
    Rebalance,
)


@dataclass(frozen=True)
class Shedding:
    """What one instance is asked for."""

    pool: str
    name: str
    count: int  # connections that it is to let go, of
    connections: int  # that it has
    mean: float  # of all ready instances

    def __str__(self) -> str:
        has = f"it has {self.connections}, the mean is {self.mean:.0f}"
        return f"shed {self.count} connections of {self.name} in pool {self.pool}: {has}"


def sheddings(
    instances: Sequence[Instance], rebalance: Rebalance | None, last_at: float | None, now: float
) -> tuple[Shedding, ...]:
    """Who is to let go of how many connections now.

    Nobody where the fullest instance has no more than ``above`` times the mean, where it was asked for less than a
    ``period`` ago, while instances boot or drain, since they change the mean, and where it is not known of each ready
    instance how many connections it has. An instance is asked for what it has above the mean, but for no more than
    ``share`` of its connections at once.
    """
    ready = [instance for instance in instances if instance.state == READY]
    moving = any(instance.state in (BOOTING, DRAINING) for instance in instances)
    recently = last_at is not None and rebalance is not None and 0 <= now - last_at < rebalance.period
    counts = [instance.connections for instance in ready if instance.connections is not None and not instance.held]
    if rebalance is None or moving or recently or not counts or len(counts) < len(ready):
        return ()
    mean = sum(counts) / len(counts)
    if max(counts) <= rebalance.above * mean:
        return ()
    asked = []
    for instance, connections in zip(ready, counts, strict=True):
        count = min(math.floor(connections - mean), math.ceil(rebalance.share * connections))
        if count > 0:
            asked.append(Shedding(instance.pool, instance.name, count, connections, mean))
    return tuple(asked)
