# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Differences between two readings, and what is remembered from one to the next."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._counters import (
    Increase,
    Scrape,
    decode,
    encode,
    increase,
    remember,
)
from ansible_collections.rlops.autoscale.plugins.module_utils._reading import Histogram, Reading
from hypothesis import given
from hypothesis import strategies as st


def reading(at: float = 100.0, fast: float = 10, all_: float = 20, **more: Any) -> Reading:
    """Two buckets: `fast` observations below 0.1 s, `all_` altogether, 0.2 s each in the sum."""
    latency = {"": Histogram({0.1: fast, inf: all_}, all_ * 0.2)}
    return Reading(**({"at": at, "started": 50.0, "queue_depth": 5.0, "latency": latency} | more))


BEFORE = reading()
EARLIER = Scrape(100.0, {"a": BEFORE})


def since(now: Reading, earlier: Scrape = EARLIER) -> Increase:
    change = increase(earlier, "a", now)
    assert change is not None
    return change


def test_the_plain_difference() -> None:
    change = since(reading(110.0, 12, 30, queue_depth=9.0))
    assert change.seconds == 10
    assert change.latency == {0.1: 2, inf: 10}
    assert change.latency_total == pytest.approx(2.0)
    assert change.observations == 10
    assert change.queue == 4
    assert change.completions is None
    assert change.arrivals is None


def test_a_start_time_that_wavers_is_the_same_process() -> None:
    assert since(reading(110.0, 12, 30, started=51.2)).observations == 10


@pytest.mark.parametrize("started", [104.0, None])
def test_a_restart_counts_from_zero(started: float | None) -> None:
    """Known by the start time, or, without one, by a counter that decreased."""
    earlier = Scrape(100.0, {"a": replace(BEFORE, started=50.0 if started else None)})
    change = since(reading(110.0, 3, 8, started=started, queue_depth=2.0), earlier)
    assert change.latency == {0.1: 3, inf: 8}
    assert change.latency_total == pytest.approx(1.6)
    assert change.queue == 2  # its queue was empty when it began
    assert change.seconds == 10


def test_one_decreasing_bucket_is_a_reset_of_all() -> None:
    assert since(reading(110.0, 9, 30)).latency == {0.1: 9, inf: 30}


def test_a_restart_that_overtook_its_counters_is_known_by_the_start_time() -> None:
    assert since(reading(110.0, 12, 30, started=104.0)).observations == 30


def test_a_restart_before_the_earlier_scrape_is_a_baseline_only() -> None:
    assert increase(EARLIER, "a", reading(110.0, 12, 30, started=90.0)) is None


@pytest.mark.parametrize(("started", "counted"), [(100.5, True), (100.0, False), (20.0, False), (None, False)])
def test_a_new_instance_counts_only_if_it_began_since(started: float | None, counted: bool) -> None:
    change = increase(EARLIER, "b", reading(110.0, 3, 8, started=started))
    assert (change is not None) is counted
    if change:
        assert change.observations == 8
        assert change.queue == 5
        assert change.seconds == 10  # spread over the whole interval, part of which it ran


def test_other_bounds_are_another_process() -> None:
    now = reading(110.0, latency={"": Histogram({0.2: 5, inf: 40}, 8.0)})
    assert since(now).latency == {0.2: 5, inf: 40}


def test_a_new_series_of_an_old_process_is_a_baseline_only() -> None:
    now = reading(110.0, latency=dict(reading(all_=25).latency) | {"abc": Histogram({0.1: 99, inf: 99}, 1.0)})
    assert since(now).observations == 5


def test_a_vanished_series_contributes_nothing() -> None:
    both = Scrape(100.0, {"a": replace(BEFORE, latency={**BEFORE.latency, "abc": Histogram({inf: 7}, 1.0)})})
    assert since(reading(110.0, 11, 21), both).observations == 1


def test_counters_of_their_own() -> None:
    earlier = Scrape(100.0, {"a": reading(arrivals={"x": 5.0, "y": 50.0}, completions={"": 9.0})})
    change = since(reading(110.0, arrivals={"x": 8.0, "y": 2.0, "z": 1.0}, completions={"": 9.0}), earlier)
    assert change.arrivals == 3 + 2  # x grew, y was reset, z is new
    assert change.completions == 0


