# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is drawn of a replay over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest import _chart
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._chart import Line, Plot, TimeAxis
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._clock import brief
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._result import HOUR_S, Course, Figures, Replay
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._words import (
    DAY_S,
    name,
    number,
    percent,
    seconds,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats

#: What may be drawn in one timeline, however long it is: steps of the rate, steps of all counts, marks of each kind.
#: A step takes some 8 characters and a mark 20, so that a page stays below 1.5 MB.
RATE_STEPS, COUNT_STEPS, MARKS = 20_000, 60_000, 12_000
#: In up to so many ticks, each can be seen. In more, means of so many pieces of time lead the eye.
NEAR, PIECES = 6000, 480
#: A p99 of so many SLOs is marked as far over it.
FAR = 2.0
#: Colours of those who are neither the optimum nor the cheapest.
HUES = 5
#: Seconds before and after the worst hour that are shown with it.
AROUND_S = 900.0


@dataclass(frozen=True)
class Contender:
    """Who is drawn: the optimum at place 0, then from the cheapest to the dearest."""

    place: int
    figures: Figures
    course: Course

    @property
    def name(self) -> str:
        """Fit to be shown."""
        return name(self.figures.name)

    @property
    def style(self) -> str:
        """Its colour."""
        return ("optimum", "best")[self.place] if self.place < 2 else f"hue-{(self.place - 2) % HUES + 1}"


@dataclass(frozen=True)
class Window:
    """A part of the time, in ticks from the start of what is scored."""

    begin: int
    end: int


@dataclass(frozen=True)
class Strip:
    """When a contender was over the SLO."""

    contender: Contender
    share: str  # of the time
    marks: Sequence[Line]


@dataclass(frozen=True)
class Timeline:
    """Plots and strips above one time axis."""

    time: TimeAxis
    plots: Sequence[Plot]
    strips: Sequence[Strip]


def contenders(replay: Replay) -> list[Contender]:
    """The optimum and all contenders, in the order of Replay.figures."""
    ranked = sorted(replay.courses, key=lambda course: float(course.cost.mean()))
    pairs = zip(replay.figures, (replay.optimum, *ranked), strict=True)
    return [Contender(place, figures, course) for place, (figures, course) in enumerate(pairs)]


def whole(replay: Replay) -> Window:
    """All the time."""
    return Window(0, len(replay.rates))


def overview(replay: Replay, everyone: Sequence[Contender]) -> Timeline:
    """Traffic, counts, and when SLOs were broken, in all the time."""
    window = whole(replay)
    most = MARKS // len(everyone)
    strips = [] if replay.slo_p99 is None else [_strip(one, replay.slo_p99, most) for one in everyone]
    return Timeline(_time(replay, window), [_rates(replay, window), _counts(everyone, window)], strips)


def closeup(replay: Replay, shown: Sequence[Contender], window: Window) -> Timeline:
    """Traffic, counts and latencies, in part of the time."""
    plots = [_rates(replay, window), _counts(shown, window), _latencies(replay, shown, window)]
    return Timeline(_time(replay, window), plots, [])


def worst_stretch(replay: Replay, one: Contender) -> Window | None:
    """The worst hour of a contender and some minutes around it; None if it never was over the SLO."""
    if not one.figures.worst_hour_over_slo:
        return None
    at = one.figures.worst_hour_at
    return _window(replay, at - AROUND_S, at + HOUR_S + AROUND_S)


def worst_day(replay: Replay, one: Contender) -> Window | None:
    """The day of the worst hour of a contender; None if it never was over the SLO, or all happened in one day."""
    if not one.figures.worst_hour_over_slo or len(replay.rates) * replay.interval <= DAY_S:
        return None
    middle = replay.start + one.figures.worst_hour_at + HOUR_S / 2
    day = middle // DAY_S * DAY_S - replay.start
    return _window(replay, day, day + DAY_S)


def _window(replay: Replay, begin: float, end: float) -> Window:
    ticks = [round(at / replay.interval) for at in (begin, end)]
    return Window(max(0, ticks[0]), min(len(replay.rates), ticks[1]))


def _time(replay: Replay, window: Window) -> TimeAxis:
    start = replay.start + window.begin * replay.interval
    return _chart.time_axis(start, replay.interval, window.end - window.begin)


def _rates(replay: Replay, window: Window) -> Plot:
    rates = replay.rates[window.begin : window.end]
    peak = int(rates.argmax())
    at = brief(replay.start + (window.begin + peak) * replay.interval)
    axis = _chart.fine_axis(float(rates[peak]))
    return Plot(
        style="rate",
        title="Arrivals, messages/s",
        text=f"{number(float(rates.mean()))} messages/s on average, at most {number(float(rates[peak]))} on {at}",
        axis=axis,
        lines=[Line("rate", _chart.area(axis.units(rates), RATE_STEPS))],
    )


def _counts(shown: Sequence[Contender], window: Window) -> Plot:
    counts = [one.course.ordered[window.begin : window.end] for one in shown]
    means = (f"{one.name} {number(float(count.mean()))}" for one, count in zip(shown, counts, strict=True))
    axis = _chart.count_axis(max(int(count.max()) for count in counts))
    lines = _lines(shown, "exact", [_chart.line(axis.units(count), COUNT_STEPS // len(shown)) for count in counts])
    if window.end - window.begin > NEAR:
        lines += _lines(shown, "mean", [_chart.curve(axis.units(count), PIECES) for count in counts])
    return Plot("counts", "Instances", f"on average: {', '.join(means)}", axis, lines)


def _latencies(replay: Replay, shown: Sequence[Contender], window: Window) -> Plot:
    felt: list[Floats] = [one.course.p99[window.begin : window.end] for one in shown]
    worst = (f"{one.name} {seconds(float(p99.max()))}" for one, p99 in zip(shown, felt, strict=True))
    limits = [] if replay.slo_p99 is None else [replay.slo_p99]
    axis = _chart.fine_axis(max([*(float(p99.max()) for p99 in felt), *limits]))
    paths = [_chart.line(axis.units(p99), COUNT_STEPS // len(shown)) for p99 in felt]
    slo = [Line("slo", _chart.level(limit / axis.unit, window.end - window.begin)) for limit in limits]
    return Plot("p99", "p99, s", f"at most: {', '.join(worst)}", axis, [*slo, *_lines(shown, "exact", paths)])


def _lines(shown: Sequence[Contender], kind: str, paths: Sequence[str]) -> list[Line]:
    """The cheapest is drawn last, above all others, and the optimum just before."""
    pairs = sorted(zip(shown, paths, strict=True), key=lambda pair: (pair[0].place < 2, pair[0].place))
    return [Line(f"{one.style} {kind}", path, one.place) for one, path in pairs]


def _strip(one: Contender, slo: float, most: int) -> Strip:
    kinds = [("over", one.course.p99 > slo), ("far", one.course.p99 > FAR * slo)]
    marks = [Line(f"{style} exact", _chart.marks(flags, most)) for style, flags in kinds]
    if len(one.course.p99) > NEAR:
        marks += [Line(f"{style} mean", _chart.density(flags, PIECES)) for style, flags in kinds]
    return Strip(one, percent(one.figures.time_over_slo), marks)
