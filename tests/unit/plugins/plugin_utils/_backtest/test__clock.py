# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times as dates, and as days of a course of time."""

from __future__ import annotations

from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest import _clock
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._backtest._replays import DATED
from hypothesis import given
from hypothesis import strategies as st

DAY = 86400.0


def test_unix_times_are_dates_in_utc() -> None:
    assert _clock.moment(DATED) == "2025-11-13 12:00"
    assert _clock.brief(DATED) == "13 Nov 12:00"
    assert _clock.period(DATED, DATED + DAY) == "2025-11-13 12:00 to 2025-11-14 12:00 UTC"


def test_times_from_some_start_are_days() -> None:
    at = 2 * DAY + 14 * 3600 + 10 * 60
    assert _clock.moment(at) == _clock.brief(at) == "day 3, 14:10"
    assert _clock.period(0.0, at) == "day 1, 00:00 to day 3, 14:10"


def test_a_warm_up_before_makes_no_date_of_a_course_of_time() -> None:
    assert not _clock.is_dated(60 * DAY)
    assert _clock.is_dated(DATED)


def test_labels_are_days_where_there_are_many() -> None:
    texts = [text for _at, text in _clock.labels(DATED, DATED + 6 * DAY, 9)]
    assert texts == ["Fri 14 Nov", "Sat 15 Nov", "Sun 16 Nov", "Mon 17 Nov", "Tue 18 Nov", "Wed 19 Nov"]
    assert [text for _at, text in _clock.labels(0.0, 2 * DAY, 4)] == ["day 1", "day 2", "day 3"]


def test_labels_are_times_within_a_day() -> None:
    assert _clock.labels(DATED, DATED + 3600, 4) == [
        (DATED, "12:00"),
        (DATED + 1800, "12:30"),
        (DATED + 3600, "13:00"),
    ]
    assert [text for _at, text in _clock.labels(0.0, 30.0, 4)] == ["day 1", "00:00:15", "00:00:30"]
    assert [text for _at, text in _clock.labels(DATED + 11 * 3600, DATED + 13 * 3600, 4)] == [
        "23:00",
        "Fri 14 Nov",
        "01:00",
    ]


@given(st.integers(0, 2**32), st.floats(1.0, 80 * DAY), st.integers(7, 12))
def test_labels_are_few_and_within(start: int, length: float, most: int) -> None:
    found = _clock.labels(start, start + length, most)
    assert len(found) <= most
    assert all(start <= at <= start + length for at, _text in found)
    assert len(found) > 1 or length < 20.0
