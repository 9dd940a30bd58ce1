# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is asked to let connections go, and of how many."""

from __future__ import annotations

import math

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    Instance,
    Mark,
    Rebalance,
    Reported,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._rebalance import sheddings
from hypothesis import given
from hypothesis import strategies as st

REBALANCE = Rebalance(above=1.3, share=0.25, period=15.0)


def instances(*connections: int | None, booting: bool = False) -> list[Instance]:
    made = []
    for index, count in enumerate(connections, start=1):
        mark = Mark("local", index, asked_at=0.0, ready_at=None if booting and index == 1 else 1.0)
        reported = Reported(f"chat-{index}", index, "local", connections=count)
        made.append(Instance(reported, mark, mark.state))
    return made


def asked(there: list[Instance], last_at: float | None = None) -> dict[str, int]:
    return {one.name: one.count for one in sheddings(there, REBALANCE, last_at, now=100.0)}


def test_the_fullest_lets_go_of_what_it_has_above_the_mean_but_not_of_more_than_its_share() -> None:
    assert asked(instances(60, 0, 0)) == {"chat-1": 15}
    assert asked(instances(26, 14, 20)) == {}  # 1.3 times the mean
    assert asked(instances(28, 12, 20)) == {"chat-1": 7}
    assert asked(instances(27, 13, 20)) == {"chat-1": 7}
    (one,) = sheddings(instances(60, 0, 0), REBALANCE, None, now=100.0)
    assert str(one) == "shed 15 connections of chat-1 in pool local: it has 60, the mean is 20"


@pytest.mark.parametrize(
    "there",
    [[], instances(60), instances(60, None), instances(60, 0, booting=True), instances(0, 0), instances(1, 0)],
    ids=["none", "one", "unknown", "booting", "no load", "one connection"],
)
def test_nobody_is_asked_where_it_is_of_no_use(there: list[Instance]) -> None:
    assert asked(there) == {}


def test_nobody_is_asked_again_within_the_period_or_without_the_setting() -> None:
    assert asked(instances(60, 0), last_at=90.0) == {}
    assert asked(instances(60, 0), last_at=85.0) == {"chat-1": 15}
    assert asked(instances(60, 0), last_at=200.0) == {"chat-1": 15}  # the clock was set back
    assert sheddings(instances(60, 0), None, None, now=100.0) == ()


@given(st.lists(st.integers(0, 500), min_size=2, max_size=8), st.floats(1, 3), st.floats(0.01, 1))
def test_nobody_is_asked_for_more_than_evens_out(counts: list[int], above: float, share: float) -> None:
    mean = sum(counts) / len(counts)
    there = instances(*counts)
    for one in sheddings(there, Rebalance(above, share), None, now=0.0):
        assert 0 < one.count <= math.ceil(share * one.connections)
        assert one.connections - one.count >= mean


@given(st.lists(st.integers(0, 300), min_size=2, max_size=6))
def test_it_is_even_after_eight_times_where_clients_go_to_the_fewest(counts: list[int]) -> None:
    """With leastconn and a tick of 15 s that is within two minutes."""
    for _time in range(8):
        for one in sheddings(instances(*counts), REBALANCE, None, now=0.0):
            counts[int(one.name.removeprefix("chat-")) - 1] -= one.count
            for _connection in range(one.count):
                counts[counts.index(min(counts))] += 1
    assert max(counts) <= max(1.3 * sum(counts) / len(counts), sum(counts) / len(counts) + 1)
