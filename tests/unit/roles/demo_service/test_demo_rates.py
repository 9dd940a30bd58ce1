# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rate traces of the demo: reading, making up, fitting, and the arrivals made of them."""

from __future__ import annotations

import itertools
import math
import statistics
from pathlib import Path

import pytest
import rates
from hypothesis import given
from hypothesis import strategies as st

#: Traces in any shape: growing times, rates of at least 0 of which one is larger.
traces = (
    st.lists(st.tuples(st.floats(0.01, 1e4), st.floats(0, 1e4)), min_size=2, max_size=50)
    .filter(lambda steps: max(value for _unused, value in steps) > 0.01)
    .map(
        lambda steps: rates.Rates(
            tuple(itertools.accumulate(step for step, _unused in steps)), tuple(value for _unused, value in steps)
        )
    )
)


def constant(rate: float, end: float) -> rates.Rates:
    return rates.Rates((0.0, end), (rate, rate))


def test_the_rate_is_linear_between_points_and_constant_outside() -> None:
    trace = rates.Rates((10.0, 20.0, 40.0), (0.0, 100.0, 50.0))
    assert [trace.at(time) for time in (0, 10, 15, 20, 30, 40, 99)] == [0, 0, 50, 100, 75, 50, 50]


@given(traces, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_the_mean_of_a_span_is_that_of_its_parts(trace: rates.Rates, a: float, b: float, c: float) -> None:
    start, middle, end = sorted(trace.start + part * (trace.end - trace.start) for part in (a, b, c))
    if end - start < 1e-3 or middle in (start, end):
        return
    whole = trace.mean(start, end) * (end - start)
    parts = trace.mean(start, middle) * (middle - start) + trace.mean(middle, end) * (end - middle)
    assert parts == pytest.approx(whole, rel=1e-6, abs=1e-6)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    trace = rates.synthetic_day(1)
    rates.write(trace, tmp_path / "day.csv")
    read = rates.read(tmp_path / "day.csv")
    assert read.times == pytest.approx(trace.times)
    assert read.values == pytest.approx(trace.values, abs=1e-4)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "t_seconds,rate\n",
        "t_seconds,rate\n0,1\n",
        "time,value\n0,1\n1,1\n",
        "t_seconds,rate\n0,1\n0,2\n",
        "t_seconds,rate\n0,1\n2,1\n1,1\n",
        "t_seconds,rate\n0,1\n1,-1\n",
        "t_seconds,rate\n0,1\n1,nan\n",
        "t_seconds,rate\n0,1\n1,inf\n",
        "t_seconds,rate\nnan,1\n1,1\n",
        "t_seconds,rate\n0,1\n1,many\n",
        "t_seconds,rate\n0,1\n1,1,1\n",
        "t_seconds,rate\n0,0\n1,0\n",
    ],
)
def test_a_trace_that_makes_no_sense_is_refused_by_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(content)
    with pytest.raises(rates.TraceError, match=r"odd\.csv: expected"):
        rates.read(path)


def test_a_missing_trace_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(rates.TraceError, match=r"none\.csv"):
        rates.read(tmp_path / "none.csv")


@pytest.mark.parametrize("seed", range(20))
def test_a_made_up_day_has_a_quiet_night_and_a_flash_crowd(seed: int) -> None:
    day = rates.synthetic_day(seed)
    assert day.end - day.start == rates.DAY
    night = day.mean(3 * rates.HOUR, 6 * rates.HOUR)
    hours = [day.mean(hour * rates.HOUR, (hour + 1) * rates.HOUR) for hour in range(24)]
    busiest = hours.index(max(hours))
    assert 9 <= busiest <= 17
    assert max(hours) > 4 * night
    assert max(hours) > 1.8 * min(hours[busiest - 3], hours[busiest - 2])
    assert day == rates.synthetic_day(seed)
    assert day != rates.synthetic_day(seed + 1)


def test_made_up_days_follow_each_other_and_the_last_one_is_that_of_the_seed() -> None:
    days = rates.synthetic_days(4, before=2)
    assert (days.start, days.end) == (-2 * rates.DAY, rates.DAY)
    assert days.part(0.0, rates.DAY) == rates.synthetic_day(4)
    crowds = [max(range(9, 18), key=lambda hour: days.at((24 * day + hour) * rates.HOUR)) for day in (-2, -1, 0)]
    assert len(set(crowds)) > 1


