# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When something was: in UTC, or as the day of a course of time whose date nobody knows.

Names of days and months are cut from "Wed, 25 Nov 2026 14:10:00 -0000", which unlike strftime minds no locale.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import formatdate

from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._words import DAY_S

#: Seconds between two labels of a time axis; each divides the next day.
STEPS = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600)
#: A replay that starts within a year of 0 counts from the start of its traffic; its warm-up may have come before.
FIRST_DATE = 366 * DAY_S


def is_dated(start: float) -> bool:
    """Whether these are unix seconds, rather than seconds from some start."""
    return start >= FIRST_DATE


def moment(at: float) -> str:
    """A time in unix seconds, as 2026-11-25 14:10, or in seconds from some start, as day 3, 14:10."""
    if is_dated(at):
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d} {_time(at)}"
    return f"{_day(at)}, {_time(at)}"


def brief(at: float) -> str:
    """The same without a year: 25 Nov 14:10, or day 3, 14:10."""
    return f"{formatdate(at)[5:11]} {_time(at)}" if is_dated(at) else moment(at)


def period(start: float, end: float) -> str:
    """From when to when, with the time zone."""
    return f"{moment(start)} to {moment(end)}" + (" UTC" if is_dated(start) else "")


def labels(start: float, end: float, most: int) -> list[tuple[float, str]]:
    """Up to `most` times from start to end (s) that are round, with their labels."""
    step = next((step for step in STEPS if (end - start) / step < most), STEPS[-1])
    first = math.ceil(start / step) * step
    return [(at, _label(at, step)) for at in range(first, math.floor(end) + 1, step)]


def _label(at: int, step: int) -> str:
    if at % DAY_S:
        return _time(at, 8 if step < 60 else 5)
    return formatdate(at)[:11].replace(",", "") if is_dated(at) else _day(at)


def _day(at: float) -> str:
    return f"day {int(at // DAY_S) + 1}"


def _time(at: float, length: int = 5) -> str:
    rest = int(at % DAY_S)
    return f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"[:length]
