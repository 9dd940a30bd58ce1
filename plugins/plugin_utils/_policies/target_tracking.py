# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy `target_tracking`: keep one metric at a target, quick out, slow in, as the target tracking of AWS does.

Source: AWS Application Auto Scaling user guide, "How target tracking scaling works": it scales out in proportion as
soon as its high alarm fires, and in gradually, after its low alarm, not sooner than the scale-in cooldown after the
last activity; availability goes first. Simplified here: an alarm fires after a number of ticks in a row instead of
minutes, the low alarm stands at 90 % of the target, scaling in removes one instance at a time, and there is no
scale-out cooldown because instances that boot already count as ordered.
"""

from __future__ import annotations

import math
from random import Random
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    SNAPSHOT_FIELDS,
    Memory,
    Observation,
    PerCluster,
    PolicySettings,
    Proposal,
    figure,
    target_of,
)

#: The low alarm's share of the target.
LOW_ALARM = 0.9


class TargetTracking(PerCluster):
    """Memory: ticks in a row above and below (`above`, `below`), when the count last changed (`changed_at`)."""

    name = "target_tracking"
    imitation = True
    options: ClassVar[dict[str, Any]] = {
        "field": {"type": "str", "choices": list(SNAPSHOT_FIELDS), "default": "p99_latency_s"},
        "target": {"type": "float"},
        "scale_out_after": {"type": "int", "default": 3},
        "scale_in_after": {"type": "int", "default": 15},
        "scale_in_cooldown": {"type": "float", "default": 300.0},
        "disable_scale_in": {"type": "bool", "default": False},
    }
    limits: ClassVar[dict[str, tuple[float, float]]] = {
        "scale_out_after": (1, 1000),
        "scale_in_after": (1, 1000),
        "scale_in_cooldown": (0.0, 86400.0),
    }

    def propose(
        self,
        memory: Memory,
        observation: Observation,
        settings: PolicySettings,
        rng: Random,  # noqa: ARG002 - nothing is drawn
    ) -> tuple[Proposal, Memory]:
        """Count the ticks above and below, and scale when enough are in a row. A missing value counts for neither."""
        options, ordered = settings.options, observation.ordered
        field = options["field"]
        target = target_of("target_tracking", field, options["target"], settings.slo)
        changed_at = observation.now if observation.taken else memory.get("changed_at")
        value = observation.snapshot.get(field) if observation.snapshot.get("valid") else None
        if value is None or not observation.ready:
            kept = {"above": 0, "below": 0, "changed_at": changed_at}
            return Proposal(None, f"{field} is missing, the count stays"), kept

        above = memory.get("above", 0) + 1 if value > target else 0
        below = memory.get("below", 0) + 1 if value < LOW_ALARM * target else 0
        state = {"above": above, "below": below, "changed_at": changed_at}
        seen = f"{field} is {figure(value)}, target {figure(target)}"
        if above >= options["scale_out_after"]:
            count = max(ordered, math.ceil(observation.ready * value / target))
            return Proposal(
                count, f"{seen}: {observation.ready} ready instances scaled in proportion make {count}"
            ), state
        if below >= options["scale_in_after"] and not options["disable_scale_in"]:
            cooled = changed_at is None or observation.now - changed_at >= options["scale_in_cooldown"]
            if cooled and math.ceil(observation.ready * value / target) < ordered:
                return Proposal(ordered - 1, f"{seen}, low for {below} ticks: one instance fewer"), state
        return Proposal(ordered, f"{seen}: no alarm"), state


POLICY = TargetTracking()
