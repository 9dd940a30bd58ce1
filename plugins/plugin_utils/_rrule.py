# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recurrence rules as AWX takes them: made of readable options, or written by hand and checked.

AWX takes less than RFC 5545 allows. What it refuses is refused here, before anything is sent; so is what it would
change when it saves the rule, since a rule that reads back differently would be changed again at each run.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted

#: Unit -> FREQ of the rule, and seconds that one lasts at least.
UNITS = {
    "minutes": ("MINUTELY", 60),
    "hours": ("HOURLY", 3600),
    "days": ("DAILY", 86400),
    "weeks": ("WEEKLY", 7 * 86400),
    "months": ("MONTHLY", 28 * 86400),
}
DAYS = {
    "monday": "MO",
    "tuesday": "TU",
    "wednesday": "WE",
    "thursday": "TH",
    "friday": "FR",
    "saturday": "SA",
    "sunday": "SU",
}
#: Options of a rule that is not written by hand.
OPTIONS = ("every", "unit", "start", "timezone", "until", "count", "on_days", "on_dates")

#: A moment that is the same at each run: one that moved on would be a change each time.
DEFAULT_START = "2020-01-01 00:00"
#: AWX refuses a higher COUNT.
MAX_COUNT = 999
MAX_EVERY = 999
_YEARS = (1970, 2999)
_DAY_S = 86400

_PERIODS = dict(UNITS.values()) | {"YEARLY": 365 * _DAY_S}


class _Numbers(NamedTuple):
    """A part of a rule that is a list of whole numbers."""

    low: int
    high: int
    from_the_end: bool  # whether negative ones count from the end
    gap: int  # seconds that lie at least between two runs, where a rule has it

    def has(self, number: str) -> bool:
        """Whether that is one of them."""
        digits = number.removeprefix("-") if self.from_the_end else number
        return bool(re.fullmatch(r"[0-9]{1,3}", digits)) and self.low <= int(digits) <= self.high


_NUMBERS = {
    "BYSECOND": _Numbers(0, 59, False, 1),
    "BYMINUTE": _Numbers(0, 59, False, 60),
    "BYHOUR": _Numbers(0, 23, False, 3600),
    "BYMONTHDAY": _Numbers(1, 31, True, _DAY_S),
    "BYYEARDAY": _Numbers(1, 366, True, _DAY_S),
    "BYWEEKNO": _Numbers(1, 53, True, _DAY_S),
    "BYMONTH": _Numbers(1, 12, False, _DAY_S),
    "BYSETPOS": _Numbers(1, 366, True, 1),
}
_DTSTART = re.compile(r"DTSTART(?:;TZID=(?P<zone>[^:;]+))?:(?P<time>[0-9]{8}T[0-9]{6})(?P<utc>Z?)")
_UNTIL = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_STAMP = "%Y%m%dT%H%M%S"


class Recurrence(NamedTuple):
    """A rule that AWX takes."""

    text: str
    shortest_gap: int  # seconds that lie at least between two runs; not more than there really are


def recurrence(given: object, option: str = "schedule") -> Recurrence:
    """The rule that is meant: a mapping of OPTIONS, or the text of one written by hand.

    Raises OptionError, which names the part of ``option`` that is wrong.
    """
    if isinstance(given, str):
        return _checked(given, option)
    if isinstance(given, Mapping):
        return _made(given, option)
    expected = "options such as {every: 5, unit: minutes}, or the text of a rule,"
    raise OptionError(option, f"{expected} are expected, got {_what(given)}")


