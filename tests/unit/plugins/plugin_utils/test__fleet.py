# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet's tick in several processes, and what is said of it."""

from __future__ import annotations

import os
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._fleet import WORTH_A_PROCESS, Fleet, in_processes
from ansible_collections.rlops.autoscale.plugins.plugin_utils._moments import unix_seconds

HOSTS = [f"c{number}" for number in range(10)]


def pid_of(host: str) -> dict[str, Any]:
    return {"host": host, "pid": os.getpid(), "filler": "x" * 100_000}  # more than a pipe holds


@pytest.mark.parametrize("processes", [1, 2, 3, 20])
def test_results_come_in_order_from_as_many_processes(processes: int) -> None:
    results = in_processes(HOSTS, pid_of, processes)
    assert list(results) == HOSTS
    assert all(result["host"] == host for host, result in results.items())
    pids = {result["pid"] for result in results.values()}
    assert results["c0"]["pid"] == os.getpid(), "what all need is learned here"
    assert len(pids) == (1 if processes == 1 else 1 + min(processes, len(HOSTS) - 1))


def test_few_are_not_worth_a_process() -> None:
    assert in_processes([], pid_of) == {}
    few = in_processes([str(number) for number in range(2 * WORTH_A_PROCESS - 1)], pid_of)
    assert {result["pid"] for result in few.values()} == {os.getpid()}


def test_a_process_that_dies_costs_only_what_it_had_left() -> None:
    def tick(host: str) -> dict[str, Any]:
        if host == "c5":
            os._exit(1)
        return {"changed": False}

    results = in_processes(HOSTS, tick, 2)
    lost = [host for host, result in results.items() if result.get("failed")]
    assert lost == ["c5", "c7", "c9"]
    assert results["c5"]["msg"] == "the process that worked on it has ended early"


def result(current: int, target: int, **more: Any) -> dict[str, Any]:
    decision = {"current": current, "target": target}
    changed = current != target
    return {"decision": decision, "changed": changed, "act": changed, "fence": 7, "message": "line", **more}


def test_what_a_fleet_did_is_said_in_one_line() -> None:
    fleet = Fleet(
        {
            "a": result(1, 3),
            "b": result(3, 1, message="b shrinks"),
            "c": result(2, 2),
            "d": result(2, 2, act=True),
            "e": {"changed": False, "act": False, "busy": True, "message": "e: busy"},
            "f": {"changed": False, "failed": True, "msg": "no"},
            "g": {"changed": False, "act": False, "over": True, "warned": ["one", "two", "one"]},
        }
    )
    assert fleet.summary() == (
        "7 clusters: 1 grow, 1 shrink, 1 have something to finish, 1 keep what they have, 1 were not due, "
        "1 are busy, 1 failed"
    )
    assert list(fleet.lines()) == ["line", "b shrinks", "e: busy"]
    assert fleet.acting == {
        "a": {"target": 3, "fence": 7},
        "b": {"target": 1, "fence": 7},
        "d": {"target": 2, "fence": 7},
    }
    assert fleet.failures == {"f": "no"}
    assert list(fleet.warnings()) == ["one", "two"]
    assert fleet.changed is True
    assert Fleet().summary() == "0 clusters: none"


def test_moments_are_numbers_or_iso_8601() -> None:
    assert unix_seconds("2027-01-15T08:00:00Z", "x") == unix_seconds(1_800_000_000, "x") == 1_800_000_000
    assert unix_seconds("2027-01-15T09:00:00+01:00", "x") == unix_seconds("2027-01-15 08:00", "x")
