# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One tick of the agent: learn from what became of the last decision, propose, guard, remember.

Pure: what the agent remembers of a cluster goes in as plain data and comes out as new plain data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from shlex import quote
from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils import (
    _account,
    _approval,
    _guards,
    _quota,
    _roof,
    _service_rate,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    Live,
    Observation,
    Policy,
    PolicySettings,
    Proposal,
)

#: What was decided more ticks ago than this is not learned from.
OLDEST_TICKS = 3

ACT = "act"
RECOMMEND = "recommend"

#: What the agent remembers of one cluster: plain data, see docs/state.md.
Memory = dict[str, Any]


@dataclass(frozen=True)
class ClusterSettings:
    """What a person has set for one cluster."""

    cluster: str
    policy: Policy
    policy_settings: PolicySettings
    guards: _guards.GuardSettings
    mode: str = ACT  # ACT, or RECOMMEND: decide and learn, scale nothing
    service_rate: float | None = None  # messages/s of one server of one instance; None: calibrate
    seed: int | None = None  # of the exploration; None: drawn once and remembered
    approval: _approval.ApprovalSettings | None = None  # None: the cluster is not protected
    quota: _quota.QuotaSettings | None = None  # None: the cluster shares none
    host: str | None = None  # of the inventory, for what a person has to run; None: it is named like the cluster

    def within(self, capacity: int | None) -> ClusterSettings:
        """The settings of a cluster whose pools hold no more than `capacity` instances."""
        if capacity is None or capacity >= self.guards.max_instances:
            return self
        most = max(capacity, self.guards.min_instances)
        return replace(
            self,
            policy_settings=replace(self.policy_settings, max_instances=most),
            guards=replace(self.guards, max_instances=most),
        )


@dataclass(frozen=True)
class Counts:
    """The cluster's instances by state."""

    ready: int = 0
    booting: int = 0
    draining: int = 0
    desired: int = 0  # what was last ordered, where that is carried out here

    @classmethod
    def of(cls, instances: Sequence[Mapping[str, Any]], desired: int | None = None) -> Counts:
        """Count a list of instances, as cluster_status gives it."""
        states = [instance["state"] for instance in instances]
        return cls(states.count("ready"), states.count("booting"), states.count("draining"), desired or 0)

    @property
    def ordered(self) -> int:
        """Booting and ready ones, and those that are to be replaced because they failed: a crash is no order."""
        return max(self.ready + self.booting, self.desired)


@dataclass(frozen=True)
class Tick:
    """What one tick starts from."""

    now: float  # unix seconds
    snapshot: Mapping[str, Any]  # see metrics_snapshot
    counts: Counts
    failed_at: float | None = None  # when an instance failed last, unix seconds
    dry_run: bool = False  # check mode: nothing is carried out and nothing is remembered
    claim: Callable[[_quota.Claim], _quota.Share] | None = None  # asks the quota, where the cluster shares one


@dataclass(frozen=True)
class Decision:
    """What to order, and why."""

    cluster: str
    tick: int
    at: float  # unix seconds
    mode: str
    policy: str
    current: int  # ordered before
    ready: int
    booting: int
    target: int
    reason: str  # one sentence
    proposal: dict[str, Any]  # the policy's own {count, reason, details}
    bound_by: list[dict[str, Any]]  # guards that changed the outcome: {guard, floor, ceiling, reason}
    service_rate: dict[str, Any]  # {rate, source, lessons}; rate in messages/s of one server, None: not known yet
    account: dict[str, Any] | None  # in recommend mode: see _account.summary
    approval: dict[str, Any] | None = None  # what waits for a person: see _approval.waiting


def with_past(memory: Memory, settings: ClusterSettings, past: Memory) -> Memory:
    """The memory with `past` as that of the policy, where there is such a past and it has no memory of its own."""
    learned = memory.get("policies", {})
    if not past or settings.policy.name in learned:
        return memory
    return {**memory, "policies": {**learned, settings.policy.name: past}}


def decide(memory: Memory, tick: Tick, settings: ClusterSettings) -> tuple[Decision, Memory]:
    """One tick: learn, propose, guard.

    Returns the decision and what to remember; `memory` ({} at first) stays as it is.
    In recommend mode nothing is carried out, so what guards and exploration count stays where it is, and the change
    that somebody else made is the action learned from. The same memory, tick and settings give the same decision.
    """
    policy, learned = settings.policy, memory.get("policies", {})
    live = policy.load(learned.get(policy.name, {}))
    decision, remembered, live = decide_live(memory, live, tick, settings)
    return decision, {**remembered, "policies": {**learned, policy.name: policy.dump(live)}}


