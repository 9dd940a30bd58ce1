# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures as people write them."""

from __future__ import annotations

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest import _words
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.0174, "0.0174"),
        (3.9, "3.90"),
        (9.999, "10.0"),
        (46.24, "46.2"),
        (512.4, "512"),
        (999.7, "1000"),
        (1234.0, "1234"),
        (28800.0, "28.8k"),
        (345_600.0, "346k"),
        (12_345_678.0, "12.3M"),
        (-2.5, "-2.50"),
    ],
)
def test_a_number_has_three_digits(value: float, text: str) -> None:
    assert _words.number(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (1 / 345_600, "<0.01 %"),
        (0.0068, "0.68 %"),
        (0.0728, "7.28 %"),
        (0.223, "22.3 %"),
        (1 - 1 / 345_600, ">99.9 %"),
        (1.0, "100 %"),
    ],
)
def test_a_share_in_percent(share: float, text: str) -> None:
    assert _words.percent(share) == text


@given(st.floats(0.0, 1.0, exclude_min=True, exclude_max=True))
def test_some_is_neither_none_nor_all(share: float) -> None:
    assert _words.percent(share) not in {"0 %", "0.00 %", "100 %", "100.0 %"}


@pytest.mark.parametrize(
    ("value", "text"), [(0.0004, "0.400 ms"), (0.175, "175 ms"), (0.9999, "1.00 s"), (3.17, "3.17 s"), (250.4, "250 s")]
)
def test_seconds_have_a_unit_that_suits_them(value: float, text: str) -> None:
    assert _words.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(15.0, "15 s"), (600.0, "10 minutes"), (36 * 3600.0, "36 hours"), (14 * 86400.0, "14 days"), (90.0, "90 s")],
)
def test_a_duration_has_a_unit_of_which_there_are_two(value: float, text: str) -> None:
    assert _words.duration(value) == text


def test_settings_are_short() -> None:
    assert [_words.setting(value) for value in (50.0, 0.2, None, "shared", 3)] == ["50", "0.2", "none", "shared", "3"]


def test_text_from_outside_is_one_short_line() -> None:
    assert _words.name("a\x1b[31m\nb") == "a [31m b"
    assert len(_words.name("x" * 1000)) == _words.LONGEST_NAME
    assert len(_words.note("x" * 5000)) == _words.LONGEST_NOTE
