# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for the moment of a tick."""

from __future__ import annotations

from collections.abc import Callable


def wait_until(
    due_at: float | None, interval: float, clock: Callable[[], float], sleep: Callable[[float], None]
) -> str | None:
    """Wait until `due_at` (unix seconds; None: not at all), but at most one interval.

    Returns None, or why the tick has to be left out: the next one is due already, so that ticks which were held up do
    not follow each other at once, with nothing to measure in between.
    """
    if due_at is None:
        return None
    late = clock() - due_at
    if late >= interval:
        return f"the tick is {late:.0f} s late, with an interval of {interval:g} s: left out"
    sleep(min(max(0.0, -late), interval))
    return None
