# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for what happens by itself, and what the system knows of processes."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.request import urlopen

Value = TypeVar("Value")


def wait_for(condition: Callable[[], Value], seconds: float = 30) -> Value:
    """The first true value of the condition; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not true within {seconds} s"
        time.sleep(0.05)
    return value


def answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    """Whether a server that was just started answers yet; fails where it has ended."""
    assert process.poll() is None, f"{process.args!r} ended"
    try:
        with urlopen(url, timeout=1):
            return True
    except OSError:
        return False


def runs(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for by its parent does not."""
    answer = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(answer.stdout.strip()) and not answer.stdout.startswith("Z")


def example_processes(directory: Path) -> dict[str, int]:
    """The processes of the docs' example of a custom pool that run: instance -> pid."""
    written = {path.stem: path.read_text().split() for path in directory.glob("*.pid")}
    return {name: int(words[0]) for name, words in written.items() if words and runs(int(words[0]))}
