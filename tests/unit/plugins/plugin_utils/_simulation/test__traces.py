# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traces: what files are taken and refused, that resampling loses no message, and that noise is what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._traces import (
    Trace,
    noisy,
    read_csv,
    scale,
    ticks,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

RATES = st.lists(st.floats(0.0, 1e6), min_size=2, max_size=50)
BETWEEN = st.sampled_from(["linear", "steps"])
#: hypothesis runs a test many times in one tmp_path, which is what is wanted here: the file is written anew.
ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "trace.csv"
    path.write_text(text, encoding=encoding, newline="")
    return path


@ONE_FOLDER
@given(
    RATES,
    st.floats(0.001, 1e5),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig"]),
    st.integers(0, 2),
)
def test_a_file_gives_what_was_written(
    tmp_path: Path, rates: list[float], step: float, newline: str, encoding: str, ends: int
) -> None:
    lines = ["t_seconds,rate", *(f"{i * step!r},{rate!r}" for i, rate in enumerate(rates))]
    trace = read_csv(written(tmp_path, newline.join(lines) + newline * ends, encoding))
    assert trace.name == "trace"
    assert trace.step == pytest.approx(step)
    assert trace.rates.tolist() == rates


@ONE_FOLDER
@given(st.text(alphabet=st.characters(codec="utf-8")) | st.text(alphabet="0123456789.,-e\r\nnaif \x00"), st.booleans())
def test_any_text_is_a_trace_or_one_clear_error(tmp_path: Path, text: str, headed: bool) -> None:
    try:
        trace = read_csv(written(tmp_path, "t_seconds,rate\n" * headed + text))
    except AutoscaleError as error:
        assert "trace.csv" in str(error) and "\n" not in str(error)
    else:
        assert len(trace.rates) >= 2 and trace.step > 0.0
        assert np.isfinite(trace.rates).all() and (trace.rates >= 0.0).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected the header t_seconds,rate, got nothing"),
        ("time,rate\n0,1\n60,1\n", "line 1: expected the header t_seconds,rate, got time,rate"),
        ("t_seconds,rate\n0,1\n", "must have at least two lines below its header"),
        (
            "t_seconds,rate\n0,1\n60,1,7\n",
            "line 3: expected seconds and a rate, both finite and at least 0, got 60,1,7",
        ),
        ("t_seconds,rate\n0,1\n60\n", "line 3: expected seconds and a rate"),
        (
            "t_seconds,rate\n0,1\n\n60,1\n",
            "line 3: expected seconds and a rate, both finite and at least 0, got nothing",
        ),
        ("t_seconds,rate\n0,1\n60,-1\n", "line 3: expected seconds and a rate"),
        ("t_seconds,rate\n0,1\n60,nan\n", "line 3: expected seconds and a rate"),
        ("t_seconds,rate\n0,inf\n60,1\n", "line 2: expected seconds and a rate"),
        ("t_seconds,rate\n-60,1\n0,1\n", "line 2: expected seconds and a rate"),
        ("t_seconds,rate\n0,1\n0,1\n", "line 3: expected a time later than in the line before, got 0,1"),
        ("t_seconds,rate\n0,1\n60,1\n110,1\n", "line 4: expected a time 60 s later than in the line before, got 110,1"),
        ("t_seconds,rate\n0,1\n60,1\n30,1\n", "line 4: expected a time 60 s later than in the line before"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(AutoscaleError) as caught:
        read_csv(written(tmp_path, text))
    assert message in str(caught.value) and "trace.csv" in str(caught.value)


def test_what_is_no_text_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AutoscaleError, match=r"cannot read the trace .*: No such file"):
        read_csv(tmp_path / "none.csv")
    with pytest.raises(AutoscaleError, match=r"cannot read the trace .*: Is a directory"):
        read_csv(tmp_path)
    (tmp_path / "packed.csv").write_bytes(b"\x1f\x8b\xff\x00")
    with pytest.raises(AutoscaleError, match="must be text in UTF-8"):
        read_csv(tmp_path / "packed.csv")


def test_rounded_times_are_a_constant_step(tmp_path: Path) -> None:
    lines = ["t_seconds,rate", *(f"{i / 3:.3f},1" for i in range(1000))]
    assert read_csv(written(tmp_path, "\n".join(lines))).step == pytest.approx(1 / 3, rel=1e-4)


