# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ports for servers of tests, below those that the system gives out."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import cache
from itertools import cycle, islice

BLOCK = 10
_FIRST, _COUNT = 30000, 270


def free_block() -> int:
    """The first of BLOCK ports that nobody listens at. No other process of the same run of tests is given one of them,
    however late they are used; this one is given all its others first, for what has ended may still hold its ports."""
    for first in islice(_blocks(*_place()), _COUNT):
        with suppress(OSError), ExitStack() as stack:
            for port in range(first, first + BLOCK):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return first
    raise OSError(f"all ports from {_FIRST} on are taken")


def free_port() -> int:
    """One of them."""
    return free_block() + random.randrange(BLOCK)


def own_range() -> str:
    """Such as "20000-20999": where processes of this process's tests are to get their ports, as a pool's `port_range`.
    What other processes of the same run of tests start gets its ports elsewhere."""
    worker, _workers = _place()
    first = 20000 + 1000 * (worker % 10)
    return f"{first}-{first + 999}"


@cache
def _blocks(worker: int, workers: int) -> Iterator[int]:
    """Those of one of several processes, round and round in an order of its own."""
    mine = [_FIRST + BLOCK * number for number in range(worker, _COUNT, workers)]
    random.shuffle(mine)
    return cycle(mine)


def _place() -> tuple[int, int]:
    """Which of how many processes of a run of tests this is, from 0."""
    worker, workers = os.environ.get("PYTEST_XDIST_WORKER", "gw0"), os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")
    return int(worker.removeprefix("gw")), int(workers)
