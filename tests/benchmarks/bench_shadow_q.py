# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What policy `shadow_q` needs: time of a tick, memory of a cluster, and time of a back-test of two weeks, on one core.

Run: PYTHONPATH=<directory of ansible_collections> python tests/benchmarks/bench_shadow_q.py
Prints CPU times and sizes; exits with 1 where one misses its goal. What it gives goes into docs/benchmark.md, too, when
bench_policies.py writes that.
"""

from __future__ import annotations

import json
import os
import sys
import time
from random import Random
from statistics import median
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._replay import Traffic, replay
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import Observation
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._environment import EnvironmentSettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._families import generate
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._traces import noisy, scale, ticks
from policies import document, tables
from policies.contenders import OURS, cluster_settings, named
from policies.goals import Goal
from policies.pilot import Pilot, Seen
from policies.sets import DAY, DAY_S, INTERVAL, TUNING_SEEDS, training

CLUSTERS = 100
#: Ticks of all clusters that are timed.
TICKS = 30
RATE = 50.0  # messages/s of an instance
START = 1.8e9  # unix seconds
DAYS = 14
#: As many as a back-test compares by default.
COMPARED = ("shadow_q", "erlang", "target_tracking", "hpa", "hpa_tuned")
#: ms a tick of one cluster; kB; s of the back-test.
MOST_TICK, MOST_MEMORY, MOST_BACKTEST = 1.0, 40.0, 60.0


def timed_ticks() -> tuple[float, float, float]:
    """ms a tick of one cluster with its memory at hand, and with it loaded and dumped; size of the memory in kB.

    Clusters have the traffic of all families, and have learned from a day of it. Sizes are those of JSON, as the state
    store writes it; of the largest memory.
    """
    settings = cluster_settings(*named([OURS]), service_rate=RATE)
    policy, of_policy = settings.policy, settings.policy_settings
    days = [day.arrivals.mean(axis=1) for day in training(TUNING_SEEDS[:1])]

    def step(lives: list[Any], tick: int) -> list[Any]:
        now = START + tick * INTERVAL
        rates = [float(days[place % len(days)][DAY + tick]) for place in range(len(lives))]
        snapshots = [Pilot(settings).snapshot(now, Seen(rate, rate, 0.1, 0.0, 0.5), 10) for rate in rates]
        seen = [Observation(now, snapshot, 10, 10, RATE) for snapshot in snapshots]
        count = len(lives)
        return policy.step(lives, seen, [of_policy] * count, [Random(0)] * count)[1]

    past = [policy.prefilled(rates[:DAY].tolist(), START - INTERVAL, of_policy) for rates in days]
    learned = [policy.dump(live) for live in step([policy.load(memory) for memory in past], 0)]
    lives = step([policy.load(learned[place % len(days)]) for place in range(CLUSTERS)], 1)
    texts = [json.dumps(policy.dump(live)) for live in lives]
    live_ms, stored_ms = [], []
    for tick in range(2, TICKS + 2):
        begun = time.process_time()
        lives = step(lives, tick)
        live_ms.append(1000.0 * (time.process_time() - begun) / CLUSTERS)
        begun = time.process_time()
        loaded = step([policy.load(json.loads(text)) for text in texts], tick)
        texts = [json.dumps(policy.dump(live)) for live in loaded]
        stored_ms.append(1000.0 * (time.process_time() - begun) / CLUSTERS)
    return median(live_ms), median(stored_ms), max(map(len, texts)) / 1000.0


def timed_backtest() -> float:
    """s of CPU for two weeks and five policies, the optimum included."""
    arrivals = ticks(generate("diurnal", 7, days=DAYS), INTERVAL, 3)
    arrivals = noisy(arrivals * scale(arrivals, 9.0 * RATE), np.random.default_rng(7), INTERVAL / 3)
    contenders = [(each.name, cluster_settings(each, service_rate=RATE)) for each in named(COMPARED)]
    traffic = Traffic(arrivals, START, round(DAY_S / INTERVAL))
    begun = time.process_time()
    replay(contenders, traffic, EnvironmentSettings())
    return time.process_time() - begun


def main() -> int:
    """Measure, show, keep for the page."""
    begun = time.monotonic()
    live, stored, memory = timed_ticks()
    backtest = timed_backtest()
    found = [
        _at_most(f"shadow_q, a tick of one of {CLUSTERS} clusters", live, MOST_TICK, "ms"),
        _at_most("its memory of a cluster, as JSON", memory, MOST_MEMORY, "kB"),
        _at_most(f"back-test of {DAYS} days and {len(COMPARED)} policies, one core", backtest, MOST_BACKTEST, "s"),
    ]
    text = (
        f"A tick of one of {CLUSTERS} clusters takes {live:.2f} ms, {stored:.2f} ms with its memory read and written."
    )
    print(text, tables.goal_table(found), sep="\n\n")
    document.keep(document.SPEED, document.Part((text,), found, (time.monotonic() - begun) / 60.0))
    return 0 if all(goal.met for goal in found) else 1


def _at_most(what: str, value: float, limit: float, unit: str) -> Goal:
    return Goal(what, f"<= {limit:g} {unit}", f"{value:.2f} {unit}", value <= limit)


if __name__ == "__main__":
    sys.exit(main())
