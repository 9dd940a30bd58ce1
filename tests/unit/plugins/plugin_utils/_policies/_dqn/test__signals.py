# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the network sees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import PolicySettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn import _signals
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._world import World, world_of
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._policies._policy_helpers import settings_of


def world(rate: float = 50.0, **options: Any) -> World:
    return world_of(settings_of("dqn", PolicySettings(max_instances=20), **options), rate)


def rates(count: int = 300, services: int = 3) -> np.ndarray:
    rng = np.random.default_rng(0)
    return 300.0 * np.exp(np.cumsum(rng.normal(0.0, 0.1, (count, services)), axis=0))


def seen(where: World, arrivals: np.ndarray) -> _signals.Signals:
    signals = _signals.Signals(where, arrivals[0])
    for row in arrivals[1:]:
        signals.see(row)
    return signals


@pytest.mark.parametrize("factor", [0.01, 3.0, 1000.0])
def test_features_do_not_depend_on_the_scale(factor: float) -> None:
    """A service that is so many times as fast, under so many times the load, looks the same."""
    one, other = seen(world(), rates()), seen(world(50.0 * factor), factor * rates())
    assert other.traffic() == pytest.approx(one.traffic(), abs=1e-5)
    assert other.ruled() == pytest.approx(factor * one.ruled())
    counts, backlog = np.array([[2, 5, 9], [2, 6, 9], [2, 6, 9], [4, 6, 11]]), np.array([0.0, 30.0, 1000.0])
    assert _signals.fleet(world(50.0 * factor), counts, factor * backlog, other.ruled()) == pytest.approx(
        _signals.fleet(world(), counts, backlog, one.ruled()), abs=1e-5
    )


def test_features_have_names_and_limits() -> None:
    where = world()
    signals = seen(where, np.array([[1e-9, 0.0], [1e12, 0.0], [0.0, 1.0]]))
    traffic = signals.traffic()
    assert traffic.shape == (2, len(_signals.TRAFFIC))
    own = _signals.fleet(where, np.zeros((4, 2), dtype=int), np.array([0.0, 1e15]), signals.ruled())
    assert own.shape == (2, len(_signals.FLEET))
    for features in (traffic, own):
        assert np.isfinite(features).all()
        assert (abs(features) <= _signals.LIMIT).all()


def test_the_rule_is_headroom_on_what_lasts_grows_or_has_been() -> None:
    steady = seen(world(headroom=1.2), np.full((50, 1), 100.0))
    assert steady.ruled() == pytest.approx(120.0)
    growing = seen(world(headroom=1.0, hold=0.0), 100.0 + 2.0 * np.arange(50)[:, None])
    assert growing.ruled() == pytest.approx(198.0 + 4 * 2.0)  # the newest, and four ticks of its trend
    jumped = seen(world(headroom=1.0), np.concatenate([np.full((50, 1), 100.0), np.full((1, 1), 900.0)]))
    assert jumped.ruled() == pytest.approx(1.5 * 900.0)
    after = seen(world(headroom=1.0, hold=900.0), np.concatenate([np.full((50, 1), 200.0), np.full((60, 1), 100.0)]))
    assert after.ruled() == pytest.approx(100.0 + 100.0 / np.e, rel=0.02)  # 900 s later


def test_services_do_not_depend_on_their_neighbours() -> None:
    together, arrivals = seen(world(), rates()), rates()
    for place in range(arrivals.shape[1]):
        alone = seen(world(), arrivals[:, [place]])
        assert np.array_equal(alone.traffic()[0], together.traffic()[place])


def test_signals_go_on_from_plain_data() -> None:
    where, arrivals = world(), rates()
    again = _signals.Signals.from_plain(seen(where, arrivals[:200]).to_plain(), where)
    for row in arrivals[200:]:
        again.see(row)
    assert np.array_equal(again.traffic(), seen(where, arrivals).traffic())


def test_a_world_is_known_by_its_kind() -> None:
    assert world().kind == world(80.0).kind
    assert world().kind != world(headroom=1.3).kind
    slow = world_of(replace(settings_of("dqn"), boot_time=120.0), 50.0)
    assert slow.lead == 9
    assert slow.kind != world().kind
