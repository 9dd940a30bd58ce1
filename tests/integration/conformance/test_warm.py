# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Instances that are kept warm, on each backend that can pause."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._open import open_store
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

from .conftest import DRIVERS
from .scenario import Scenario
from .scenario_local import LocalScenario

pytestmark = pytest.mark.slow


def settle(scenario: Scenario, target: int) -> list[dict[str, Any]]:
    """Pass after pass until there is nothing left to do; the instances."""
    end = time.monotonic() + 4 * scenario.patience
    while True:
        scenario.reach(target)
        status = scenario.status()
        # What the target asks for is done; a spare may still be on its way.
        if not status["unfinished"]:
            return list(status["instances"])
        assert time.monotonic() < end, status
        time.sleep(1)


@pytest.mark.long
@pytest.mark.parametrize("backend", [name for name, driver in DRIVERS.items() if driver.pauses])
def test_a_spare_is_paused_resumed_first_and_replaced(make_scenario: Callable[[str], Scenario], backend: str) -> None:
    scenario = make_scenario(backend)
    scenario.settings["autoscale_warm"] = 1
    before = settle(scenario, 1)
    assert sorted(i["state"] for i in before) == ["ready", "warm"]
    (spare,) = [i for i in before if i["state"] == "warm"]
    there = scenario.running()
    assert not scenario.serves(spare)
    assert scenario.status()["ordered"] == 1

    grown = scenario.converge(2)
    assert grown.result["added"] == [spare["name"]]
    assert [line.split(" in ")[0] for line in grown.result["plan"]] == [f"resume {spare['name']}"]
    after = settle(scenario, 2)
    assert sorted(i["state"] for i in after) == ["ready", "ready", "warm"]
    wait_for(lambda: scenario.serves(spare))
    # It is the very same one, and another waits in its place.
    assert scenario.running()[spare["name"]] == there[spare["name"]]

    scenario.settings["autoscale_warm"] = 0
    assert {i["state"] for i in settle(scenario, 1)} == {"ready"}
    assert scenario.reach(0).ok
    assert scenario.running() == {}


def served_after(local: LocalScenario, target: int) -> float:
    """Seconds from the order, once Ansible was there to give it, to the first answer of the one that was added."""
    run = local.converge(target)
    (name,) = run.result["added"]
    (instance,) = [i for i in run.result["instances"] if i["name"] == name]
    wait_for(lambda: local.serves(instance), 60)
    served_at = time.time()
    store = open_store("directory", local.settings["autoscale_state_store"]["directory"])
    ordered_at: float = store.read("chat.instances").data["marks"][name]["asked_at"]
    return served_at - ordered_at


def test_a_warm_start_takes_a_third_of_a_cold_one_at_most(local: LocalScenario) -> None:
    """Of a service that warms up for 10 s; both in one run on the same machine."""
    local.settings["autoscale_pools"][0]["environment"]["WARMUP"] = "10"
    local.reach(1)
    cold = served_after(local, 2)
    local.settings["autoscale_warm"] = 1
    settle(local, 2)
    warm = served_after(local, 3)
    print(f"{warm:.1f} s warm, {cold:.1f} s cold")
    assert warm <= cold / 3
