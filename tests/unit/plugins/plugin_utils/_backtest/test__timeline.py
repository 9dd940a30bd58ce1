# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is drawn of a replay."""

from __future__ import annotations

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest import _timeline
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._result import Replay
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._timeline import Window
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._backtest._replays import (
    course,
    marked,
    replayed,
    values,
)

DAY = 5760  # ticks; replays begin at noon
HOUR = 240


def one_contender(ticks: int, over: range) -> Replay:
    return replayed(ticks, course("hpa", np.full(ticks, 3), over))


def test_everyone_is_there_from_the_cheapest_to_the_dearest() -> None:
    counts = np.full(HOUR, 3)
    many = [course(name, counts + more) for name, more in (("c", 3), ("a", 1), ("b", 2), ("e", 5), ("d", 4))]
    everyone = _timeline.contenders(replayed(HOUR, *many))
    assert [one.name for one in everyone] == ["optimum", "a", "b", "c", "d", "e"]
    assert all(one.figures.name == one.course.name for one in everyone)
    assert [one.style for one in everyone] == ["optimum", "best", "hue-1", "hue-2", "hue-3", "hue-4"]


def test_those_who_cost_the_same_are_not_mixed_up() -> None:
    counts = np.full(HOUR, 3)
    everyone = _timeline.contenders(replayed(HOUR, *(course(name, counts) for name in "zayb")))
    assert [one.figures.name for one in everyone] == [one.course.name for one in everyone] == ["optimum", *"zayb"]


def test_the_best_is_drawn_above_all_others() -> None:
    _rates, counts = _timeline.overview(replayed(), _timeline.contenders(replayed())).plots
    assert [line.style for line in counts.lines] == ["hue-1 exact", "optimum exact", "best exact"]
    assert [line.place for line in counts.lines] == [2, 0, 1]


def test_a_day_is_drawn_as_it_was() -> None:
    replay = replayed(DAY)
    drawn = _timeline.overview(replay, _timeline.contenders(replay))
    rates, counts = drawn.plots
    assert values(rates.lines[0].path) * rates.axis.unit == pytest.approx(replay.rates, abs=rates.axis.unit)
    assert np.array_equal(values(counts.lines[1].path), replay.optimum.ordered)
    over = next(line for line in drawn.strips[1].marks if line.style == "over exact")
    assert drawn.strips[1].contender.name == "shadow_q"
    assert np.flatnonzero(marked(over.path, DAY)).tolist() == [0, 1, 2, 3, 4]


def test_what_is_far_over_the_slo_is_marked_as_such() -> None:
    slow = course("hpa", np.full(HOUR, 3), range(10))
    slow.p99[:4] = 0.41
    replay = replayed(HOUR, slow)
    marks = {line.style: line.path for line in _timeline.overview(replay, _timeline.contenders(replay)).strips[1].marks}
    assert marked(marks["over exact"], HOUR).sum() == 10
    assert marked(marks["far exact"], HOUR).sum() == 4


def test_means_lead_the_eye_only_where_ticks_cannot_be_seen() -> None:
    for ticks, kinds in ((_timeline.NEAR, {"exact"}), (_timeline.NEAR + 1, {"exact", "mean"})):
        replay = replayed(ticks)
        drawn = _timeline.overview(replay, _timeline.contenders(replay))
        for lines in (drawn.plots[1].lines, drawn.strips[0].marks):
            assert {line.style.split()[1] for line in lines} == kinds


def test_without_an_slo_there_are_no_strips() -> None:
    replay = replayed(slo_p99=None)
    assert not _timeline.overview(replay, _timeline.contenders(replay)).strips


@pytest.mark.parametrize(
    ("over", "window"),
    [
        (range(100, 140), Window(0, DAY // 2)),  # before the first midnight
        (range(DAY, DAY + 40), Window(DAY // 2, 3 * DAY // 2)),
        (range(2 * DAY + 9, 2 * DAY + 40), Window(3 * DAY // 2, 2 * DAY + HOUR)),
    ],
)
def test_the_worst_day_is_that_of_the_worst_hour(over: range, window: Window) -> None:
    replay = one_contender(2 * DAY + HOUR, over)
    assert _timeline.worst_day(replay, _timeline.contenders(replay)[1]) == window


def test_there_is_no_worst_day_without_days_or_violations() -> None:
    for replay in (one_contender(DAY, range(9)), one_contender(2 * DAY, range(0))):
        assert _timeline.worst_day(replay, _timeline.contenders(replay)[1]) is None


def test_the_worst_hour_is_shown_with_what_was_around_it() -> None:
    replay = one_contender(DAY, range(1000, 1000 + HOUR))
    hpa = _timeline.contenders(replay)[1]
    assert _timeline.worst_stretch(replay, hpa) == Window(1000 - 60, 1000 + HOUR + 60)
    assert _timeline.worst_stretch(replay, _timeline.contenders(replay)[0]) is None


def test_a_close_up_shows_latencies_and_the_slo() -> None:
    replay = one_contender(DAY, range(1000, 1100))
    drawn = _timeline.closeup(replay, _timeline.contenders(replay), Window(950, 1250))
    rates, counts, p99 = drawn.plots
    assert [plot.style for plot in drawn.plots] == ["rate", "counts", "p99"]
    assert len(values(rates.lines[0].path)) == len(values(counts.lines[0].path)) == drawn.time.ticks == 300
    assert [line.style for line in p99.lines] == ["slo", "optimum exact", "best exact"]
    drawn_p99 = values(p99.lines[-1].path) * p99.axis.unit
    assert np.flatnonzero(drawn_p99 > 0.2).tolist() == list(range(50, 150))
    assert drawn_p99.max() == pytest.approx(0.25, abs=p99.axis.unit)
