# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shrinking late: no further than to the most that was needed in a window of time. Growth never waits."""

from __future__ import annotations

#: [[unix seconds, instances], ...], newest last: those that may yet be the largest of the window.
Needs = list[list[float]]


def hold(needs: Needs, now: float, need: int, *, ordered: int, seconds: float) -> tuple[int, str, Needs]:
    """The count to order where `need` instances are needed at unix second `now` and `ordered` there are.

    Returns it, what to append to the reason where the window of so many seconds keeps it above the need, and the
    needs to remember. A need from before never grows the cluster, and one from a clock that was set back is dropped.
    """
    # Older needs matter only where they are larger.
    needs = [*(each for each in needs if now - seconds < each[0] <= now and each[1] > need), [now, need]]
    if need >= ordered:
        return need, "", needs
    count = min(ordered, max(int(each) for _unused, each in needs))
    held = f"; {count} because that was needed in the last {seconds:g} s" if count > need else ""
    return count, held, needs
