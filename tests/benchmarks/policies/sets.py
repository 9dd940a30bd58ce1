# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The traffic: training days to tune on, synthetic days held out, and days of real traces.

Each is two days of 15 s ticks. The first is history: policies learn from it, nothing counts. Real days are other ones
than those of the yardstick (`yardstick.py`), and nothing is ever tuned on them.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._families import (
    HELD_OUT,
    TRAINING,
    generate,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Service
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._traces import (
    Trace,
    noisy,
    read_csv,
    scale,
    ticks,
)

SHARED = Path(os.environ.get("AUTOSCALE_SHARED", Path(__file__).resolve().parents[3].parent / "shared"))
INTERVAL = 15.0  # s
INNER_STEPS = 3
DAY_S = 86400.0
DAY = round(DAY_S / INTERVAL)  # ticks
#: Seeds of the families. Nothing is scored on those that are tuned on.
TUNING_SEEDS = (0, 1)
SCORING_SEEDS = (1000, 1001, 1002, 1003)
#: Erlangs that the 99.5 % quantile of a day needs, from and to, drawn for each.
SYNTHETIC_LOAD, REAL_LOAD = (4.0, 14.0), (5.0, 13.0)
#: Trace -> days that are scored, counted from 0. Those of the yardstick are 2, 6 and 10, of one week 2, 4 and 6.
TWO_WEEKS, ONE_WEEK = (4, 8, 12), (1, 3, 5)
REAL_DAYS = {
    "alibaba_genai_images": TWO_WEEKS,
    "nab_elb_requests": TWO_WEEKS,
    "nab_tweets_aapl": TWO_WEEKS,
    "nasa_http_jul95": TWO_WEEKS,
    "nyc_taxi_pickups": TWO_WEEKS,
    "twitter_stream_2021": ONE_WEEK,
    "wc98_group_stage": ONE_WEEK,
    "wikipedia_hourly": TWO_WEEKS,
}
#: From when on (s of each day) a trace was not recorded: zeros there are a hole, not quiet.
HOLES = {"twitter_stream_2021": 84660.0}


class Day(NamedTuple):
    """One day that is scored, and the day before."""

    name: str
    trace: str  # the family or the trace it is from
    seed: int
    arrivals: np.ndarray  # (2 DAY, INNER_STEPS) messages/s


def training(seeds: Iterable[int] = TUNING_SEEDS) -> list[Day]:
    """Days that baselines are tuned on."""
    return [_synthetic(family, seed) for seed in seeds for family in TRAINING]


def held_out(seeds: Iterable[int] = SCORING_SEEDS) -> list[Day]:
    """Days of the same families with other seeds, and of families that nothing was tuned on."""
    return [_synthetic(family, seed) for seed in seeds for family in (*TRAINING, *HELD_OUT)]


def real(seeds: Sequence[int] = (0,)) -> list[Day]:
    """Days of real traces; level, noise and jitter are drawn by seed. Empty where the traces are absent."""
    folder = SHARED / "traces"
    if not folder.is_dir():
        return []
    found = []
    for name, days in REAL_DAYS.items():
        rates = ticks(_bridged(read_csv(folder / f"{name}.csv"), HOLES.get(name)), INTERVAL, INNER_STEPS)
        found += [
            Day(f"{name} day {day}", name, seed, _levelled(rates[(day - 1) * DAY : (day + 1) * DAY], REAL_LOAD, rng))
            for day in days
            for seed in seeds
            for rng in [np.random.default_rng([zlib.crc32(name.encode()), day, seed])]
        ]
    return found


def _synthetic(family: str, seed: int) -> Day:
    rates = ticks(generate(family, seed, days=2, step=INTERVAL), INTERVAL, INNER_STEPS, "linear")
    rng = np.random.default_rng([zlib.crc32(family.encode()), seed])
    return Day(f"{family} {seed}", family, seed, _levelled(rates, SYNTHETIC_LOAD, rng))


def _levelled(rates: np.ndarray, erlangs: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """At a level drawn from `erlangs`, with the noise of counts."""
    load = rng.uniform(*erlangs) * Service().capacity
    return noisy(rates * scale(rates, load), rng, INTERVAL / INNER_STEPS)


def _bridged(trace: Trace, hole: float | None) -> Trace:
    """The trace with a line across each day's hole, which lasts from `hole` (s of the day) to its end."""
    if hole is None:
        return trace
    times = np.arange(len(trace.rates)) * trace.step
    known = times % DAY_S < hole
    return trace._replace(rates=np.interp(times, times[known], trace.rates[known]))
