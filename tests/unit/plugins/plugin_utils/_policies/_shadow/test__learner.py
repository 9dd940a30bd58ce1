# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The learner: shadow fleets on measured arrivals, and its memory."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow import _times
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._learner import Learner, Settings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._past import Past
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._times import Times
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._families import generate
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._fleet import Fleet
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Service, Weights, cost

DAY = 480
SETTINGS = Settings(
    service=Service(),
    times=Times(interval=15.0, lead=4, season=DAY),
    min_instances=1,
    weights=Weights(violation=30.0),
    peak=1.03,
)


def traffic(family: str = "diurnal", days: int = 2, seed: int = 3) -> list[float]:
    """Rates of 1 to about 8 instances, one a tick."""
    rates = generate(family, seed, days=days, step=15.0, day=DAY * 15.0).rates
    return (rates / rates.max() * 400.0).tolist()


def lived(rates: list[float], settings: Settings = SETTINGS) -> Learner:
    learner = Learner(settings)
    for tick, rate in enumerate(rates, start=1000):
        learner.live_through(15.0 * tick, rate)
    return learner


def order(learner: Learner) -> int:
    return int(learner.needed(np.array(learner.weights() @ learner.loads)))


@pytest.mark.parametrize("family", ["diurnal", "on_off", "flash_crowd"])
def test_a_reloaded_learner_decides_as_the_one_in_memory(family: str) -> None:
    rates = traffic(family)
    live = lived(rates[:700])
    again = Learner.from_plain(json.loads(json.dumps(live.to_plain())), SETTINGS)
    orders = []
    for tick, rate in enumerate(rates[700:], start=1700):
        for learner in (live, again):
            learner.live_through(15.0 * tick, rate)
        orders.append((order(live), order(again)))
        if tick % 5 == 0:
            again = Learner.from_plain(json.loads(json.dumps(again.to_plain())), SETTINGS)
    same = [one == other for one, other in orders]
    assert all(same)


def test_the_tables_hold_what_the_modes_have_cost() -> None:
    """Recomputed for one mode by a fleet of its own."""
    rates, settings = traffic(days=1)[:200], SETTINGS
    learner = Learner(settings)
    own: Fleet | None = None
    paid = []
    for tick, rate in enumerate(rates, start=1000):
        if own is not None:
            felt = own.work((np.array(1.03 * rate),), 15.0)
            paid.append(float(cost(settings.service, settings.weights, felt, own.ordered)[0]))
        learner.live_through(15.0 * tick, rate)
        wanted = learner.needed(learner.loads + learner.fleet.backlog / settings.service.patience)[7:8]
        if own is None:
            own = Fleet(settings.service, 3, learner.fleet.ordered[7:8])
        else:
            own.order(wanted)
    first = slice(0, 3)  # the cells of the first context
    weights = np.exp(-np.arange(len(paid) - 3) / 240)[::-1]  # half a day is 240 ticks
    assert learner.tables.sums[first, 7].sum() == pytest.approx(float(weights @ paid[3:]), rel=1e-3)
    assert learner.tables.ticks == pytest.approx(weights.sum(), rel=1e-3)


def test_a_gap_teaches_nothing_and_is_lived_through() -> None:
    learner = lived(traffic(days=1)[:100])
    ticks = learner.tables.ticks
    learner.live_through(15.0 * 1105, 100.0)  # five ticks were missed
    assert learner.history.slot == 106
    assert learner.tables.ticks == pytest.approx(ticks * learner.tables.keep + 1, rel=1e-6)


def test_what_was_guessed_teaches_nothing_when_it_is_lived_through_again() -> None:
    """A gap that was interpolated, and a rate of which not all instances told."""
    learner = lived(traffic(days=1)[:100])
    learner.live_through(15.0 * 1105, 100.0)
    learner.live_through(15.0 * 1106, 80.0, guessed=True)
    ticks = learner.tables.ticks
    restored = Learner.from_plain(json.loads(json.dumps(learner.to_plain())), SETTINGS)
    for each in (learner, restored):
        assert each.history.guessed.last(8).tolist() == [0, 1, 1, 1, 1, 1, 0, 1]
        again = each.replayed(SETTINGS)
        assert again.tables.ticks == pytest.approx(ticks, rel=1e-6)
        assert again.history.guessed.last(8).tolist() == [0, 1, 1, 1, 1, 1, 0, 1]


