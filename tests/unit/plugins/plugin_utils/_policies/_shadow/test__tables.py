# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules that compete, and what is remembered of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._modes import (
    HEADS,
    HOLDS,
    MODES,
    SEASONS,
    loads,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._signals import Signals
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._tables import (
    CELLS,
    CONTEXTS,
    Prior,
    Tables,
    cells_of,
    describe,
)
from hypothesis import given
from hypothesis import strategies as st

CALM = Signals(
    rate=100.0,
    smooth=100.0,
    rise=0.0,
    trend=100.0,
    holds=(100.0, 110.0, 150.0, 200.0),
    medium=100.0,
    season=0.0,
    repeated=0.0,
    levels=(100.0, 140.0, 190.0),
    growth=1.4,
    growth_here=(1.2, 1.3),
    broke_off=False,
)


def load_of(signals: Signals, head: str, season: str = "last season", hold: str = "no hold") -> float:
    return float(loads(signals)[MODES.index(f"{head}, {season}, {hold}")])


def test_there_is_a_mode_for_each_head_season_and_hold() -> None:
    assert len(MODES) == len(set(MODES)) == len(HEADS) * len(SEASONS) * len(HOLDS) == 120
    assert loads(CALM).shape == (120,)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("1.0 x rate", 100.0),
        ("1.3 x rate", 130.0),
        ("1.8 x rate", 180.0),
        ("growth of 97 % here", 120.0),
        ("growth of 99.5 % here", 130.0),
        ("growth of 99.5 %", 140.0),
        ("median rate", 108.0),  # 1.08 x the rate is more
        ("rate of 90 %", 140.0),
        ("rate of 99 %, capped", 199.5),  # 1.05 x 190, below 2.2 x 100
        ("a third towards the peak", 130.0),  # 100 + 0.3 (200 - 100)
    ],
)
def test_each_head_by_hand(head: str, expected: float) -> None:
    assert load_of(CALM, head) == pytest.approx(expected)


def test_a_hold_a_season_and_a_trend_have_a_headroom_of_their_own() -> None:
    assert load_of(CALM, "1.0 x rate", hold="held 60 min") == pytest.approx(150.0)
    assert load_of(CALM, "1.8 x rate", hold="held 240 min") == pytest.approx(1.1 * 200.0)
    foretold = CALM._replace(season=300.0, repeated=250.0)
    assert load_of(foretold, "1.8 x rate") == pytest.approx(1.3 * 300.0)
    assert load_of(foretold, "1.05 x rate", "best period") == pytest.approx(1.05 * 250.0)
    assert load_of(CALM._replace(trend=160.0), "1.3 x rate") == pytest.approx(1.1 * 160.0)


def test_every_situation_has_one_cell_in_each_context() -> None:
    assert sum(len(context.cells) for context in CONTEXTS) == CELLS == 22
    assert describe(cells_of(CALM)) == "(no peak behind, usual, steady)"
    falling = CALM._replace(smooth=60.0, rise=-4.0, rate=50.0)
    assert describe(cells_of(falling)) == "(after a peak, low, falling)"
    assert [cell - context.first for context, cell in zip(CONTEXTS, cells_of(falling), strict=True)] == [2, 8, 0, 0]


NUMBERS = st.floats(0.0, 1e9)


@given(
    st.builds(
        Signals,
        *[NUMBERS] * 2,
        st.floats(-1e9, 1e9),
        NUMBERS,
        st.tuples(*[NUMBERS] * 4),
        *[NUMBERS] * 3,
        st.tuples(*[NUMBERS] * 3),
        NUMBERS,
        st.tuples(*[NUMBERS] * 2),
        st.booleans(),
    )
)
def test_whatever_the_signals_cells_and_loads_are_of_use(signals: Signals) -> None:
    cells = cells_of(signals)
    assert all(
        context.first <= cell < context.first + len(context.cells)
        for context, cell in zip(CONTEXTS, cells, strict=True)
    )
    assert np.isfinite(loads(signals)).all()
    assert loads(signals).min() >= min(signals.smooth, signals.trend)


def learned(*lessons: tuple[dict[int, float], tuple[int, ...]], ticks: int = 1, memory: float = 1e9) -> Tables:
    """Tables that have seen each lesson (costs by mode, others 10; cells) so often."""
    tables = Tables(memory)
    for costs, cells in lessons:
        values = np.full(len(MODES), 10.0)
        for mode, cost in costs.items():
            values[mode] = cost
        for _unused in range(ticks):
            tables.learn(values, cells)
    return tables


