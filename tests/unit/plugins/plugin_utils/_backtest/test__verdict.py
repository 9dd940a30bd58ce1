# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of figures: nothing that they do not show."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._result import Figures
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._verdict import comparisons, losses, summary
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._backtest._replays import (
    course,
    replayed,
    row,
)
from hypothesis import given
from hypothesis import strategies as st

OPTIMUM = row("optimum", cost_per_hour=3.0, regret=None)


def compared(*rows: Figures, **settings: Any) -> list[str]:
    return comparisons(replayed(**settings), [OPTIMUM, *rows])


def felt(best: float, other: float) -> str:
    """The end of the sentence about time over the SLO."""
    (sentence,) = compared(
        row("ours", time_over_slo=best), row("theirs", time_over_slo=other, cost_per_hour=5.0, instance_hours=120.0)
    )
    begin, middle, end = sentence.partition("(instances alone: 20 % less)")
    assert begin == "ours costs 20 % less than theirs "
    return end if middle else sentence


@pytest.mark.parametrize(
    ("best", "other", "end"),
    [
        (0.0, 0.0, "; neither was ever over the SLO."),
        (0.0, 0.016, " and was never over the SLO, theirs for 1.60 % of the time."),
        (0.0068, 0.0, " but was over the SLO for 0.68 % of the time, theirs never."),
        (0.012, 0.0115, ", with about the same time over the SLO (1.20 % against 1.15 %)."),
        (0.005, 0.02, ", with 1/4 of the time over the SLO (0.50 % against 2.00 %)."),
        (0.015, 0.02, ", with 25 % less time over the SLO (1.50 % against 2.00 %)."),
        (0.025, 0.02, " but with 25 % more time over the SLO (2.50 % against 2.00 %)."),
        (0.06, 0.02, " but with 3 times the time over the SLO (6.00 % against 2.00 %)."),
        (0.0075, 0.0011, " but with 6.8 times the time over the SLO (0.75 % against 0.11 %)."),
    ],
)
def test_broken_slos_are_never_left_out(best: float, other: float, end: str) -> None:
    assert felt(best, other) == end


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_the_one_that_breaks_the_slo_more_often_gets_a_but(best: float, other: float) -> None:
    end = felt(best, other)
    if best > 1.1 * other:
        assert end.startswith(" but ")
    elif best <= other:
        assert " but " not in end


@pytest.mark.parametrize(
    ("theirs", "cost"),
    [
        ({"cost_per_hour": 4.02, "instance_hours": 96.5}, "about the same as theirs (instances alone: about the same)"),
        ({"cost_per_hour": 4.2, "instance_hours": 80.0}, "4.8 % less than theirs (instances alone: 20 % more)"),
        ({"cost_per_hour": 40.0, "instance_hours": 200.0}, "90 % less than theirs (instances alone: 52 % less)"),
    ],
)
def test_cost_and_instances_alone(theirs: dict[str, float], cost: str) -> None:
    (sentence,) = compared(row("ours"), row("theirs", **theirs))
    assert sentence.startswith(f"ours costs {cost}, with about the same time")


def test_without_an_slo_there_is_nothing_to_break() -> None:
    (sentence,) = compared(row("ours"), row("theirs", cost_per_hour=5.0), slo_p99=None)
    assert sentence == "ours costs 20 % less than theirs (instances alone: about the same)."


def test_the_cheapest_is_compared_with_each_other_one() -> None:
    rows = [row("ours"), row("a", cost_per_hour=5.0), row("b", cost_per_hour=6.0)]
    assert [sentence.partition(" (")[0] for sentence in compared(*rows)] == [
        "ours costs 20 % less than a",
        "ours costs 33 % less than b",
    ]
    assert compared(rows[0]) == []


def test_the_summary_says_how_far_the_optimum_is() -> None:
    assert summary([OPTIMUM, row("ours"), row("theirs")]) == (
        "Of 2 contenders, ours costs least: 4.00 instances on average, broken SLOs priced in. "
        "That is 33 % more than the optimum."
    )
    assert summary([OPTIMUM, row("ours", cost_per_hour=3.01)]) == (
        "ours costs 3.01 instances on average, broken SLOs priced in. That is about the same as the optimum."
    )


def test_clients_that_gave_up_are_told_of() -> None:
    counts = [3] * 960
    lossy = [course("a", counts, given_up=12.0), course("b", counts), course("c", counts, given_up=3456.0)]
    assert losses(replayed(960, *lossy)) == "Messages whose clients gave up: 12.0 of a, 3456 of c."
    assert losses(replayed()) == ""
