# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy `shadow_q`: order what the rules that have proved cheapest, in situations like this one, would order.

Readable staffing rules ("modes": headroom x season x hold time) compete. As arrivals do not depend on what is ordered,
each of them is replayed at every tick on the arrivals that were measured, with a fleet of its own in a queueing model
(a "shadow"), and tables remember what it cost in which situation: the cost of instances, and of breaking the SLO. What
is ordered is for the mean of the rates that the modes staff for, the cheapest by far the heaviest.

In the field's terms: contextual learning with full information over experts, model-based, with forgetting. It
explores nothing in production, draws nothing at random, and does not bootstrap values from values: Q is the mean of
what was paid. Until the service rate or the arrival rate is known, and while users feel what the model cannot explain,
policy `hpa` decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import np, require_numpy
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _fallback
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._assumed import service_of
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    MAX_ERLANGS,
    Entry,
    Memory,
    Observation,
    PerCluster,
    PolicySettings,
    Proposal,
    cannot_be,
    figure,
    lead_ticks,
    no_data,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._doubt import Doubt
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._editing import (
    entries,
    packed,
    unpacked,
    with_entries,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._learner import Learner, Settings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._modes import heaviest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._past import Past
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._times import Times
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Weights

#: Rules that a reason names.
NAMED_RULES = 3
#: An instance goes only where this much more traffic would not need it. Else a rate that wavers about what some number
#: of instances can do starts and stops one over and over.
DEADBAND = 0.02


@dataclass
class Mind:
    """What is known of one cluster; `plain` is what came from the store, as long as it is not needed."""

    plain: Memory
    doubt: Doubt
    learner: Learner | None = None
    history: Past | None = None  # while there is no learner
    fallback: Memory = field(default_factory=dict)
    damaged: bool = False  # what came from the store was


class ShadowQ(PerCluster):
    """Memory: the `learner` (history of rates, tables, shadow fleets), `doubt`s in its model, hpa's memory."""

    name = "shadow_q"
    cooldown_down = 0.0  # how long to hold is what it learns
    wants_history = True
    less_is_better = True
    options: ClassVar[dict[str, Any]] = {
        "season": {"type": "float", "default": 86400.0},
        "violation_cost": {"type": "float", "default": 30.0},
        "peak": {"type": "float", "default": 1.01},
    }
    limits: ClassVar[dict[str, tuple[float, float]]] = {
        "season": (1.0, 31 * 86400.0),
        "violation_cost": (0.0, 1e6),
        "peak": (1.0, 10.0),
    }

    def load(self, memory: Memory) -> Mind:
        """See Policy.load."""
        return Mind(memory, Doubt.from_plain(memory.get("doubt", {})), fallback=memory.get("fallback", {}))

    def dump(self, live: Mind) -> Memory:
        """See Policy.dump."""
        learner = live.plain.get("learner")
        if live.learner is not None:
            learner = live.learner.to_plain()
        elif live.history is not None:
            learner = {"history": live.history.to_plain()}
        return {"learner": learner, "doubt": live.doubt.to_plain(), "fallback": live.fallback}

    def prefilled(self, rates: Sequence[float], end: float, settings: PolicySettings) -> Memory:
        """See Policy.prefilled. They are learned from as soon as the service rate is known."""
        require_numpy("policy shadow_q")
        history = Past(_times(settings))
        history.fill(rates, end)
        return {"learner": {"history": history.to_plain()}}

    def table(self, memory: Memory) -> list[Entry]:
        """See Policy.table: what each rule has cost a tick in each situation."""
        require_numpy("policy shadow_q")
        try:
            return entries(*unpacked(memory["learner"]))
        except (AutoscaleError, KeyError, TypeError, ValueError):
            return []  # nothing is learned, or what is learned is damaged or of another version

    def edited(self, memory: Memory, entries: Sequence[Entry]) -> Memory:
        """See Policy.edited. It fades as all that is learned does: what comes next is learned from."""
        if not self.table(memory):
            raise OptionError("entries", "nothing has been learned yet that could be edited")
        learner = memory["learner"]
        return {**memory, "learner": {**learner, **packed(*with_entries(*unpacked(learner), entries))}}

    def propose(
        self, memory: Mind, observation: Observation, settings: PolicySettings, rng: Random
    ) -> tuple[Proposal, Mind]:
        """Let every mode live through the last tick, then staff for what the cheapest of them expect."""
        require_numpy("policy shadow_q")
        mind, snapshot = memory, observation.snapshot
        if not snapshot.get("valid"):
            return Proposal(None, no_data(snapshot)), mind
        arrival_rate = snapshot.get("arrival_rate")
        if arrival_rate is None:
            return _fallback.delegated("arrival rate unknown", mind, observation, settings, rng)
        if observation.service_rate is None:
            self._note(mind, observation, settings)
            return _fallback.delegated("service rate not calibrated yet", mind, observation, settings, rng)

        if arrival_rate / observation.service_rate > MAX_ERLANGS:
            queued = snapshot.get("queue_total") or 0.0
            return Proposal(None, cannot_be(arrival_rate, queued, observation.service_rate)), mind
        learner = self._learner(mind, learner_settings(settings, observation.service_rate))
        learner.live_through(observation.now, arrival_rate, guessed=not observation.complete)
        proposal = _propose(learner, observation)
        mind.doubt.look(learner.settings.service, observation)
        if mind.damaged:
            mind.damaged = False
            proposal = replace(proposal, reason=f"{proposal.reason} (what was learned is damaged, and learned anew)")
        if mind.doubt.lasting:
            return _fallback.delegated(mind.doubt.reason, mind, observation, settings, rng, may_shrink=False)
        return proposal, mind

    @staticmethod
    def _note(mind: Mind, observation: Observation, settings: PolicySettings) -> None:
        """Remember the rate, to learn from it once there is a service rate."""
        if mind.history is None:
            mind.history = Past(_times(settings)).recall((mind.plain.get("learner") or {}).get("history"))
        rates = mind.history.until(observation.now, observation.snapshot["arrival_rate"])
        mind.history.extend(rates, guessed=not observation.complete)

    @staticmethod
    def _learner(mind: Mind, settings: Settings) -> Learner:
        """The learner with these settings."""
        if mind.learner is None:
            known = mind.plain.get("learner")
            if mind.history is not None:
                known = {"history": mind.history.to_plain()}
                mind.history = None
            mind.learner, whole = Learner.restored(known, settings) if known else (Learner(settings), True)
            mind.damaged = not whole
        mind.learner = mind.learner.adapted(settings)
        return mind.learner


def _times(settings: PolicySettings) -> Times:
    return Times(
        interval=settings.interval,
        lead=lead_ticks(settings),
        season=max(1, round(settings.options["season"] / settings.interval)),
    )


def learner_settings(settings: PolicySettings, service_rate: float) -> Settings:
    """What the learner is to assume of a service with this rate of one server."""
    service = service_of(settings, service_rate)
    return Settings(
        service=service,
        times=_times(settings),
        min_instances=settings.min_instances,
        weights=Weights.of(service, settings.options["violation_cost"]),
        peak=settings.options["peak"],
        scheduled=settings.expected_rate or 0.0,
    )


def _propose(learner: Learner, observation: Observation) -> Proposal:
    """Staff for the mean of what the modes expect, and to work off what waits before clients give up."""
    weights, settings = learner.weights(), learner.settings
    queued = observation.snapshot.get("queue_total") or 0.0
    expected = float(weights @ learner.loads)
    staffed = expected + queued / settings.service.patience
    count, before_less = learner.needed(staffed * np.array([1.0, 1.0 + DEADBAND])).tolist()
    rules = heaviest(weights, learner.loads, NAMED_RULES)
    named = "; ".join(f"{rule.name} {figure(rule.rate)} ({100 * rule.weight:.0f} %)" for rule in rules)
    capacity = settings.service.capacity
    waiting = f" and {figure(queued)} that wait" if staffed - expected > 0.01 * staffed else ""
    arriving = observation.snapshot["arrival_rate"]
    reason = (
        f"{figure(arriving)} msg/s {learner.situation()}, staffed for {figure(expected)}{waiting} at "
        f"{figure(capacity)} an instance: {named}"
    )
    if count < observation.ordered and before_less > count:
        count = min(before_less, observation.ordered)
        reason += f"; {count} because {100 * DEADBAND:g} % more would need that"
    if count < observation.ordered and learner.held:
        reason += f"; {observation.ordered} because traffic broke off, which it rarely does here"
        count = observation.ordered
    details = {
        "arrival_rate": arriving,
        "staffed_rate": staffed,
        "service_rate": settings.service.service_rate,
        "erlangs": staffed / settings.service.service_rate,
        "rules": [rule._asdict() for rule in rules],
        "situation": learner.situation(),
        "ticks_learned": learner.tables.ticks,
    }
    return Proposal(count, reason, details)


POLICY = ShadowQ()