def _made(given: Mapping[str, Any], option: str) -> Recurrence:
    for name in given:
        if name not in OPTIONS:
            raise OptionError(f"{option}.{quoted(name)}", f"there is no such option; there are {', '.join(OPTIONS)}")

    def value(name: str, parse: Callable[[str, Any], Any], default: Any = None) -> Any:
        found = given.get(name)
        return default if found is None else parse(f"{option}.{name}", found)

    every: int = value("every", lambda where, what: _whole(where, what, 1, MAX_EVERY), 1)
    freq, seconds = UNITS[value("unit", _unit, "minutes")]
    zone: str = value("timezone", _zone, "UTC")
    start = _moment(f"{option}.start", given.get("start") or DEFAULT_START, zone)
    until: datetime | None = value("until", lambda where, what: _moment(where, what, zone))
    count: int | None = value("count", lambda where, what: _whole(where, what, 1, MAX_COUNT))
    on_days: list[str] = value("on_days", _days, [])
    on_dates: list[int] = value("on_dates", _dates, [])

    if count is not None and until is not None:
        raise OptionError(f"{option}.count", "either count or until is expected, got both")
    if until is not None and until < start:
        raise OptionError(f"{option}.until", f"a time after start is expected, got {quoted(given['until'])}")
    if on_dates and freq == "WEEKLY":
        raise OptionError(f"{option}.on_dates", "a week has no dates; take on_days, or another unit")
    if on_dates and freq == "MONTHLY" and not _there_are(on_dates, start.month, every):
        raise OptionError(f"{option}.on_dates", "none of the months that the rule reaches has such a day")

    parts = [f"FREQ={freq}", f"INTERVAL={every}"]
    parts += [f"BYMONTHDAY={','.join(map(str, on_dates))}"] if on_dates else []
    parts += [f"BYDAY={','.join(on_days)}"] if on_days else []
    parts += [f"COUNT={count}"] if count is not None else []
    parts += [f"UNTIL={until.astimezone(UTC):{_STAMP}}Z"] if until is not None else []
    began = f"DTSTART:{start:{_STAMP}}Z" if zone == "UTC" else f"DTSTART;TZID={zone}:{start:{_STAMP}}"
    # Several days of a week, or dates of a month, lie closer together than the unit says.
    gap = min(every * seconds, _DAY_S) if on_days or on_dates else every * seconds
    return Recurrence(f"{began} RRULE:{';'.join(parts)}", gap)


def _checked(text: str, option: str) -> Recurrence:
    """A rule written by hand, one blank between its lines."""

    def wrong(message: str) -> OptionError:
        return OptionError(option, f"AWX does not take this rule: {message}")

    first, *rules = text.split() or [""]
    began = _DTSTART.fullmatch(first)
    if began is None:
        expected = "DTSTART:YYYYMMDDTHHMMSSZ or DTSTART;TZID=zone:YYYYMMDDTHHMMSS"
        raise wrong(f"{expected} is expected first, got {_what(first)}")
    if bool(began["zone"]) == bool(began["utc"]):
        raise wrong(f"a time zone is expected, as TZID or as the Z at the end, got {quoted(first)}")
    if began["zone"]:
        _zone(option, began["zone"])
    _stamp(began["time"], "DTSTART", wrong)
    gaps = [_gap(rule, wrong) for rule in rules]
    if not any(rule.startswith("RRULE:") for rule in rules):
        raise wrong("a RRULE: is expected after DTSTART")
    # How several rules fall together is not worked out.
    return Recurrence(" ".join([first, *rules]), gaps[0] if len(gaps) == 1 else min(60, *gaps))


def _gap(rule: str, wrong: Callable[[str], OptionError]) -> int:
    """Check one rule; returns the seconds that lie at least between two of its runs."""
    kind, _colon, body = rule.partition(":")
    if kind not in ("RRULE", "EXRULE"):
        raise wrong(f"{quoted(kind.partition(';')[0])} is not supported, only DTSTART, RRULE and EXRULE")
    parts: dict[str, str] = {}
    for part in body.split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value or name in parts:
            raise wrong(f"NAME=VALUE once each, between semicolons, is expected, got {quoted(part)}")
        parts[name] = value
    for name, value in parts.items():
        _check_part(name, value, wrong)
    if "FREQ" not in parts or "INTERVAL" not in parts:
        raise wrong(f"FREQ and INTERVAL are expected in each rule, got {quoted(rule)}")
    if "COUNT" in parts and "UNTIL" in parts:
        raise wrong("either COUNT or UNTIL is expected, got both")
    gap = int(parts["INTERVAL"]) * _PERIODS[parts["FREQ"]]
    gaps = [numbers.gap for name, numbers in _NUMBERS.items() if name in parts]
    return min([gap, *gaps, *([_DAY_S] if "BYDAY" in parts else [])])