def test_real_traces_are_read(shared_dir: Path) -> None:
    """Rows and means as their README tells them."""
    known = {
        "nyc_taxi_pickups": (1800.0, 672, 8.95),
        "wc98_group_stage": (60.0, 10080, 489),
        "azure_llm_code": (10.0, 343, 2.56),
    }
    for name, (step, rows, mean) in known.items():
        trace = read_csv(shared_dir / "traces" / f"{name}.csv")
        assert (trace.name, trace.step, len(trace.rates)) == (name, step, rows)
        assert trace.rates.mean() == pytest.approx(mean, rel=1e-2)


def test_ticks_by_hand() -> None:
    """Steps hold; lines go from the middle of one step to the middle of the next."""
    trace = Trace("", 60.0, np.array([0.0, 60.0]))
    assert ticks(trace, 60.0, 2, "steps").tolist() == [[0.0, 0.0], [60.0, 60.0]]
    # From 0 at 30 s to 60 at 90 s: 0, then half of 0..30, then of 30..60, then 60.
    assert ticks(trace, 60.0, 2, "linear").ravel() == pytest.approx([0.0, 15.0, 45.0, 60.0])


def test_a_fine_trace_is_averaged_and_not_sampled() -> None:
    rates = np.zeros(60)
    rates[7] = 100.0
    result = ticks(Trace("", 1.0, rates), 15.0, 3, "steps")
    assert result.ravel() == pytest.approx([0.0, 20.0, *[0.0] * 10])


def test_what_was_recorded_once_a_tick_is_taken_as_it_is() -> None:
    rates = np.array([100.0, 100.0, 900.0, 100.0])
    assert ticks(Trace("spike", 15.0, rates), 15.0, 1)[:, 0].tolist() == rates.tolist()
    assert ticks(Trace("fine", 7.5, rates), 15.0, 1)[:, 0].tolist() == [100.0, 500.0]
    assert ticks(Trace("coarse", 30.0, rates), 15.0, 1)[3, 0] > 100.0, "what is coarser rises before the spike"


@given(RATES, st.sampled_from([0.5, 1.0, 7.0, 60.0, 3600.0]), st.integers(1, 5), st.integers(1, 20), BETWEEN)
def test_resampling_keeps_all_messages_and_bounds(
    rates: list[float], step: float, inner_steps: int, parts: int, between: str
) -> None:
    interval = step * len(rates) / parts
    result = ticks(Trace("", step, np.array(rates)), interval, inner_steps, between)
    assert result.shape == (parts, inner_steps)
    assert result.mean() == pytest.approx(np.mean(rates), rel=1e-9, abs=1e-12)
    assert result.min() >= min(rates) * (1 - 1e-9) - 1e-6
    assert result.max() <= max(rates) * (1 + 1e-9) + 1e-6


def test_a_last_tick_that_is_not_full_is_left_out() -> None:
    trace = Trace("short", 60.0, np.ones(2))
    assert len(ticks(trace, 50.0, 1)) == 2
    with pytest.raises(AutoscaleError, match="short lasts 120 s, which must be at least one tick of 121 s"):
        ticks(trace, 121.0, 1)


@pytest.mark.parametrize(
    ("option", "values"),
    [("interval", (0.0, 1, "steps")), ("inner_steps", (1.0, 0, "steps")), ("between", (1.0, 1, "x"))],
)
def test_senseless_ticks_are_refused(option: str, values: tuple[float, int, str]) -> None:
    with pytest.raises(OptionError, match=f"^{option}: must be"):
        ticks(Trace("", 60.0, np.ones(2)), *values)


def test_scale_brings_the_quantile_to_the_load() -> None:
    arrivals = np.random.default_rng(0).exponential(3.0, (500, 3))
    assert np.quantile(arrivals * scale(arrivals, 400.0), 0.995) == pytest.approx(400.0)
    assert (arrivals * scale(arrivals, 400.0, quantile=1.0)).max() == pytest.approx(400.0)
    with pytest.raises(AutoscaleError, match="quantile of the rates is 0"):
        scale(np.zeros((5, 3)), 400.0)


def test_noise_is_poisson_around_jittered_rates() -> None:
    rng = np.random.default_rng(0)
    arrivals = np.full((20_000, 3), 40.0)
    counts = noisy(arrivals, rng, 5.0, jitter=0.0) * 5.0
    assert counts == pytest.approx(counts.round())
    assert counts.mean() == pytest.approx(200.0, rel=1e-3)
    assert counts.var() == pytest.approx(200.0, rel=0.03)
    # A uniform share of +-5 % adds (0.05 x 200)^2 / 3 to the variance.
    assert (noisy(arrivals, rng, 5.0) * 5.0).var() == pytest.approx(200.0 + 100.0 / 3, rel=0.03)
    assert not noisy(np.zeros((4, 3)), rng, 5.0).any()
