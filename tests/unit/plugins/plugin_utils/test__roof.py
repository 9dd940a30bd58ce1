# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards, approval and quota together, as one tick has them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._agent import (
    RECOMMEND,
    ClusterSettings,
    Counts,
    Decision,
    Memory,
    Tick,
    decide,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._approval import ApprovalSettings, answered
from ansible_collections.rlops.autoscale.plugins.plugin_utils._guards import GuardSettings, Pin
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import PolicySettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._quota import Claim, QuotaSettings, Share, claim

NOW = 1_790_000_000.0
SNAPSHOT: dict[str, Any] = {
    "valid": True,
    "interval_s": 15.0,
    "p99_latency_s": 0.1,
    "mean_latency_s": 0.02,
    "queue_depth": 1.0,
    "queue_total": 2.0,
    "eventloop_lag_s": 0.001,
    "arrival_rate": 60.0,
    "completion_rate": 60.0,
    "utilisation": None,
    "expected": 2,
    "answered": 2,
    "instances": [],
    "counters": {"format": 1},
}


class Site:
    """A quota of 40, and what others hold of it."""

    def __init__(self, **others: dict[str, Any]) -> None:
        base = {"floor": 0, "instances": 40, "interval": 15.0, "at": NOW}
        clusters = {name: {**base, **entry} for name, entry in others.items()}
        self.document: dict[str, Any] = {"since": 0.0, "clusters": clusters}
        self.asked: list[Claim] = []

    def claim(self, asked: Claim) -> Share:
        """One transaction."""
        self.asked.append(asked)
        self.document, share = claim(self.document, asked)
        return share


def settings(count: int, **changes: Any) -> ClusterSettings:
    made = ClusterSettings(
        cluster="chat",
        policy=_registry.get("static"),
        policy_settings=PolicySettings(max_instances=60, options={"count": count}),
        guards=GuardSettings(max_instances=60, cooldown_down=0),
        service_rate=50.0,
        seed=7,
    )
    return replace(made, **changes)


def ticked(
    wanted: int, ordered: int = 10, memory: Memory | None = None, site: Site | None = None, **changes: Any
) -> tuple[Decision, Memory]:
    """One tick of a cluster whose policy wants so many."""
    tick = Tick(
        now=NOW,
        snapshot={**SNAPSHOT, "at": NOW},
        counts=Counts(ready=ordered),
        dry_run=changes.pop("dry_run", False),
        claim=site.claim if site else None,
    )
    shares = {"quota": QuotaSettings("site", 40, changes.pop("priority", 0))} if site else {}
    return decide(memory or {}, tick, settings(wanted, **shares, **changes))


PROTECTED = {"approval": ApprovalSettings(above_step=5)}
SHOP = {"wanted": 25, "held": 25, "priority": 10}
WAITS = (
    "waits for approval: ansible-playbook rlops.autoscale.approve -i inventory.yml -e cluster=chat -e instance_count"
)


def test_the_decision_says_what_the_quota_leaves() -> None:
    decision, _memory = ticked(30, site=Site(shop=SHOP))
    assert decision.target == 15
    why = "quota: site has 40 instances, shop (priority 10) needs 25 of them: at most 15"
    assert decision.reason == f"static count 30 - 30 proposed, 15 by {why}"
    assert [bound["guard"] for bound in decision.bound_by] == ["quota"]


def test_a_claim_is_what_would_be_ordered_without_a_quota() -> None:
    site = Site(shop=SHOP)
    guards = GuardSettings(min_instances=3, max_instances=20, cooldown_down=0, max_step_down=2)
    ticked(30, site=site, guards=guards, priority=4)
    (asked,) = site.asked
    assert (asked.wanted, asked.floor, asked.ordered, asked.max_step_down) == (20, 3, 10, 2)
    assert asked.quota == QuotaSettings("site", 40, 4)


def test_a_pin_outranks_quota_and_approval() -> None:
    site = Site(shop={**SHOP, "held": 40, "wanted": 40})
    guards = GuardSettings(max_instances=60, pin=Pin(30, None))
    decision, memory = ticked(10, site=site, guards=guards, **PROTECTED)
    assert decision.target == 30
    assert decision.approval is None
    assert memory["approval"]["from"] == 30
    assert site.document["clusters"]["chat"]["held"] == 30


