# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every driver must show. Real processes, real ansible-playbook."""

from __future__ import annotations

import os
import signal

import pytest
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

from .conftest import Scenario

pytestmark = pytest.mark.slow


def test_scales_to_each_count_and_a_repeat_changes_nothing(scenario: Scenario) -> None:
    before: dict[str, int] = {}
    for target in (1, 5, 5, 2, 0, 1):
        run = scenario.reach(target)
        pids = scenario.pids()
        assert len(pids) == target
        assert (run.result["ordered"], run.result["ready"]) == (target, target)
        assert run.result["unfinished"] is False
        # What stays is left alone.
        survivors = before.keys() & pids.keys()
        assert len(survivors) == min(target, len(before))
        assert {name: before[name] for name in survivors} == {name: pids[name] for name in survivors}
        before = pids

        repeat = scenario.converge(target)
        assert repeat.ok, repeat.output
        assert repeat.result["changed"] is False
        assert repeat.result["plan"] == []
        assert scenario.pids() == pids


def test_a_pass_does_not_wait_and_the_next_goes_on_from_there(scenario: Scenario) -> None:
    scenario.unhealthy.touch()
    first = scenario.converge(2)
    assert first.result["added"] == ["chat-1", "chat-2"]
    status = scenario.status()
    assert [i["state"] for i in status["instances"]] == ["booting", "booting"]
    assert status["unfinished"] is True
    scenario.unhealthy.unlink()

    wait_for(lambda: scenario.status()["ready"] == 2, 20)
    second = scenario.converge(2)
    assert second.result["changed"] is False
    assert scenario.status()["unfinished"] is False


def test_check_mode_changes_nothing_and_names_its_plan(scenario: Scenario) -> None:
    scenario.reach(1)
    pids, status = scenario.pids(), scenario.status()["instances"]

    grow = scenario.converge(3, "--check", "--diff")
    assert grow.ok, grow.output
    assert grow.result["changed"] is True
    assert [line.split(":")[0] for line in grow.result["plan"]] == [
        f"start {name} in pool {status[0]['pool']}" for name in ("chat-2", "chat-3")
    ]
    assert "-ordered: 1" in grow.output
    assert "+ordered: 3" in grow.output
    shrink = scenario.converge(0, "--check")
    assert shrink.result["plan"] == [f"stop chat-1 in pool {status[0]['pool']}: surplus"]

    assert scenario.pids() == pids
    assert scenario.status()["instances"] == status
    assert scenario.converge(1).result["changed"] is False


def test_an_instance_killed_from_outside_is_repaired(scenario: Scenario) -> None:
    scenario.reach(3)
    pids = scenario.pids()
    os.kill(pids["chat-2"], signal.SIGKILL)
    wait_for(lambda: "chat-2" not in scenario.pids(), 20)

    status = scenario.status()
    assert status["unfinished"] is True
    assert [i["name"] for i in status["instances"] if i["state"] == "failed"] == ["chat-2"]
    assert (status["ordered"], status["ready"]) == (2, 2)

    run = scenario.reach(3)
    assert [failure["name"] for failure in run.result["failed_instances"]] in ([], ["chat-2"])
    after = scenario.pids()
    assert len(after) == 3
    assert {name: after[name] for name in ("chat-1", "chat-3")} == {name: pids[name] for name in ("chat-1", "chat-3")}


def test_a_failing_gate_removes_only_what_was_added(scenario: Scenario) -> None:
    scenario.reach(2)
    pids = scenario.pids()
    scenario.settings["autoscale_boot_timeout"] = 3
    scenario.settings["autoscale_unhealthy_timeout"] = 600
    scenario.unhealthy.touch()

    run = scenario.try_to_reach(4)
    assert not run.ok
    assert "not healthy within 3 s: HTTP 503" in run.output

    wait_for(lambda: scenario.pids() == pids, 20)
    status = scenario.status()
    assert [i["name"] for i in status["instances"]] == ["chat-1", "chat-2"]
    assert status["ordered"] == 2
    # What failed is not started again at once; a person may ask for it.
    held = scenario.converge(4)
    assert held.result["added"] == []
    assert held.result["stuck"] is True
    scenario.unhealthy.unlink()
    run = scenario.try_to_reach(4, cluster_scale_retry_now=True)
    assert run.ok, run.output
    assert len(scenario.pids()) == 4


@pytest.mark.parametrize("target", [-1, 7])
def test_a_target_out_of_bounds_is_refused(scenario: Scenario, target: int) -> None:
    run = scenario.converge(target)
    assert not run.ok
    assert f"target: expected a count from min_instances (0) to max_instances (6), got {target}" in run.output, (
        run.output
    )
    assert scenario.pids() == {}
