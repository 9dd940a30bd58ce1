# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clairvoyant optimum: against all paths, random policies, other cuts of the trace, and the yardstick."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._environment import (
    EnvironmentSettings,
    ScalingEnv,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._families import FAMILIES, generate
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Service, Weights, cost, feel
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._optimum import Optimum, optimum
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._traces import noisy, scale, ticks
from hypothesis import given
from hypothesis import strategies as st

SERVICE, WEIGHTS, BOOT = Service(), Weights(), 3


def load(family: str, days: float, seed: int = 0) -> np.ndarray:
    arrivals = ticks(generate(family, seed, days=days), 15.0, 3)
    return noisy(arrivals * scale(arrivals, 450.0), np.random.default_rng(seed), 5.0)


def paid(
    paths: np.ndarray, arrivals: np.ndarray, service: Service, boot: int, initial: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cost and p99 of each tick (rows) of serving counts, one tick after the other; boots are paid where they end."""
    backlog, before, costs, p99s = np.zeros(paths.shape[1:]), initial, [], []
    for counts, rates in zip(paths, arrivals, strict=True):
        felt = feel(service, counts, backlog, list(rates), 5.0)
        booted = WEIGHTS.instance * boot * np.maximum(0, counts - before)
        backlog, before = felt.backlog, counts
        costs.append(cost(service, WEIGHTS, felt, counts) + booted)
        p99s.append(felt.p99)
    return np.array(costs), np.array(p99s)


def best_of_all_paths(arrivals: np.ndarray, service: Service, boot: int, initial: int) -> float:
    counts = range(1, service.max_instances + 1)
    paths = np.array(list(product(counts, repeat=len(arrivals)))).T
    return float(paid(paths, arrivals, service, boot, initial)[0].sum(0).min())


@given(st.lists(st.floats(0.0, 48.0), min_size=5, max_size=5), st.integers(1, 3), st.integers(0, 4))
def test_without_a_backlog_it_is_the_best_of_all_paths(rates: list[float], initial: int, boot: int) -> None:
    """A single instance could serve it, but waits long at 48/s: p99 is worth a second one, for long enough."""
    service = Service(max_instances=3, slo_p99=0.15)
    arrivals = np.repeat(np.array(rates)[:, None], 3, axis=1)
    found = optimum(arrivals, service, WEIGHTS, 15.0, boot, initial=initial).total_cost
    assert found == pytest.approx(best_of_all_paths(arrivals, service, boot, initial), rel=1e-6)


@given(st.lists(st.floats(0.0, 220.0), min_size=5, max_size=5), st.integers(1, 3))
def test_with_a_backlog_it_is_close_to_the_best_of_all_paths(rates: list[float], initial: int) -> None:
    """Costs to go are interpolated between levels of backlog."""
    service = Service(max_instances=3)
    arrivals = np.repeat(np.array(rates)[:, None], 3, axis=1)
    best = best_of_all_paths(arrivals, service, BOOT, initial)
    for levels, error in ((16, 0.1), (128, 0.02)):
        found = optimum(arrivals, service, WEIGHTS, 15.0, BOOT, levels=levels, initial=initial).total_cost
        assert best * (1 - 1e-9) <= found <= best * (1 + error)


@pytest.mark.parametrize("family", FAMILIES)
def test_no_policy_beats_it(family: str) -> None:
    """50 policies that hold random margins for random times, in the environment itself."""
    rng = np.random.default_rng(1)
    arrivals = load(family, days=0.05)
    best = optimum(arrivals, SERVICE, WEIGHTS, 15.0, BOOT)
    env = ScalingEnv(np.repeat(arrivals[None], 50, axis=0), EnvironmentSettings(measurement_noise=0.0))
    observed, _unused = env.reset(0)
    margins, holds = rng.uniform(1.0, 2.0, 50), rng.uniform(0.9, 1.0, 50)
    wanted, rewards, ended = np.ones(50), np.zeros(50), False
    while not ended:
        wanted = np.maximum(holds * wanted, margins * observed.arrival_rate / 50.0 + rng.uniform(0.0, 1.0, 50))
        observed, reward, _terminated, truncated, _unused = env.step(np.ceil(wanted).astype(int))
        rewards += reward
        ended = bool(truncated[0])
    assert best.total_cost < (-rewards).min()


def test_the_path_is_simulated_exactly() -> None:
    arrivals = load("on_off", days=0.3)
    found = optimum(arrivals, SERVICE, WEIGHTS, 15.0, BOOT, initial=5)
    costs, p99s = paid(found.serving, arrivals, SERVICE, BOOT, 5)
    assert found.cost == pytest.approx(costs) and found.p99 == pytest.approx(p99s)
    assert found.total_cost == pytest.approx(costs.sum())
    added = np.maximum(np.diff(found.serving, prepend=5), 0).sum()
    assert found.instance_ticks == found.serving.sum() + BOOT * added


def whole(arrivals: np.ndarray, service: Service = SERVICE) -> Optimum:
    return optimum(arrivals, service, WEIGHTS, 15.0, BOOT, chunk=len(arrivals))


@pytest.mark.parametrize("family", ["diurnal", "on_off", "flash_crowd"])
def test_chunks_give_what_the_whole_gives(family: str) -> None:
    arrivals = load(family, days=0.5)
    cut = optimum(arrivals, SERVICE, WEIGHTS, 15.0, BOOT, chunk=200)
    assert cut.total_cost == pytest.approx(whole(arrivals).total_cost, rel=1e-3)


def test_chunks_are_exact_where_the_backlog_never_ends() -> None:
    """Patient clients of too small a service: each chunk begins in the state that the one before ended in."""
    service = Service(max_instances=3, patience=1e5, slo_queue=None)
    arrivals = np.random.default_rng(0).uniform(100.0, 220.0, (150, 3))
    cut = optimum(arrivals, service, WEIGHTS, 15.0, BOOT, chunk=20)
    assert (cut.p99[10:] > 1.0).all()
    costs, p99s = paid(cut.serving, arrivals, service, BOOT, 3)
    assert cut.p99 == pytest.approx(p99s) and cut.cost == pytest.approx(costs)
    assert cut.total_cost == pytest.approx(whole(arrivals, service).total_cost, rel=1e-3)


def test_a_steady_load_gets_the_cheapest_count() -> None:
    arrivals = np.full((40, 3), 230.0)
    cheapest = {n: paid(np.full(40, n), arrivals, SERVICE, BOOT, n)[0].sum() for n in range(1, 21)}
    best = min(cheapest, key=lambda n: cheapest[n])
    found = optimum(arrivals, SERVICE, WEIGHTS, 15.0, BOOT, initial=best)
    assert (found.serving == best).all() and found.total_cost == pytest.approx(cheapest[best])


def test_what_boots_long_is_kept_through_a_lull() -> None:
    """Two instances are idle for ten ticks: cheaper than a boot of twenty, dearer than one of three."""
    arrivals = np.full((30, 3), 200.0)
    arrivals[10:20] = 10.0
    lows = {boot: optimum(arrivals, SERVICE, WEIGHTS, 15.0, boot, initial=6).serving[10:20].min() for boot in (3, 20)}
    assert lows[3] == 1 and lows[20] == optimum(arrivals[:10], SERVICE, WEIGHTS, 15.0, 20, initial=6).serving[5]


def test_without_penalties_one_instance_is_enough() -> None:
    service = replace(SERVICE, slo_p99=None, slo_queue=None)
    found = optimum(load("saw", days=0.05), service, WEIGHTS, 15.0, BOOT)
    assert (found.serving == 1).all() and found.total_cost == pytest.approx(1.5 * len(found.serving))


def test_no_count_is_below_the_minimum() -> None:
    arrivals = load("saw", days=0.05)
    found = optimum(arrivals, SERVICE, WEIGHTS, 15.0, BOOT, min_instances=6)
    assert found.serving.min() == 6 < found.serving.max()
    assert found.total_cost > optimum(arrivals, SERVICE, WEIGHTS, 15.0, BOOT).total_cost


def test_it_agrees_with_the_yardstick(shared_dir: Path) -> None:
    """Second days of every fourth of its 24 traces: cost within 1 %, instances within 1 %."""
    path = shared_dir / "evaluator" / "arrivals_real.npz"
    if not path.is_file():
        pytest.skip(f"the yardstick is not there: {path}")
    stored = np.load(path)
    logs = []
    for one in range(0, 24, 4):
        day = stored["arrivals"][one, 5760:].astype(float)
        found = optimum(day, SERVICE, WEIGHTS, 15.0, BOOT)
        reward, *_unused, instance_ticks, _shed = stored["clairvoyant"][one]
        logs.append(np.log(found.total_cost / -reward))
        assert found.instance_ticks == pytest.approx(instance_ticks, rel=0.01)
    assert np.exp(np.mean(logs)) == pytest.approx(1.0, abs=0.01)