def test_a_large_change_goes_as_far_as_it_may_and_is_recorded() -> None:
    decision, memory = ticked(30, **PROTECTED)
    assert decision.target == 15
    assert f"10 to 30 is more than 5 within 10 min and {WAITS}=30" in decision.reason
    assert decision.approval == {
        "from": 10,
        "to": 30,
        "at": NOW,
        "by": "static",
        "reason": "static count 30",
        "refused_by": None,
    }
    assert memory["approval"]["request"]["to"] == 30


def test_the_command_names_the_host_of_the_inventory() -> None:
    decision, _memory = ticked(30, host="chat 1", **PROTECTED)
    assert "approve -i inventory.yml -e cluster='chat 1' -e instance_count=30" in decision.reason


def test_what_is_approved_is_ordered_and_said() -> None:
    _decision, memory = ticked(30, **PROTECTED)
    for approved, target in ((True, 30), (False, 15)):
        answer = answered(
            memory["approval"],
            PROTECTED["approval"],
            approved=approved,
            by="alice",
            count=None,
            now=NOW,
            until=NOW + 60,
        )
        decision, _memory = ticked(30, ordered=15, memory={**memory, "approval": answer}, **PROTECTED)
        assert decision.target == target
        until = "until 2026-09-21 14:14:20 UTC"
        assert (decision.reason == f"static count 30 - alice has approved 30 {until}") == approved
        assert (f"which alice has refused {until}" in decision.reason) != approved


def test_others_give_nothing_back_for_what_nobody_has_approved() -> None:
    site = Site(blog={"wanted": 30, "held": 30, "priority": 0})
    decision, memory = ticked(30, ordered=10, site=site, priority=10, **PROTECTED)
    assert site.asked[-1].wanted == 15
    assert decision.target == 10
    assert (decision.approval or {})["to"] == 30, "but a person is asked already"
    answer = answered(
        memory["approval"], PROTECTED["approval"], approved=True, by="a", count=None, now=NOW, until=NOW + 60
    )
    ticked(30, ordered=10, memory={**memory, "approval": answer}, site=site, priority=10, **PROTECTED)
    assert site.asked[-1].wanted == 30


def test_a_protected_cluster_gives_back_no_more_than_a_step_without_approval() -> None:
    site = Site(shop={**SHOP, "wanted": 40, "held": 10})
    decision, memory = ticked(30, ordered=30, site=site, guards=GuardSettings(0, 60, cooldown_down=0), **PROTECTED)
    assert decision.target == 25
    assert f"30 to 0 is more than 5 within 10 min and {WAITS}=0" in decision.reason
    assert [bound["guard"] for bound in decision.bound_by] == ["approval", "quota"]
    request = memory["approval"]["request"]
    assert request["by"] == "quota"
    assert request["reason"] == "site has 40 instances, shop (priority 10) needs 40 of them: at most 0"
    assert site.document["clusters"]["chat"]["held"] == 30
    shop = replace(site.asked[0], cluster="shop", quota=QuotaSettings("site", 40, 10), ordered=10, wanted=40)
    assert site.claim(shop).ceiling == 10


@pytest.mark.parametrize("changes", [{"mode": RECOMMEND}, {"dry_run": True}])
def test_who_only_says_what_would_be_remembers_nothing_and_asks_nobody(changes: dict[str, Any]) -> None:
    decision, memory = ticked(30, **PROTECTED, **changes)
    assert decision.target == 15
    assert "10 to 30 is more than 5 within 10 min and would have to be approved" in decision.reason
    assert memory["approval"] is None


def test_without_either_nothing_is_different() -> None:
    decision, memory = ticked(30)
    assert (decision.target, decision.approval, memory["approval"]) == (30, None, None)


def test_a_quota_is_asked_once_a_tick() -> None:
    site = Site(shop=SHOP)
    ticked(30, site=site, **PROTECTED)
    assert len(site.asked) == 1
