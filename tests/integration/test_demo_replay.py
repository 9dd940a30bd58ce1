# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo as a whole: it leaves nothing behind, and starts again after it was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

FILES = Path(__file__).resolve().parents[2] / "roles/demo_service/files"
FOUND = "import processes, pathlib, sys; print(len(list(processes.found(pathlib.Path(sys.argv[1])))))"


def left_behind(directory: Path) -> int:
    """Number of processes of the demo in this directory, but for its own."""
    command = [sys.executable, "-c", FOUND, str(directory)]
    return int(subprocess.run(command, cwd=FILES, capture_output=True, text=True, check=True).stdout)


@pytest.fixture
def demo(tmp_path: Path, ansible_env: dict[str, str]) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Function that starts the demo in `tmp_path`, and returns when the agent has ticked twice."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, str(FILES / "replay.py"), f"--directory={tmp_path}", "--day=60"]
        process = subprocess.Popen(
            command, env=ansible_env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        started.append(process)
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(line)
            if sum(" ready" in each for each in said) == 2:
                return process
        pytest.fail("".join(said))

    yield start
    for process in started:
        process.kill()
        process.wait()
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import processes, pathlib, sys; processes.end(pathlib.Path(sys.argv[1]))",
            str(tmp_path),
        ],
        cwd=FILES,
        check=True,
    )


def test_ctrl_c_leaves_nothing_behind_even_of_a_demo_that_was_killed(
    demo: Callable[[], subprocess.Popen[str]], tmp_path: Path
) -> None:
    killed = demo()
    killed.kill()
    killed.wait()
    assert left_behind(tmp_path) > 2  # supervisord, instances, the agent
    second = demo()
    second.send_signal(signal.SIGINT)
    output = second.communicate(timeout=30)[0]
    assert second.returncode == 130
    assert "Traceback" not in output
    assert left_behind(tmp_path) == 0
