# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who decides where a policy cannot, because what it computes with is not known: policy `hpa` with its defaults."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Protocol, TypeVar

from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    Memory,
    Observation,
    PolicySettings,
    Proposal,
    default_options,
)

#: The policy that decides instead.
FALLBACK = "hpa"


class Minded(Protocol):
    """What a policy knows of a cluster, with what hpa remembers of it."""

    fallback: Memory


M = TypeVar("M", bound=Minded)


def delegated(
    why: str, mind: M, observation: Observation, settings: PolicySettings, rng: Random, *, may_shrink: bool = True
) -> tuple[Proposal, M]:
    """`delegate` for policies that keep what they know of a cluster at hand."""
    proposal, mind.fallback = delegate(why, mind.fallback, observation, settings, rng, may_shrink=may_shrink)
    return proposal, mind


def delegate(
    why: str,
    remembered: Memory,
    observation: Observation,
    settings: PolicySettings,
    rng: Random,
    *,
    may_shrink: bool = True,
) -> tuple[Proposal, Memory]:
    """What hpa says, where there is an SLO for it to keep, and its memory.

    It may not grow further while instances boot: latency that does not come from load would let it double again and
    again, and instances that keep joining would keep the service rate from being learned. `why` begins the reason;
    `remembered` is hpa's memory, {} at first.
    """
    if settings.slo.p99_latency is None:
        return Proposal(None, f"{why}, and there is no SLO on p99 for hpa to keep"), remembered
    fallback = _registry.get(FALLBACK)
    settings = replace(settings, options=default_options(fallback.options))
    (proposal,), (remembered,) = fallback.step([remembered], [observation], [settings], [rng])
    count, reason = proposal.count, f"{why}, hpa decides: {proposal.reason}"
    booting = observation.ordered - observation.ready
    if count is not None and count > observation.ordered and booting > 0:
        count, reason = observation.ordered, f"{reason}; {booting} booting instances are awaited"
    if not may_shrink and count is not None and count < observation.ordered:
        count, reason = observation.ordered, f"{reason}; nothing shrinks meanwhile"
    return Proposal(count, reason, {**proposal.details, "decided_by": FALLBACK}), remembered
