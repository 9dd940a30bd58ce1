# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is assumed of a service, where it is trained for and where it is scaled, and the rule that the network improves.

The rule staffs for the largest of what arrives, what its trend leads to until an instance that is ordered now has
served, and a peak of the last minutes that fades, all with some headroom, and for what waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, Ints, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._assumed import service_of
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import PolicySettings, lead_ticks
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._fleet import Fleet
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Service, Weights, needed

#: What the network chooses from: factors on the rate that the rule staffs for. It never staffs for less than what
#: arrives. RULE is the action that is the rule.
ACTIONS = (0.7, 0.85, 1.0, 1.15, 1.35, 1.7, 2.2)
RULE = ACTIONS.index(1.0)
#: Messages that wait are to be worked off in so many times the SLO on p99, s where there is none.
DRAIN_SLOS, DRAIN_S = 2.0, 60.0
#: A service that is faster or slower than the one trained for by more than this share is another one.
SAME_SPEED = 0.25


@dataclass(frozen=True)
class World:
    """A service and its costs; times in ticks, or in s where it is said."""

    service: Service
    weights: Weights
    interval: float  # s
    lead: int  # until what is ordered now has served for a tick
    min_instances: int
    headroom: float  # factor of the rule on the arrival rate
    hold: float  # s in which a peak fades from the rule's memory
    drain_time: float  # s in which a backlog is to be worked off

    @property
    def kind(self) -> dict[str, Any]:
        """What a network is trained for: for a service of another kind it is no use. Speed is apart, see `speed`."""
        return {
            "interval": self.interval,
            "lead": self.lead,
            "servers_per_instance": self.service.servers_per_instance,
            "queueing": self.service.queueing,
            "headroom": self.headroom,
            "hold": self.hold,
        }

    @property
    def speed(self) -> float:
        """The SLO on p99 in mean service times, that of one without an SLO in s."""
        return self.service.service_rate * (self.service.slo_p99 or 1.0)

    def fleet(self, serving: Ints) -> Fleet:
        """Fleets that serve with so many instances each."""
        return Fleet(self.service, self.lead - 1, serving)

    def needed(self, rates: Floats) -> Ints:
        """The fewest instances that keep the SLO at each of these rates (messages/s), within the bounds."""
        return needed(self.service, rates, self.min_instances)

    def wanted(self, factors: Floats, ruled: Floats, smooth: Floats, backlog: Floats) -> Ints:
        """What is ordered with these factors on the rule's rates, given the smooth arrival rate and what waits."""
        return self.needed(np.maximum(factors * ruled, smooth) + backlog / self.drain_time)


def world_of(settings: PolicySettings, service_rate: float) -> World:
    """What these settings mean for a service with this rate of one server (messages/s)."""
    options, p99 = settings.options, settings.slo.p99_latency
    service = service_of(settings, service_rate)
    return World(
        service=service,
        weights=Weights.of(service, options["violation_cost"]),
        interval=settings.interval,
        lead=lead_ticks(settings),
        min_instances=settings.min_instances,
        headroom=options["headroom"],
        hold=options["hold"],
        drain_time=DRAIN_S if p99 is None else DRAIN_SLOS * p99,
    )
