# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Speed of the simulator: many environments against one, against the yardstick of other people, and of the optimum.

Run: PYTHONPATH=<directory of ansible_collections> python tests/benchmarks/bench_simulator.py
Prints steps/s and ratios of what was measured in this run; exits with 1 where a ratio misses its goal.

A step is one tick of one environment, with noise on what is measured. The yardstick, ../shared/evaluator/sim.py, gets
the same arrivals and targets; what is compared takes turns, so that a busy machine slows all of it down alike.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._environment import (
    EnvironmentSettings,
    ScalingEnv,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._families import TRAINING, generate
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Service, Weights
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._optimum import optimum
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._traces import noisy, scale, ticks

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("AUTOSCALE_SHARED", ROOT.parent / "shared"))
SIZES = (1, 256, 1024)
STEPS = 200
REPEATS = 25
DAYS = 14
LOAD = 450.0  # messages/s at the 99.5 % quantile


def load(family: str, seed: int, days: float) -> np.ndarray:
    arrivals = ticks(generate(family, seed, days=days), 15.0, 3)
    return noisy(arrivals * scale(arrivals, LOAD), np.random.default_rng(seed), 5.0)


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def yardstick() -> Any:
    """The module; None where it is not there."""
    path = SHARED / "evaluator" / "sim.py"
    if not path.is_file():
        return None
    spec = importlib.util.spec_from_file_location("yardstick", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def play(arrivals: np.ndarray, targets: np.ndarray) -> Callable[[], object]:
    env = ScalingEnv(arrivals, EnvironmentSettings())

    def run() -> None:
        env.reset(0)
        for row in targets:
            env.step(row)

    return run


def play_theirs(sim: Any, arrivals: np.ndarray, targets: np.ndarray) -> Callable[[], object]:
    def run() -> None:
        env = sim.Sim(arrivals, rng=np.random.default_rng(0))
        for row in targets:
            env.step(row)

    return run


def runs(sim: Any) -> dict[tuple[str, int], Callable[[], object]]:
    """What is measured, by whose it is and the number of environments."""
    traces = np.stack([load(TRAINING[one % len(TRAINING)], one, days=0.05) for one in range(40)])[:, :STEPS]
    rng = np.random.default_rng(0)
    found: dict[tuple[str, int], Callable[[], object]] = {}
    for size in SIZES:
        arrivals = np.ascontiguousarray(traces[np.arange(size) % len(traces)])
        targets = rng.integers(1, 21, (STEPS // 5, size)).repeat(5, axis=0)
        found["ours", size] = play(arrivals, targets)
        if sim:
            found["theirs", size] = play_theirs(sim, arrivals, targets)
    return found


def report(name: str, value: float, goal: float) -> bool:
    met = value >= goal
    print(f"{name:<52} {value:8.2f}  goal >= {goal:g}: {'met' if met else 'MISSED'}")
    return met


def main() -> int:
    sim = yardstick()
    functions = runs(sim)
    for function in functions.values():
        function()  # warms caches
    times: dict[tuple[str, int], list[float]] = {key: [] for key in functions}
    for _unused in range(REPEATS):
        for key, function in functions.items():
            times[key].append(seconds(function))
    for size in SIZES:
        print(f"{size:>5} environments: {size * STEPS / median(times['ours', size]):12,.0f} steps/s")
    gain = [SIZES[-1] * one / many for one, many in zip(times["ours", SIZES[0]], times["ours", SIZES[-1]], strict=True)]
    met = report(f"steps/s of {SIZES[-1]} environments / of one", median(gain), 250)
    for size in SIZES if sim else ():
        faster = [theirs / ours for ours, theirs in zip(times["ours", size], times["theirs", size], strict=True)]
        met &= report(f"steps/s / the yardstick's, {size} environments", median(faster), 1)
    if not sim:
        print(f"not compared: there is no yardstick in {SHARED}")
    for family in TRAINING:
        arrivals = load(family, 0, DAYS)
        took = seconds(lambda arrivals=arrivals: optimum(arrivals, Service(), Weights(), 15.0, 3))
        print(f"optimum of {DAYS} days, {family}: {took:.2f} s, {1000 * took / DAYS:.0f} ms a day")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
