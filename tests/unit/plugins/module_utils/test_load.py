# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The load of a cluster from two scrapes."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._counters import Scrape
from ansible_collections.rlops.autoscale.plugins.module_utils._load import (
    NO_ANSWER,
    NO_OBSERVATION,
    NOT_COMPARABLE,
    Answer,
    Load,
    measure,
)
from ansible_collections.rlops.autoscale.plugins.module_utils._reading import Histogram, Reading

EARLIER_AT, NOW_AT = 100.0, 110.0


def reading(at: float, count: float, queue: float | None = 0.0, *, started: float = 50.0, **more: Any) -> Reading:
    """`count` observations so far, all between 0.1 and 0.2 s, with a mean of 0.15 s."""
    latency = {"": Histogram({0.1: 0, 0.2: count, inf: count}, count * 0.15)}
    return Reading(**({"at": at, "started": started, "queue_depth": queue, "latency": latency} | more))


@pytest.fixture
def load(snapshot_options: Callable[..., dict[str, Any]]) -> Callable[..., Load]:
    """Function: load(before, now, draining=(), dead=(), **metrics), both dicts of readings by instance."""

    def load(
        before: dict[str, Reading] | None,
        now: dict[str, Reading],
        draining: tuple[str, ...] = (),
        dead: tuple[str, ...] = (),
        **metrics: Any,
    ) -> Load:
        answers = [Answer(name, "draining" if name in draining else "ready", one) for name, one in now.items()]
        answers += [Answer(name, "ready", error="Connection refused") for name in dead]
        earlier = None if before is None else Scrape(EARLIER_AT, before)
        return measure(earlier, answers, snapshot_options(metrics=metrics)["metrics"])

    return load


def test_steady_load(load: Callable[..., Load]) -> None:
    result = load(
        {"a": reading(EARLIER_AT, 100, 4), "b": reading(EARLIER_AT, 500, 8)},
        {
            "a": reading(NOW_AT, 200, 6, eventloop_lag=0.01, utilisation=0.5),
            "b": reading(NOW_AT, 900, 18, eventloop_lag=0.03, utilisation=0.9),
        },
    )
    assert result.figures == {
        "p99_latency_s": pytest.approx(0.1 + 0.1 * 0.99),
        "mean_latency_s": pytest.approx(0.15),
        "queue_depth": 12,
        "queue_total": 24,
        "eventloop_lag_s": 0.03,
        "completion_rate": 50,
        "arrival_rate": 50 + 12 / 10,
        "utilisation": pytest.approx(0.7),
        "imbalance": pytest.approx(41 / 25.6),
    }
    assert (result.expected, result.answered, result.compared) == (2, 2, 2)
    assert result.instances[0] == {
        "name": "a",
        "state": "ready",
        "ok": True,
        "error": None,
        "p99_latency_s": pytest.approx(0.199),
        "queue_depth": 6,
        "eventloop_lag_s": 0.01,
        "completion_rate": 10,
        "utilisation": 0.5,
    }


def test_overload_shows_in_the_arrival_rate_only(load: Callable[..., Load]) -> None:
    figures = load({"a": reading(EARLIER_AT, 0, 0)}, {"a": reading(NOW_AT, 500, 3500)}).figures
    assert figures["completion_rate"] == 50
    assert figures["arrival_rate"] == 400


def test_a_draining_instance_works_but_is_no_capacity(load: Callable[..., Load]) -> None:
    before = {"a": reading(EARLIER_AT, 0, 10), "b": reading(EARLIER_AT, 0, 70)}
    now = {"a": reading(NOW_AT, 100, 10, utilisation=0.4), "b": reading(NOW_AT, 300, 30, utilisation=0.1)}
    result = load(before, now, draining=("b",))
    assert result.figures["completion_rate"] == 40
    assert result.figures["arrival_rate"] == 36
    assert result.figures["queue_depth"] == 10
    assert result.figures["queue_total"] == 40
    assert result.figures["utilisation"] == 0.4
    assert result.figures["imbalance"] == "fewer than two ready instances of known load"
    assert (result.expected, result.answered, result.compared) == (1, 1, 2)


def test_a_leaver_takes_its_queue_along(load: Callable[..., Load]) -> None:
    before = {"a": reading(EARLIER_AT, 0, 5), "gone": reading(EARLIER_AT, 900, 500)}
    figures = load(before, {"a": reading(NOW_AT, 100, 5)}).figures
    assert figures["arrival_rate"] == figures["completion_rate"] == 10


def test_a_joiner_brings_no_arrivals_of_the_past(load: Callable[..., Load]) -> None:
    before = {"a": reading(EARLIER_AT, 0, 5)}
    now = {"a": reading(NOW_AT, 100, 5), "old": reading(NOW_AT, 9000, 700, started=20.0)}
    result = load(before, now)
    assert result.figures["arrival_rate"] == result.figures["completion_rate"] == 10
    assert result.figures["queue_total"] == 705
    assert result.compared == 1


