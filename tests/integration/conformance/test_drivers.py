# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every driver must show. Real processes, real ansible-playbook."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

from .scenario import Scenario

pytestmark = pytest.mark.slow


@pytest.mark.long
def test_scales_to_each_count_and_a_repeat_changes_nothing(scenario: Scenario) -> None:
    before: dict[str, Any] = {}
    for target in (5, 5, 2, 0, 0, 1):
        again = len(before) == target
        run = scenario.converge(target) if again else scenario.reach(target)
        there = scenario.running()
        assert len(there) == target
        assert (run.result["ordered"], run.result["ready"]) == (target, target)
        assert run.result["unfinished"] is False
        # What stays is left alone.
        survivors = before.keys() & there.keys()
        assert len(survivors) == min(target, len(before))
        assert {name: before[name] for name in survivors} == {name: there[name] for name in survivors}
        if again:
            assert run.result["changed"] is False
            assert run.result["plan"] == []
            assert there == before
        before = there


def test_a_pass_does_not_wait_and_the_next_goes_on_from_there(scenario: Scenario) -> None:
    scenario.unhealthy.touch()
    first = scenario.converge(2)
    assert len(first.result["added"]) == 2
    status = scenario.status()
    assert [i["state"] for i in status["instances"]] == ["booting", "booting"]
    assert status["unfinished"] is True
    scenario.unhealthy.unlink()

    wait_for(lambda: scenario.status()["ready"] == 2, 2 * scenario.patience)
    second = scenario.converge(2)
    assert second.result["changed"] is False
    assert scenario.status()["unfinished"] is False


def test_check_mode_changes_nothing_and_names_its_plan(scenario: Scenario) -> None:
    scenario.reach(1)
    there, status = scenario.running(), scenario.status()["instances"]
    (name,), (pool,) = there, {instance["pool"] for instance in status}

    grow = scenario.converge(3, "--check", "--diff")
    assert grow.ok, grow.output
    assert grow.result["changed"] is True
    between = "#" if scenario.gives_names else "-"
    assert [line.split(":")[0] for line in grow.result["plan"]] == [
        f"start chat{between}{index} in pool {pool}" for index in (2, 3)
    ]
    assert "-ordered: 1" in grow.output
    assert "+ordered: 3" in grow.output
    shrink = scenario.converge(0, "--check")
    assert shrink.result["plan"] == [f"stop {name} in pool {pool}: surplus"]

    assert scenario.running() == there
    assert scenario.status()["instances"] == status
    assert scenario.converge(1).result["changed"] is False


def test_an_instance_killed_from_outside_is_repaired(scenario: Scenario) -> None:
    scenario.reach(3)
    before = scenario.running()
    victim = sorted(before)[1]
    scenario.kill(victim)
    wait_for(lambda: before.items() - scenario.running().items(), scenario.patience)

    run = scenario.reach(3)
    assert {failure["name"] for failure in run.result["failed_instances"]} <= {victim}
    after = scenario.running()
    assert len(after) == 3
    others = before.keys() - {victim}
    assert {name: after[name] for name in others} == {name: before[name] for name in others}
    assert after.get(victim) != before[victim]


@pytest.mark.long
def test_a_failing_gate_removes_only_what_was_added(scenario: Scenario) -> None:
    scenario.reach(2)
    there = scenario.running()
    scenario.settings["autoscale_boot_timeout"] = 3
    scenario.settings["autoscale_unhealthy_timeout"] = 600
    scenario.settings["autoscale_retry_delay"] = 300  # on a busy machine, 30 s are over before it is looked at
    scenario.unhealthy.touch()

    run = scenario.try_to_reach(4)
    assert not run.ok
    assert "not healthy within 3 s: " in run.output

    def only_the_old_are_left() -> bool:
        scenario.converge(2)
        return bool(scenario.running() == there)

    wait_for(only_the_old_are_left, scenario.patience)
    status = scenario.status()
    assert sorted(i["name"] for i in status["instances"]) == sorted(there)
    assert status["ordered"] == 2
    # What failed is not started again at once; a person may ask for it.
    held = scenario.converge(4)
    assert held.result["added"] == []
    assert held.result["stuck"] is True
    scenario.unhealthy.unlink()
    scenario.settings["autoscale_boot_timeout"] = scenario.patience
    run = scenario.try_to_reach(4, cluster_scale_retry_now=True)
    assert run.ok, run.output
    assert len(scenario.running()) == 4


@pytest.mark.parametrize("target", [-1, 7])
def test_a_target_out_of_bounds_is_refused(scenario: Scenario, target: int) -> None:
    run = scenario.converge(target)
    assert not run.ok
    assert f"target: expected a count from min_instances (0) to max_instances (6), got {target}" in run.output, (
        run.output
    )
    assert scenario.running() == {}
