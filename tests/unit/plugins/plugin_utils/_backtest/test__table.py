# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table on a terminal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._table import WIDTH, lines
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._backtest._replays import (
    course,
    replayed,
)
from hypothesis import given, settings
from hypothesis import strategies as st

DAY = 5760  # ticks


def table(*args: Any, **more: Any) -> list[str]:
    """Head and rows."""
    found = lines(replayed(*args, **more))
    return found[2 : found.index("", 2)]


def test_the_whole_of_it() -> None:
    counts = np.full(2 * DAY, 3)
    found = lines(
        replayed(
            2 * DAY,
            course("hpa", counts + 2, [100]),
            course("shadow_q", counts, range(7000, 7060), given_up=17.0),
            optimum=course("optimum", counts - 1),
            notes=["One hour was missing."],
            assumed={"service_rate": 50.0, "queueing": "shared"},
        )
    )
    assert found == [
        "2025-11-13 12:00 to 2025-11-15 12:00 UTC (2 days)",
        "",
        "               cost              time  instance-   changes   worst    worst hour  over SLO",
        "policy    instances  regret  over SLO      hours  per hour     p99    from (UTC)     in it",
        "optimum*       2.00       -       0 %       96.0         0  100 ms             -       0 %",
        "shadow_q       3.10   +55 %    0.52 %        144         0  250 ms  14 Nov 17:10    25.0 %",
        "hpa            5.00  +150 %   <0.01 %        240         0  250 ms  13 Nov 12:25    0.42 %",
        "",
        "* knows what will arrive, so nobody can reach it. Cost: instances on average, broken SLOs priced in.",
        "",
        "shadow_q costs 38 % less than hpa (instances alone: 40 % less) but with 60 times the time over the",
        "  SLO (0.52 % against <0.01 %).",
        "Messages whose clients gave up: 17.0 of shadow_q.",
        "",
        "note: One hour was missing.",
        "note: assumed: service_rate 50, queueing shared",
    ]


def test_a_course_of_time_has_days() -> None:
    counts = np.full(3 * DAY, 3)
    found = table(3 * DAY, course("hpa", counts, range(2 * DAY + 3400, 2 * DAY + 3640)), start=0.0)
    assert "worst hour" in found[0]
    assert "UTC" not in "".join(found)
    assert "day 3, 14:10" in found[-1]


def test_up_to_an_hour_has_no_worst_hour() -> None:
    assert "worst hour" not in table(240)[0]
    assert "worst hour" in table(241)[0]


def test_without_an_slo_no_time_is_over_it() -> None:
    assert "SLO" not in "".join(table(slo_p99=None))


@settings(max_examples=30)
@given(
    st.lists(st.text(max_size=60), min_size=1, max_size=4),
    st.text(max_size=400),
    st.floats(1.0, 1e7),
    st.sampled_from([1, 241, 3 * DAY]),
)
def test_it_is_never_wider_than_a_terminal(names: list[str], note: str, size: float, ticks: int) -> None:
    counts = np.full(ticks, round(size))
    found = lines(replayed(ticks, *(course(name, counts, [0]) for name in names), notes=[note], assumed={note: note}))
    assert max(map(len, found)) <= WIDTH
    assert all(line.isprintable() or not line.isascii() for line in found)


@pytest.mark.parametrize("ticks", [1, 40])
def test_short_replays_have_a_table(ticks: int) -> None:
    *_unused, first, second, third = table(ticks)
    assert [line.split()[0] for line in (first, second, third)] == ["optimum*", "hpa", "shadow_q"]
