# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures as people write them."""

from __future__ import annotations

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._result import HOUR_S

DAY_S = 24 * HOUR_S
#: Characters of a name that are shown.
LONGEST_NAME = 24
#: Characters of a note that are shown.
LONGEST_NOTE = 1000


def number(value: float) -> str:
    """A number with three digits: 0.0174, 3.98, 46.2, 512, 1234, 28.8k."""
    for suffix, size in (("M", 1e6), ("k", 1e3)):
        if abs(value) >= 10 * size:
            return number(value / size) + suffix
    if abs(value) >= 999.5:
        return f"{value:.0f}"
    return f"{value:#.3g}".rstrip(".") if value else "0"


def percent(share: float) -> str:
    """A share (0 to 1) in percent. Some never reads as none, and not quite all never as all."""
    if 0.0 < share < 0.0001:
        return "<0.01 %"
    if 0.999 < share < 1.0:
        return ">99.9 %"
    decimals = 0 if share in (0.0, 1.0) else 2 if share < 0.1 else 1
    return f"{100 * share:.{decimals}f} %"


def difference(share: float) -> str:
    """How much more or less, as a positive share of 1: 5.4 %, 23 %."""
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"


def seconds(value: float) -> str:
    """Seconds, in a unit that suits them."""
    return f"{number(1000 * value)} ms" if value < 0.9995 else f"{number(value)} s"


def duration(value: float) -> str:
    """Seconds as days, hours, minutes or seconds, whichever is the largest unit of which there are two or more."""
    for unit, size in (("days", DAY_S), ("hours", HOUR_S), ("minutes", 60.0)):
        if value >= 2 * size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g} s"


def name(text: str) -> str:
    """The name of a contender, fit to be shown."""
    return quoted(text, LONGEST_NAME)


def setting(value: object) -> str:
    """The value of a setting, fit to be shown."""
    return "none" if value is None else quoted(f"{value:g}" if isinstance(value, float) else value)


def note(text: object) -> str:
    """A note, fit to be shown."""
    return quoted(text, LONGEST_NOTE)
