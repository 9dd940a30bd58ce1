# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ports for servers of tests, below those that the system gives out."""

from __future__ import annotations

import os
import random
import socket
from contextlib import ExitStack, suppress

BLOCK = 10
_FIRST, _COUNT = 30000, 270


def free_block() -> int:
    """The first of BLOCK ports that nobody listens at. No other process of the same run of tests is given one of them,
    however late they are used; within a process it is at random, for what has ended may still hold its ports."""
    worker, workers = os.environ.get("PYTEST_XDIST_WORKER", "gw0"), os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")
    while True:
        first = _FIRST + BLOCK * random.randrange(int(worker.removeprefix("gw")), _COUNT, int(workers))
        with suppress(OSError), ExitStack() as stack:
            for port in range(first, first + BLOCK):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return first


def free_port() -> int:
    """One of them."""
    return free_block() + random.randrange(BLOCK)
