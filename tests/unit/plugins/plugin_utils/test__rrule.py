# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recurrence rules: what is made of readable options is taken by AWX and means what was said; what AWX refuses is told.

What AWX takes and means is asked of its double, which reads rules by the library that AWX reads them by.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._rrule import DAYS, UNITS, recurrence
from ansible_collections.rlops.autoscale.tests.tools import awx_rules
from hypothesis import assume, event, given
from hypothesis import strategies as st

ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"]
#: A rule as AWX has it, and what makes of it one that AWX refuses.
GOOD = "DTSTART;TZID=Europe/Berlin:20260101T060000 RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;COUNT=10"


@st.composite
def options(draw: st.DrawFn) -> dict[str, Any]:
    """Options that a person could give, most of them in their right kind."""
    start = draw(st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1))).replace(microsecond=0, second=0)
    found: dict[str, Any] = {"unit": draw(st.sampled_from(list(UNITS)))}
    optional = {
        "every": st.integers(1, 60),
        "start": st.sampled_from([start, start.isoformat(), start.strftime("%Y-%m-%d %H:%M"), start.date()]),
        "timezone": st.sampled_from(ZONES),
        "on_days": st.lists(st.sampled_from([*DAYS, *(name[:3].upper() for name in DAYS)]), max_size=4),
        "on_dates": st.lists(st.integers(-31, 31).filter(bool), max_size=4),
    }
    found |= {name: draw(value) for name, value in optional.items() if draw(st.booleans())}
    ending = draw(st.sampled_from(["", "count", "until"]))
    if ending == "count":
        found["count"] = draw(st.integers(1, 999))
    if ending == "until":
        found["until"] = start + draw(st.timedeltas(timedelta(days=2), timedelta(days=900)))
        found["until"] = found["until"].replace(microsecond=0)
    return found


@given(options())
def test_what_is_made_is_taken_by_awx(given: dict[str, Any]) -> None:
    try:
        text = recurrence(given).text
    except OptionError as error:
        # The combinations that have no meaning, each with its reason.
        assume(False)
        raise AssertionError from error
    awx_rules.check_rrule(text)
    assert recurrence(text).text == text


@given(st.sampled_from([unit for unit in UNITS if unit != "months"]), st.integers(1, 60), st.integers(1, 20))
def test_runs_lie_as_far_apart_as_was_said(unit: str, every: int, count: int) -> None:
    found = recurrence({"unit": unit, "every": every, "count": count, "start": "2026-01-01 06:00"})
    runs = list(awx_rules.parsed(found.text))
    assert len(runs) == count
    assert runs[0] == datetime(2026, 1, 1, 6, tzinfo=UTC)
    assert {(later - earlier).total_seconds() for earlier, later in pairwise(runs)} <= {found.shortest_gap}


@given(options())
def test_no_two_runs_are_closer_than_the_shortest_gap(given: dict[str, Any]) -> None:
    try:
        found = recurrence({**given, "timezone": "UTC"})
    except OptionError:
        assume(False)
        raise
    # So many that a week has its days in it; not all, for some rules go on for ever, and some never begin.
    limited = awx_rules.parsed(found.text).xafter(datetime(2020, 1, 1, tzinfo=UTC), inc=True)
    runs = [] if {"on_days", "on_dates"} <= given.keys() else list(islice(limited, 12))
    assert all((later - earlier).total_seconds() >= found.shortest_gap for earlier, later in pairwise(runs))


def test_days_of_the_week_in_a_zone_keep_their_hour_over_the_change_of_clocks() -> None:
    found = recurrence(
        {
            "unit": "weeks",
            "on_days": ["sunday", "mon"],
            "start": "2026-03-23 06:00",
            "timezone": "Europe/Berlin",
            "until": "2026-04-05 23:59",
        }
    )
    assert found.text == (
        "DTSTART;TZID=Europe/Berlin:20260323T060000 RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,SU;UNTIL=20260405T215900Z"
    )
    runs = [run.astimezone(ZoneInfo("Europe/Berlin")) for run in awx_rules.parsed(found.text)]
    assert [run.strftime("%a %d %H:%M") for run in runs] == [
        *("Mon 23 06:00", "Sun 29 06:00", "Mon 30 06:00", "Sun 05 06:00"),
    ]


def test_the_default_is_the_same_at_each_run() -> None:
    assert recurrence({}).text == "DTSTART:20200101T000000Z RRULE:FREQ=MINUTELY;INTERVAL=1"


