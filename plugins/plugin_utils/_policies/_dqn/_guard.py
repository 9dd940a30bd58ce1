# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the network may be followed: while it is cheaper than the rule, and never at more than a margin above it.

Three fleets are simulated on the arrivals that were measured: the rule's, the network's, and the followed one, which
orders what the policy orders. An account of the followed one is credited with (1 + margin) times what the rule's fleet
cost in each tick and debited with its own cost. The network is followed only while the account is not overdrawn, so,
for every traffic and every network, after every tick

    cost of the followed fleet <= (1 + margin) x cost of the rule's fleet + (1 + r) x its dearest tick

where r is the longest recovery: how many ticks it ever took, from a return to the rule, until the followed fleet was
the rule's again (as many serve and boot, and no more waits). That is the boot time, and as long as it then takes to
work off what waits. For the tick that overdraws the account, and the r of the recovery, can cost too much; from then on
the followed fleet costs no more than the rule's. The overdraft is paid back before the network is followed again, so
recoveries do not add up; credit that fades only makes the account poorer than it is.

The guarantee holds in the model; as far as the model is right, it holds for the service.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

#: Costs, and credit, fade to 1/e in so many s.
MEMORY_S = 21600.0
#: s that have to be seen before the network is followed, and whose margin has to be saved before it is followed again.
PROBATION_S = 3600.0


@dataclass
class Guard:
    """What the three fleets cost of late, and the account."""

    ticks: int = 0
    rule: float = 0.0  # weighted mean cost of a tick
    network: float = 0.0
    account: float = 0.0
    following: bool = False

    def learn(self, rule: float, network: float, followed: float, *, margin: float, interval: float) -> None:
        """A tick has cost this."""
        self.ticks += 1
        weight = max(interval / MEMORY_S, 1.0 / self.ticks)
        self.rule += weight * (rule - self.rule)
        self.network += weight * (network - self.network)
        # Credit fades, so that a good week does not pay for a bad day; debts do not.
        self.account -= max(self.account, 0.0) * min(interval / MEMORY_S, 1.0)
        self.account += (1.0 + margin) * rule - followed

    def judge(self, *, margin: float, interval: float) -> bool:
        """Whether the network is to be followed now. It has to be cheaper than the rule to begin with."""
        probation = PROBATION_S / interval
        if self.following:
            self.following = self.account >= 0.0 and self.network <= (1.0 + margin) * self.rule
        else:
            saved = self.account >= margin * self.rule * min(probation, self.ticks)
            self.following = self.ticks >= probation and saved and self.network <= self.rule
        return self.following

    @property
    def saving(self) -> float:
        """The share of the rule's cost that the network saves; below 0 if it is dearer."""
        return 1.0 - self.network / self.rule if self.rule else 0.0

    def verdict(self, interval: float) -> str:
        """Why the network is not followed."""
        if self.ticks < PROBATION_S / interval:
            return f"is on probation for {PROBATION_S - self.ticks * interval:.0f} s more"
        if self.network > self.rule:
            return f"would have cost {100 * -self.saving:.0f} % more than the rule of late"
        return "has used up its margin"

    def to_plain(self) -> dict[str, Any]:
        """Plain data: the fields."""
        return asdict(self)
