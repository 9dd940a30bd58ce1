# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo's inventory, its clock, and how it finds its processes again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import processes
import pytest
import replay
import yaml

SETTINGS = yaml.safe_load(replay.INVENTORY.read_text())["autoscaled"]["hosts"][replay.AGENT]
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
    while not any(True for _unused in processes.found(directory)):
        pass


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
    assert replay.clock(elapsed, day=180) == time


def test_the_inventory_has_room_for_the_peak() -> None:
    assert SETTINGS["autoscale_max_instances"] > replay.PEAK_INSTANCES >= SETTINGS["autoscale_min_instances"]
    assert SETTINGS["autoscale_queueing"] == "per_instance"


def test_a_trace_that_cannot_be_read_ends_the_demo_with_one_line(tmp_path: Path) -> None:
    command = [sys.executable, str(replay.HERE / "replay.py"), "--trace=none.csv", f"--directory={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "none.csv: expected lines of t_seconds,rate: [Errno 2] No such file or directory: 'none.csv'"
    ]
