# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of the loop that meet, are killed, or are held up: nothing is done twice. Six at once: ../persistence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._lock import exclusive
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

from .clusters import PLAYBOOK, Clusters

pytestmark = pytest.mark.core


@pytest.fixture
def kill_after(clusters: Clusters, tmp_path: Path, ansible_env: dict[str, str]) -> Callable[[int], None]:
    """Function: start a long run, and kill its first process, not its workers, once it has made so many ticks."""

    def kill(ticks: int) -> None:
        inventory = tmp_path / "long.yml"
        inventory.write_text(clusters.inventory())
        command = [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), PLAYBOOK]
        with subprocess.Popen(command, env=ansible_env, stdout=subprocess.DEVNULL, start_new_session=True) as run:
            wait_for(lambda: clusters.state().get("tick", 0) >= ticks, 60)
            clusters.started(1)
            time.sleep(2)  # until the worker of the next one waits
            os.kill(run.pid, signal.SIGKILL)
        assert "expires_at" in clusters.state()["lease"], "the run ended before it could be killed"

    return kill


def test_a_killed_run_is_followed_at_once(clusters: Clusters, kill_after: Callable[[int], None]) -> None:
    clusters.settings = {"autoscale_deadline": 60}
    kill_after(2)
    ticks = clusters.state()["tick"]
    clusters.settings = {"autoscale_deadline": 2}
    after = clusters.run()
    assert after.rc == 0, after.output
    assert "busy" not in after.output
    assert clusters.state()["tick"] > ticks


def test_the_worker_that_a_killed_run_leaves_behind_decides_nothing(
    clusters: Clusters, kill_after: Callable[[int], None]
) -> None:
    """It waits for its tick, and nobody is there any more to carry out what it would decide."""
    clusters.settings = {"autoscale_deadline": 60, "autoscale_interval": 8}
    kill_after(1)
    killed = clusters.files()
    time.sleep(10)
    assert clusters.files() == killed
    after = clusters.run(extra_vars={"autoscale_deadline": 0})
    assert after.rc == 0, after.output
    assert "busy" not in after.output
    assert clusters.state()["tick"] == 2


@pytest.mark.parametrize("ends", ["left out", "failed"])
def test_a_run_that_ends_without_its_last_tick_keeps_nobody_waiting(clusters: Clusters, ends: str) -> None:
    """The next one may be in another container, where nobody sees that this one has ended."""
    clusters.settings = {"autoscale_interval": 60}
    last_tick = {"left out": "tick: 1000000000.000+0", "failed": "tick: 1000000000.000+0, pace: true"}
    tasks = f"""
        - rlops.autoscale.rl_scale_decision: {{pace: true, deadline: 200}}
          register: decided
          failed_when: decided.further != 3
        - rlops.autoscale.rl_scale_decision: {{{last_tick[ends]}}}
          register: last
          failed_when: "'{ends}' not in (last.failed | ternary('failed', last.message))"
    """
    run = clusters.play(tasks)
    assert run.rc == 0, run.output
    assert clusters.state()["lease"]["expires_at"] <= time.time() + 30


def test_a_run_that_was_held_up_does_nothing(clusters: Clusters) -> None:
    """Another run decided meanwhile, and took the lease: what this one has seen and decided must change nothing."""
    tasks = """
        - rlops.autoscale.metrics_snapshot:
          register: observed
        - rlops.autoscale.rl_scale_decision:
          register: first
        - rlops.autoscale.rl_scale_decision:
            status: "{{ observed.status }}"
            snapshot: "{{ observed.snapshot }}"
          register: late
        - ansible.builtin.assert:
            that: [not first.busy, first.act, late.busy, not late.act, "'since the instances' in late.message"]
        - rlops.autoscale.cluster_converge:
            target: "{{ first.decision.target }}"
            fence: "{{ first.fence - 1 }}"
          register: outcome
          failed_when: outcome is not failed or 'taken over' not in outcome.msg
    """
    run = clusters.play(tasks)
    assert run.rc == 0, run.output
    assert clusters.state()["tick"] == 1
    assert clusters.pids() == {}


def test_what_was_decided_before_a_pin_is_not_carried_out(clusters: Clusters) -> None:
    tasks = """
        - rlops.autoscale.rl_scale_decision:
          register: decided
        - rlops.autoscale.rl_scale_decision:
            operation: pin
            pin: {count: 2}
        - rlops.autoscale.cluster_converge:
            target: "{{ decided.decision.target }}"
            fence: "{{ decided.fence }}"
          register: outcome
          failed_when: outcome is not failed or 'somebody has pinned' not in outcome.msg
    """
    run = clusters.play(tasks)
    assert run.rc == 0, run.output
    assert clusters.pids() == {}
    assert "order 2" in clusters.run().output


def test_a_person_is_told_when_the_state_is_in_use(clusters: Clusters) -> None:
    """Not `busy`: the count would be ordered without the pin that keeps the agent from undoing it."""
    assert clusters.run().rc == 0
    before = clusters.started(1)
    with exclusive(next(clusters.home.glob("state/chat.lock")), 1.0):
        run = clusters.ansible_playbook("rlops.autoscale.scale", clusters.inventory(), args=["-e", "instance_count=3"])
    assert run.rc != 0, run.output
    assert "the state of chat is in use by another process" in run.output
    assert clusters.pids() == before
