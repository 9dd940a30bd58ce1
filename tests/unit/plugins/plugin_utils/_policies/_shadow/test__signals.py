# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the rates of the last day say about the next minute."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._past import Past
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._signals import Signals, Watch
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._times import Times
from hypothesis import given
from hypothesis import strategies as st

TIMES = Times(interval=15.0, lead=4, season=480)  # a day in 480 ticks: five minutes are 2 ticks, four hours 80
CAPACITY = 50.0


def read_all(rates: list[float], times: Times = TIMES, scheduled: float = 0.0) -> tuple[Watch, Signals]:
    watch = Watch(Past(times), times, CAPACITY)
    for rate in rates:
        watch.history.append(rate)
        watch.advance(scheduled)
    return watch, watch.signals()


def test_a_constant_rate_is_expected_to_stay() -> None:
    _unused, signals = read_all([128.0] * 600)
    assert signals.rate == signals.smooth == signals.trend == signals.season == pytest.approx(128.0)
    assert signals.rise == pytest.approx(0.0)
    assert signals.holds == pytest.approx([128.0] * 4)
    assert signals.levels == pytest.approx((128.0, 128.0, 128.0))
    assert signals.growth == pytest.approx(1.0)
    assert signals.growth_here == pytest.approx((1.0, 1.0))
    assert not signals.broke_off


def test_a_ramp_is_followed_to_the_end_of_the_lead() -> None:
    _unused, signals = read_all([100.0 + 10.0 * tick for tick in range(20)])
    assert signals.rise == pytest.approx(40.0, abs=1.2)
    assert signals.trend == pytest.approx(290.0 + 4 * 10.0, rel=0.02)


def test_a_slope_that_chance_explains_is_no_trend() -> None:
    """Counts of 15 s at 100/s vary by 2.6/s; their slope over four ticks by 1.15/s a tick."""
    chance = math.sqrt(100.0 / 15.0) / math.sqrt(5.0)
    rates = [100.0 + 2.0 * chance * (tick - 1.5) for tick in range(4)]
    _unused, signals = read_all([100.0] * 40 + rates)
    assert signals.trend == pytest.approx(rates[-1], rel=0.005)
    steep = [100.0 + 6.0 * chance * (tick - 1.5) for tick in range(4)]
    _unused, signals = read_all([100.0] * 40 + steep)
    growth = 6.0 * chance * (1.0 - (2.0 / 6.0) ** 2)
    assert signals.trend == pytest.approx(steep[-1] + 4.0 * growth, rel=0.01)


def test_a_jump_is_no_trend() -> None:
    _unused, signals = read_all([60.0] * 20 + [400.0])
    assert signals.trend == pytest.approx(800.0, rel=0.01)


def test_the_smooth_rate_is_an_exponentially_weighted_mean() -> None:
    rates = np.random.default_rng(1).gamma(4.0, 50.0, 300).tolist()
    smooth = medium = rates[0]
    for rate in rates[1:]:
        smooth += 0.5 * (rate - smooth)
        medium += 0.15 * (rate - medium)
    _unused, signals = read_all(rates)
    assert signals.smooth == pytest.approx(smooth, rel=0.003)
    assert signals.medium == pytest.approx(medium, rel=0.003)


def test_yesterdays_peak_is_foretold_before_it_comes_again() -> None:
    day = [100.0] * 480
    day[200:220] = [400.0] * 20
    rates = day + day[:196]
    _unused, before = read_all(rates[:-4])
    _unused, signals = read_all(rates)  # the peak begins in four ticks, and the mean of 45 s sees it then
    assert before.season == pytest.approx(100.0, rel=0.01)
    assert signals.season > 190.0
    assert signals.smooth == pytest.approx(100.0, rel=0.01)


def test_a_season_is_scaled_to_the_level_of_today_within_bounds() -> None:
    day = [100.0 + 50.0 * math.sin(tick / 480 * 2 * math.pi) for tick in range(480)]
    _unused, same = read_all(day + day[:100])
    _unused, double = read_all(day + [2 * rate for rate in day[:100]])
    _unused, wild = read_all(day + [20 * rate for rate in day[:100]])
    assert double.season == pytest.approx(2 * same.season, rel=0.01)
    assert wild.season == pytest.approx(3 * same.season, rel=0.01)


def test_a_period_that_comes_again_is_found() -> None:
    """A spike every 20 ticks (an hour of this day): foretold by that lag, which other lags are worse at."""
    spikes = [500.0 if tick % 20 == 0 else 50.0 for tick in range(900)]
    watch, signals = read_all(spikes[:897])  # the next is due at 900
    assert signals.repeated == pytest.approx(500.0, rel=0.01)
    assert signals.smooth < 100.0
    assert watch.scores.argmin() < 9