def decide_live(memory: Memory, live: Live, tick: Tick, settings: ClusterSettings) -> tuple[Decision, Memory, Live]:
    """`decide` for those who tick on without a store between: the policy's own memory is `live`, see `Policy.load`."""
    number = memory.get("tick", 0) + 1
    seed = settings.seed if settings.seed is not None else memory.get("seed", 0)
    carried_out = settings.mode == ACT and not tick.dry_run
    complete = _complete(tick.snapshot)
    measured, last_rate = tick.snapshot.get("arrival_rate"), memory.get("arrival_rate")
    snapshot = tick.snapshot if complete else _guessed(tick.snapshot, last_rate)
    calibration, service_rate = _calibrate(memory.get("calibration", {}), tick.snapshot, settings)
    observation = Observation(
        now=tick.now,
        snapshot=snapshot,
        ordered=tick.counts.ordered,
        ready=tick.counts.ready,
        service_rate=service_rate.rate,
        taken=None if _cannot_teach(memory, tick, settings) else tick.counts.ordered - memory["ordered"],
        explore=carried_out,
        complete=complete,
    )
    rng = Random((seed << 40) + number)  # noqa: S311 - an int seeds much faster than a text
    (proposal,), (live,) = settings.policy.step([live], [observation], [settings.policy_settings], [rng])
    context = _guards.GuardContext(
        now=tick.now,
        ordered=tick.counts.ordered,
        ready=tick.counts.ready,
        booting=tick.counts.booting,
        draining=tick.counts.draining,
        snapshot=tick.snapshot,
        settings=_with_pin(settings.guards, memory.get("pin"), tick.now),
        memory=memory.get("guards", {}),
    )
    roof = _roof_over(memory, tick, settings, carried_out=carried_out)
    judged = _roof.judge(context, proposal.count, roof, policy=settings.policy.name, reason=proposal.reason)
    verdict = judged.verdict
    account = _watched(memory, tick, settings, target=verdict.target, rate=service_rate.rate)
    decision = Decision(
        cluster=settings.cluster,
        tick=number,
        at=tick.now,
        mode=settings.mode,
        policy=settings.policy.name,
        current=tick.counts.ordered,
        ready=tick.counts.ready,
        booting=tick.counts.booting,
        target=verdict.target,
        reason=_reason(proposal, verdict, judged.approved),
        proposal={"count": proposal.count, "reason": proposal.reason, "details": proposal.details},
        bound_by=verdict.bound_by,
        service_rate=service_rate._asdict(),
        account=_account.summary(account),
        approval=_approval.waiting(judged.remembered, tick.now),
    )
    remembered = {
        **memory,
        "tick": number,
        "seed": seed,
        "last_at": tick.now,
        "counters": tick.snapshot.get("counters") or memory.get("counters"),
        "calibration": calibration,
        "arrival_rate": last_rate if measured is None or not complete else measured,
        "ordered": tick.counts.ordered,
        "account": account,
        "guards": _guards.advance(context, verdict.target) if carried_out else memory.get("guards", {}),
        "approval": judged.remembered if carried_out else memory.get("approval"),
    }
    return decision, remembered, live


def _roof_over(memory: Memory, tick: Tick, settings: ClusterSettings, *, carried_out: bool) -> _roof.Roof:
    """What lies over the cluster beside its own guards."""
    host = quote(settings.host or settings.cluster)
    return _roof.Roof(
        cluster=settings.cluster,
        approval=settings.approval,
        remembered=memory.get("approval") or {},
        command=f"ansible-playbook rlops.autoscale.approve -i inventory.yml -e cluster={host}" if carried_out else None,
        quota=settings.quota,
        claim=tick.claim,
    )


def _complete(snapshot: Mapping[str, Any]) -> bool:
    """Whether all instances answered that were to."""
    return bool(snapshot.get("answered", 0) >= snapshot.get("expected", 0))


def _guessed(snapshot: Mapping[str, Any], last: float | None) -> Mapping[str, Any]:
    """The snapshot where instances did not answer: as much arrives as did when all answered `last` (messages/s), if
    those that answer do not have more already."""
    known = [rate for rate in (snapshot.get("arrival_rate"), last) if rate is not None]
    return {**snapshot, "arrival_rate": max(known, default=None)}


def _watched(memory: Memory, tick: Tick, settings: ClusterSettings, *, target: int, rate: float | None) -> Memory:
    """The account of what would have been; there is none where the agent itself is in charge."""
    if settings.mode == ACT:
        return {}
    seen = _account.Seen(tick.now, tick.snapshot, tick.counts.ordered, tick.counts.ready, target, rate)
    return _account.advance(memory.get("account", {}), seen, settings.policy_settings)


def _calibrate(
    calibration: Memory, snapshot: Mapping[str, Any], settings: ClusterSettings
) -> tuple[Memory, _service_rate.Estimate]:
    """Learn the service rate from one more snapshot, unless a person has given it."""
    if settings.service_rate is not None:
        return calibration, _service_rate.Estimate(settings.service_rate, "given", 0)
    learned = _service_rate.learn(
        calibration,
        snapshot,
        servers_per_instance=settings.policy_settings.servers_per_instance,
        queueing=settings.policy_settings.queueing,
        slo_p99=settings.policy_settings.slo.p99_latency,
    )
    return learned, _service_rate.estimate(learned)


def _cannot_teach(memory: Memory, tick: Tick, settings: ClusterSettings) -> bool:
    """Whether what was ordered at the last tick is no lesson: there was none, not all of what came of it is seen,
    instances have failed since, or it is so long ago that what is seen now came of much else."""
    if memory.get("ordered") is None or not _complete(tick.snapshot):
        return True
    age = tick.now - memory["last_at"]
    failed = tick.failed_at is not None and tick.failed_at >= memory["last_at"]
    return failed or not 0 <= age <= OLDEST_TICKS * settings.guards.interval


def _with_pin(guards: _guards.GuardSettings, pinned: Mapping[str, Any] | None, now: float) -> _guards.GuardSettings:
    """The guards with the pin a person has left in the state, unless the settings have one that holds."""
    if not pinned or (guards.pin and guards.pin.holds(now)):
        return guards
    return replace(guards, pin=_guards.Pin.from_option(pinned))


def _reason(proposal: Proposal, verdict: _guards.Verdict, approved: str) -> str:
    """One sentence: what the policy says, what moved it, and who has approved it."""
    if not verdict.bound_by:
        return proposal.reason + (approved and f" - {approved}")
    bounds = "; ".join(f"{bound['guard']}: {bound['reason']}" for bound in verdict.bound_by)
    wanted = "no proposal" if proposal.count is None else f"{proposal.count} proposed"
    return f"{proposal.reason} - {wanted}, {verdict.target} by {bounds}" + (approved and f"; {approved}")
