# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy holt_winters: the recursions against a textbook and by hand, seasons, gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    Memory,
    Observation,
    PolicySettings,
    Proposal,
)
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._policies._policy_helpers import (
    propose,
    settings_of,
    snapshot,
)

TICK = 15.0
START = 81 * TICK  # the tick that ends here is the first of a season of four
#: A season of four ticks with a period for each: the textbook's grid.
TEXTBOOK: dict[str, Any] = {"season": 4 * TICK, "seasonal_periods": 4}


def ask(rate: float | None, now: float, memory: Memory, ordered: int = 10, **options: Any) -> tuple[Proposal, Memory]:
    seen = snapshot(arrival_rate=rate, queue_total=0.0, p99_latency_s=0.1)
    observation = Observation(now, seen, ordered, ordered, service_rate=50.0)
    return propose("holt_winters", memory, observation, settings_of("holt_winters", **options))


def run(rates: Sequence[float | None], memory: Memory | None = None, **options: Any) -> tuple[list[Proposal], Memory]:
    """One rate a tick; None is a tick that is missing altogether."""
    memory, proposals = memory or {}, []
    for number, rate in enumerate(rates):
        if rate is not None:
            proposal, memory = ask(rate, START + TICK * number, memory, **options)
            proposals.append(proposal)
    return proposals, memory


def season_of(factors: list[float]) -> Memory:
    """What is remembered of a season of TEXTBOOK."""
    empty: Memory = {"level": 0.0, "total": 0.0, "ticks": 0, "means": []}
    return {"length": TICK, "count": 4, "first": 0, "period": 79, "factors": factors, **empty}


def test_holts_method_is_the_textbooks() -> None:
    """Hyndman and Athanasopoulos, 2nd ed., table 7.2: air passengers, alpha 0.8321, beta 0.0001, no damping."""
    memory: Memory = {"at": START - TICK, "level": 15.57, "trend": 2.102}
    levels = []
    for number, rate in enumerate([17.55, 21.86, 23.89, 26.93, 26.89]):
        _unused, memory = ask(rate, START + TICK * number, memory, alpha=0.8321, beta=0.0001, phi=1.0, season=0.0)
        levels.append(round(memory["level"], 2))
        assert memory["trend"] == pytest.approx(2.102, abs=1e-3)
    assert levels == [17.57, 21.49, 23.84, 26.76, 27.22]


def test_the_damped_trend_and_the_season_by_hand() -> None:
    options = {**TEXTBOOK, "alpha": 0.5, "beta": 0.5, "gamma": 0.5, "phi": 0.8}
    memory: Memory = {"at": START - TICK, "level": 100.0, "trend": 10.0, "season": season_of([0.5, 1.0, 1.5, 1.0])}
    # 60 / 0.5 = 120 was measured, 108 foretold
    proposal, memory = ask(60.0, START, memory, **options)
    assert (memory["level"], memory["trend"]) == (pytest.approx(114.0), pytest.approx(11.0))
    # one tick ahead (114 + 0.8 x 11) x 1; four ticks ahead (114 + 2.3616 x 11) x 0.5 is less
    assert proposal.details["expected_rate"] == pytest.approx(122.8)
    _unused, memory = ask(130.0, START + TICK, memory, **options)
    assert (memory["level"], memory["trend"]) == (pytest.approx(126.4), pytest.approx(10.6))
    assert memory["season"]["factors"] == [pytest.approx(0.5 * 60 / 108 + 0.5 * 0.5, rel=1e-4), 1.0, 1.5, 1.0]


def test_the_first_season_gives_the_factors() -> None:
    day = [50.0, 100.0, 150.0, 100.0]
    memory = run([*day, day[0]], **TEXTBOOK)[1]
    assert memory["season"]["factors"] == []
    proposals, memory = run([*day, *day, *day], **TEXTBOOK)
    assert memory["season"]["factors"] == pytest.approx([0.5, 1.0, 1.5, 1.0])
    assert memory["level"] == pytest.approx(100.0, rel=0.1)
    assert proposals[8].details["expected_rate"] == pytest.approx(100.0, rel=0.1)  # rate 50, but 100 is next
    assert "(1" in proposals[8].reason
    assert "forecast) x 1.1" in proposals[8].reason


def test_between_the_middles_of_periods_factors_are_interpolated() -> None:
    """Periods of four ticks: the forecast glides from 100 to 200 instead of jumping."""
    options: dict[str, Any] = {"season": 16 * TICK, "seasonal_periods": 4, "alpha": 0.0, "phi": 0.0}
    season = {**season_of([1.0, 2.0, 1.0, 2.0]), "length": 4 * TICK, "period": 19}
    expected = []
    for number in range(5):
        now = 20 * 4 * TICK + TICK * (2.5 + number)  # from the middle of a period on
        memory: Memory = {"at": now - TICK, "level": 100.0, "trend": 0.0, "season": season}
        proposal, _unused = ask(0.0, now - TICK, memory, **options)
        expected.append(proposal.details["expected_rate"])
    # the later of one and of four ticks ahead, here the larger
    assert expected == pytest.approx([175.0, 200.0, 175.0, 175.0, 200.0])