def test_what_is_expected_now_is_not_blamed_for_the_past() -> None:
    rates = [100.0 + tick % 7 for tick in range(DAY)]
    expecting = replace(SETTINGS, scheduled=500.0)
    again = lived(rates).replayed(expecting)
    assert again.settings == expecting
    assert again.watch.scores.tolist() == lived(rates).watch.scores.tolist()


def test_after_a_long_gap_the_tables_stay_and_the_fleets_begin_anew() -> None:
    learner = lived(traffic(days=1)[:300])
    ticks, sums = learner.tables.ticks, learner.tables.sums.copy()
    learner.live_through(15.0 * 1400, 250.0)
    assert learner.tables.ticks == ticks
    assert (learner.tables.sums == sums).all()
    assert (learner.fleet.serving == learner.fleet.ordered).all()
    assert order(learner) >= 6
    for tick in range(1401, 1410):
        learner.live_through(15.0 * tick, 250.0)
    assert learner.tables.ticks > ticks


def test_another_service_rate_is_used_and_a_very_different_one_learned_again() -> None:
    rates = traffic(days=1)
    learner = lived(rates)
    assert learner.adapted(SETTINGS) is learner
    near = replace(SETTINGS, service=Service(service_rate=50.5))
    assert learner.adapted(near) is learner
    assert learner.settings.service.service_rate == 50.0, "a per cent is noise"
    some = replace(SETTINGS, service=Service(service_rate=47.0))
    assert learner.adapted(some) is learner
    assert learner.settings.service.service_rate == learner.fleet.service.service_rate == 47.0
    slower = replace(SETTINGS, service=Service(service_rate=40.0))
    again = learner.adapted(slower)
    assert again is not learner
    assert again.history.last(DAY).tolist() == learner.history.last(DAY).tolist()
    assert again.history.ended == learner.history.ended
    assert (again.tables.sums == lived(rates, slower).tables.sums).all()


def test_two_ticks_in_one_slot_order_the_same() -> None:
    """As when a person looks, with --check, between two ticks. In production the memory is reloaded each time."""
    learner = lived(traffic(days=1))
    before = order(learner)
    again = Learner.from_plain(json.loads(json.dumps(learner.to_plain())), SETTINGS)
    again.live_through(again.history.ended + 3.0, 100.0)
    assert order(again) == before > 1


def test_a_clock_set_back_ends_no_later_what_traffic_that_broke_off_began() -> None:
    learner = lived([200.0 + tick % 9 for tick in range(DAY)])
    learner.live_through(15.0 * (1000 + DAY), 5.0)
    assert learner.held
    held = learner.held
    for tick in range(held):
        learner.live_through(15.0 * (tick + 10), 5.0)
    assert not learner.held


@pytest.mark.parametrize("change", [{"slo_p99": 1.0}, {"servers_per_instance": 4}, {"queueing": "per_instance"}])
def test_what_things_cost_is_learned_again_when_that_is_another_matter(change: dict[str, Any]) -> None:
    rates = traffic(days=1)
    other = replace(SETTINGS, service=Service(**change))
    assert (lived(rates).adapted(other).tables.sums == lived(rates, other).tables.sums).all()
    again = Learner.from_plain(lived(rates).to_plain(), other)
    assert (again.tables.sums == lived(rates, other).tables.sums).all()


def test_bounds_may_become_narrower() -> None:
    learner = lived(traffic(days=1))
    plain = learner.to_plain()
    narrow = replace(SETTINGS, service=Service(max_instances=3))
    for each in (learner.adapted(narrow), Learner.from_plain(plain, narrow)):
        assert each.fleet.counts.max() <= 3
        each.live_through(15.0 * 1481, 300.0)
        assert order(each) == 3


def test_learned_with_other_settings_it_learns_again_from_its_history() -> None:
    plain = lived(traffic(days=1)).to_plain()
    slower_boot = replace(SETTINGS, times=replace(SETTINGS.times, lead=9))
    learner = Learner.from_plain(plain, slower_boot)
    assert learner.fleet.counts.shape == (9, 120)
    assert learner.tables.ticks > 100
    assert len(learner.history) == DAY


