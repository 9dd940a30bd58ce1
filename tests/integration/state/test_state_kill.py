# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A writer may be killed at any moment: the state loads, complete, and at most the write under way is lost."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import Record, Store


@pytest.fixture
def store(file_store: Store) -> Store:
    """Those whose writers are only here; what Redis makes of a killed one is tried with it."""
    return file_store


FILLER = "x" * 20_000  # several blocks, as a learner's memory is


def write_next(store: Store, key: str) -> int:
    """One more write; returns its generation. The data names its generation, so that a mix of two would be seen."""
    with store.transaction(key) as transaction:
        generation = transaction.record.generation + 1
        transaction.write({"n": generation, "filler": FILLER, "copy": generation})
    return transaction.record.generation


def write_until_killed(store: Store, answer: int) -> None:
    """Write again and again, and tell each generation to the descriptor once it is stored. Never returns."""
    try:
        while True:
            os.write(answer, b"%d\n" % write_next(store, "chat"))
    finally:
        os._exit(1)


def expected(generation: int) -> Record:
    return Record({"n": generation, "filler": FILLER, "copy": generation} if generation else {}, generation, [])


@pytest.mark.parametrize("before", [0, 1, 4])
def test_killed_after_each_system_call(
    store: Store, before: int, killed_after: Callable[[int, Callable[[], Any]], bool]
) -> None:
    """From nothing, from one filled slot and from both: what each death leaves is the old state or the new one."""
    lived_on = []  # per system call: was the new state there?
    killed = True
    while killed:
        calls = len(lived_on) + 1
        key = f"chat-{calls}"
        for _unused in range(before):
            write_next(store, key)
        killed = killed_after(calls, lambda key=key: write_next(store, key))  # type: ignore[misc]
        generation = store.read(key).generation
        assert generation in (before, before + 1), f"killed after system call {calls}"
        assert store.read(key) == expected(generation), f"killed after system call {calls}"
        assert write_next(store, key) == generation + 1, "the lock is free, and work goes on"
        assert store.read(key) == expected(generation + 1)
        lived_on.append(generation == before + 1)
    assert len(lived_on) > 10, "a safe write takes more than this"
    assert not lived_on[0], "killed at the very start, nothing was written"
    assert lived_on[-1], "left alone, it was"
    assert lived_on == sorted(lived_on), "from one moment on it is the new state"
    print(f"{len(lived_on) - 1} system calls, the new state from call {lived_on.index(True) + 1} on")


def test_random_kills_lose_at_most_the_write_under_way(store: Store) -> None:
    """100 writers in a row, each killed within 40 ms of its first. What one acknowledged is there for the next."""
    chance = random.Random(1)
    acknowledged = 0
    interrupted = 0
    for _unused in range(100):
        result, answer = os.pipe()
        pid = os.fork()
        if pid == 0:
            write_until_killed(store, answer)
        os.close(answer)
        with os.fdopen(result, encoding="ascii") as pipe:
            lines = [pipe.readline().strip()]
            time.sleep(chance.uniform(0, 0.04))
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            lines += pipe.read().split()
        assert lines == [str(n) for n in range(acknowledged + 1, acknowledged + 1 + len(lines))]
        acknowledged += len(lines)
        record = store.read("chat")
        assert record == expected(record.generation)
        assert record.generation in (acknowledged, acknowledged + 1)
        interrupted += record.generation - acknowledged
        acknowledged = record.generation
    print(f"{acknowledged} generations, {interrupted} stored but not acknowledged")
