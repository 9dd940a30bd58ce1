# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy `square_root`: square-root safety staffing. The load, and spare servers in proportion to its square root.

    a = (arrival rate + waiting messages / drain_time) / service rate    load in Erlangs
    n = a + beta sqrt(a)                                                 servers, rounded up to whole instances

The number of busy servers of a large pool varies by about sqrt(a) around a (as it does, exactly, where there are always
servers enough: Poisson with mean a), so the same beta gives about the same share of messages that wait at any size;
for a beta of 2 that is about 3 %.

Sources: Halfin and Whitt, Heavy-traffic limits for queues with many exponential servers, Operations Research 29 (1981);
Kolesar and Green, Insights on service system design from a normal approximation to Erlang's delay formula, Production
and Operations Management 7 (1998); as the spare capacity of an autoscaler, with delayed scaling in: Gandhi,
Harchol-Balter, Raghunathan and Kozuch, AutoScale, ACM TOCS 30 (2012).

Simplified: it knows neither the SLO nor that queues may be apart (`queueing`), so beta has to be chosen for both.
Added: the backlog, and `hold` as in policy erlang. Until the service rate is known, policy `hpa` with its defaults
decides.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import Memory, PolicySettings, figure
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._staffing import (
    RATE_LIMITS,
    RATE_OPTIONS,
    Load,
    Needed,
    RateRule,
    queue_text,
    server_text,
)


class SquareRoot(RateRule):
    """Memory: `needs` [[unix seconds, instances], ...] of the hold window, and hpa's memory while that decides."""

    name = "square_root"
    options: ClassVar[dict[str, Any]] = {"beta": {"type": "float", "default": 2.0}, **RATE_OPTIONS}
    limits: ClassVar[dict[str, tuple[float, float]]] = {"beta": (0.0, 100.0), **RATE_LIMITS}

    def staff(
        self,
        memory: Memory,  # noqa: ARG002 - it needs none
        now: float,  # noqa: ARG002 - the load is all it looks at
        load: Load,
        settings: PolicySettings,
    ) -> tuple[Needed, Memory]:
        """The load and beta times its root; see RateRule.staff."""
        options, servers = settings.options, settings.servers_per_instance
        erlangs = (load.arrival_rate + load.queued / options["drain_time"]) / load.service_rate
        spare = options["beta"] * math.sqrt(erlangs)
        count = math.ceil((erlangs + spare) / servers)
        drains = load.queued / options["drain_time"] > 0.01 * load.arrival_rate
        reason = (
            f"{figure(load.arrival_rate)} msg/s{queue_text(load.queued, options) if drains else ''}"
            f"{server_text(load.service_rate, servers)}: {figure(erlangs)} "
            f"Erlangs and {options['beta']:g} x root make {figure(erlangs + spare)} servers, {count} instances"
        )
        details = {
            "arrival_rate": load.arrival_rate,
            "service_rate": load.service_rate,
            "erlangs": erlangs,
            "spare": spare,
            "needed": count,
        }
        return Needed(count, reason, details), {}


POLICY = SquareRoot()