def test_a_memory_of_rates_alone_is_enough_to_learn_from() -> None:
    """What a back-fill leaves."""
    live = lived(traffic(days=1))
    learner = Learner.from_plain({"history": live.history.to_plain()}, SETTINGS)
    assert learner.tables.ticks == pytest.approx(live.tables.ticks, rel=0.02)


def test_a_full_memory_is_small() -> None:
    settings = replace(SETTINGS, times=replace(SETTINGS.times, season=5760))
    rates = np.random.default_rng(0).gamma(2.0, 100.0, 6000).tolist()
    size = len(json.dumps(lived(rates, settings).to_plain()))
    assert size <= 40_000, size


@pytest.fixture
def long_season(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of 480 ticks 300 are remembered one by one, a season in slots of 5."""
    monkeypatch.setattr(_times, "MOST_SLOTS", 300)
    monkeypatch.setattr(_times, "COARSE_SLOTS", 96)
    return SETTINGS


@pytest.mark.usefixtures("long_season")
@pytest.mark.parametrize("family", ["diurnal", "cron_spikes"])
def test_a_reloaded_learner_decides_as_the_one_in_memory_with_a_long_season_too(family: str) -> None:
    test_a_reloaded_learner_decides_as_the_one_in_memory(family)


def weekend(days: int) -> list[float]:
    """Days of 60 ticks, from a Monday on: at work a third of the time on five of eight, else not."""
    day = np.arange(60)
    work = np.where((day >= 20) & (day < 40), 300.0, 60.0)
    return np.concatenate([work if each % 8 < 5 else np.full(60, 60.0) for each in range(days)]).tolist()


def test_a_long_season_is_foretold_from_a_back_fill_and_after_learning_again(long_season: Settings) -> None:
    past = Past(long_season.times)
    for rate in weekend(9)[: 8 * 60 + 15]:  # Monday, before work; what is known one by one begins on Wednesday
        past.append(rate)
    learner, whole = Learner.restored({"history": past.to_plain()}, long_season)
    assert whole
    slower = replace(long_season, service=Service(service_rate=40.0))
    for each in (learner, learner.adapted(slower), Learner.from_plain(learner.to_plain(), slower)):
        for tick in range(3):
            assert each.watch.signals().season == pytest.approx(300.0 if tick else 60.0, rel=0.3), tick
            each.live_through(each.history.ended + 15.0, 60.0)


def test_of_a_long_season_the_memory_is_small_too() -> None:
    week = replace(SETTINGS, times=replace(SETTINGS.times, season=40320))
    past = Past(week.times)
    for rate in np.random.default_rng(0).gamma(2.0, 100.0, 42000).tolist():
        past.append(rate)
    learner, _unused = Learner.restored({"history": past.to_plain()}, week)
    assert learner.watch.signals().season > 0.0
    size = len(json.dumps(learner.to_plain()))
    assert size <= 40_000, size


@pytest.mark.parametrize(
    "damage",
    [
        {"sums": "no base64"},
        {"sums": None},
        {"counts": []},
        {"counts": None},
        {"watch": {"scores": [1.0], "foretold": ""}},
        {"watch": None},
        {"fleet": "AAAA"},
        {"service_rate": None},
        {"situations": 7},
    ],
)
def test_what_is_damaged_is_learned_anew_from_the_history(damage: dict[str, Any]) -> None:
    whole = lived(traffic(days=1))
    learner, is_whole = Learner.restored(whole.to_plain() | damage, SETTINGS)
    assert not is_whole
    assert learner.tables.ticks == pytest.approx(whole.tables.ticks, rel=0.02)


@pytest.mark.parametrize("history", [None, 7, {}, {"rates": "no base64", "interval": 15.0, "slot": 1, "ended": 1.0}])
def test_a_damaged_history_is_begun_anew(history: object) -> None:
    learner, is_whole = Learner.restored(lived(traffic(days=1)).to_plain() | {"history": history}, SETTINGS)
    assert not is_whole
    assert len(learner.history) == 0
    learner.live_through(15.0, 100.0)
    assert order(learner) >= 2
