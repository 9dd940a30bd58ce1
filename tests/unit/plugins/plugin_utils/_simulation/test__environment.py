# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The environment against formulas, figures by hand, and the yardstick of other people."""

from __future__ import annotations

import importlib.util
import math
import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._queueing import erlang_c
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation import _environment
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._environment import (
    METRICS,
    EnvironmentSettings,
    ScalingEnv,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import SERVICE_P99, Service, Weights
from hypothesis import given
from hypothesis import strategies as st

QUIET = EnvironmentSettings(measurement_noise=0.0)


@pytest.fixture(scope="module")
def yardstick(shared_dir: Path) -> ModuleType:
    path = shared_dir / "evaluator" / "sim.py"
    if not path.is_file():
        pytest.skip(f"the yardstick is not there: {path}")
    spec = importlib.util.spec_from_file_location("yardstick", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def constant(rate: float, ticks: int = 10, environments: int = 1) -> np.ndarray:
    return np.full((environments, ticks, 3), rate)


def held_targets(rng: np.random.Generator, ticks: int, environments: int) -> np.ndarray:
    """Counts from 1 to 20 that hold for some ticks: (T, E)."""
    return rng.integers(1, 21, (ticks // 5 + 1, environments)).repeat(5, axis=0)[:ticks]


def test_it_is_the_yardstick(yardstick: ModuleType) -> None:
    """Rest, bursts and overload under any targets: same rewards, counts and measurements, tick by tick.

    The yardstick rounds ln(100), which is worth up to 0.0004 a tick.
    """
    rng = np.random.default_rng(4)
    arrivals = rng.uniform(0.0, 1.2, (16, 400, 1)) ** 3 * rng.uniform(0.7, 1.3, (16, 400, 3)) * 1000.0
    targets = held_targets(rng, 400, 16)
    rounded = 100.0 * (SERVICE_P99 - yardstick.S99) / 50.0
    theirs, ours = yardstick.Sim(arrivals, mnoise=0.0), ScalingEnv(arrivals, QUIET)
    observed, _unused = ours.reset(0)
    total = np.zeros((2, 16))
    for target in targets:
        assert np.array_equal(observed.ready, theirs.s) and np.array_equal(observed.ordered, theirs.n)
        reward, _unused = theirs.step(target)
        observed, our_reward, *_unused, info = ours.step(target)
        assert our_reward == pytest.approx(reward, rel=1e-6, abs=2 * rounded)
        assert observed.p99 == pytest.approx(theirs.p99, abs=2 * rounded)
        assert observed.queue == pytest.approx(theirs.q)
        assert observed.utilisation == pytest.approx(theirs.util)
        assert info["given_up"] == pytest.approx(theirs.shed)
        total += our_reward, reward
    assert total[0] == pytest.approx(total[1], rel=1e-4)


@pytest.mark.parametrize(("instances", "rate"), [(1, 25.0), (2, 60.0), (5, 200.0), (20, 900.0)])
def test_steady_load_waits_as_in_m_m_c(instances: int, rate: float) -> None:
    env = ScalingEnv(constant(rate), replace(QUIET, initial_instances=instances))
    env.reset(0)
    observed, reward, *_unused = env.step(np.array([instances]))
    waits, slack = erlang_c(instances, rate / 50.0), 50.0 * instances - rate
    p99 = math.log(100.0) / 50.0 + max(0.0, math.log(100.0 * waits)) / slack
    assert observed.p99[0] == pytest.approx(p99, rel=0.03)  # the table has 400 steps of utilisation
    assert observed.queue[0] * instances == pytest.approx(waits * rate / slack, rel=0.03)
    assert observed.utilisation[0] == pytest.approx(rate / (50.0 * instances))
    assert [observed.arrival_rate[0], observed.completion_rate[0]] == pytest.approx([rate, rate])
    assert reward[0] == pytest.approx(-1.5 * instances - 100.0 * max(0.0, observed.p99[0] - 0.2))


def test_overload_by_hand() -> None:
    """60/s on one instance of 50/s: 10 messages a second wait, up to 5 s of work; then clients give up."""
    env = ScalingEnv(constant(60.0, ticks=3), replace(QUIET, initial_instances=1))
    env.reset(0)
    backlogs = []
    for _tick in range(3):
        observed, _reward, _terminated, truncated, info = env.step(np.array([1]))
        backlogs.append(info["backlog"][0])
        assert observed.utilisation[0] == 1.0 and observed.completion_rate[0] == pytest.approx(50.0)
    assert backlogs == pytest.approx([150.0, 250.0, 250.0])
    assert info["given_up"][0] == pytest.approx(150.0)
    assert info["p99"][0] > 5.0 and info["violation"][0] and truncated[0]


def test_what_is_ordered_serves_after_its_boot_and_costs_at_once() -> None:
    env = ScalingEnv(constant(60.0), replace(QUIET, initial_instances=2))
    env.reset(0)
    ready, rewards = [], []
    for target in (4, 4, 4, 3, 3):
        observed, reward, *_unused = env.step(np.array([target]))
        ready.append(int(observed.ready[0]))
        rewards.append(reward[0])
    assert ready == [2, 2, 4, 3, 3]
    assert rewards == pytest.approx([-6.0, -6.0, -6.0, -4.5, -4.5])


def test_retries_come_back_in_the_next_tick() -> None:
    settings = replace(QUIET, initial_instances=1, retry_share=0.5, service=Service(patience=0.0))
    env = ScalingEnv(constant(60.0), settings)
    env.reset(0)
    seen = [env.step(np.array([1])) for _tick in range(3)]
    # Without patience all above 50/s give up; half of them are back in the next tick: 60, 60 + 10/2, 60 + 15/2
    assert [observed.arrival_rate[0] for observed, *_unused in seen] == pytest.approx([60.0, 65.0, 67.5])
    assert [info["given_up"][0] / 15.0 for *_unused, info in seen] == pytest.approx([10.0, 15.0, 17.5])


def test_an_episode_begins_with_what_its_first_rate_asks_for() -> None:
    arrivals = np.concatenate([constant(rate) for rate in (0.0, 10.0, 100.0, 5000.0)])
    observed, info = ScalingEnv(arrivals, QUIET).reset(0)
    assert observed.ready.tolist() == observed.ordered.tolist() == info["ordered"].tolist() == [1, 1, 4, 20]
    assert observed.utilisation.tolist() == pytest.approx([0.0, 0.2, 0.5, 1.0])
    assert observed.p99.tolist() == pytest.approx([SERVICE_P99 / 50.0] * 4)
    assert not info["backlog"].any() and not info["given_up"].any()
    given = ScalingEnv(arrivals, replace(QUIET, initial_instances=7)).reset(0)[0]
    assert given.ready.tolist() == [7] * 4


def test_measurements_are_off_by_no_more_than_the_noise() -> None:
    settings = replace(QUIET, measurement_noise=0.1, rate_noise=0.2, initial_instances=10)
    env = ScalingEnv(constant(400.0, environments=5000), settings)
    env.reset(0)
    observed, *_unused, info = env.step(np.full(5000, 10))
    for measured, true, noise in ((observed.p99, info["p99"], 0.1), (observed.arrival_rate, 400.0, 0.2)):
        error = measured / true - 1.0
        assert abs(error).max() <= noise * (1 + 1e-6)
        assert error.std() == pytest.approx(noise / math.sqrt(3.0), rel=0.05)
        assert error.mean() == pytest.approx(0.0, abs=0.005)
    assert observed.completion_rate == pytest.approx(observed.arrival_rate)  # one factor
    assert abs(np.corrcoef(observed.p99, observed.queue)[0, 1]) < 0.05  # two factors


def test_a_missing_scrape_takes_all_metrics_and_no_count() -> None:
    env = ScalingEnv(constant(400.0, environments=5000), replace(QUIET, missing=0.3))
    env.reset(0)
    observed, reward, *_unused = env.step(np.full(5000, 10))
    missing = np.isnan(observed.p99)
    assert missing.mean() == pytest.approx(0.3, abs=0.03)
    assert all(np.array_equal(np.isnan(getattr(observed, name)), missing) for name in METRICS)
    assert (observed.ordered == 10).all() and np.isfinite(reward).all()


def test_the_same_seed_is_the_same_luck_under_other_settings() -> None:
    lost = []
    for settings in (replace(QUIET, missing=0.3), EnvironmentSettings(missing=0.3, rate_noise=0.1, boot_time=120.0)):
        env = ScalingEnv(constant(400.0, environments=50), settings)
        env.reset(3)
        lost.append(np.isnan(env.step(np.full(50, 10))[0].p99))
    assert np.array_equal(*lost)


@given(
    st.lists(st.lists(st.floats(0.0, 5000.0), min_size=3, max_size=3), min_size=1, max_size=12),
    st.lists(st.integers(-5, 30), min_size=12, max_size=12),
    st.sampled_from([None, 1.0, 90.0]),
    st.sampled_from([0.0, 0.7]),
    st.integers(1, 3),
)
def test_whatever_comes_messages_are_conserved_within_bounds(
    rates: list[list[float]], targets: list[int], life: float | None, retry_share: float, servers: int
) -> None:
    settings = replace(
        QUIET,
        service=Service(servers_per_instance=servers, max_instances=8),
        min_instances=2,
        connection_life=life,
        retry_share=retry_share,
    )
    env = ScalingEnv(np.array([rates]), settings)
    _observed, info = env.reset(0)
    for target in targets[: len(rates)]:
        waited = info["backlog"][0]
        observed, reward, _terminated, truncated, info = env.step(np.array([target]))
        arrived, completed = observed.arrival_rate[0] * 15.0, observed.completion_rate[0] * 15.0
        assert waited + arrived == pytest.approx(completed + info["backlog"][0] + info["given_up"][0], abs=1e-6)
        assert 2 <= observed.ready[0] <= 8 and observed.ordered[0] == min(max(target, 2), 8)
        assert 0.0 <= observed.utilisation[0] <= 1.0 + 1e-12
        assert info["p99"][0] >= SERVICE_P99 / 50.0 and reward[0] <= -1.5 * 2
    assert truncated[0]


def test_weights_and_slos_decide_on_the_reward() -> None:
    settings = replace(QUIET, initial_instances=1, weights=Weights(latency=1.0, queue=2.0, instance=3.0, violation=5.0))
    env = ScalingEnv(constant(60.0), settings)
    env.reset(0)
    observed, reward, *_unused = env.step(np.array([1]))
    expected = 3.0 + 1.0 * (observed.p99[0] - 0.2) + 2.0 * (observed.queue[0] - 50.0) + 5.0
    assert observed.queue[0] > 50.0 and reward[0] == pytest.approx(-expected)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("min_instances", 0),
        ("min_instances", 21),
        ("initial_instances", 21),
        ("interval", 0.0),
        ("interval", math.nan),
        ("boot_time", -1.0),
        ("boot_time", math.inf),
        ("connection_life", 0.0),
        ("measurement_noise", -0.1),
        ("rate_noise", 1.1),
        ("missing", math.nan),
        ("retry_share", 2.0),
    ],
)
def test_senseless_settings_are_refused(option: str, value: Any) -> None:
    with pytest.raises(OptionError, match=f"^{option}: must be .*, got"):
        EnvironmentSettings(**{option: value})


@pytest.mark.parametrize(
    "arrivals", [np.ones((4, 3)), np.ones((0, 4, 3)), np.full((1, 4, 3), -1.0), np.full((1, 4, 3), np.nan)]
)
def test_senseless_arrivals_are_refused(arrivals: np.ndarray) -> None:
    with pytest.raises(OptionError, match=r"^arrivals: must be"):
        ScalingEnv(arrivals, QUIET)


def test_the_docstring_tells_the_defaults() -> None:
    text = ScalingEnv.__doc__
    assert text
    for field in fields(EnvironmentSettings):
        default = field.type if field.name in ("service", "weights") else field.default
        shown = f"{default:g}" if isinstance(default, float) else str(default)
        assert re.search(rf"^ +{field.name} +{re.escape(shown)} ", text, re.MULTILINE), field.name


def test_nothing_here_needs_numpy_to_be_imported(collections_path: Path) -> None:
    """Who ticks with a rule has no numpy, and still imports what may be used."""
    package = "ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation"
    names = sorted(path.stem for path in Path(_environment.__file__).parent.glob("_*.py"))
    assert "_environment" in names
    imports = "".join(f"import {package}.{name}\n" for name in names)
    script = f"import sys\nsys.path.insert(0, {str(collections_path)!r})\nsys.modules['numpy'] = None\n{imports}"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_step_without_an_episode_says_what_to_do() -> None:
    with pytest.raises(AutoscaleError, match="no episode runs: call reset"):
        ScalingEnv(constant(1.0), QUIET).step(np.array([1]))
