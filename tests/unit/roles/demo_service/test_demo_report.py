# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judging the demo's replays."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import report
from hypothesis import given
from hypothesis import strategies as st
from report import Objective, Sample, Sent, Verdict

OBJECTIVE = Objective(latency=0.2, tick=2.0)


def verdict(ticks_over: int, instance_s: float, name: str = "agent", lateness: float = 0.001) -> Verdict:
    return Verdict(name, ticks_over, ticks_over * 2.0, instance_s, p50_s=0.02, p99_s=0.15, lateness_p99_s=lateness)


def fixed(*ticks_over: int, first: int) -> dict[int, Verdict]:
    """Fixed counts from `first` on with so many ticks over the objective, in a day of 100 s."""
    return {count: verdict(over, count * 100.0, f"{count} fixed") for count, over in enumerate(ticks_over, first)}


def messages(tick: int, fast: int, slow: int, latency: float = 0.3) -> list[Sent]:
    return [Sent(2.0 * tick + 0.5, 0.1)] * fast + [Sent(2.0 * tick + 1.5, latency)] * slow


@pytest.mark.parametrize(
    ("fast", "slow", "over"),
    [(100, 0, 0), (99, 1, 0), (98, 2, 1), (98, 1, 1), (197, 2, 1), (198, 2, 0), (0, 1, 1)],
)
def test_a_tick_is_over_where_more_than_one_percent_was_slow(fast: int, slow: int, over: int) -> None:
    assert report.ticks_over(messages(3, fast, slow), OBJECTIVE) == over


def test_what_was_not_answered_was_slow() -> None:
    assert report.ticks_over(messages(0, 50, 1, latency=math.inf), OBJECTIVE) == 1


def test_exactly_the_objective_is_not_slow() -> None:
    assert report.ticks_over(messages(0, 0, 5, latency=0.2), OBJECTIVE) == 0


def test_each_tick_counts_once_and_by_when_messages_were_due() -> None:
    sent = messages(0, 50, 5) + messages(1, 50, 0) + messages(4, 0, 50)
    assert report.ticks_over(sent, OBJECTIVE) == 2
    assert report.ticks_over([], OBJECTIVE) == 0


def test_instance_seconds_are_the_integral_of_what_ran() -> None:
    samples = [Sample(-3.0, 1), Sample(-1.0, 2), Sample(2.0, 5), Sample(4.0, 3), Sample(11.0, 9)]
    assert report.instance_seconds(samples, duration=10.0) == 2 * 2 + 2 * 5 + 6 * 3


@given(st.lists(st.tuples(st.floats(-5, 20), st.integers(0, 20)), min_size=1))
def test_instance_seconds_are_bounded_by_the_extremes(samples: list[tuple[float, int]]) -> None:
    ordered = [Sample(-6.0, samples[0][1]), *(Sample(*each) for each in sorted(samples))]
    counts = [sample.running for sample in ordered]
    total = report.instance_seconds(ordered, duration=10.0)
    assert 10 * min(counts) - 1e-6 <= total <= 10 * max(counts) + 1e-6


def test_a_replay_is_judged_from_the_files_of_the_load_generator(tmp_path: Path) -> None:
    path = tmp_path / "latencies.csv"
    path.write_text("due_s,latency_s,instance\n0.1,0.0500,a-1\n0.2,0.3000,a-2\n2.1,,\n4.5,0.1000,a-1\n")
    sent = report.read_messages(path, 0.0)
    found = report.judge("four", sent, [Sample(-1, 4)], duration=6, objective=OBJECTIVE, lateness=0.003)
    assert found == Verdict("four", 2, 4.0, 24.0, p50_s=0.1, p99_s=None, lateness_p99_s=0.003)
    json.dumps(found.__dict__, allow_nan=False)


@pytest.mark.parametrize(
    ("values", "part", "expected"),
    [
        ([1, 2, 3, 4], 0.5, 2),
        ([1, 2, 3, 4], 0.51, 3),
        ([7], 0.99, 7),
        ([1] * 99 + [9], 0.99, 1),
        ([1, math.inf], 1, None),
        ([], 0.5, None),
    ],
)
def test_nearest_rank(values: list[float], part: float, expected: float | None) -> None:
    assert report.nearest_rank(values, part) == expected


@pytest.mark.parametrize(("instance_s", "count"), [(449, 4), (451, 5), (20, 1)])
def test_the_count_of_equal_cost_is_the_nearest(instance_s: float, count: int) -> None:
    assert report.equal_cost(verdict(0, instance_s), duration=100) == count


