# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes that may not be our children: is this pid still the one that was started?"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path


def identity(pid: int) -> str | None:
    """What tells this process from a later one with the same pid: its start time. None if it has ended."""
    try:
        # man 5 proc: the name in parentheses may hold anything; field 3 is the state, field 22 the start time.
        after_name = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None if Path("/proc/self/stat").exists() else _identity_by_ps(pid)
    return None if after_name[0] in "ZX" else after_name[19]


def _identity_by_ps(pid: int) -> str | None:
    """The same where there is no /proc (macOS)."""
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env={"LC_ALL": "C"})  # noqa: S603
    status, _unused, started = answer.stdout.strip().partition(" ")
    return started.strip() if started and not status.startswith("Z") else None


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process and, where it leads one, its group. One that has just ended is no error."""
    with contextlib.suppress(ProcessLookupError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
