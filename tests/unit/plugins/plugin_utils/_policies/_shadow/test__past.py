# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A season that is too long for the history: coarse slots beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._history import History
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow import _times
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._past import LEVEL_SLOTS, Past
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._times import Times
from hypothesis import given
from hypothesis import strategies as st

RATES = st.lists(st.floats(0.0, 5000.0), max_size=300)


@pytest.fixture(autouse=True, scope="module")
def _short_memory() -> Iterator[None]:
    """60 slots one by one, a longer season in at most 20."""
    patch = pytest.MonkeyPatch()
    patch.setattr(_times, "MOST_SLOTS", 60)
    patch.setattr(_times, "COARSE_SLOTS", 20)
    yield
    patch.undo()


def times(season: int = 100, lead: int = 4) -> Times:
    return Times(interval=15.0, lead=lead, season=season)


def past_of(rates: list[float], of: Times) -> Past:
    past = Past(of)
    tell(past, rates)
    return past


def tell(past: Past, rates: list[float]) -> None:
    for rate in rates:
        past.append(rate)
        past.ended += 15.0


def coarse(past: Past) -> list[float]:
    found: list[float] = past.coarse.last(past.coarse.size).tolist()
    return found


def test_where_the_season_fits_there_are_no_coarse_slots() -> None:
    past, history = past_of([5.0] * 80, times(59)), History(15.0, 60)
    for _unused in range(80):
        history.append(5.0)
    assert coarse(past) == []
    assert past.to_plain() == history.to_plain() | {"ended": past.ended}


def test_a_coarse_slot_has_the_largest_mean_of_three_ticks_that_ends_in_it() -> None:
    rates = np.random.default_rng(0).gamma(2.0, 100.0, 100)
    means = np.convolve(rates, np.ones(3) / 3)[2 : len(rates)]
    means = np.concatenate([[0.0, 0.0], means]).reshape(-1, 5)
    assert coarse(past_of(rates.tolist(), times())) == pytest.approx(means.max(axis=1), rel=0.003)


@given(st.integers(61, 150), st.integers(1, 9), st.integers(0, 100))
def test_what_the_last_season_did_from_now_on_is_foretold_to_a_slot(season: int, lead: int, more: int) -> None:
    """Never less than it was, nor more than it was a slot before or after."""
    known = times(season, lead)
    rates = np.random.default_rng(season).gamma(2.0, 100.0, season + LEVEL_SLOTS * known.stride + 2 * known.stride)
    rates = np.concatenate([rates, np.resize(rates[-season:], more)])
    past = past_of(rates.tolist(), known)
    past.coarse.replace(coarse_of_level(past))
    means = np.convolve(rates, np.ones(3) / 3)[: len(rates)]
    now = len(rates) - 1 - season  # the same time of the last season
    reach = lead + 2
    least = means[now : now + reach].max()
    most = means[max(now - known.stride, 0) : now + reach + known.stride].max()
    assert 0.995 * least <= past.after_season(reach) <= 1.005 * most


def coarse_of_level(past: Past) -> np.ndarray:
    """Its slots, the newest such that the level is that of the last season."""
    slots = past.coarse.last(past.coarse.size).copy()
    same = round(past.times.season / past.times.stride)
    slots[-LEVEL_SLOTS:] = past.coarse.last(LEVEL_SLOTS, same)
    return slots


def test_a_season_comes_at_the_level_of_this_one_within_bounds() -> None:
    season = [100.0] * 50 + [300.0] * 50
    for factor, believed in ((1.0, 1.0), (2.0, 2.0), (20.0, 3.0), (0.1, 0.3)):
        past = past_of(season + [factor * rate for rate in season[:46]], times())
        assert past.after_season(6) == pytest.approx(believed * 300.0, rel=0.01)
        early = past_of(season + [factor * rate for rate in season[:35]], times())
        assert early.after_season(6) == pytest.approx(believed * 100.0, rel=0.01)


def test_less_than_a_season_is_not_known() -> None:
    assert past_of([100.0] * 100, times()).after_season(6) == 0.0
    assert past_of([100.0] * 120, times()).after_season(6) == pytest.approx(100.0, rel=0.01)


@given(RATES, RATES, st.integers(60, 150))
def test_reloaded_it_is_the_same(rates: list[float], later: list[float], season: int) -> None:
    past = past_of(rates, times(season))
    again = Past(times(season)).read(json.loads(json.dumps(past.to_plain())))
    for each in (past, again):
        tell(each, later)
    assert again.to_plain() == past.to_plain()
    assert again.after_season(6) == past.after_season(6)


@given(RATES, st.integers(50, 150))
def test_lived_through_once_more_it_is_the_same(rates: list[float], season: int) -> None:
    past = past_of(rates, times(season))
    again = past.before(times(season))
    assert len(again) == 0
    tell(again, past.last(past.size).tolist())
    assert coarse(again) == coarse(past)
    assert (again.begun, again.ended) == (past.begun, past.ended)


def test_a_pause_that_is_longer_than_the_history_leaves_nothing() -> None:
    past = past_of([100.0] * 130, times())
    assert past.until(past.ended + 59 * 15.0, 100.0)
    assert past.after_season(6) > 0.0
    assert past.until(past.ended + 61 * 15.0, 100.0) == [100.0]
    assert coarse(past) == []


@pytest.mark.parametrize("damage", [{"coarse": None}, {"coarse": {"rates": "no base64"}}, {"begun": "?"}])
def test_a_season_that_is_damaged_or_absent_is_taken_from_the_rates(damage: dict[str, object]) -> None:
    rates = np.random.default_rng(0).gamma(2.0, 100.0, 130).tolist()
    past = past_of(rates, times())
    again = Past(times()).read(past.to_plain() | damage)
    assert coarse(again)[1:] == coarse(past)[-11:]  # the first one lacks what was before the rates
    assert again.slot == past.slot
    assert again.last(99).tolist() == past.last(99).tolist()


def test_another_interval_keeps_the_season() -> None:
    season = [100.0] * 50 + [300.0] * 50
    past = past_of(season + season[:46], times())
    finer = Past(Times(interval=5.0, lead=12, season=300)).read(past.to_plain())
    assert finer.after_season(14) == pytest.approx(300.0, rel=0.01)
