# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy `dqn`: a small neural network that corrects a staffing rule, trained before in the simulator, and guarded.

The rule staffs by Erlang C for what arrives, its trend and the peak of the last minutes, with headroom. Once for each
boot time, the network chooses the factor on the rate that is staffed for, from continuous features of traffic and
fleet. It does not explore or learn in production; the playbook `pretrain` trains it. Without a network, for a service
of another kind than it was trained for, and in situations that training has not seen, the rule alone decides.

The network is followed only while it proves cheaper than the rule, in simulated fleets on the arrivals that were
measured, and such that the margin is kept: in the model, and whatever the network says, what this policy costs is at
most 1 + `margin` times what the rule costs, and a constant. See `_dqn._guard` for the constant and the proof.

Until the service rate or the arrival rate is known, and while users feel what the model cannot explain, policy `hpa`
decides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import np, require_numpy
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _fallback
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    MAX_ERLANGS,
    Memory,
    Observation,
    PerCluster,
    PolicySettings,
    Proposal,
    cannot_be,
    figure,
    no_data,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._doubt import Doubt
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._pilot import Pilot, Trained
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._world import ACTIONS, World, world_of


@dataclass
class Mind:
    """What is known of one cluster; `plain` is what came from the store."""

    plain: Memory
    doubt: Doubt
    trained: Trained | None = None
    pilot: Pilot | None = None
    fallback: Memory = field(default_factory=dict)


#: What reading a memory raises that was damaged, or written by another version.
_DAMAGED = (AutoscaleError, AttributeError, IndexError, KeyError, TypeError, ValueError)


class Dqn(PerCluster):
    """Memory: the `network`, what it was trained for, the `pilot` (signals, fleets, guard), `doubt`, hpa's memory."""

    name = "dqn"
    cooldown_down = 0.0  # the rule holds by itself, and the network knows for how long
    options: ClassVar[dict[str, Any]] = {
        "margin": {"type": "float", "default": 0.05},
        "headroom": {"type": "float", "default": 1.1},
        "hold": {"type": "float", "default": 900.0},
        "violation_cost": {"type": "float", "default": 30.0},
    }
    limits: ClassVar[dict[str, tuple[float, float]]] = {
        "margin": (0.0, 10.0),
        "headroom": (0.1, 10.0),
        "hold": (0.0, 86400.0),
        "violation_cost": (0.0, 1e6),
    }

    def load(self, memory: Memory) -> Mind:
        """See Policy.load."""
        return Mind(memory, Doubt.from_plain(memory.get("doubt", {})), fallback=memory.get("fallback", {}))

    def dump(self, live: Mind) -> Memory:
        """See Policy.dump."""
        return {
            "network": live.plain.get("network"),
            "pilot": live.plain.get("pilot") if live.pilot is None else live.pilot.to_plain(),
            "doubt": live.doubt.to_plain(),
            "fallback": live.fallback,
        }

    def propose(
        self, memory: Mind, observation: Observation, settings: PolicySettings, rng: Random
    ) -> tuple[Proposal, Mind]:
        """Let the three fleets live through the last tick, then staff as the followed one does."""
        require_numpy("policy dqn")
        mind, snapshot = memory, observation.snapshot
        if not snapshot.get("valid"):
            return Proposal(None, no_data(snapshot)), mind
        arrival_rate, service_rate = snapshot.get("arrival_rate"), observation.service_rate
        if arrival_rate is None or service_rate is None:
            unknown = "arrival rate unknown" if arrival_rate is None else "service rate not calibrated yet"
            return _fallback.delegated(unknown, mind, observation, settings, rng)

        if arrival_rate / service_rate > MAX_ERLANGS:
            return Proposal(None, cannot_be(arrival_rate, snapshot.get("queue_total") or 0.0, service_rate)), mind
        world = world_of(settings, service_rate)
        unread = "" if mind.trained else _read_network(mind)
        mind.pilot = pilot = _pilot(mind, world, observation.now, arrival_rate)
        misfit = "" if mind.trained is None else mind.trained.misfit(pilot.world)
        network = None if misfit else mind.trained
        margin, guessed = settings.options["margin"], not observation.complete
        follows = pilot.fly(network, observation.now, arrival_rate, margin, guessed=guessed)
        why_not = "" if follows else unread or _why_not(pilot, misfit)
        proposal = _propose(pilot, why_not, observation)
        mind.doubt.look(pilot.world.service, observation)
        if mind.doubt.lasting:
            return _fallback.delegated(mind.doubt.reason, mind, observation, settings, rng, may_shrink=False)
        return proposal, mind


def _read_network(mind: Mind) -> str:
    """Take the network out of what is remembered; why there is none, if so."""
    plain = mind.plain.get("network")
    if not plain:
        return "no network has been trained, so the rule decides"
    try:
        mind.trained = Trained.from_plain(plain)
    except _DAMAGED:
        return "the network cannot be read, so the rule decides: train it anew"
    return ""


def _pilot(mind: Mind, world: World, now: float, rate: float) -> Pilot:
    """The pilot, in this world; a new one where it was another kind of world."""
    if mind.pilot is None and mind.plain.get("pilot"):
        try:
            mind.pilot = Pilot.from_plain(mind.plain["pilot"], world)
        except _DAMAGED:
            mind.pilot = None  # it is damaged, so all but the network begins anew
    if mind.pilot is None or not mind.pilot.adapted(world):
        return Pilot(world, now, rate)
    return mind.pilot


def _propose(pilot: Pilot, why_not: str, observation: Observation) -> Proposal:
    """Staff for what arrives and for what waits; by the network, unless there is a reason why not."""
    world, guard = pilot.world, pilot.guard
    queued = observation.snapshot.get("queue_total") or 0.0
    ruled, smooth = pilot.rates
    follows = not why_not
    factor = ACTIONS[pilot.action] if follows else 1.0
    staffed = max(factor * ruled, smooth) + queued / world.drain_time
    count = int(world.needed(np.array(staffed)))
    arrives, each = figure(observation.snapshot["arrival_rate"]), figure(world.service.capacity)
    waiting = f" and {figure(queued)} that wait" if queued / world.drain_time > 0.01 * staffed else ""
    reason = f"{arrives} msg/s: {figure(ruled)} by the rule"
    if follows:
        reason += (
            f" x {factor:g} by the network{waiting} at {each} each; it has saved {100 * guard.saving:.0f} % of late"
        )
    else:
        reason += f"{waiting} at {each} each; {why_not}"
    details = {
        "arrival_rate": observation.snapshot["arrival_rate"],
        "staffed_rate": staffed,
        "service_rate": world.service.service_rate,
        "erlangs": staffed / world.service.service_rate,
        "factor": factor,
        "follows": follows,
        "saving": guard.saving,
        "account": guard.account,
    }
    return Proposal(count, reason, details)


def _why_not(pilot: Pilot, misfit: str) -> str:
    """Why the network is not followed."""
    if misfit:
        return f"the network was trained for another service ({misfit}), so the rule decides"
    if not pilot.guard.following:
        return f"the network {pilot.guard.verdict(pilot.world.interval)}, so the rule decides"
    return "the network does not know this situation, so the rule decides"


POLICY = Dqn()