def test_the_last_day_of_each_month() -> None:
    runs = awx_rules.parsed(
        recurrence({"unit": "months", "on_dates": [-1], "start": date(2026, 1, 1), "count": 3}).text
    )
    assert [run.strftime("%m-%d") for run in runs] == ["01-31", "02-28", "03-31"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"every": 0}, "schedule.every: a whole number from 1 to 999 is expected, got 0"),
        ({"every": True}, "schedule.every: a whole number from 1 to 999 is expected, got True"),
        ({"unit": "seconds"}, "schedule.unit: one of minutes, hours, days, weeks, months is expected, got seconds"),
        ({"count": 1000}, "schedule.count: a whole number from 1 to 999 is expected, got 1000"),
        ({"count": 3, "until": "2026-02-01"}, "schedule.count: either count or until is expected, got both"),
        ({"until": "2019-01-01"}, "schedule.until: a time after start is expected, got 2019-01-01"),
        ({"start": "tomorrow"}, "schedule.start: a time such as 2026-01-31 06:00, .* got tomorrow"),
        ({"start": "2026-01-01T00:00+02:00"}, "schedule.start: a time such as .* got 2026-01-01T00:00"),
        (
            {"start": "2026-03-29 02:30", "timezone": "Europe/Berlin"},
            "schedule.start: clocks are put forward then: there is no 2026-03-29 02:30 in Europe/Berlin",
        ),
        ({"timezone": "Mars/Olympus"}, "schedule.timezone: a time zone such as Europe/Berlin is expected, got Mars"),
        ({"on_days": "monday"}, "schedule.on_days: a list is expected, got monday"),
        ({"on_days": ["someday"]}, "schedule.on_days: days such as monday, .* are expected, got someday"),
        ({"on_dates": [0]}, "schedule.on_dates: dates from 1 to 31, .* got 0"),
        ({"on_dates": [1], "unit": "weeks"}, "schedule.on_dates: a week has no dates"),
        (
            {"on_dates": [30], "unit": "months", "every": 12, "start": "2026-02-01"},
            "schedule.on_dates: none of the months that the rule reaches has such a day",
        ),
        ({"evry": 5}, "schedule.evry: there is no such option; there are every, unit, "),
        (None, "schedule: options such as .* are expected, got nothing"),
    ],
)
def test_what_has_no_meaning_is_refused(given: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        recurrence(given)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("WEEKLY", "SECONDLY"), "FREQ is expected to be one of MINUTELY"),
        (GOOD.replace("COUNT=10", "COUNT=1000"), "COUNT is expected to be at most 999"),
        (GOOD.replace("BYDAY=MO", "BYDAY=1MO"), "BYDAY is expected to be MO, .* without a number"),
        (GOOD.replace(";INTERVAL=2", ""), "FREQ and INTERVAL are expected"),
        (f"{GOOD};UNTIL=20270101T000000Z", "either COUNT or UNTIL"),
        (f"{GOOD} EXDATE:20260105T050000Z", "EXDATE is not supported"),
        (f"{GOOD} RDATE:20260105T050000Z", "RDATE is not supported"),
        (f"{GOOD} {GOOD}", "DTSTART is not supported, only"),
        (GOOD.split(" ", 1)[1], "is expected first, got RRULE"),
        (GOOD.split(" ", maxsplit=1)[0], "a RRULE: is expected"),
        (GOOD.replace(";TZID=Europe/Berlin", ""), "a time zone is expected"),
        (GOOD.replace("Europe/Berlin", "Europe/Atlantis"), "a time zone such as Europe/Berlin is expected"),
        (GOOD.replace("20260101T06", "20261301T06"), "DTSTART is no date and time"),
        ("", "is expected first, got nothing"),
    ],
)
def test_rules_that_awx_refuses_are_refused(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        recurrence(text)
    with pytest.raises(awx_rules.RefusedError):
        awx_rules.check_rrule(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # AWX takes it, saves it as UTC, and so it would be another one at each run.
        (GOOD.replace("COUNT=10", "UNTIL=20270101T000000"), "UNTIL is expected in UTC"),
        (GOOD.replace("BYDAY=MO,FR", "BYHOUR=25"), "BYHOUR is expected to be numbers from 0 to 23"),
        (GOOD.replace("INTERVAL=2", "INTERVAL=0"), "INTERVAL is expected to be a number of at least 1"),
        (GOOD.replace("BYDAY", "BYMOON"), "there is no part BYMOON"),
        (GOOD.replace("INTERVAL=2", "INTERVAL=2;INTERVAL=3"), "once each"),
    ],
)
def test_rules_that_awx_takes_but_nobody_wants_are_refused(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        recurrence(text)


def test_a_rule_by_hand_has_one_blank_between_its_parts() -> None:
    assert recurrence(GOOD.replace(" ", "\n  ")).text == GOOD


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        (GOOD, 86400),
        ("DTSTART:20260101T000000Z RRULE:FREQ=MINUTELY;INTERVAL=5", 300),
        ("DTSTART:20260101T000000Z RRULE:FREQ=DAILY;INTERVAL=1;BYHOUR=6,7", 3600),
        ("DTSTART:20260101T000000Z RRULE:FREQ=HOURLY;INTERVAL=1;BYMINUTE=0,1", 60),
        ("DTSTART:20260101T000000Z RRULE:FREQ=HOURLY;INTERVAL=1 RRULE:FREQ=DAILY;INTERVAL=1", 60),
    ],
)
def test_the_shortest_gap_of_a_rule_by_hand(text: str, gap: int) -> None:
    assert recurrence(text).shortest_gap == gap


@given(st.text("DTSARULEXFQINCOM;:=0123456789Z ,/BY", max_size=80))
def test_any_text_is_refused_or_taken_by_awx(text: str) -> None:
    try:
        found = recurrence(text)
    except OptionError:
        return
    awx_rules.check_rrule(found.text)


_STARTS = ["DTSTART:20260101T060000Z", "DTSTART;TZID=Asia/Kathmandu:20260101T060000", "DTSTART:20260101T060000"]
_PARTS = ["FREQ=DAILY", "FREQ=SECONDLY", "INTERVAL=1", "INTERVAL=0", "COUNT=5", "COUNT=2000", "UNTIL=20280101T000000Z"]
_PARTS += [
    "BYDAY=MO,SU",
    "BYDAY=2MO",
    "BYHOUR=1,25",
    "BYHOUR=3",
    "BYMONTHDAY=-1",
    "BYSETPOS=1",
    "WKST=SU",
    "BYEASTER=0",
]


@given(st.sampled_from(_STARTS), st.lists(st.sampled_from(_PARTS), min_size=1, max_size=5), st.booleans())
def test_any_heap_of_parts_is_refused_or_taken_by_awx(start: str, parts: list[str], complete: bool) -> None:
    given = f"{start} RRULE:{';'.join(['FREQ=WEEKLY;INTERVAL=3'] * complete + parts)}"
    try:
        found = recurrence(given)
    except OptionError:
        return
    event("taken")
    awx_rules.check_rrule(found.text)