def test_a_missing_tick_counts_as_if_the_forecast_had_come_true() -> None:
    options: dict[str, Any] = {"season": 0.0, "alpha": 0.5, "beta": 0.4, "phi": 0.9}
    memory = run([100.0, 120.0, 135.0], **options)[1]
    foretold = memory["level"] + 0.9 * memory["trend"]
    filled = run([100.0, 120.0, 135.0, foretold, 160.0], **options)[1]
    gap = run([100.0, 120.0, 135.0, None, 160.0], **options)[1]
    assert (gap["level"], gap["trend"]) == (pytest.approx(filled["level"]), pytest.approx(filled["trend"]))


def test_after_a_long_gap_or_a_clock_set_back_level_and_trend_begin_anew() -> None:
    memory = run([100.0, 200.0, 300.0])[1]
    for now in (START + 41 * TICK + 60.0, START - 3600.0):
        _unused, later = ask(50.0, now, memory)
        assert (later["level"], later["trend"]) == (50.0, 0.0)


def test_a_period_that_nobody_measured_has_the_factor_one_and_is_learned_later() -> None:
    day: list[float | None] = [50.0, None, 150.0, 100.0]
    memory = run([*day, *day], **TEXTBOOK)[1]
    assert memory["season"]["factors"] == pytest.approx([0.5, 1.0, 1.5, 1.0])
    memory = run([*day, *day, 50.0, 40.0, 150.0], **TEXTBOOK)[1]
    assert memory["season"]["factors"][1] < 0.9


def test_another_season_is_learned_from_the_beginning() -> None:
    memory = run([50.0, 100.0, 150.0, 100.0] * 3, **TEXTBOOK)[1]
    _unused, later = ask(50.0, START + 12 * TICK, memory, season=8 * TICK, seasonal_periods=8)
    assert later["season"]["factors"] == []
    assert later["season"]["means"] == [None] * 8
    _unused, later = ask(50.0, START + 12 * TICK, memory, season=0.0)
    assert later["season"] is None


def test_no_arrivals_for_a_season_are_no_factors() -> None:
    proposals, memory = run([0.0] * 12, **TEXTBOOK)
    assert proposals[-1].count is not None
    assert memory["season"]["factors"] == []
    memory = run([100.0] * 12, memory, **TEXTBOOK)[1]
    assert memory["season"]["factors"] != []


def test_what_arrives_is_never_staffed_below() -> None:
    """A jump is answered at once, though the level follows slowly."""
    memory = run([100.0] * 8, season=0.0)[1]
    proposal, _unused = ask(400.0, START + 8 * TICK, memory, 3, season=0.0)
    assert proposal.details["expected_rate"] >= 400.0
    assert proposal.count == 10


def test_it_learns_while_the_service_rate_is_unknown_and_nothing_from_missing_data() -> None:
    settings = settings_of("holt_winters")
    seen = snapshot(arrival_rate=400.0, p99_latency_s=0.1)
    _unused, memory = propose("holt_winters", {}, Observation(START, seen, 5, 5), settings)
    assert memory["level"] == 400.0
    missing: dict[str, Any]
    for missing in (snapshot(p99_latency_s=0.1), {"valid": False, "arrival_rate": 900.0}):
        _unused, later = propose("holt_winters", memory, Observation(START + TICK, missing, 5, 5, 50.0), settings)
        assert {**later, "hpa": None} == {**memory, "hpa": None}


def test_what_a_wrong_metric_taught_before_the_service_rate_was_known_is_not_staffed_for() -> None:
    seen = snapshot(arrival_rate=2.0**53, p99_latency_s=0.1)
    memory = propose("holt_winters", {}, Observation(START, seen, 5, 5), settings_of("holt_winters"))[1]
    proposal, _unused = ask(100.0, START + TICK, memory)
    assert proposal.details["expected_rate"] == 100.0


def test_a_past_is_remembered_as_if_it_had_been_lived_through() -> None:
    rates = [50.0, 100.0, 150.0, 100.0] * 3
    settings = settings_of("holt_winters", **TEXTBOOK)
    past = _registry.get("holt_winters").prefilled(rates, START + 11 * TICK, settings)
    lived = run(rates, **TEXTBOOK)[1]
    assert past == {name: each for name, each in lived.items() if name != "needs"}
    assert _registry.get("erlang").prefilled(rates, START, settings_of("erlang")) == {}


def test_memory_stays_small() -> None:
    """Two days of a minute's ticks, 96 periods."""
    memory: Memory = {}
    settings = settings_of("holt_winters", PolicySettings(interval=60.0))
    for number in range(2880):
        observation = Observation(60.0 * number, snapshot(arrival_rate=100.0 + number % 1440 / 7.0), 9, 9, 50.0)
        memory = propose("holt_winters", memory, observation, settings)[1]
    assert len(memory["season"]["factors"]) == 96
    assert len(repr(memory)) < 1500
