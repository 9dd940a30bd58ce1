# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run is told by what started it, and what it tells the next one beside the state.

A run of AWX hands on what it has learned of a cluster as a variable, to the next job of its workflow and to people who
look at it. So the next job also knows what it ought to find in the state.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._agent import ACT, ClusterSettings, Decision
from ansible_collections.rlops.autoscale.plugins.plugin_utils._moments import moment

_PREFIX = "rlops_autoscale_"
#: A decision that a later job carries out is no older than this, in seconds.
DECISION_HOLDS_S = 3600.0


@dataclass(frozen=True)
class Told:
    """What an earlier job of the workflow says of a cluster. Nothing of it is trusted that is not compared with the
    state: it is a variable, and anybody can set one."""

    generation: int  # of the state, after it was written
    fence: int  # of the lease under which it was decided
    target: int
    act: bool  # whether there is something to carry out
    at: float  # unix seconds

    @classmethod
    def of(cls, cluster: str, variables: Mapping[str, Any]) -> Told | None:
        """What the variable of this cluster says; None where there is none, or it is of another make."""
        said = variables.get(variable_of(cluster))
        if not isinstance(said, Mapping) or said.get("cluster") != cluster:
            return None
        try:
            told = cls(
                int(said["generation"]), int(said["fence"]), int(said["target"]), said["act"] is True, float(said["at"])
            )
            moment(told.at)
        except (KeyError, OSError, OverflowError, TypeError, ValueError):
            return None
        return told


def refuse_a_variable_of_another_make(cluster: str, variables: Mapping[str, Any]) -> None:
    """Raise OptionError where there is a variable for this cluster that no decision has left."""
    variable = variable_of(cluster)
    if variable in variables:
        names = "cluster (its name), generation, fence, target, act and at"
        raise OptionError(variable, f"expected what rlops.autoscale.decide hands on for {quoted(cluster)}: {names}")


def variable_of(cluster: str) -> str:
    """The variable that tells of a cluster."""
    return _PREFIX + re.sub(r"\W", "_", cluster, flags=re.ASCII)


def stats(decision: Decision, *, generation: int, fence: int, act: bool) -> dict[str, Any]:
    """The part of a task's result that Ansible hands on as `set_stats` would."""
    told = {
        "cluster": decision.cluster,
        "mode": decision.mode,
        "current": decision.current,
        "target": decision.target,
        "ready": decision.ready,
        "reason": decision.reason,
        "at": decision.at,
        "tick": decision.tick,
        "generation": generation,
        "fence": fence,
        "act": act,
    }
    return {"data": {variable_of(decision.cluster): told}, "per_host": False, "aggregate": False}


def too_old(triggered_at: float, ticks: float, interval: float, now: float) -> str | None:
    """Why a run is not made that something started too long ago, such as a job that has waited; None if it is."""
    age = now - triggered_at
    if age <= ticks * interval:
        return None
    return (
        f"this run was triggered at {moment(triggered_at)}, {age:.0f} s ago, which is more than {ticks:g} ticks of "
        f"{interval:g} s: nothing to do"
    )


def lost(cluster: str, generation: int, told: Told | None) -> str | None:
    """What is missing of the state, which has this generation (0: there is none), in words; None if nothing is known
    to be missing."""
    if told and generation < told.generation:
        found = f"generation {generation} of the state" if generation else "no state"
        return f"{found} of {quoted(cluster)} came back, though generation {told.generation} was stored"
    return None


def remembered(target: int, fence: int) -> dict[str, int]:
    """What the state keeps of a decision under `decided`, for a later job to compare what it is told with."""
    return {"target": target, "fence": fence}


def outdated(told: Told, memory: Mapping[str, Any], now: float) -> str | None:
    """Why a decision is not carried out by a later job; None if it is. `memory` is the cluster's state."""
    if memory.get("lease", {}).get("fence") != told.fence or memory.get("decided", {}).get("fence") != told.fence:
        return "somebody has decided, pinned, taken over or carried it out since"
    if memory["decided"]["target"] != told.target:
        return f"{memory['decided']['target']} was decided, and not {told.target}"
    if not 0 <= now - told.at <= DECISION_HOLDS_S:
        return f"it was decided at {moment(told.at)}, and holds for {DECISION_HOLDS_S / 60:.0f} minutes"
    return None


def overruled(target: int, settings: ClusterSettings, now: float) -> str | None:
    """Which setting forbids to carry out a decision, as settings are now; None if none does."""
    guards = settings.guards
    if settings.mode != ACT:
        return f"autoscale_mode is {settings.mode}"
    if guards.pin and guards.pin.holds(now) and guards.pin.count != target:
        return f"autoscale_pin is {guards.pin.count}"
    if not guards.min_instances <= target <= guards.max_instances:
        return f"it has from {guards.min_instances} to {guards.max_instances} instances"
    return None
