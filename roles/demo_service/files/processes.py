# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the demo's processes in /proc (Linux), whoever started them and whether or not anybody remembers.

So what instances cost is counted without asking the agent, and nothing is left behind, not even by a demo that was
killed. All processes of a demo have its directory in the environment variable DEMO_DIRECTORY, but for supervisord,
which passes little on: it has the directory in its command line.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

MARK = "DEMO_DIRECTORY"
SERVICE = Path(__file__).resolve().with_name("service.py")
PROC = Path("/proc")


class Instance(NamedTuple):
    """A running instance of the service."""

    name: str
    port: int


def found(directory: Path) -> Iterator[tuple[int, list[str]]]:
    """Process id and command line of each process of the demo in this directory."""
    mark = f"{MARK}={directory}\0".encode()
    for entry in PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        with suppress(OSError):  # it has ended, or is somebody else's
            words = entry.joinpath("cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
            supervises = "supervisor.supervisord" in words and any(word.startswith(f"{directory}/") for word in words)
            if supervises or mark in entry.joinpath("environ").read_bytes():
                yield int(entry.name), words


def instances(directory: Path, cluster: str) -> list[Instance]:
    """The running instances of a cluster, whatever state they are in, by name."""
    return sorted(instance for _unused, words in found(directory) if (instance := _instance(words, cluster)))


def _instance(words: list[str], cluster: str) -> Instance | None:
    """What a command line `python .../service.py --name=<cluster>-<index> --port=<port>` says."""
    options = dict(word.split("=", 1) for word in words if word.startswith("--") and "=" in word)
    name, port = options.get("--name", ""), options.get("--port", "")
    if str(SERVICE) not in words or name.rpartition("-")[0] != cluster:
        return None
    return Instance(name, int(port))


def end(directory: Path, patience: float = 5.0) -> None:
    """End all processes of a demo: politely, and those that live on after `patience` seconds by force."""
    deadline = time.monotonic() + patience
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process, _unused in found(directory):
            with suppress(ProcessLookupError):
                os.kill(process, number)
        while any(True for _unused in found(directory)) and time.monotonic() < deadline:
            time.sleep(0.05)
