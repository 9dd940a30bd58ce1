# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traces: arrival rates over time, from a file or a generator, and what simulated ticks get of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, np

HEADER = "t_seconds,rate"
#: Steps of a file may differ by this share, as its times may be rounded.
ROUNDING = 1e-2
#: What the rate is between samples.
BETWEEN = ("linear", "steps")


class Trace(NamedTuple):
    """Arrival rates, each the mean over one step; the first step begins at 0."""

    name: str
    step: float  # s
    rates: Floats  # 1/s


def read_csv(path: str | Path) -> Trace:
    """Read a file with the columns `t_seconds,rate`: where a step begins in s, and the mean rate in it in 1/s.

    Times increase by a constant step, and no number is negative. Raises AutoscaleError with the file, the line and
    what was expected there.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").rstrip().split("\n")
    except OSError as error:
        raise AutoscaleError(f"cannot read the trace {quoted(path)}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise AutoscaleError(f"the trace {quoted(path)} must be text in UTF-8: {error.reason}") from error
    if lines[0].strip() != HEADER:
        raise _unexpected(path, 1, f"the header {HEADER}", lines[0])
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        row = _numbers(line)
        if row is None:
            raise _unexpected(path, number, "seconds and a rate, both finite and at least 0", line)
        rows.append(row)
    if len(rows) < 2:
        raise AutoscaleError(f"the trace {quoted(path)} must have at least two lines below its header")
    times, rates = np.array(rows).T
    steps = np.diff(times)
    wrong = np.flatnonzero((steps <= 0.0) | (abs(steps - steps[0]) > ROUNDING * steps[0]))
    if wrong.size:
        at = int(wrong[0]) + 2  # in `lines`
        expected = f"{steps[0]:g} s later" if at > 2 else "later"
        raise _unexpected(path, at + 1, f"a time {expected} than in the line before", lines[at])
    return Trace(path.stem, float(steps.mean()), rates)


def ticks(trace: Trace, interval: float, inner_steps: int, between: str | None = None) -> Floats:
    """Mean rates of the `inner_steps` equal parts of each tick of `interval` seconds: (ticks, inner_steps), in 1/s.

    Rates hold for a whole step of the trace (`steps`), or change linearly from the middle of one step to the middle of
    the next (`linear`). What was recorded once a tick or more often is by default taken as it is; what is coarser
    changes linearly, as no service gets its traffic in such steps. Both are integrated, not sampled: no message of a
    fine trace is lost, and the trace as a whole brings as many as it was given with. A tick that the trace does not
    fill is left out. Raises AutoscaleError where
    that is the first.
    """
    if interval <= 0.0:
        raise OptionError("interval", f"must be more than 0 seconds, got {interval}")
    if inner_steps < 1:
        raise OptionError("inner_steps", f"must be at least 1, got {inner_steps}")
    if between is None:
        between = "steps" if trace.step <= interval else "linear"
    if between not in BETWEEN:
        raise OptionError("between", f"must be one of {', '.join(BETWEEN)}, got {quoted(between)}")
    rates, samples = trace.rates, len(trace.rates)
    count = math.floor(samples * trace.step / interval + 1e-9)
    if not count:
        raise AutoscaleError(
            f"the trace {quoted(trace.name)} lasts {samples * trace.step:g} s, "
            f"which must be at least one tick of {interval:g} s"
        )
    if between == "steps":
        knots, first, last = np.arange(samples + 1.0), rates, rates
    else:
        knots = np.concatenate([[0.0], np.arange(samples) + 0.5, [samples]])
        first, last = np.append(rates[0], rates), np.append(rates, rates[-1])
    edges = np.arange(count * inner_steps + 1) * (interval / (inner_steps * trace.step))
    arrived = _integral(knots, first, last, edges) * trace.step
    means = np.diff(arrived) * (inner_steps / interval)
    return np.asarray(np.maximum(means, 0.0).reshape(count, inner_steps))  # less than 0 by rounding only


def scale(arrivals: Floats, load: float, quantile: float = 0.995) -> float:
    """The factor that brings the quantile of these rates to `load` messages/s; arrays of any shape.

    Raises AutoscaleError where that quantile is 0.
    """
    level = float(np.quantile(arrivals, quantile))
    if level <= 0.0:
        raise AutoscaleError(
            f"the {quantile:g} quantile of the rates is 0, which no factor brings to {load:g}/s: take a higher quantile"
        )
    return load / level


def noisy(arrivals: Floats, rng: np.random.Generator, seconds: float, jitter: float = 0.05) -> Floats:
    """Rates as they would be counted in steps of `seconds`: Poisson numbers, of rates up to `jitter` higher or lower.

    Same shape and unit (1/s).
    """
    meant = arrivals * rng.uniform(1.0 - jitter, 1.0 + jitter, arrivals.shape)
    return np.asarray(rng.poisson(meant * seconds) / seconds)


def _numbers(line: str) -> tuple[float, float] | None:
    """The two numbers of a line; None where it is something else."""
    try:
        time, rate = map(float, line.split(","))
    except ValueError:
        return None
    return (time, rate) if 0.0 <= time < math.inf and 0.0 <= rate < math.inf else None


def _unexpected(path: Path, number: int, expected: str, line: str) -> AutoscaleError:
    return AutoscaleError(f"trace {quoted(path)}, line {number}: expected {expected}, got {quoted(line) or 'nothing'}")


def _integral(knots: Floats, first: Floats, last: Floats, at: Floats) -> Floats:
    """Integral from 0 to each of `at` of what goes linearly from `first` to `last` between consecutive knots."""
    width = np.diff(knots)
    whole = np.concatenate([[0.0], np.cumsum(0.5 * (first + last) * width)])
    piece = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(width) - 1)
    inside = at - knots[piece]
    slope = (last - first) / width
    return np.asarray(whole[piece] + inside * (first[piece] + 0.5 * slope[piece] * inside))