def _check_part(name: str, value: str, wrong: Callable[[str], OptionError]) -> None:
    if name == "FREQ":
        if value not in _PERIODS:
            raise wrong(f"FREQ is expected to be one of {', '.join(_PERIODS)}, got {quoted(value)}")
    elif name in ("INTERVAL", "COUNT"):
        if not re.fullmatch(r"[0-9]{1,6}", value) or int(value) < 1:
            raise wrong(f"{name} is expected to be a number of at least 1, got {quoted(value)}")
        if name == "COUNT" and int(value) > MAX_COUNT:
            raise wrong(f"COUNT is expected to be at most {MAX_COUNT}, got {quoted(value)}")
    elif name == "UNTIL":
        if not _UNTIL.fullmatch(value):
            raise wrong(f"UNTIL is expected in UTC, as YYYYMMDDTHHMMSSZ, got {quoted(value)}")
        _stamp(value[:-1], name, wrong)
    elif name in ("BYDAY", "WKST"):
        if not set(value.split(",")) <= set(DAYS.values()):
            raise wrong(f"{name} is expected to be {', '.join(DAYS.values())}, without a number, got {quoted(value)}")
    elif name in _NUMBERS:
        if not all(_NUMBERS[name].has(number) for number in value.split(",")):
            low, high = _NUMBERS[name][:2]
            raise wrong(f"{name} is expected to be numbers from {low} to {high}, got {quoted(value)}")
    else:
        raise wrong(f"there is no part {quoted(name)}")


def _stamp(text: str, name: str, wrong: Callable[[str], OptionError]) -> None:
    try:
        datetime.strptime(text, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        raise wrong(f"{name} is no date and time: {quoted(text)}") from None


def _what(given: object) -> str:
    return "nothing" if given is None or given == "" else quoted(given)


def _whole(option: str, value: object, low: int, high: int) -> int:
    if not isinstance(value, bool) and re.fullmatch(r"-?[0-9]{1,6}", str(value)) and low <= int(str(value)) <= high:
        return int(str(value))
    raise OptionError(option, f"a whole number from {low} to {high} is expected, got {_what(value)}")


def _unit(option: str, value: object) -> str:
    if isinstance(value, str) and value in UNITS:
        return value
    raise OptionError(option, f"one of {', '.join(UNITS)} is expected, got {_what(value)}")


@cache
def _zones() -> set[str]:
    return available_timezones()


def _zone(option: str, value: object) -> str:
    if value == "UTC":
        return "UTC"
    if not _zones():
        raise OptionError(option, "this machine has no list of time zones; install its package tzdata, or take UTC")
    if isinstance(value, str) and value in _zones():
        return value
    raise OptionError(option, f"a time zone such as Europe/Berlin is expected, got {_what(value)}")


def _moment(option: str, value: object, zone: str) -> datetime:
    """A time of the zone; YAML gives what looks like one as such."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        found = None
    if found is None or found.tzinfo or found.microsecond or not _YEARS[0] <= found.year <= _YEARS[1]:
        expected = "a time such as 2026-01-31 06:00, in the zone of the option timezone,"
        raise OptionError(option, f"{expected} is expected, got {_what(value)}")
    # Plain, whatever was given: Ansible's own kinds of datetime do not take a time zone.
    moment = datetime(*found.timetuple()[:6], tzinfo=UTC if zone == "UTC" else ZoneInfo(zone))
    if moment.astimezone(UTC).astimezone(moment.tzinfo).replace(tzinfo=None) != moment.replace(tzinfo=None):
        raise OptionError(option, f"clocks are put forward then: there is no {quoted(value)} in {zone}")
    return moment


def _list(option: str, value: object) -> list[Any]:
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise OptionError(option, f"a list is expected, got {_what(value)}")
    return list(value)


def _days(option: str, value: object) -> list[str]:
    """Two letters for each day, in the order of the week. Three letters of a name are enough."""
    names = [str(day).lower() for day in _list(option, value)]
    short = {name[:3]: code for name, code in DAYS.items()} | DAYS
    for name in names:
        if name not in short:
            raise OptionError(option, f"days such as {', '.join(DAYS)} are expected, got {quoted(name)}")
    return [code for code in DAYS.values() if code in {short[name] for name in names}]


def _dates(option: str, value: object) -> list[int]:
    dates = {_whole(option, date_of_month, -31, 31) for date_of_month in _list(option, value)}
    if 0 in dates:
        raise OptionError(option, "dates from 1 to 31, or from -1 for the last of a month to -31, are expected, got 0")
    return sorted(dates)


def _there_are(dates: Iterable[int], first: int, every: int) -> bool:
    """Whether a month that is reached from month ``first`` by steps of ``every`` ever has one of the dates."""
    longest = max(monthrange(2024, (first - 1 + step * every) % 12 + 1)[1] for step in range(12))
    return any(abs(day) <= longest for day in dates)
