# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo's inventory, its clock, what is known of the days before, and how it finds its processes again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import contest
import processes
import pytest
import rates
import replay
import yaml
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for
from report import Objective

INVENTORY = yaml.safe_load(contest.INVENTORY.read_text())["all"]
SETTINGS = INVENTORY["vars"]
IDLE = "import time; time.sleep(60)"


@pytest.fixture
def demo_process(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An idle process that looks like instance chat-2 of a demo in `tmp_path`."""
    command = [sys.executable, "-c", IDLE, str(processes.SERVICE), "--name=chat-2", "--port=20002"]
    with subprocess.Popen(command, env=os.environ | {processes.MARK: str(tmp_path)}) as process:
        yield process
        process.kill()


def wait_until_found(directory: Path) -> None:
    """The environment of a new process is that of its parent until it executes."""
    wait_for(lambda: any(True for _unused in processes.found(directory)))


def test_instances_are_found_by_demo_and_cluster(tmp_path: Path, demo_process: subprocess.Popen[bytes]) -> None:
    wait_until_found(tmp_path)
    assert processes.instances(tmp_path, "chat") == [processes.Instance("chat-2", 20002)]
    assert processes.instances(tmp_path, "cha") == []
    assert processes.instances(tmp_path / "other", "chat") == []
    assert [process for process, _unused in processes.found(tmp_path)] == [demo_process.pid]


def test_a_demo_ends_its_own_processes_and_no_others(tmp_path: Path, demo_process: subprocess.Popen[bytes]) -> None:
    wait_until_found(tmp_path)
    processes.end(tmp_path / "other")
    assert demo_process.poll() is None
    processes.end(tmp_path, patience=0.2)
    assert demo_process.wait(timeout=5) != 0


@pytest.mark.parametrize(
    ("elapsed", "time"), [(-5, "--:--"), (0, "00:00"), (90, "12:00"), (135.1, "18:00"), (999, "24:00")]
)
def test_the_clock_of_the_short_day(elapsed: float, time: str) -> None:
    assert contest.clock(elapsed, day=180) == time


def test_the_inventory_has_room_for_the_peak() -> None:
    assert SETTINGS["autoscale_max_instances"] > replay.PEAK_INSTANCES >= SETTINGS["autoscale_min_instances"]
    assert SETTINGS["autoscale_queueing"] == "per_instance"


def test_each_policy_has_a_cluster_that_scales_by_it() -> None:
    hosts = INVENTORY["children"]["autoscaled"]["hosts"]
    assert set(hosts) == {*replay.POLICIES, contest.FIXED}
    assert all(hosts[name]["autoscale_policy"] == name for name in replay.POLICIES)


def test_what_is_known_ends_where_the_agent_begins(tmp_path: Path) -> None:
    demo = contest.Demo(tmp_path, seed=3, day=60.0, objective=Objective())
    short = rates.fit(rates.synthetic_days(3, before=2), demo.day, peak=200.0)
    assert replay.write_history(demo, short, interval=0.5) == pytest.approx(2 - demo.ahead / demo.day)
    known = rates.read(demo.history)
    assert known.start == 0.0  # as traces that users have
    assert known.end == pytest.approx(120.0 - demo.ahead, abs=1.0)
    for start in range(0, 100, 10):
        assert known.mean(start, start + 10.0) == pytest.approx(short.mean(start - 120.0, start - 110.0), rel=0.15)


def test_nothing_is_known_where_the_trace_begins_with_the_day(tmp_path: Path) -> None:
    demo = contest.Demo(tmp_path, seed=3, day=60.0, objective=Objective())
    demo.history.write_text("of another demo")
    short = rates.fit(rates.synthetic_days(3, before=0), demo.day, peak=200.0)
    assert replay.write_history(demo, short, interval=0.5) == 0.0
    assert not demo.history.exists()


@pytest.mark.parametrize(("text", "said"), [("shadow_q,kpa", "kpa"), ("", "expected some of shadow_q,erlang,hpa")])
def test_policies_that_have_no_cluster_are_refused(capsys: pytest.CaptureFixture[str], text: str, said: str) -> None:
    with pytest.raises(SystemExit):
        replay.arguments([f"--policies={text}"])
    assert said in capsys.readouterr().err


def test_a_trace_that_cannot_be_read_ends_the_demo_with_one_line(tmp_path: Path) -> None:
    command = [sys.executable, str(contest.HERE / "replay.py"), "--trace=none.csv", f"--directory={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "none.csv: expected lines of t_seconds,rate: [Errno 2] No such file or directory: 'none.csv'"
    ]
