# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Synthetic families: reproducible, different from seed to seed, and each with the shape that it is named for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._families import (
    FAMILIES,
    HELD_OUT,
    TRAINING,
    generate,
)

DAY = 5760  # steps of 15 s
SEEDS = range(8)


def correlation(rates: np.ndarray, lag: int) -> float:
    return float(np.corrcoef(rates[:-lag], rates[lag:])[0, 1])


def of_seeds(family: str, figure: Callable[[np.ndarray], float]) -> np.ndarray:
    return np.array([figure(generate(family, seed).rates) for seed in SEEDS])


def peak(rates: np.ndarray) -> float:
    return float(np.quantile(rates, 0.999) / np.median(rates))


def test_no_family_is_both_trained_and_held_out() -> None:
    assert set(TRAINING) | set(HELD_OUT) == set(FAMILIES)
    assert not set(TRAINING) & set(HELD_OUT)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_seed_decides(family: str) -> None:
    first, again, other = (generate(family, seed) for seed in (1, 1, 2))
    assert first.name == f"{family}_1" and first.step == 15.0
    assert first.rates.shape == (2 * DAY,)
    assert np.array_equal(first.rates, again.rates)
    assert not np.array_equal(first.rates, other.rates)
    assert np.isfinite(first.rates).all() and (first.rates > 0.0).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_seeds_draw_other_heights(family: str) -> None:
    peaks = of_seeds(family, lambda rates: rates.max() / rates.mean())
    assert peaks.max() > 1.15 * peaks.min()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_shorter_day_is_the_same_load_only_faster(family: str) -> None:
    long, short = generate(family, 3), generate(family, 3, step=1.5, day=8640.0)
    assert short.rates == pytest.approx(long.rates)


def test_diurnal_days_resemble_each_other_and_are_smooth() -> None:
    assert (of_seeds("diurnal", lambda rates: correlation(rates, DAY)) > 0.8).all()
    assert (of_seeds("diurnal", lambda rates: correlation(rates, 20)) > 0.97).all()
    assert (of_seeds("diurnal", peak) < 5.0).all()


def test_floods_are_high_and_seldom() -> None:
    assert (of_seeds("flash_crowd", peak) > 2.0).all()
    assert (of_seeds("flash_crowd", lambda rates: np.mean(rates > 3 * np.median(rates))) < 0.2).all()


def test_steps_hold_their_level() -> None:
    changes = of_seeds("steps", lambda rates: np.count_nonzero(np.diff(rates)))
    assert ((changes >= 5) & (changes <= 130)).all()


def test_on_off_has_two_rates_and_both_last() -> None:
    assert (of_seeds("on_off", lambda rates: len(np.unique(rates))) == 2).all()
    assert (of_seeds("on_off", lambda rates: np.count_nonzero(np.diff(rates)) / 2) >= 4).all()


def test_ou_has_its_spread_and_forgets() -> None:
    """Of the logarithm: standard deviation as drawn (0.3 to 0.7), no memory after a day."""
    logs = [np.log(generate("ou", seed, days=20).rates) for seed in SEEDS]
    assert all(0.25 < log.std() < 0.8 and abs(log.mean()) < 0.2 for log in logs)
    assert all(correlation(log, 4) > 0.95 and abs(correlation(log, DAY)) < 0.3 for log in logs)


def test_saws_rise_steadily_and_fall_at_once_or_the_other_way_round() -> None:
    for seed in SEEDS:
        changes = np.diff(generate("saw", seed).rates)
        jumps = abs(changes) > 0.5
        assert 6 <= jumps.sum() <= 48
        assert len(set(np.sign(changes[~jumps]))) == len(set(np.sign(changes[jumps]))) == 1


def test_spikes_come_again_by_the_clock() -> None:
    """All periods divide four hours."""
    for seed in SEEDS:
        rates = generate("cron_spikes", seed).rates
        up = np.diff(rates) > 0.5
        assert up.sum() >= 10
        assert np.mean(np.convolve(up, np.ones(3), "same")[DAY // 6 :][up[: -DAY // 6]] > 0) > 0.9


def test_what_cannot_be_generated_is_refused() -> None:
    with pytest.raises(OptionError, match=r"^family: must be one of diurnal, .*, got tides"):
        generate("tides", 0)
    with pytest.raises(AutoscaleError, match="at least two steps"):
        generate("saw", 0, days=1, step=60.0, day=60.0)
