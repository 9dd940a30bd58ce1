# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes that may not be our children: is this pid still the one that was started?"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import signal
import subprocess
import time
from pathlib import Path

PROC = Path("/proc")
#: The start of a process that has ended and was not yet waited for by its parent.
ENDED = ""


def start_of(pid: int) -> str | None:
    """When the process started: with the pid it names one process for good.

    ENDED for one that only waits to be reaped; None if there is none, or none that can be seen.
    """
    state, start = _look(pid)
    return ENDED if state[:1] in ("Z", "X") else start


def age_of(pid: int) -> float:
    """Seconds since the process started, infinite where that cannot be told: without /proc, or without the process."""
    _state, start = _look(pid)
    if start is None or not start.isdigit():
        return math.inf
    # man 5 proc: field 22 counts clock ticks since the system was booted.
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(start) / os.sysconf("SC_CLK_TCK")


def lives(pid: int, start: str | None) -> bool:
    """Whether the process with this pid is the one that started then."""
    return bool(start) and start_of(pid) == start


def is_stopped(pid: int) -> bool:
    """Whether SIGSTOP holds the process."""
    state, _start = _look(pid)
    return state[:1] == "T"


def _look(pid: int) -> tuple[str, str | None]:
    """State, as ps shows it, and start; ("", None) if there is no such process, or none that can be seen."""
    try:
        # man 5 proc: the name in parentheses may hold anything; field 3 is the state, field 22 the start time.
        stat = (PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ("", None) if (PROC / "self").exists() else _look_by_ps(pid)
    return stat[0], stat[19]


def _look_by_ps(pid: int) -> tuple[str, str | None]:
    """The same where there is no /proc (macOS)."""
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, env={"LC_ALL": "C"})  # noqa: S603
    except FileNotFoundError:
        return "", None
    state, _unused, started = answer.stdout.strip().partition(" ")
    return state, started.strip() or None


def forked_by() -> int:
    """The process that has forked this one, be it gone already, when the system would name another; this very one if
    Python has not forked it."""
    parent = multiprocessing.parent_process()
    return os.getpid() if parent is None or parent.pid is None else parent.pid


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process and, where it leads one, its group. One that has just ended is no error."""
    with contextlib.suppress(ProcessLookupError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
