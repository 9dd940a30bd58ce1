# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges a proposal by all guards, those included that look beyond the cluster: approval by a person, and a quota.

Only as much is claimed of the quota as is approved, so that others give nothing back for what a person may refuse. What
waits for approval is what would be ordered without it; where the quota leaves no more than a step anyway, it is what
would be claimed. What the quota takes of a protected cluster beyond a step waits, too, and so does who is to get it.
Pure, but for the claim, which is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ansible_collections.rlops.autoscale.plugins.plugin_utils import _approval, _guards, _quota


@dataclass(frozen=True)
class Roof:
    """What lies over a cluster at one tick."""

    cluster: str
    approval: _approval.ApprovalSettings | None = None  # None: the cluster is not protected
    remembered: Mapping[str, Any] = field(default_factory=dict)  # of approval
    command: str | None = None  # what a person runs to approve; None: nothing is recorded
    quota: _quota.QuotaSettings | None = None  # None: the cluster shares none
    claim: Callable[[_quota.Claim], _quota.Share] | None = None


class Judged(NamedTuple):
    """What is left of a proposal."""

    verdict: _guards.Verdict
    remembered: dict[str, Any] | None = None  # of approval; None where the cluster is not protected
    approved: str = ""  # who has approved the target, in words; empty where nobody had to


def judge(context: _guards.GuardContext, proposal: int | None, roof: Roof, *, policy: str, reason: str) -> Judged:
    """What may be ordered. `policy` and `reason` say who wants the proposal, and why, to the person who is asked."""
    rules = roof.approval
    if rules is None:
        return Judged(_guards.judge(_shared(context, proposal, roof), proposal))
    memory = _approval.begin(
        roof.remembered, rules, context.ordered, reach=_guards.reach(context, "approval"), now=context.now
    )
    floor, ceiling = _approval.allowed(memory, rules, context.ordered, context.now)
    protected = replace(context, approval=_guards.Range(floor, ceiling, "approval"))
    shared = _shared(protected, proposal, roof)
    beyond = _difference(replace(shared, approval=None), shared, proposal)
    if beyond is None:
        beyond = _difference(context, protected, proposal)
    elif shared.quota is not None and beyond == shared.quota.ceiling:
        policy, reason = "quota", shared.quota.reason
    memory = _approval.ask(memory, beyond, context.now, by=policy, reason=reason)
    told = None  # where approval changes nothing, it is not told either
    if beyond is not None:
        told = _guards.Range(floor, ceiling, _approval.why_not(memory, rules, context.now, roof.command))
    verdict = _guards.judge(replace(shared, approval=told), proposal)
    return Judged(verdict, memory, _approval.by_whom(memory, rules, verdict.target, context.now))


def _shared(context: _guards.GuardContext, proposal: int | None, roof: Roof) -> _guards.GuardContext:
    """The context with what the quota says to a claim of what would be ordered without it."""
    if roof.quota is None or roof.claim is None:
        return context
    share = roof.claim(
        _quota.Claim(
            now=context.now,
            cluster=roof.cluster,
            quota=roof.quota,
            interval=context.settings.interval,
            ordered=context.ordered,
            draining=context.draining,
            wanted=_guards.judge(context, proposal).target,
            floor=_guards.reach(context, "approval")[0],
            max_step_down=context.settings.max_step_down,
        )
    )
    return replace(context, quota=_guards.Range(0, share.ceiling, share.reason))


def _difference(one: _guards.GuardContext, other: _guards.GuardContext, proposal: int | None) -> int | None:
    """What would be ordered in the one situation, if that is not the same as in the other."""
    target = _guards.judge(one, proposal).target
    return target if target != _guards.judge(other, proposal).target else None
