# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The history of rates: a packed ring on a time grid."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._history import History, Window
from hypothesis import given
from hypothesis import strategies as st

RATES = st.floats(0, 1e6, allow_subnormal=False)


@given(st.lists(st.floats(-1e9, 1e9), max_size=60), st.integers(1, 12))
def test_a_window_holds_the_newest_values(values: list[float], size: int) -> None:
    window = Window(size)
    for count, value in enumerate(values, start=1):
        window.append(value)
        kept = values[:count][-size:]
        assert window.last(size).tolist() == kept
        assert window.last(2, ago=1).tolist() == kept[:-1][-2:]
        assert window.at(np.arange(len(kept))).tolist() == kept[::-1]
    window.replace(np.array(values))
    assert window.last(99).tolist() == values[-size:]
    window.append(5.0)
    assert window.last(1).tolist() == [5.0]


@given(st.lists(RATES, max_size=40))
def test_a_reloaded_history_is_the_same(rates: list[float]) -> None:
    history = History(15.0, 20)
    history.ended = 1000.0
    for rate in rates:
        history.append(rate)
    plain = json.loads(json.dumps(history.to_plain()))
    again = History(15.0, 20).read(plain)
    assert again.last(20).tolist() == history.last(20).tolist()
    assert (again.slot, again.ended) == (history.slot, history.ended) == (len(rates), 1000.0)
    assert again.last(20) == pytest.approx(rates[-20:], rel=0.0014, abs=1e-18)


def test_a_day_fits_into_16_kilobytes() -> None:
    history = History(15.0, 5760)
    for rate in np.random.default_rng(0).gamma(2.0, 100.0, 5760).tolist():
        history.append(rate)
    assert len(json.dumps(history.to_plain())) < 16_000


def test_another_interval_keeps_the_time() -> None:
    history = History(10.0, 100)
    history.ended = 1030.0
    for rate in (100.0, 200.0, 300.0):
        history.append(rate)
    finer = History(5.0, 100).read(history.to_plain())
    assert finer.ended == 1030.0
    assert finer.last(9) == pytest.approx([100, 150, 200, 250, 300], rel=0.002)
    coarser = History(20.0, 100).read(history.to_plain())
    assert coarser.last(9) == pytest.approx([100, 300], rel=0.002)


def fill(history: History, now: float, rate: float) -> int:
    """Append what is to be appended at this moment; returns how much that was."""
    rates = history.until(now, rate)
    for each in rates:
        history.append(each)
    return len(rates)


def test_unmeasured_slots_are_interpolated() -> None:
    history = History(15.0, 10)
    assert history.until(15_000.0, 40.0) == [40.0], "the first"
    history.append(40.0)
    assert history.until(15_000.0 + 7.0, 50.0) == [], "less than half an interval"
    assert history.until(15_000.0 + 46.0, 70.0) == pytest.approx([50.0, 60.0, 70.0], rel=0.002)


@given(st.floats(0, 15), st.floats(0, 3.0), st.integers(0, 1000))
def test_every_tick_is_a_slot_whatever_its_phase_and_jitter(phase: float, jitter: float, seed: int) -> None:
    """Ticks are 15 s apart, up to a fifth of that late or early, after one that was out of step.

    What it was out of step by, 7.5 s at most, shrinks by a fifth at each tick that has a slot. While more than 4.5 s of
    it are left, one that is early may have none, and the next has two; by chance that goes on for some ticks.
    """
    random, history = np.random.default_rng(seed), History(15.0, 1000)
    fill(history, 0.0, 1.0)
    start = 15.0 + phase
    counts = [fill(history, start + 15.0 * tick + random.uniform(-jitter, jitter), 1.0) for tick in range(300)]
    assert all(counts[40:]), "none is lost"
    assert abs(history.slot - 301) <= 2, "and none is invented"


def test_a_past_is_appended_and_what_is_missing_in_it_marked() -> None:
    history = History(15.0, 10)
    history.fill([math.nan, 40.0, math.nan, math.nan, 70.0], 15_000.0)
    assert history.last(9) == pytest.approx([40.0, 40.0, 50.0, 60.0, 70.0], rel=0.002)
    assert history.guessed.last(9).tolist() == [1, 0, 1, 1, 0]
    assert history.ended == 15_000.0
    again = History(15.0, 10).read(json.loads(json.dumps(history.to_plain())))
    assert again.guessed.last(9).tolist() == [1, 0, 1, 1, 0]
    halved = History(7.5, 20).read(history.to_plain())
    assert (halved.guessed.last(20) > 0).tolist() == [True, True, False, True, True, True, True, True, False]
    history.fill([math.nan], 15_015.0)
    assert len(history) == 5, "nothing is known"


def test_a_clock_set_back_loses_nothing_and_a_long_pause_everything() -> None:
    history = History(15.0, 10)
    for now, rate in ((15_000.0, 40.0), (14_000.0, 50.0)):
        fill(history, now, rate)
    assert history.last(9) == pytest.approx([40.0, 50.0], rel=0.002)
    assert history.until(14_000.0 + 11 * 15.0, 1.0) == [1.0]
    assert len(history) == 0


@pytest.mark.parametrize("damage", ["", "!!!", "AAAA", None, 7])
def test_damage_is_an_error_that_says_so(damage: object) -> None:
    plain = History(15.0, 10).to_plain() | {"rates": damage}
    with pytest.raises(AutoscaleError, match="damaged"):
        History(15.0, 10).read(plain)