HERE, THERE = (0, 3, 15, 18), (1, 8, 16, 19)


def test_nothing_learned_weighs_all_modes_the_same() -> None:
    weights = Tables(2880.0).weights(HERE)
    assert weights == pytest.approx(np.full(120, 1 / 120))


def test_values_by_hand() -> None:
    """240 ticks here at 4, 480 there at 10 for mode 0: G = 8, and here Q = G + W/(W+240) (4 - G) = 6."""
    tables = learned(({0: 4.0}, HERE), ticks=240)
    for _unused in range(480):
        tables.learn(np.full(120, 10.0), THERE)
    assert tables.ticks == pytest.approx(720.0)
    assert tables.values(HERE)[:, 0] == pytest.approx([6.0] * 4, rel=1e-4)
    assert tables.values((2, 14, 17, 21))[:, 0] == pytest.approx([8.0] * 4, rel=1e-4), "never seen: the mean"


def flat_prior(costs: dict[int, float]) -> Prior:
    """The modes cost the same in all cells, those not named 1, and all cells of a context are as frequent."""
    relative = np.full(len(MODES), 1.0)
    for mode, cost in costs.items():
        relative[mode] = cost
    shares = np.concatenate([np.full(len(context.cells), 1.0 / len(context.cells)) for context in CONTEXTS])
    return Prior(shares[:, None] * relative, shares)


def test_the_prior_decides_until_something_is_learned_and_counts_in_units_of_what_that_costs() -> None:
    """All cost 10 here for 720 ticks, and the prior of as many says that mode 0 costs twice as much as all others."""
    tables = Tables(1e9, flat_prior({0: 2.0}), 720.0)
    assert tables.weights(HERE)[:2] == pytest.approx([0.0, 1.0 / (len(MODES) - 1)])
    for _unused in range(720):
        tables.learn(np.full(len(MODES), 10.0), HERE)
    seen = 720.0 / np.array([3.0, 12.0, 3.0, 4.0])  # ticks of the prior in these cells
    values = (720.0 * 10.0 + seen * 20.0 + 240.0 * 15.0) / (720.0 + seen + 240.0)
    assert tables.values(HERE)[:, 0] == pytest.approx(values, rel=1e-4)
    assert tables.values(HERE)[:, 1] == pytest.approx([10.0] * 4, rel=1e-4)


def test_the_prior_is_forgotten_as_what_was_seen_before_is() -> None:
    tables = Tables(100.0, flat_prior({0: 2.0}), 720.0)
    off = []
    for _unused in range(1000):
        tables.learn(np.full(len(MODES), 10.0), HERE)
        off.append(float(tables.values(HERE)[:, 0].max()) - 10.0)
    assert off[99] > 1.0, "after as many ticks as its weight"
    assert off == sorted(off, reverse=True)
    assert off[-1] == pytest.approx(0.0, abs=0.01)


def test_the_cheapest_mode_weighs_most_and_by_as_much_as_it_is_cheaper() -> None:
    """At a cost of 10, one per cent more weighs exp(-1.6) as much."""
    tables = learned(({7: 10.0, 8: 10.1} | {mode: 20.0 for mode in range(120) if mode not in (7, 8)}, HERE), ticks=1000)
    weights = tables.weights(HERE)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[8] / weights[7] == pytest.approx(math.exp(-1.6), rel=0.01)
    assert weights[[mode for mode in range(120) if mode not in (7, 8)]].max() == 0.0, "left out"


def test_what_was_cheap_elsewhere_is_no_argument_here() -> None:
    tables = learned(({1: 2.0}, HERE), ({2: 2.0}, THERE), ticks=2000)
    assert int(tables.weights(HERE).argmax()) == 1
    assert int(tables.weights(THERE).argmax()) == 2


def test_the_past_is_forgotten() -> None:
    tables = learned(({1: 2.0}, HERE), ({2: 2.0}, HERE), ticks=300, memory=100.0)
    assert int(tables.weights(HERE).argmax()) == 2
    assert tables.ticks == pytest.approx(100.0, rel=0.02)


def test_a_single_catastrophe_is_not_averaged_away() -> None:
    """One tick at 10,000 in 2,000 is 5 a tick: dearer than three instances more all the time."""
    bold = np.full(120, 1.0)
    bold[1] = 5.5
    tables = learned((dict.fromkeys(range(120), 1.0) | {1: 5.5}, HERE), ticks=2000)
    disaster = np.full(120, 10_000.0)
    disaster[1] = 5.5
    tables.learn(disaster, HERE)
    assert int(tables.weights(HERE).argmax()) == 1