def test_the_search_goes_up_from_the_equal_cost_until_a_count_is_as_good() -> None:
    agent = verdict(2, 400)
    assert report.next_counts(agent, {}, equal=4, concurrent=3, most=16) == [4, 5, 6]
    assert report.next_counts(agent, fixed(9, 7, 3, first=4), equal=4, concurrent=3, most=16) == [7, 8, 9]
    assert report.next_counts(agent, fixed(9, 7, 2, first=4), equal=4, concurrent=3, most=16) == []
    assert report.next_counts(agent, fixed(9, 7, 3, first=4), equal=4, concurrent=3, most=7) == [7]
    assert report.next_counts(agent, fixed(9, 7, 3, first=4), equal=4, concurrent=3, most=6) == []


def test_the_search_ends_at_once_where_the_equal_cost_is_as_good() -> None:
    assert report.next_counts(verdict(5, 400), fixed(3, 0, first=4), equal=4, concurrent=2, most=16) == []


def test_the_search_ends_where_the_machine_does_not_keep_up() -> None:
    late = {4: verdict(9, 400, "4 fixed", lateness=2 * report.HONEST_LATENESS)}
    assert report.next_counts(verdict(2, 400), late, equal=4, concurrent=3, most=16) == []


@given(
    st.lists(st.integers(0, 50), min_size=16, max_size=16), st.integers(1, 16), st.integers(1, 5), st.integers(0, 50)
)
def test_the_search_ends_and_finds_the_smallest(overs: list[int], equal: int, concurrent: int, agent_over: int) -> None:
    truth = fixed(*sorted(overs, reverse=True), first=1)
    agent = verdict(agent_over, 400)
    known: dict[int, Verdict] = {}
    for _unused in range(32):
        counts = report.next_counts(agent, known, equal, concurrent, most=16)
        if not counts:
            break
        assert len(counts) <= concurrent and not set(counts) & set(known)
        known |= {count: truth[count] for count in counts}
    else:
        pytest.fail("the search does not end")
    dearer = {count: truth[count] for count in range(equal, 17)}
    assert equal in known
    assert report.smallest_as_good(agent, known) == report.smallest_as_good(agent, dearer)


OTHERS = [verdict(50, 300, "erlang"), verdict(1, 500, "hpa")]


def test_the_summary_says_who_kept_the_objective_and_compares_with_fixed_counts() -> None:
    text = report.summary([verdict(2, 410, "shadow_q"), *OTHERS], fixed(9, 3, 1, first=4), equal=4, ticks=100)
    assert [line.split()[0] for line in text.splitlines()[1:7]] == ["shadow_q", "erlang", "hpa", "4", "5", "6"]
    assert "shadow_q is the cheapest that kept the objective in 98% of the ticks; so did hpa, 6 fixed." in text
    assert "4 fixed costs what shadow_q cost: it broke the objective in 9 ticks, shadow_q in 2 (0.22 x)" in text
    assert "6 fixed is the smallest" in text
    assert "it cost 600 instance-seconds, shadow_q 410 (0.68 x)" in text
    assert "kept up" in text


def test_the_summary_says_where_another_is_cheaper_or_nobody_keeps_the_objective() -> None:
    ours = verdict(2, 410, "shadow_q")
    assert "erlang is the cheapest that kept" in report.summary([ours, *OTHERS], fixed(9, first=4), equal=4, ticks=1e4)
    assert "Nobody kept the objective" in report.summary([ours], fixed(9, first=4), equal=4, ticks=10)
    assert "so did nobody else" in report.summary([ours], fixed(9, first=4), equal=4, ticks=100)


def test_the_summary_divides_by_no_zero_and_owns_up_to_no_answer() -> None:
    text = report.summary([verdict(1, 410)], fixed(0, first=4), equal=4, ticks=50)
    assert "in 0 ticks, agent in 1." in text
    assert "as good; smaller fixed counts were not tried" in text
    none = report.summary([verdict(1, 410)], fixed(9, 3, first=4), equal=4, ticks=50)
    assert "None of the fixed counts up to 5" in none


def test_the_summary_warns_of_a_slow_machine() -> None:
    text = report.summary([verdict(2, 410, lateness=0.05)], fixed(9, 1, first=4), equal=4, ticks=50)
    assert "DO NOT TRUST THIS" in text and "50 ms" in text


def test_a_value_nobody_saw_is_said_so() -> None:
    assert report.milliseconds(None) == "no answer"
    assert report.milliseconds(0.1234) == "123 ms"
