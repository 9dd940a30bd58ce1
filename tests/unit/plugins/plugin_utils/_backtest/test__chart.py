# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths and axes."""

from __future__ import annotations

import re

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest import _chart
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._backtest._replays import (
    DATED,
    marked,
    values,
)
from hypothesis import given
from hypothesis import strategies as st

COUNTS = st.lists(st.integers(0, 40), min_size=1, max_size=60).map(np.array)


def test_counts_are_steps() -> None:
    assert _chart.line(np.array([3, 3, 4, 4, 4, 2]), 10) == "M0 3h2v1h3v-2h1"
    assert _chart.line(np.array([7]), 10) == "M0 7h1"


def test_an_area_stands_on_the_axis() -> None:
    assert _chart.area(np.array([3, 3, 4, 0]), 10) == "M0 0v3h2v1h1v-4h1V0z"


@given(COUNTS)
def test_a_path_holds_the_data(counts: np.ndarray) -> None:
    assert np.array_equal(values(_chart.line(counts, len(counts))), counts)
    assert np.array_equal(values(_chart.area(counts, len(counts))), counts)


@given(COUNTS, st.integers(2, 20))
def test_a_short_path_keeps_the_peak_and_the_length(counts: np.ndarray, most: int) -> None:
    drawn = values(_chart.line(counts, most))
    assert (len(drawn), drawn.max(), drawn.min()) == (len(counts), counts.max(), counts.min())


def test_marks_are_boxes() -> None:
    flags = np.array([0, 0, 1, 1, 0, 1], dtype=bool)
    assert _chart.marks(flags, 9) == "m2 0h2v1h-2zm3 0h1v1h-1z"
    assert _chart.marks(~np.ones(9, dtype=bool), 9) == ""


@given(st.lists(st.booleans(), min_size=1, max_size=80).map(np.array), st.integers(1, 10))
def test_no_mark_is_lost(flags: np.ndarray, most: int) -> None:
    assert marked(_chart.marks(flags, most), len(flags))[flags].all()


def test_a_curve_goes_through_the_means() -> None:
    assert _chart.curve(np.array([1, 2, 5, 5, 0, 0]), 3) == "M1 1.5L3 5L5 0"


def test_boxes_are_the_higher_the_longer() -> None:
    flags = np.array([0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1], dtype=bool)
    least = _chart.LEAST + (1 - _chart.LEAST) / 4
    assert _chart.density(flags, 3) == f"M4 0h4v{_chart.coordinate(least)}H4zM8 0h4v1H8z"


@given(st.lists(st.booleans(), min_size=1, max_size=80).map(np.array), st.integers(1, 30))
def test_something_rare_is_seen_too(flags: np.ndarray, pieces: int) -> None:
    boxes = [tuple(map(float, box)) for box in re.findall(r"M(\S+) 0h(\S+?)v([^H]+)H", _chart.density(flags, pieces))]
    for tick in np.flatnonzero(flags):
        assert any(begin <= tick < begin + width and height >= _chart.LEAST for begin, width, height in boxes)


@pytest.mark.parametrize(
    ("peak", "labels"),
    [
        (0, ["0", "1"]),
        (1, ["0", "1"]),
        (3, ["0", "1", "2", "3"]),
        (20, ["0", "5", "10", "15", "20"]),
        (21, ["0", "10", "20", "30"]),
        (9, ["0", "3", "6", "9"]),
    ],
)
def test_counts_have_whole_labels(peak: int, labels: list[str]) -> None:
    axis = _chart.count_axis(peak)
    assert [label.text for label in axis.labels] == labels
    assert axis.units(np.array([peak])) == [peak]


@pytest.mark.parametrize(
    ("peak", "labels"),
    [
        (0.0, ["0", "1"]),
        (757.0, ["0", "200", "400", "600", "800"]),
        (0.26, ["0", "0.1", "0.2", "0.3"]),
        (250_000.0, ["0", "100k", "200k", "300k"]),
    ],
)
def test_other_axes_have_round_labels(peak: float, labels: list[str]) -> None:
    assert [label.text for label in _chart.fine_axis(peak).labels] == labels


@given(st.floats(1e-6, 1e9))
def test_the_peak_fits_and_fills_its_axis(peak: float) -> None:
    axis = _chart.fine_axis(peak)
    (height,) = axis.units(np.array([peak]))
    assert axis.top / 3 < height <= axis.top / _chart.ROOM + 1
    assert abs(height * axis.unit - peak) <= axis.unit


def test_labels_are_at_their_grid_lines() -> None:
    axis, time = _chart.count_axis(20), _chart.time_axis(DATED, 15.0, 5760)
    assert axis.top == pytest.approx(21.0)
    assert [label.percent for label in axis.labels] == pytest.approx([100.0, 76.19, 52.38, 28.57, 4.76], abs=0.01)
    assert _chart.grid(axis, time) == "".join(f"M0 {height}h5760" for height in (0, 5, 10, 15, 20))
    assert _chart.view_box(axis, time) == "0 -21 5760 21"
    assert [label.text for label in time.labels][:2] == ["15:00", "18:00"]
    assert time.labels[0].percent == pytest.approx(12.5)
    assert _chart.time_grid(axis, time).startswith("M720 0v21M1440 0v21")


def test_labels_that_would_be_cut_off_are_left_out() -> None:
    time = _chart.time_axis(0.0, 15.0, 5760)
    assert [label.text for label in time.labels][:: len(time.labels) - 1] == ["03:00", "21:00"]


@given(st.floats(-1e7, 1e7))
def test_coordinates_are_short(value: float) -> None:
    text = _chart.coordinate(value)
    assert re.fullmatch(r"-?\d+(\.\d{1,2})?", text)
    assert float(text) == pytest.approx(value, abs=0.0051)
