# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sticky connections: who is new gets little, who leaves hands on, and without memory all is balanced."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._fleet import Fleet
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import SERVICE_P99, Felt, Service
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._sticky import StickyFleet

SERVICE = Service(max_instances=4, patience=60.0)


def tick(fleet: Fleet, rate: float, target: int | None = None) -> Felt:
    """One tick of three steps of 5 s."""
    if target is not None:
        fleet.order(np.array([target]))
    return fleet.work([np.array([rate])] * 3, 5.0)


def p99_of(rate: float) -> float:
    """M/M/1 of 50/s: the time in it is exponential with the rate that is left."""
    return SERVICE_P99 / (50.0 - rate)


def test_even_shares_are_one_queue_for_each_instance() -> None:
    rates = np.random.default_rng(0).uniform(0.0, 250.0, (20, 3, 2))
    sticky = StickyFleet(SERVICE, 3, np.array([4, 3]), connection_life=100.0)
    balanced = Fleet(Service(max_instances=4, patience=60.0, queueing="per_instance"), 3, np.array([4, 3]))
    for row in rates:
        for mine, other in zip(sticky.work(list(row), 5.0), balanced.work(list(row), 5.0), strict=True):
            assert mine == pytest.approx(other)


def test_load_moves_to_a_new_instance_as_connections_end() -> None:
    """Of 40/s the older instance has 1/2 + exp(-t / life) / 2 when the other is t old, and p99 is the older one's."""
    fleet = StickyFleet(SERVICE, 0, np.array([1]), connection_life=60.0)
    p99s = [tick(fleet, 40.0, target=2).p99[0] for _tick in range(12)]
    shares = [0.5 + 0.5 * math.exp(-15.0 * age / 60.0) for age in range(12)]
    assert p99s == pytest.approx([p99_of(40.0 * share) for share in shares], rel=0.03)


def test_long_connections_keep_an_overload_where_it_is() -> None:
    """Two instances could serve 60/s, but one has all connections."""
    left = {}
    for life in (15.0, 3600.0):
        fleet = StickyFleet(SERVICE, 0, np.array([1]), connection_life=life)
        for _tick in range(8):
            left[life] = tick(fleet, 60.0, target=2).backlog[0]
    assert left[15.0] == 0.0 < 500.0 < left[3600.0]


def test_who_leaves_hands_connections_and_backlog_on() -> None:
    fleet = StickyFleet(SERVICE, 0, np.array([4]), connection_life=1e9)
    waits = tick(fleet, 260.0).backlog[0]
    assert waits == pytest.approx(60.0 * 15.0)
    # 225 wait at each of the four; the one that stays gets them all, and the load of 40/s.
    felt = tick(fleet, 40.0, target=1)
    assert felt.backlog[0] == pytest.approx(waits - 10.0 * 15.0)
    assert felt.utilisation[0] == 1.0


def test_who_has_no_load_says_nothing_about_p99() -> None:
    """The newcomer would be the fastest, and gets the backlog of one that left in the same tick."""
    fleet = StickyFleet(SERVICE, 1, np.array([1]), connection_life=1e9)
    for _tick in range(3):
        felt = tick(fleet, 25.0, target=2)
    assert felt.p99[0] == pytest.approx(p99_of(25.0), rel=0.03)
    assert felt.utilisation[0] == pytest.approx(0.25)  # mean over instances: 1/2 and 0


def test_fleets_side_by_side_have_shares_of_their_own() -> None:
    fleet = StickyFleet(SERVICE, 0, np.array([1, 3]), connection_life=1e9)
    fleet.order(np.array([3, 3]))
    felt = fleet.work([np.array([45.0, 45.0])] * 3, 5.0)
    assert felt.p99 == pytest.approx([p99_of(45.0), p99_of(15.0)], rel=0.03)
