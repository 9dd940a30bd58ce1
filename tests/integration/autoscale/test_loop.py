# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The loop decides, scales, repairs and learns, with real processes and a real state store."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.tests.tools.ports import free_block
from ansible_collections.rlops.autoscale.tests.tools.waiting import example_processes, wait_for

from .clusters import PLAYBOOK, QUIET, Clusters, Service


@pytest.mark.core
def test_orders_the_minimum_first_and_learns_over_several_runs(clusters: Clusters) -> None:
    clusters.settings = {"autoscale_min_instances": 2, "autoscale_interval": 2, "autoscale_deadline": 6}
    first = clusters.run()
    assert first.rc == 0, first.output
    assert "0 ready, order 2" in first.output
    clusters.started(2)
    ticks = clusters.state()["tick"]
    assert ticks >= 2

    second = clusters.run()
    assert second.rc == 0, second.output
    assert "2 ready, keep 2" in second.output, second.output
    assert clusters.state()["tick"] > ticks
    assert clusters.state()["calibration"]["lessons"] > 0
    assert clusters.state()["lease"]["expires_at"] < time.time() + 1, "the lease would keep the next run waiting"


def test_the_article_s_agent_goes_on_where_it_was(clusters: Clusters) -> None:
    clusters.settings = {"autoscale_policy": "q_learning", "autoscale_deadline": 10, "autoscale_seed": 1}
    clusters.run()
    epsilon = clusters.state()["policies"]["q_learning"]["epsilon"]
    time.sleep(1)
    run = clusters.run()
    assert run.rc == 0, run.output
    memory = clusters.state()["policies"]["q_learning"]
    assert memory["epsilon"] < epsilon < 1.0
    assert memory["q_table"]


def test_recommends_without_scaling(clusters: Clusters, service: tuple[Service, str]) -> None:
    clusters.settings = {"autoscale_min_instances": 1}
    clusters.run()
    service[0].backlog = 340.0
    clusters.settings = {"autoscale_mode": "recommend", "autoscale_service_rate": 50, "autoscale_deadline": 2}
    run = clusters.run()
    assert run.rc == 0, run.output
    wanted = [int(count) for count in re.findall(r"would order (\d+)", run.output)]
    assert max(wanted) >= 8, run.output
    clusters.started(1)
    assert clusters.state()["guards"].get("down_at") is None


@pytest.mark.core
def test_check_mode_is_a_dry_run(clusters: Clusters) -> None:
    clusters.settings = {"autoscale_min_instances": 3}
    fresh = clusters.run(check=True)
    assert fresh.rc == 0, fresh.output
    assert "order 3" in fresh.output
    assert clusters.files() == {}
    assert clusters.pids() == {}

    clusters.settings = {}
    clusters.run()
    before, pids = clusters.files(), clusters.started(1)
    time.sleep(1)
    clusters.settings = {"autoscale_pin": {"count": 4}}
    dry = clusters.run(check=True, args=["--diff"])
    assert dry.rc == 0, dry.output
    assert "+ordered: 4" in dry.output
    assert (clusters.files(), clusters.pids()) == (before, pids)


def test_repairs_what_was_killed(clusters: Clusters) -> None:
    clusters.settings = {"autoscale_min_instances": 2, "autoscale_deadline": 2}
    wait_for(lambda: clusters.run() and clusters.known_as_ready() == 2, 90)
    before = clusters.started(2)
    os.kill(before["chat-1"], signal.SIGKILL)
    run = clusters.run()
    assert run.rc == 0, run.output
    after = clusters.started(2)
    assert before["chat-1"] not in after.values()
    assert before["chat-2"] in after.values()