def test_queue_growth_needs_both_ends() -> None:
    assert since(reading(110.0, queue_depth=None)).queue is None
    assert since(reading(110.0), Scrape(100.0, {"a": reading(queue_depth=None)})).queue is None


def test_a_sum_that_fell_is_unknown_not_negative() -> None:
    change = since(reading(110.0, latency={"": Histogram({0.1: 12, inf: 30}, 1.0)}))
    assert change.observations == 10
    assert change.latency_total is None


@pytest.mark.parametrize("at", [100.0, 99.0])
def test_no_time_passed_no_rate(at: float) -> None:
    assert increase(EARLIER, "a", reading(at, 12, 30)) is None


COUNTS = st.lists(st.integers(0, 50), min_size=3, max_size=3)


@given(st.lists(st.tuples(COUNTS, st.booleans()), min_size=1, max_size=8))
def test_increases_add_up_to_what_happened(steps: list[tuple[list[int], bool]]) -> None:
    """Whatever restarts between: each observation is counted once, those since a process' last scrape are lost."""
    earlier, started, counts = Scrape(0.0, {}), 1.0, [0, 0, 0]
    for tick, (new, restarts) in enumerate(steps):
        at = 10.0 * (tick + 1)
        if restarts and tick:
            started, counts = at - 5, [0, 0, 0]
        counts = [count + more for count, more in zip(counts, new, strict=True)]
        buckets = {0.1: counts[0], 0.2: counts[0] + counts[1], inf: sum(counts)}
        now = Reading(at=at, started=started, latency={"": Histogram(buckets, None)})
        assert since(now, earlier).latency == {0.1: new[0], 0.2: new[0] + new[1], inf: sum(new)}
        earlier = Scrape(at, {"a": now})


def test_an_instance_that_missed_a_scrape_is_compared_with_its_older_reading() -> None:
    kept = remember(Scrape(110.0, {}), EARLIER, {"a"}, keep=45)
    change = since(reading(120.0, 12, 30), kept)
    assert change.seconds == 20
    assert change.observations == 10


def test_older_readings_are_given_up_with_time_and_with_the_instance() -> None:
    assert remember(Scrape(146.0, {}), EARLIER, {"a"}, keep=45).readings == {}
    assert remember(Scrape(110.0, {}), EARLIER, {"b"}, keep=45).readings == {}
    assert remember(Scrape(110.0, {"a": reading(110.0)}), EARLIER, {"a"}, keep=45).readings["a"].at == 110


FULL = Scrape(
    110.5,
    {
        "a": reading(110.4, arrivals={"": 7.0}, completions={"k": 0.5}),
        "b": reading(110.6, started=None, queue_depth=None),
        "c": Reading(at=90.0, latency={"": Histogram({1.0: 2, 5.0: 3, inf: 4}, None)}),
    },
)


def test_counters_survive_json() -> None:
    assert decode(json.loads(json.dumps(encode(FULL), allow_nan=False))) == FULL


def test_counters_are_compact() -> None:
    buckets = {bound / 10: 12345.0 * bound for bound in range(1, 12)} | {inf: 200_000.0}
    one = Reading(at=1e9, started=1e9, queue_depth=3.0, latency={"": Histogram(buckets, 4711.25)})
    size = len(json.dumps(encode(Scrape(1e9, {f"chat-{index}": one for index in range(100)}))))
    assert size < 100 * 200


@pytest.mark.parametrize(
    "damage",
    [
        {},
        {"format": 2},
        {"format": 1},
        {**encode(FULL), "at": "x"},
        {**encode(FULL), "at": None},
        {**encode(FULL), "layouts": []},
        {**encode(FULL), "layouts": [["x"]]},
        {**encode(FULL), "instances": []},
        {**encode(FULL), "instances": {"a": 5}},
        {**encode(FULL), "instances": {"a": [1, 2, 3]}},
        {**encode(FULL), "instances": {"a": [1, 2, 3, {"": [0, 1.0, 5]}, {}, {}]}},
        {**encode(FULL), "instances": {"a": [1, 2, 3, [], {}, {}]}},
    ],
)
def test_damaged_counters_are_not_used(damage: dict[str, Any]) -> None:
    assert decode(damage) is None
