# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The geometry of charts: paths of SVG, axes, and what a chart consists of.

A chart is stretched to the width of the page: its x axis counts ticks, its y axis whole units of its axis, and lines
keep their width. A path thereby holds the data themselves, and the script of the page reads them from there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._clock import labels
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._sampling import Flags, Runs, means, runs, spans
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._words import number
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, Ints, np

#: Units of an axis that is not counted in whole things: finer than any screen.
FINE = 2000
#: An axis is so much higher than its highest label: thick lines need room.
ROOM = 1.05
#: Height of a box for something that hardly ever was: to be seen all the same.
LEAST = 0.25
#: Labels this near to an end (percent) would not fit.
EDGE = 2.5
#: Labels on a time axis, at most; fewer fit on a small screen.
MOST_LABELS = 9


@dataclass(frozen=True)
class Label:
    """Text on an axis."""

    percent: float  # of the width or height, from the left or the top
    text: str


@dataclass(frozen=True)
class Axis:
    """A y axis from 0 up."""

    top: float  # units
    unit: float  # what one unit is worth
    labels: Sequence[Label]

    def units(self, values: Floats | Ints) -> Ints:
        """Values in whole units."""
        return np.rint(np.asarray(values) / self.unit).astype(np.int64)


@dataclass(frozen=True)
class TimeAxis:
    """An x axis of ticks."""

    ticks: int
    labels: Sequence[Label]


@dataclass(frozen=True)
class Line:
    """One line or area of a plot."""

    style: str
    path: str
    place: int = -1  # of the contender, if it is of one


@dataclass(frozen=True)
class Plot:
    """A chart over time, without its time axis."""

    style: str
    title: str  # with the unit of the y axis
    text: str  # what it shows, for those who do not see it
    axis: Axis
    lines: Sequence[Line]


def count_axis(peak: int) -> Axis:
    """An axis for whole things."""
    return _axis(peak, whole=True)


def fine_axis(peak: float) -> Axis:
    """An axis for values of any size."""
    return _axis(peak, whole=False)


def time_axis(start: float, interval: float, ticks: int) -> TimeAxis:
    """The axis of so many ticks from `start` (s) on."""
    length = ticks * interval
    found = labels(start, start + length, MOST_LABELS)
    places = [Label(100.0 * (at - start) / length, text) for at, text in found]
    return TimeAxis(ticks, [label for label in places if EDGE < label.percent < 100.0 - EDGE])


def line(values: Ints, most: int) -> str:
    """Steps, at most so many."""
    found = runs(values, most)
    return f"M0 {found.values[0]}{_steps(found)}"


def area(values: Ints, most: int) -> str:
    """The area under steps, at most so many."""
    found = runs(values, most)
    return f"M0 0v{found.values[0]}{_steps(found)}V0z"


def marks(flags: Flags, most: int) -> str:
    """A box of height 1 wherever the flag is set; at most so many."""
    path, before = [], 0
    for begin, end in spans(flags, most):
        path.append(f"m{begin - before} 0h{end - begin}v1h{begin - end}z")
        before = begin
    return "".join(path)


def curve(values: Ints, pieces: int) -> str:
    """The mean of each of so many pieces of time, with lines from one to the next."""
    edges, heights = means(values, pieces)
    points = zip(((edges[:-1] + edges[1:]) / 2).tolist(), heights.tolist(), strict=True)
    return "M" + "L".join(f"{coordinate(place)} {coordinate(height)}" for place, height in points)


def density(flags: Flags, pieces: int) -> str:
    """A box for each of so many pieces of time in which the flag is set, the higher the longer; at least LEAST."""
    edges, shares = means(flags, pieces)
    boxes = zip(edges[:-1].tolist(), edges[1:].tolist(), shares.tolist(), strict=True)
    return "".join(box(begin, end, LEAST + (1.0 - LEAST) * share) for begin, end, share in boxes if share)


def level(height: float, width: float) -> str:
    """A line from left to right."""
    return f"M0 {coordinate(height)}h{coordinate(width)}"


def upright(place: float, height: float = 1.0) -> str:
    """A line from bottom to top."""
    return f"M{coordinate(place)} 0v{coordinate(height)}"


def box(begin: float, end: float, height: float = 1.0) -> str:
    """A box that stands on the ground."""
    return f"M{coordinate(begin)} 0h{coordinate(end - begin)}v{coordinate(height)}H{coordinate(begin)}z"


def view_box(axis: Axis, time: TimeAxis) -> str:
    """The view of a plot; what is drawn is flipped, so that heights count upwards."""
    top = coordinate(axis.top)
    return f"0 -{top} {time.ticks} {top}"


def grid(axis: Axis, time: TimeAxis) -> str:
    """Lines from left to right at the labels of the y axis."""
    return "".join(level(axis.top * (1.0 - label.percent / 100.0), time.ticks) for label in axis.labels)


def time_grid(axis: Axis, time: TimeAxis) -> str:
    """Lines from bottom to top at the labels of the time axis."""
    places = (time.ticks * label.percent / 100.0 for label in time.labels)
    return "".join(upright(place, axis.top) for place in places)


def coordinate(value: float) -> str:
    """A number in SVG, short and without an exponent."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _steps(found: Runs) -> str:
    first, *lengths = np.diff(found.starts, append=found.end).tolist()
    rises = np.diff(found.values).tolist()
    return f"h{first}" + "".join(f"v{rise}h{length}" for rise, length in zip(rises, lengths, strict=True))


def _axis(peak: float, *, whole: bool) -> Axis:
    step = _round_step(peak / 4.0 if peak > 0.0 else 1.0)
    if whole:
        step = max(1.0, math.ceil(step))
    count = max(1, math.ceil(peak / step - 1e-9))
    highest = count * step
    texts = [Label(100.0 * (1.0 - place / count / ROOM), _short(place * step)) for place in range(count + 1)]
    unit = 1.0 if whole else highest / FINE
    return Axis(ROOM * highest / unit, unit, texts)


def _short(value: float) -> str:
    return f"{value:.6g}" if value < 1e5 else number(value)


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is no smaller."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= least * (1.0 - 1e-9))
