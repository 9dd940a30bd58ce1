# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a whole ansible-playbook needs, with every process it forks.

Ansible does not wait for its very last workers; so this process adopts and waits for them. Linux only.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

PLAY = [sys.executable, "-m", "ansible", "playbook"]
_PR_SET_CHILD_SUBREAPER = 36


class Used(NamedTuple):
    """What one ansible-playbook needed."""

    cpu: float  # s, user and system, of all its processes
    memory: int  # KiB, largest resident size of the process that stays
    wall: float  # s


def adopt_workers() -> None:
    """From now on, what a child leaves behind is this process's own."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def run(home: Path, environment: dict[str, str], *arguments: str) -> Used:
    """Run ansible-playbook with the inventory of that folder to its end, and to that of the workers it left behind."""
    before, began = os.times(), time.monotonic()
    with (home / "output").open("w+") as output:
        child = subprocess.Popen(
            [*PLAY, "-i", str(home / "inventory.json"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
        )
        _pid, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        assert child.returncode == 0, output.read()
    wall = time.monotonic() - began
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Used(cpu, usage.ru_maxrss, wall)
