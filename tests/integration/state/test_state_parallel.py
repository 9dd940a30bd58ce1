# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many processes at one key: no update is lost, no reader waits or sees half a write, one has the lease."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._lease import (
    LeaseHeld,
    LeaseLost,
    acquire,
    check,
    current_owner,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import Store

pytestmark = pytest.mark.core

InProcesses = Callable[[int, Callable[[int], Any]], list[Any]]
TTL = 3600.0


def test_no_update_is_lost(store: Store, in_processes: InProcesses) -> None:
    def count(_unused: int) -> list[int]:
        generations = []
        for _unused in range(25):
            with store.transaction("chat") as transaction:
                transaction.write({"n": transaction.record.data.get("n", 0) + 1})
            generations.append(transaction.record.generation)
        return generations

    answers = in_processes(6, count)
    assert store.read("chat").data == {"n": 150}
    assert sorted(chain.from_iterable(answers)) == list(range(1, 151)), "each generation was given once"
    assert all(generations == sorted(generations) for generations in answers)


def test_readers_see_whole_generations_in_order(store: Store, in_processes: InProcesses) -> None:
    def write_or_read(index: int) -> int:
        seen = 0
        while seen < 100:
            if index == 0:
                with store.transaction("chat") as transaction:
                    generation = transaction.record.generation + 1
                    transaction.write({"n": generation, "filler": [generation] * 2000})
                seen = transaction.record.generation
            else:
                record = store.read("chat")
                assert record.notes == []
                assert record.generation >= seen
                assert record.generation == 0 or record.data == {
                    "n": record.generation,
                    "filler": [record.generation] * 2000,
                }
                seen = record.generation
        return seen

    assert in_processes(3, write_or_read) == [100, 100, 100]


def test_readers_do_not_wait_for_a_writer(store: Store) -> None:
    with store.transaction("chat") as transaction:
        transaction.write({"n": 1})
    with store.transaction("chat") as transaction:
        transaction.write({"n": 2})
        began = time.monotonic()
        assert store.read("chat").data == {"n": 1}
        assert time.monotonic() - began < 30, "half of the time that a second writer would wait"


def take_lease(store: Store, pid: int) -> int | None:
    """The fence of the lease if this process got it, None if another has it."""
    try:
        with store.transaction("chat") as transaction:
            transaction.write(acquire(transaction.record.data, current_owner(pid), time.time(), TTL))
    except LeaseHeld:
        return None
    fence: int = transaction.record.data["lease"]["fence"]
    return fence


def test_one_of_six_gets_the_lease(store: Store, in_processes: InProcesses) -> None:
    # As in Ansible, each acts for another process, which lives on.
    owners = [subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) for _unused in range(6)]
    try:
        fences = in_processes(6, lambda index: take_lease(store, owners[index].pid))
        assert sorted(fences, key=str) == [1, None, None, None, None, None]
        assert store.read("chat").data["lease"]["pid"] == owners[fences.index(1)].pid
    finally:
        for owner in owners:
            owner.kill()
            owner.wait()


def test_a_killed_holder_is_replaced_at_once_and_its_late_writes_are_refused(store: Store) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as holder:
        dead = current_owner(holder.pid)
        assert take_lease(store, holder.pid) == 1
        assert take_lease(store, os.getpid()) is None, "it lives, and its hour is not over"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert take_lease(store, os.getpid()) == 2
    before = store.read("chat")
    with pytest.raises(LeaseLost), store.transaction("chat") as transaction:
        transaction.write({**transaction.record.data, "tick": 1})
        check(transaction.record.data, dead, 1)
    assert store.read("chat") == before
