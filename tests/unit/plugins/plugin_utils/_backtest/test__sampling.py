# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fewer points: nothing that matters is lost."""

from __future__ import annotations

import math

import numpy as np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._sampling import Runs, means, runs, spans
from hypothesis import given
from hypothesis import strategies as st

COUNTS = st.lists(st.integers(0, 5), min_size=1, max_size=80).map(np.array)
#: Runs of True and False.
FLAGS = st.lists(st.integers(1, 9), min_size=1, max_size=40).map(
    lambda lengths: np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
)


def spread(found: Runs) -> np.ndarray:
    """The value of each tick."""
    return np.repeat(found.values, np.diff(found.starts, append=found.end))


@given(COUNTS)
def test_few_runs_are_exact(counts: np.ndarray) -> None:
    found = runs(counts, len(counts))
    assert np.array_equal(spread(found), counts)
    assert (np.diff(found.values) != 0).all()


@given(COUNTS, st.integers(2, 80))
def test_each_value_is_drawn_near_its_time(counts: np.ndarray, most: int) -> None:
    found = runs(counts, most)
    assert len(found.starts) <= most
    drawn, near = spread(found), math.ceil(len(counts) / (most // 2))
    assert len(drawn) == len(counts)
    for tick, value in enumerate(counts):
        around = drawn[max(0, tick - near) : tick + near + 1]
        assert around.min() <= value <= around.max()


@given(COUNTS, st.integers(2, 80))
def test_extremes_are_drawn_and_nothing_beyond_them(counts: np.ndarray, most: int) -> None:
    drawn = runs(counts, most).values
    assert (drawn.min(), drawn.max()) == (counts.min(), counts.max())


@given(FLAGS)
def test_few_spans_are_exact(flags: np.ndarray) -> None:
    drawn = np.zeros(len(flags), dtype=bool)
    for begin, end in spans(flags, len(flags)):
        drawn[begin:end] = True
    assert np.array_equal(drawn, flags)


@given(FLAGS, st.integers(1, 20))
def test_no_flag_is_lost_in_few_spans(flags: np.ndarray, most: int) -> None:
    found = spans(flags, most)
    assert len(found) <= most
    drawn = np.zeros(len(flags), dtype=bool)
    for begin, end in found:
        assert flags[begin] and flags[end - 1]
        drawn[begin:end] = True
    assert drawn[flags].all()


def test_the_largest_gaps_between_spans_stay() -> None:
    flags = np.array([1, 0, 1, 0, 0, 0, 1, 0, 0, 1], dtype=bool)
    assert spans(flags, 3) == [(0, 3), (6, 7), (9, 10)]
    assert spans(flags, 2) == [(0, 3), (6, 10)]
    assert spans(flags, 1) == [(0, 10)]


@given(COUNTS, st.integers(1, 100))
def test_means_are_of_all_values(counts: np.ndarray, most: int) -> None:
    found = means(counts, most)
    assert len(found.values) <= most
    assert math.isclose(float(found.values @ np.diff(found.edges)), float(counts.sum()), abs_tol=1e-9)
    assert found.edges[-1] == len(counts)
