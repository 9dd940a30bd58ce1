# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many clusters in one task do what each would in a task of its own."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.tests.tools.unwrapped import unwrapped

from .clusters import QUIET, Clusters

pytestmark = pytest.mark.core

FLEET = "rlops.autoscale.fleet"


@pytest.fixture
def fleet(clusters: Clusters) -> Clusters:
    """Three clusters."""
    clusters.hosts = {name: {} for name in ("blog", "chat", "shop")}
    clusters.settings = {"autoscale_interval": 2}
    return clusters


def run(fleet: Clusters, **arguments: Any) -> Any:
    return fleet.ansible_playbook(FLEET, fleet.inventory(), **arguments)


def test_each_is_scaled_and_remembered_as_by_itself(fleet: Clusters) -> None:
    dry = run(fleet, check=True)
    assert dry.rc == 0, dry.output
    assert "3 clusters: 3 grow" in dry.output
    assert fleet.files() == {}

    fleet.hosts["shop"]["autoscale_min_instances"] = 2
    first = run(fleet, env=QUIET)
    assert first.rc == 0, first.output
    assert "3 clusters: 3 grow" in first.output
    assert re.search(r"shop: .* 0 ready, order 2", first.output)
    fleet.started(4)
    assert {name: fleet.state(name)["tick"] for name in fleet.hosts} == dict.fromkeys(fleet.hosts, 1)

    # The loop goes on where the fleet ended, and the fleet where the loop did.
    loop = fleet.run()
    assert loop.rc == 0, loop.output
    assert {name: fleet.state(name)["tick"] for name in fleet.hosts} == dict.fromkeys(fleet.hosts, 2)
    again = run(fleet, extra_vars={"autoscale_interval": 0.1})
    assert again.rc == 0, again.output
    assert {name: fleet.state(name)["tick"] for name in fleet.hosts} == dict.fromkeys(fleet.hosts, 3)


def test_who_ticked_just_now_is_passed_over(fleet: Clusters) -> None:
    fleet.settings["autoscale_interval"] = 600
    assert run(fleet).rc == 0
    files = fleet.files()
    again = run(fleet, env=QUIET)
    assert again.rc == 0, again.output
    assert again.output.split("\n") == ["3 clusters: 3 were not due", ""]
    assert fleet.files() == files


@pytest.mark.parametrize("processes", [1, 2])
def test_what_is_wrong_with_one_keeps_no_other_from_its_tick(fleet: Clusters, processes: int) -> None:
    fleet.hosts["chat"]["autoscale_max_instances"] = -3
    fleet.hosts["shop"]["autoscale_min_instances"] = "{{ nothing_there }}"
    fleet.hosts["wiki"] = {}
    tasks = f"""\
    - rlops.autoscale.fleet_decision: {{processes: {processes}}}
      run_once: true
      register: fleet
    """
    decided = fleet.play(tasks)
    assert decided.rc == 0, decided.output
    assert "4 clusters: 2 grow, 2 failed" in decided.output
    assert decided.registered["fleet"]["acting"].keys() == {"blog", "wiki"}
    failures = decided.registered["fleet"]["failures"]
    assert failures.keys() == {"chat", "shop"}
    assert "max_instances" in failures["chat"]
    assert "autoscale_min_instances: it cannot be evaluated: " in failures["shop"]
    assert "nothing_there" in failures["shop"]

    shard = run(fleet, extra_vars={"autoscale_interval": 0.1, "fleet_processes": processes}, args=["-l", "chat,wiki"])
    assert shard.rc != 0
    assert "these could not tick: chat" in shard.output
    fleet.started(1)


def test_a_pool_that_only_tasks_can_ask_about_is_left_to_the_loop(fleet: Clusters) -> None:
    fleet.hosts["chat"]["autoscale_pools"] = [{"backend": "custom", "tasks": str(fleet.home / "pool.yml")}]
    (fleet.home / "pool.yml").write_text("[]\n")
    told = run(fleet, args=["-l", "chat"])
    assert told.rc != 0
    assert "a fleet has none; run rlops.autoscale.autoscale for this cluster" in unwrapped(told.output)
