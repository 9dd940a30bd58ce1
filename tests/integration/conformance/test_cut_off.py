# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that are killed in the middle of a scale-out, and runs that meet."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

from .scenario import Run, Scenario

pytestmark = pytest.mark.slow

BACKENDS = ("docker", "ec2", "local")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_that_is_killed_while_it_starts_instances_is_gone_on_with(
    make_scenario: Callable[[str], Scenario], ansible_env: dict[str, str], backend: str
) -> None:
    scenario = make_scenario(backend)
    scenario.settings["autoscale_boot_timeout"] = 8
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(scenario.inventory()), "rlops.autoscale.scale"]
    command += ["-e", json.dumps({"instance_count": 5})]
    environment = ansible_env | scenario.environment()
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True) as run:
        wait_for(scenario.running, 2 * scenario.patience)
        os.killpg(run.pid, signal.SIGKILL)
    # What its children had begun may still come.
    survivors = scenario.running()
    assert 1 <= len(survivors) <= 5

    def gone_on_with() -> bool:
        run = scenario.try_to_reach(5)
        # A worker of the killed run may still be at it.
        assert run.ok or "is in use by another process" in run.output, run.output
        return run.ok

    wait_for(gone_on_with, 4 * scenario.patience)
    there = scenario.running()
    assert len(there) == 5
    assert survivors.items() <= there.items()
    assert scenario.converge(5).result["changed"] is False


@pytest.mark.parametrize("backend", BACKENDS)
def test_of_runs_that_meet_each_instance_is_started_once(
    make_scenario: Callable[[str], Scenario], backend: str
) -> None:
    scenario = make_scenario(backend)
    runs: list[Run] = []
    scenario.inventory()

    def converge() -> None:
        runs.append(scenario.converge(3))

    threads = [threading.Thread(target=converge) for _unused in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for run in runs:
        # Who waits too long for the others gives up and changes nothing.
        assert run.ok or "is in use by another process" in run.output, run.output
    scenario.reach(3)
    assert len(scenario.running()) == 3
    assert sorted(scenario.running()) == ["chat-1", "chat-2", "chat-3"]