def test_a_joiner_that_began_since_counts_whole(load: Callable[..., Load]) -> None:
    now = {"a": reading(NOW_AT, 100, 0), "new": reading(NOW_AT, 60, 40, started=105.0)}
    figures = load({"a": reading(EARLIER_AT, 0, 0)}, now).figures
    assert figures["completion_rate"] == 16
    assert figures["arrival_rate"] == 20


def test_a_queue_that_empties_makes_no_negative_arrivals(load: Callable[..., Load]) -> None:
    figures = load({"a": reading(EARLIER_AT, 0, 900)}, {"a": reading(NOW_AT, 100, 0)}).figures
    assert figures["arrival_rate"] == 0


def test_rates_are_taken_over_each_instances_own_time(load: Callable[..., Load]) -> None:
    before = {"a": reading(EARLIER_AT, 0), "missed_one": reading(EARLIER_AT - 10, 0)}
    figures = load(before, {"a": reading(NOW_AT, 100), "missed_one": reading(NOW_AT, 200)}).figures
    assert figures["completion_rate"] == 10 + 10


def test_an_arrival_counter_wins_over_the_queue(load: Callable[..., Load]) -> None:
    before = {"a": reading(EARLIER_AT, 0, 0, arrivals={"": 10.0})}
    now = {"a": reading(NOW_AT, 100, 900, arrivals={"": 310.0})}
    assert load(before, now, arrivals={"name": "in_total"}).figures["arrival_rate"] == 30


def test_a_completion_counter_wins_over_the_histogram(load: Callable[..., Load]) -> None:
    before = {"a": reading(EARLIER_AT, 0, 0, completions={"": 10.0})}
    now = {"a": reading(NOW_AT, 100, 20, completions={"": 60.0})}
    figures = load(before, now, completions={"name": "done_total"}).figures
    assert figures["completion_rate"] == 5
    assert figures["arrival_rate"] == 7


def test_nothing_completed_is_no_latency_of_zero(load: Callable[..., Load]) -> None:
    figures = load({"a": reading(EARLIER_AT, 100)}, {"a": reading(NOW_AT, 100)}).figures
    assert figures["p99_latency_s"] == figures["mean_latency_s"] == NO_OBSERVATION
    assert figures["completion_rate"] == 0
    assert figures["imbalance"] == "fewer than two ready instances of known load"


def test_no_load_has_no_imbalance(load: Callable[..., Load]) -> None:
    before = {name: reading(EARLIER_AT, 100) for name in "ab"}
    assert load(before, {name: reading(NOW_AT, 100) for name in "ab"}).figures["imbalance"] == "no load"


def test_the_first_scrape_knows_gauges_only(load: Callable[..., Load]) -> None:
    result = load(None, {"a": reading(NOW_AT, 100, 7, eventloop_lag=0.2)})
    assert result.figures["queue_depth"] == 7
    assert result.figures["eventloop_lag_s"] == 0.2
    for field in ("p99_latency_s", "mean_latency_s", "arrival_rate", "completion_rate"):
        assert result.figures[field] == NOT_COMPARABLE
    assert result.compared == 0


def test_nobody_answers(load: Callable[..., Load]) -> None:
    result = load({"a": reading(EARLIER_AT, 0)}, {}, dead=("a", "b"))
    figures = dict(result.figures)
    assert figures.pop("imbalance") == "fewer than two ready instances of known load"
    assert set(figures.values()) == {NO_ANSWER}
    assert (result.expected, result.answered) == (2, 0)
    assert result.instances[0]["error"] == "Connection refused"
    assert result.instances[0]["ok"] is False
    assert result.instances[0]["queue_depth"] is None


def test_absent_metrics_are_named(load: Callable[..., Load]) -> None:
    before, now = (Reading(at=at, queue_depth=1.0) for at in (EARLIER_AT, NOW_AT))
    figures = load({"a": before}, {"a": now}, arrivals={"name": "in_total"}).figures
    assert figures["p99_latency_s"] == "no usable app_p99_latency_seconds on any page"
    assert figures["completion_rate"] == "no usable app_p99_latency_seconds on any page"
    assert figures["arrival_rate"] == "no usable in_total on any page"
    assert figures["utilisation"] == "no metric is named (metrics.utilisation.name)"


def test_a_summary_has_no_quantile(load: Callable[..., Load]) -> None:
    before, now = (Reading(at=at, latency={"": Histogram({inf: at}, at * 2)}) for at in (EARLIER_AT, NOW_AT))
    figures = load({"a": before}, {"a": now}).figures
    assert figures["p99_latency_s"] == "app_p99_latency_seconds has no buckets with a finite bound"
    assert figures["mean_latency_s"] == 2
    assert figures["completion_rate"] == 1
