# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy predictive: the hourly forecast, and target tracking beside it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
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
from hypothesis import given
from hypothesis import strategies as st

HOUR = 3600.0
#: Number of the hour that all begins with, the first of a day.
START = 24 * 20_000
#: Rates of the hours of a day: 100/s, and 650/s at noon.
DAY = [100.0] * 12 + [650.0] + [100.0] * 11
SETTINGS = PolicySettings(interval=60.0)
TRACKING = "target_tracking"


def ask(
    now: float,
    memory: Memory,
    rate: float | None = 100.0,
    ordered: int = 4,
    p99: float | None = 0.12,
    service_rate: float | None = 50.0,
    taken: int | None = 0,
    **options: Any,
) -> tuple[Proposal, Memory]:
    seen = snapshot(arrival_rate=rate, p99_latency_s=p99)
    observation = Observation(now, seen, ordered, ordered, service_rate=service_rate, taken=taken)
    return propose("predictive", memory, observation, settings_of("predictive", SETTINGS, **options))


def lived(hours: list[float]) -> Memory:
    """The memory after these hourly rates, measured every minute, and the first minute of the next hour."""
    memory: Memory = {}
    for tick in range(60 * len(hours) + 1):
        now = START * HOUR + 60.0 * (tick + 1)
        _unused, memory = ask(now, memory, hours[tick // 60 % len(hours)])
    return memory


def remembered(hours: list[float | None], hour: int) -> Memory:
    return {"hours": hours, "hour": hour, "total": 0.0, "ticks": 0}


def test_hours_are_remembered_as_means() -> None:
    memory: Memory = {}
    for tick in range(1, 121):
        _unused, memory = ask(START * HOUR + 60.0 * tick, memory, 100.0 if tick <= 30 else 200.0)
    assert (memory["hours"], memory["hour"], memory["ticks"]) == ([150.0], START + 1, 60)
    _unused, memory = ask((START + 4) * HOUR + 60.0, memory)
    assert memory["hours"] == [150.0, 200.0, None, None]


def test_an_hour_of_which_little_was_seen_is_none() -> None:
    memory: Memory = {}
    for tick in range(1, 30):
        _unused, memory = ask(START * HOUR + 60.0 * tick, memory)
    _unused, memory = ask((START + 1) * HOUR + 60.0, memory)
    assert memory["hours"] == [None]


def test_fourteen_days_are_remembered_in_some_kilobytes() -> None:
    memory = remembered([123.4] * 336, START)
    for tick in range(1, 62):
        _unused, memory = ask(START * HOUR + 60.0 * tick, memory, 567.8)
    assert len(memory["hours"]) == 336
    assert memory["hours"][-1] == 567.8
    assert len(repr(memory)) < 3000
    _unused, memory = ask((START + 10_000) * HOUR, memory)
    assert memory["hours"] == [None] * 336


def test_a_past_is_remembered_as_if_it_had_been_lived_through() -> None:
    rates = [DAY[tick // 60 % 24] for tick in range(60 * 24 + 1)]
    end = START * HOUR + 60.0 * len(rates)
    past = _registry.get("predictive").prefilled(rates, end, settings_of("predictive", SETTINGS))
    assert past == {name: each for name, each in lived(DAY).items() if name != TRACKING}
    assert ask((START + 24 + 12) * HOUR, past)[0].count == 20


def test_nothing_is_foretold_from_less_than_a_day() -> None:
    for hours, known in ((23, False), (24, True)):
        proposal, _unused = ask((START + hours) * HOUR + 60.0, remembered(list(DAY[:hours]), START + hours))
        assert ("forecast_rate" in proposal.details) is known
    assert "no forecast yet" in ask(START * HOUR, {})[0].reason


def test_capacity_is_there_before_the_hour_that_needs_it() -> None:
    """650/s at 65 % of 50/s each: 20, ordered 300 s before noon, kept through the hour, not taken away after it."""
    memory = lived(DAY)
    noon = (START + 24 + 12) * HOUR
    early, memory = ask(noon - 301.0, memory)
    assert early.count == 4
    ready, memory = ask(noon - 299.0, memory)
    assert ready.count == 20
    assert ready.reason.startswith(
        "650 msg/s forecast at 50 msg/s each, 65 % busy, 20 instances; p99_latency_s is 0.12"
    )
    assert ready.details["reactive_count"] == 4
    assert ask(noon + HOUR - 60.0, memory, ordered=20)[0].count == 20
    after, memory = ask(noon + HOUR, memory, ordered=20)
    assert after.count == 20  # target tracking gives no alarm at this p99
    assert after.details["forecast_count"] == 4


def test_only_target_tracking_scales_in() -> None:
    memory = {**lived(DAY), TRACKING: {"above": 0, "below": 14, "changed_at": None}}
    afternoon = (START + 24 + 15) * HOUR
    assert ask(afternoon, memory, ordered=20, p99=0.12)[0].count == 20
    assert ask(afternoon, memory, ordered=20, p99=0.01)[0].count == 19
    assert ask(afternoon, memory, ordered=4, p99=0.01)[0].count == 4  # the forecast needs four


def test_the_larger_of_both_counts() -> None:
    memory = {**lived(DAY), TRACKING: {"above": 2, "below": 0, "changed_at": None}}
    proposal, _unused = ask((START + 24 + 15) * HOUR, memory, ordered=4, p99=0.26)
    assert proposal.count == 8
    assert "scaled in proportion make 8" in proposal.reason
    assert proposal.reason.endswith("100 msg/s forecast at 50 msg/s each, 65 % busy, 4 instances")


def test_options_are_the_dials_of_both() -> None:
    memory = lived(DAY)
    noon = (START + 24 + 12) * HOUR
    assert ask(noon, memory, target_utilisation=0.5)[0].count == 26
    assert ask(noon - 1000.0, memory, scheduling_buffer=1200.0)[0].count == 20
    tracking = {**settings_of("predictive").options[TRACKING], "scale_out_after": 1}
    assert ask(noon - HOUR, memory, p99=0.26, target_tracking=tracking)[0].count == 8
    with pytest.raises(OptionError) as error:
        ask(noon, memory, target_tracking={**tracking, "scale_in_after": 0})
    assert error.value.option == "predictive.target_tracking.scale_in_after"
    assert str(error.value) == "predictive.target_tracking.scale_in_after: must be from 1 to 1000, got 0"


def test_a_week_counts_as_much_as_all_days() -> None:
    """Mondays have 300/s, other days 100/s: next Monday (1/7 x 300 + 6/7 x 100 + 300) / 2."""
    week: list[float | None] = [*[300.0] * 24, *[100.0] * 144]
    monday, _unused = ask((START + 168) * HOUR + 60.0, remembered(week, START + 168))
    assert monday.details["forecast_rate"] == pytest.approx((300 / 7 + 600 / 7 + 300) / 2)
    tuesday, _unused = ask((START + 192) * HOUR + 60.0, remembered([*week, *[300.0] * 24], START + 192))
    assert tuesday.details["forecast_rate"] == pytest.approx((2 * 300 / 8 + 6 * 100 / 8 + 100) / 2)


def test_hours_that_nobody_measured_are_left_out() -> None:
    hours: list[float | None] = [*[None] * 24, *DAY]
    proposal, _unused = ask((START + 48) * HOUR + 60.0, remembered(hours, START + 48))
    assert proposal.details["forecast_rate"] == 100.0
    assert "no forecast yet" in ask((START + 24) * HOUR, remembered([None] * 24, START + 24))[0].reason


def test_a_clock_set_back_a_little_goes_on_and_by_hours_begins_anew() -> None:
    memory = lived(DAY)
    last = (START + 24) * HOUR
    _unused, later = ask(last - 60.0, memory)
    assert (later["hours"], later["hour"], later["ticks"]) == (memory["hours"], START + 24, 2)
    _unused, later = ask(last - 3 * HOUR, memory)
    assert (later["hours"], later["hour"]) == ([], START + 20)


def test_what_is_missing_never_shrinks_and_does_not_teach() -> None:
    memory = lived(DAY)
    noon = (START + 24 + 12) * HOUR
    hours = {name: memory[name] for name in ("hours", "hour", "total", "ticks")}
    for rate, p99, ordered, count in ((None, None, 20, None), (None, None, 4, 20), (1e18, 0.12, 4, 20)):
        proposal, later = ask(noon, memory, rate, ordered, p99)
        assert proposal.count == count
        assert {name: later[name] for name in hours} == hours
    proposal, _unused = ask(noon, memory, service_rate=None)
    assert proposal.count == 4
    assert proposal.reason.endswith("service rate not calibrated yet")
    wrong = {**memory, "hours": [2.0**53] * 24}  # learned while there was no service rate to judge it by
    assert ask(noon, wrong)[0].count == 4


@given(
    st.floats(0.0, 5000.0),
    st.none() | st.floats(0.0, 2.0),
    st.integers(0, 30),
    st.integers(0, 47),
    st.integers(0, 20),
    st.integers(0, 20),
)
def test_it_is_never_below_target_tracking_nor_shrinks_by_forecast(
    noon: float, p99: float | None, ordered: int, hour: int, above: int, below: int
) -> None:
    tracking: Memory = {"above": above, "below": below, "changed_at": None}
    memory = {**remembered([noon if rate > 100.0 else rate for rate in DAY], START + 24), TRACKING: tracking}
    now = (START + 24 + hour) * HOUR
    proposal, _unused = ask(now, memory, ordered=ordered, p99=p99)
    seen = snapshot(arrival_rate=100.0, p99_latency_s=p99)
    reactive, _unused = propose(
        TRACKING, tracking, Observation(now, seen, ordered, ordered, taken=0), settings_of(TRACKING, SETTINGS)
    )
    if proposal.count is None:
        assert reactive.count is None
    else:
        assert proposal.count >= (ordered if reactive.count is None else reactive.count)