@pytest.mark.core
@pytest.mark.slow
def test_a_custom_pool_is_asked_scaled_and_repaired_by_one_run_only(
    clusters: Clusters, tmp_path: Path, ansible_env: dict[str, str]
) -> None:
    """The example of the docs, in the loop; where another run has the lease, its tasks are not even asked."""
    example = Path(__file__).parents[3] / "docs" / "examples" / "custom"
    asked, processes = tmp_path / "asked", tmp_path / "run"
    tool = tmp_path / "tool"
    tool.write_text(f'#!/bin/sh\n[ "$2" = list ] && echo asked >> {asked}\nexec {example / "processes"} "$@"\n')
    tool.chmod(0o755)
    clusters.settings = {
        "autoscale_pools": [{"backend": "custom", "tasks": str(example / "pool.yml")}],
        "example_tool": str(tool),
        "example_directory": str(processes),
        "example_first_port": free_block(),
        "example_command": ["python3", "-m", "http.server", "--bind", "127.0.0.1"],
        "autoscale_health_url": "http://{address}:{port}/",
        "autoscale_min_instances": 2,
        "autoscale_max_instances": 2,
        "autoscale_interval": 3,
    }

    try:
        dry = clusters.run(check=True)
        assert dry.rc == 0, dry.output
        assert "order 2" in dry.output
        assert "chat: would start chat-1 chat-2" in dry.output
        assert not list(processes.glob("*.pid"))
        asked.unlink()

        clusters.settings["autoscale_deadline"] = 30
        (tmp_path / "inventory.json").write_text(clusters.inventory())
        command = [sys.executable, "-m", "ansible", "playbook", PLAYBOOK, "-i", "inventory.json"]
        environment = ansible_env | {"ANSIBLE_STDOUT_CALLBACK": "rlops.autoscale.lines"}
        with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as first:
            wait_for(lambda: len(example_processes(processes)) == 2, 60)
            second = clusters.run(env=QUIET)
            assert re.search(r"chat: busy, another run has the lease", second.stdout), second.output
            assert len(second.stdout.splitlines()) == 1, "it ends at once"
            wait_for(lambda: clusters.known_as_ready() == 2, 60)
            os.kill(example_processes(processes)["chat-1"], signal.SIGKILL)
            output = first.communicate(timeout=60)[0]
        assert first.returncode == 0, output
        assert len(asked.read_text().split()) == clusters.state()["tick"] >= 3, "once a tick\n" + output
        assert "order 2" in output
        assert "2 ready, keep 2" in output
        assert len(example_processes(processes)) == 2, "what was killed has been replaced\n" + output
    finally:
        for pid in example_processes(processes).values():
            os.kill(pid, signal.SIGKILL)


@pytest.mark.core
def test_a_slow_and_a_failing_cluster_hold_up_no_other(clusters: Clusters) -> None:
    (clusters.home / "slow.yml").write_text(
        "- ansible.builtin.command: sleep 6\n- ansible.builtin.set_fact:\n    cluster_scale_reported: []\n"
    )
    (clusters.home / "failing.yml").write_text("- ansible.builtin.fail:\n    msg: out of order\n")

    def custom(tasks: str) -> dict[str, Any]:
        return {"autoscale_pools": [{"backend": "custom", "tasks": str(clusters.home / tasks)}]}

    clusters.hosts = {
        "a": {},
        "slow": custom("slow.yml"),
        "b": {},
        "failing": custom("failing.yml"),
        "c": {},
    }
    clusters.settings = {"autoscale_interval": 3, "autoscale_deadline": 18}
    run = clusters.run()
    ticks = {name: clusters.state(name).get("tick", 0) for name in clusters.hosts}
    assert 1 <= ticks["slow"] <= 3, "of 7"
    assert min(ticks[name] for name in "abc") > 3, (ticks, run.output)
    assert ticks["failing"] == 0
    assert run.rc != 0
    assert "out of order" in run.output
    assert re.search(r"^failing .*failed=[1-9]", run.output, re.M), run.output
    assert all(re.search(rf"^{name} .*failed=0", run.output, re.M) for name in "abc"), run.output


def test_a_pin_of_a_person_holds_until_it_is_taken_back(clusters: Clusters) -> None:
    pin = "- rlops.autoscale.rl_scale_decision: {operation: pin, pin: {count: 2}}\n"
    done = clusters.play(pin)
    assert done.rc == 0, done.output
    assert "changed=1" in done.output
    clusters.settings = {"autoscale_deadline": 1}
    assert "order 2" in clusters.run().output
    again = clusters.play(pin)
    assert "changed=0" in again.output
    clusters.play("- rlops.autoscale.rl_scale_decision: {operation: unpin}\n")
    assert not clusters.state().get("pin")
