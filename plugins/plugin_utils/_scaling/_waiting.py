# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pass after pass, until a cluster has its target or cannot get there."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._outcome import Outcome

#: Between two passes, s, at least. It is as long as the pass was: a backend that is slow to answer is asked less often.
PAUSE_S = 0.25


def converge_until(
    one_pass: Callable[[], Outcome],
    wait: float,
    say: Callable[[str], object],
    sleep: Callable[[float], None],
    monotonic: Callable[[], float],
) -> list[Outcome]:
    """At least one pass, then more for at most ``wait`` seconds; ``say`` is told each change in one line.

    Ends early when the target is reached, when nothing is on its way to it any more, and when the pools' own tasks have
    something to do. Returns the outcome of each pass.
    """
    end = monotonic() + wait
    outcomes: list[Outcome] = []
    said = None
    while True:
        began = monotonic()
        last = one_pass()
        outcomes.append(last)
        if last.counts() != said:
            said = last.counts()
            say(last.message())
        now = monotonic()
        left = end - now
        if not last.unfinished or last.stuck or last.todo or left <= 0:
            return outcomes
        sleep(min(max(PAUSE_S, now - began), left))
