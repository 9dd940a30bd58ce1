# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a trainer is told, what it has to do, and the figures by which its work is judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Protocol

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import Memory, PolicySettings

#: Ticks of an episode that only let means and peaks settle, and those that teach.
SETTLE, LESSONS = 240, 2160
EPISODE = SETTLE + LESSONS
#: Services that are validated on, and those of the families that nobody trains on.
VALIDATED, REPORTED = 60, 24


@dataclass(frozen=True)
class Plan:
    """The service to train for, and how much."""

    settings: PolicySettings  # of the cluster, with the options of the policy that is trained
    service_rate: float  # messages/s of one server
    steps: int  # ticks of simulated services, all together
    environments: int = 256  # services side by side
    seed: int = 0

    @property
    def episodes(self) -> int:
        """Episodes that have at least so many steps."""
        return max(1, math.ceil(self.steps / (self.environments * EPISODE)))

    def to_plain(self) -> dict[str, Any]:
        """All of it as plain data: a checkpoint of another plan is no use."""
        return asdict(self)


class Validation(NamedTuple):
    """What a trained policy costs on days that it was not trained on, against the rule of `dqn` on the same days."""

    ratio: float  # cost / the rule's, geometric mean of the services
    worst: float  # the same of the worst service
    families: dict[str, float]  # the same as `ratio`, by family
    violations: float  # share of ticks over the SLO on p99
    rule_violations: float


class Trainer(Protocol):
    """Trains one policy, episode by episode. What it does depends on the plan and the number of the episode only."""

    done: int  # episodes

    def episode(self) -> None:
        """Train for one more episode."""

    def validate(self) -> Validation:
        """How good what has been learned is, on days of the training families."""

    def report(self) -> Validation:
        """The same, on days of families that nobody trains or chooses on."""

    def memory(self) -> Memory:
        """What the policy is to remember, in place of what it has learned before."""

    def checkpoint(self) -> dict[str, Any]:
        """Plain data, from which a trainer goes on as if nothing had been."""


def validation(
    families: Sequence[str], costs: Floats, rule_costs: Floats, violations: Floats, rule_violations: Floats
) -> Validation:
    """The figures of services side by side, (E,) each; the families in turn. Costs are those of a mean tick."""
    logs = np.log(costs / rule_costs)
    count = len(families)
    return Validation(
        ratio=float(np.exp(logs.mean())),
        worst=float(np.exp(logs.max())),
        families={family: float(np.exp(logs[place::count].mean())) for place, family in enumerate(families)},
        violations=float(violations.mean()),
        rule_violations=float(rule_violations.mean()),
    )


def fits(checkpoint: Mapping[str, Any], plan: Plan, policy: str) -> bool:
    """Whether this is a checkpoint (or a provenance) of this policy and plan; {} is none."""
    return checkpoint.get("policy") == policy and checkpoint.get("plan") == plan.to_plain()
