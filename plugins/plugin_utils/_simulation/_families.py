# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Families of synthetic traces. Learners and settings are tuned on TRAINING and tested on what is not in it.

A family is a function of a random generator and of times in days, to relative rates; each draws its own periods,
heights and phases. As all durations are shares of a day, a shorter day is the same load, only faster. Choose levels
with `_traces.scale`, and add the noise of counts with `_traces.noisy`.

Ranges are guesses, wide enough to hold what public traces show: smooth days (taxi rides, Wikipedia), floods to several
times the usual rate (World Cup 1998), bursts and levels that jump (batch jobs), spikes by the clock (cron).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from itertools import accumulate

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._traces import Trace

#: In days, as all times here.
MINUTE = 1.0 / 1440.0

Family = Callable[["np.random.Generator", Floats], Floats]


def diurnal(rng: np.random.Generator, times: Floats) -> Floats:
    """A smooth day with one or two humps, never twice the same."""
    height, hump = rng.uniform(0.4, 0.9), rng.uniform(0.0, 0.4)
    phase, hump_phase = rng.random(2)
    log_rate = height * np.sin(2 * np.pi * (times - phase)) + hump * np.sin(4 * np.pi * (times - hump_phase))
    return np.asarray(np.exp(log_rate + _ornstein_uhlenbeck(rng, times, rng.uniform(0.02, 0.1), 30 * MINUTE)))


def flash_crowd(rng: np.random.Generator, times: Floats) -> Floats:
    """A quiet day with floods: up within minutes, then fading."""
    rate = diurnal(rng, times)
    for _unused in range(1 + rng.poisson(2.0 * _length(times))):
        start = rng.uniform(times[0], times[-1])
        rise, fade = rng.uniform(1, 6) * MINUTE, rng.uniform(5, 60) * MINUTE
        since = np.maximum(times - start, 0.0)
        rate = rate + rng.uniform(2.0, 10.0) * np.minimum(since / rise, 1.0) * np.exp(-since / fade)
    return rate


def steps(rng: np.random.Generator, times: Floats) -> Floats:
    """Levels that hold for an hour or so and jump to the next one."""
    starts = _events(rng, times, rng.uniform(30, 180) * MINUTE)
    levels = np.exp(rng.normal(0.0, rng.uniform(0.3, 0.6), len(starts) + 1))
    return np.asarray(levels[np.searchsorted(starts, times, side="right")])


def on_off(rng: np.random.Generator, times: Floats) -> Floats:
    """Bursts and rests of random length: a Poisson process modulated by a Markov chain of two states (MMPP)."""
    on, off, low = rng.uniform(3, 30) * MINUTE, rng.uniform(10, 90) * MINUTE, rng.uniform(0.1, 0.4)
    pairs = 10 + int(2 * _length(times) / (on + off))  # on average more than twice as long as needed
    durations = rng.exponential([off, on], (pairs, 2)).ravel()
    changes = times[0] + np.cumsum(durations)
    bursts = np.searchsorted(changes, times, side="right") % 2 == 1
    return np.where(bursts, 1.0, low)


def ou(rng: np.random.Generator, times: Floats) -> Floats:
    """The logarithm of the rate wanders around its mean (Ornstein-Uhlenbeck)."""
    return np.exp(_ornstein_uhlenbeck(rng, times, rng.uniform(0.3, 0.7), rng.uniform(20, 180) * MINUTE))


def saw(rng: np.random.Generator, times: Floats) -> Floats:
    """Slow rise and sudden fall, or the other way round, over and over."""
    period, height = rng.uniform(60, 480) * MINUTE, rng.uniform(1.0, 6.0)
    part = (times / period + rng.random()) % 1.0
    return np.asarray(1.0 + height * (part if rng.random() < 0.5 else 1.0 - part))


def cron_spikes(rng: np.random.Generator, times: Floats) -> Floats:
    """A smooth day with jobs that start by the clock, each with its own period."""
    rate = diurnal(rng, times)
    for period in rng.choice([15, 30, 60, 120, 240], size=rng.integers(1, 4), replace=False) * MINUTE:
        length, offset = rng.uniform(1, 6) * MINUTE, rng.uniform(0.0, 0.5) * period
        rate = rate + rng.uniform(1.0, 5.0) * ((times - offset) % period < length)
    return rate


FAMILIES: dict[str, Family] = {
    "diurnal": diurnal,
    "flash_crowd": flash_crowd,
    "steps": steps,
    "on_off": on_off,
    "ou": ou,
    "saw": saw,
    "cron_spikes": cron_spikes,
}
TRAINING = ("diurnal", "flash_crowd", "steps", "on_off", "ou")
HELD_OUT = ("saw", "cron_spikes")


def generate(family: str, seed: int, days: float = 2, step: float = 15.0, day: float = 86400.0) -> Trace:
    """A trace of so many days of `day` seconds, in steps of `step` seconds. The same seed gives the same trace."""
    if family not in FAMILIES:
        raise OptionError("family", f"must be one of {', '.join(FAMILIES)}, got {quoted(family)}")
    count = round(days * day / step)
    if count < 2:
        raise AutoscaleError(f"{days:g} days of {day:g} s must be at least two steps of {step:g} s")
    rng = np.random.default_rng([zlib.crc32(family.encode()), seed])
    return Trace(f"{family}_{seed}", step, FAMILIES[family](rng, (np.arange(count) + 0.5) * (step / day)))


def _length(times: Floats) -> float:
    return float(times[-1] - times[0])


def _events(rng: np.random.Generator, times: Floats, mean_gap: float) -> Floats:
    """Times of a Poisson process, in order."""
    count = rng.poisson(_length(times) / mean_gap)
    return np.sort(rng.uniform(times[0], times[-1], count))


def _ornstein_uhlenbeck(rng: np.random.Generator, times: Floats, deviation: float, relaxation: float) -> Floats:
    """A path with mean 0 and this standard deviation that forgets in `relaxation` days.

    Exact at the times given: x' = a x + s sqrt(1 - a^2) N(0, 1) with a = exp(-dt / relaxation) (Gillespie, Exact
    numerical simulation of the Ornstein-Uhlenbeck process, Phys. Rev. E 54, 1996).
    """
    kept = math.exp(-float(times[1] - times[0]) / relaxation)
    shocks = rng.normal(0.0, deviation * math.sqrt(1.0 - kept * kept), len(times))
    shocks[0] = rng.normal(0.0, deviation)
    return np.array(list(accumulate(shocks.tolist(), lambda x, shock: kept * x + shock)))