def test_the_busiest_day_is_taken_and_what_was_before_it() -> None:
    days = [1.0, 3.0, 2.0]
    times = tuple(float(hour * 3600) for hour in range(72))
    trace = rates.Rates((*times, 72 * 3600.0), (*(days[hour // 24] for hour in range(72)), 2.0))
    day = rates.busiest(trace)
    assert (day.start, day.end) == (-rates.DAY, rates.DAY)
    assert day.mean(rates.HOUR, 22 * rates.HOUR) == 3
    assert day.mean(-22 * rates.HOUR, -rates.HOUR) == 1


def test_a_trace_shorter_than_a_day_is_taken_whole() -> None:
    trace = rates.Rates((100.0, 200.0, 300.0), (1.0, 5.0, 2.0))
    assert rates.busiest(trace) == rates.Rates((0.0, 100.0, 200.0), (1.0, 5.0, 2.0))


@given(traces, st.floats(1, 1e3), st.floats(1, 1e3))
def test_a_fitted_trace_has_the_length_and_the_peak_asked_for(trace: rates.Rates, duration: float, peak: float) -> None:
    fitted = rates.fit(rates.busiest(trace, math.inf), duration, peak)
    assert (fitted.start, fitted.end) == (0, duration)
    assert all(early < late for early, late in itertools.pairwise(fitted.times))
    assert rates.percentile(fitted.values[1:-1], 99.5) == pytest.approx(peak)
    assert min(fitted.values) >= 0


def test_what_was_before_is_fitted_as_fast_and_as_high() -> None:
    whole = rates.Rates((-48.0, -0.001, 0.0, 48.0), (5.0, 5.0, 10.0, 10.0))
    fitted = rates.fit(whole, 96.0, 100.0)
    assert (fitted.start, fitted.end) == (-96.0, 96.0)
    assert fitted.mean(-90.0, -10.0) == pytest.approx(50.0)
    assert fitted.mean(10.0, 90.0) == pytest.approx(100.0)
    cut = rates.fit(rates.Rates((-1.7, 48.0), (10.0, 10.0)), 96.0, 100.0)
    assert cut.start == -2.0  # whole parts only


def test_what_is_counted_is_the_rate_and_chance() -> None:
    found = rates.counted(constant(50.0, 400.25), interval=0.5, seed=2)
    assert (found.start, found.end, len(found.times)) == (0.0, 399.5, 800)
    assert statistics.mean(found.values) == pytest.approx(50.0, abs=4 * math.sqrt(50 / 400))
    assert statistics.variance(found.values) == pytest.approx(50 / 0.5, rel=0.25)


def test_fitting_keeps_the_shape_and_averages_what_is_shorter_than_a_part() -> None:
    saw = rates.Rates(tuple(map(float, range(4801))), tuple(10.0 + 9 * (time % 2) for time in range(4801)))
    assert rates.fit(saw, 60, 100).values == pytest.approx([100] * 50)
    ramp = rates.fit(rates.Rates((0.0, 1000.0), (0.0, 100.0)), 60, 100)
    assert ramp.at(45) / ramp.at(15) == pytest.approx(3)


def test_rescaling_changes_speed_and_level() -> None:
    assert rates.rescale(rates.Rates((100.0, 160.0), (1.0, 2.0)), speed=60, scale=3) == rates.Rates(
        (0.0, 1.0), (3.0, 6.0)
    )


def test_arrivals_are_poisson() -> None:
    """Counts per second: mean and variance are the rate; gaps: mean and standard deviation are 1 / rate."""
    times = list(rates.arrivals(constant(50, 400), seed=1))
    counts = [0] * 400
    for time in times:
        counts[int(time)] += 1
    assert statistics.mean(counts) == pytest.approx(50, abs=4 * math.sqrt(50 / 400))
    assert statistics.variance(counts) == pytest.approx(50, rel=4 * math.sqrt(2 / 400))
    gaps = [late - early for early, late in itertools.pairwise(times)]
    assert statistics.stdev(gaps) == pytest.approx(1 / 50, rel=0.05)


def test_arrivals_follow_the_rate() -> None:
    trace = rates.Rates((0.0, 100.0, 100.001, 200.0), (0.0, 100.0, 20.0, 20.0))
    times = list(rates.arrivals(trace, seed=3))
    assert times == sorted(times)
    assert times[0] > 0 and times[-1] < 200
    for start, end in ((0, 50), (50, 100), (100.001, 200)):
        expected = trace.mean(start, end) * (end - start)
        found = sum(start <= time < end for time in times)
        assert found == pytest.approx(expected, abs=4 * math.sqrt(expected))


def test_arrivals_depend_on_trace_and_seed_alone() -> None:
    trace = rates.fit(rates.synthetic_day(1), 20, 100)
    first = list(rates.arrivals(trace, seed=1))
    assert first == list(rates.arrivals(trace, seed=1))
    assert first != list(rates.arrivals(trace, seed=2))
    assert len(first) == pytest.approx(20 * trace.mean(0, 20), rel=0.1)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0, 100))
def test_percentiles_lie_between_the_values(values: list[float], percent: float) -> None:
    assert min(values) - 1e-6 <= rates.percentile(values, percent) <= max(values) + 1e-6


def test_percentiles_are_linear_between_values() -> None:
    assert [rates.percentile([4, 1, 3, 2], percent) for percent in (0, 50, 100)] == [1, 2.5, 4]