def test_what_a_person_expects_is_used_once_it_has_proved_right() -> None:
    """A jump at tick 400 that nobody can see coming, but that is in the calendar from four ticks before."""
    times = Times(interval=15.0, lead=4, season=4800)
    watch = Watch(Past(times), times, CAPACITY)
    for tick in range(1200):
        jump = tick % 397 > 380  # at moments that none of the lags fits
        soon = any((tick + ahead) % 397 > 380 for ahead in range(6))
        watch.history.append(300.0 if jump else 60.0)
        watch.advance(300.0 if soon else 60.0)
    signals = watch.signals()
    assert int(watch.scores.argmin()) == len(watch.scores) - 1
    assert signals.repeated == 60.0


def test_growth_is_told_apart_by_level() -> None:
    """Low traffic doubles now and then, high traffic never does."""
    low = [20.0, 20.0, 20.0, 20.0, 40.0, 20.0, 20.0, 20.0] * 15
    high = [100.0] * 120
    _unused, at_high = read_all(low + high + low + high)
    _unused, at_low = read_all(high + low + high + low)
    assert at_low.growth_here[1] > 1.5
    assert at_high.growth_here[1] < 1.1


def test_traffic_that_comes_back_is_no_growth_of_what_is_usual() -> None:
    _unused, signals = read_all([300.0] * 40 + [0.0] * 20 + [300.0] * 40)
    assert signals.growth <= 2.0  # not 300 / 5, a tenth of what an instance can serve
    _unused, low = read_all([300.0] * 40 + [0.0] * 60 + [100.0] * 4 + [300.0] * 2 + [0.0] * 20)
    assert low.growth_here[1] == 3.0  # at its own level, and no more


def test_traffic_that_rarely_breaks_off_is_noticed_when_it_does() -> None:
    calm = [100.0 + tick % 7 for tick in range(480)]
    restless = [100.0 if tick % 10 else 20.0 for tick in range(481)]
    assert read_all([*calm, 30.0])[1].broke_off
    assert not read_all([*calm, 60.0])[1].broke_off
    assert not read_all(restless)[1].broke_off, "it does so all the time"
    assert not read_all([100.0] * 10 + [10.0])[1].broke_off, "too little is known"


@given(st.lists(st.floats(0.0, 5000.0), min_size=1, max_size=260), st.integers(1, 9), st.integers(8, 200))
def test_a_reloaded_watch_sees_the_same(rates: list[float], lead: int, season: int) -> None:
    """Windows are filled from the history as they were filled tick by tick."""
    times = Times(interval=15.0, lead=lead, season=season)
    live, _unused = read_all(rates, times)
    again = Watch(live.history, times, CAPACITY)
    again.learn_from(json.loads(json.dumps(live.to_plain())))
    for rate in (None, 100.0, 0.0, 700.0):
        if rate is not None:
            live.history.append(rate)
            live.advance()
            again.advance()
        for name, value in live.signals()._asdict().items():
            assert getattr(again.signals(), name) == pytest.approx(value, rel=1e-9, abs=1e-9), name
        assert again.scores == pytest.approx(live.scores)


@pytest.mark.parametrize(("season", "five_minutes"), [(5760, 20), (7 * 5760, 20), (480, 2)])
def test_windows_shrink_with_a_short_day_and_do_not_grow_with_a_week(season: int, five_minutes: int) -> None:
    times = Times(interval=15.0, lead=4, season=season)
    assert times.ticks(300.0) == five_minutes
    assert times.fine == 1


def test_shorter_ticks_see_the_same_traffic_the_same_way() -> None:
    """A noisy ramp, measured every 15 s and every 3 s."""
    rng = np.random.default_rng(4)
    fine = np.repeat(100.0 + 0.2 * np.arange(400), 5) + rng.normal(0.0, 3.0, 2000)
    coarse = fine.reshape(400, 5).mean(axis=1)
    _unused, often = read_all(fine.tolist(), Times(interval=3.0, lead=16, season=28800))
    _unused, seldom = read_all(coarse.tolist(), Times(interval=15.0, lead=4, season=5760))
    for name in ("smooth", "medium", "trend", "rise"):
        assert getattr(often, name) == pytest.approx(getattr(seldom, name), rel=0.05, abs=5.0), name
    assert often.holds == pytest.approx(seldom.holds, rel=0.03)
