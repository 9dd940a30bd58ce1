# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guarantee: whatever the network says, what is followed costs at most the margin more, and a constant."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import PolicySettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn import _guard, _network, _signals
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._guard import Guard
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._pilot import (
    FOLLOWED,
    OF_RULE,
    Pilot,
    Trained,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._world import (
    ACTIONS,
    RULE,
    World,
    world_of,
)
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._policies._policy_helpers import settings_of
from hypothesis import given, settings
from hypothesis import strategies as st

FEATURES = len(_signals.FEATURES)
LOWEST, HIGHEST = 0, len(ACTIONS) - 1
MARGIN = 0.05


@pytest.fixture(autouse=True)
def _short_probation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_guard, "PROBATION_S", 300.0)


def world(boot_time: float = 45.0) -> World:
    settings = PolicySettings(max_instances=12, boot_time=boot_time)
    return world_of(settings_of("dqn", settings), 50.0)


class Puppet:
    """In place of a network: a function of how often it was asked names the action."""

    def __init__(self, action: Callable[[int], int]) -> None:
        self.action, self.asked = action, 0

    def values(self, features: np.ndarray) -> np.ndarray:
        self.asked += 1
        return np.eye(len(ACTIONS))[self.action(self.asked - 1)]


def trained(network: Any) -> Trained:
    """Such a network, for this world and any situation."""
    wide: Any = np.full(FEATURES, 100.0, dtype=np.float32)
    return Trained(network, -wide, wide, world().kind, world().speed)


class Flight:
    """A pilot that lives through traffic; what its fleets cost, and how long recoveries took."""

    def __init__(self, network: Any, rates: list[float], *, boot_time: float = 45.0, guarded: bool = True) -> None:
        self.world = world(boot_time)
        found = trained(network)
        self.rule, self.followed, self.follows = [], [], []
        self.recovery = lasted = 0
        pilot = Pilot(self.world, 0.0, rates[0])
        learn = pilot.guard.learn

        def noted(rule: float, network: float, followed: float, **options: Any) -> None:
            self.rule.append(rule)
            self.followed.append(followed)
            learn(rule, network, followed, **options)

        pilot.guard.learn = noted  # type: ignore[method-assign]
        if not guarded:
            pilot.guard.following = True
            pilot.guard.judge = lambda **_unused: True  # type: ignore[method-assign]
        for tick, rate in enumerate(rates):
            self.follows.append(pilot.fly(found, 15.0 * tick, rate, MARGIN))
            fleet = pilot.fleet
            same = (fleet.counts[:, FOLLOWED] == fleet.counts[:, OF_RULE]).all() and (
                fleet.backlog[FOLLOWED] <= fleet.backlog[OF_RULE]
            )
            lasted = 0 if same or self.follows[-1] else lasted + 1
            self.recovery = max(self.recovery, lasted)
        self.pilot = pilot

    def excess(self) -> float:
        """The most that was ever paid beyond the guarantee without its constant."""
        return float((np.cumsum(self.followed) - (1.0 + MARGIN) * np.cumsum(self.rule)).max())

    def allowed(self) -> float:
        """The constant."""
        return (1 + self.recovery) * max(self.followed)


@st.composite
def traffic(draw: st.DrawFn, ticks: int = 300) -> list[float]:
    """Levels that jump, with noise, from rest to more than there are instances for."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    most = draw(st.sampled_from([60.0, 300.0, 540.0, 900.0]))
    hold = draw(st.integers(1, 40))
    levels = rng.uniform(0.0, most, ticks // hold + 1).repeat(hold)[:ticks]
    rates: list[float] = (levels * rng.uniform(0.8, 1.2, ticks)).tolist()
    return rates


@given(traffic(), st.integers(0, 2**32), st.floats(0.1, 30.0))
@settings(max_examples=30)
def test_random_weights_keep_the_guarantee(rates: list[float], seed: int, size: float) -> None:
    weights = np.random.default_rng(seed).normal(0.0, size, _network.size(FEATURES, len(ACTIONS)))
    flight = Flight(_network.from_flat(weights, FEATURES, len(ACTIONS)), rates)
    assert flight.excess() <= flight.allowed()


@given(traffic(), st.lists(st.integers(LOWEST, HIGHEST), min_size=1, max_size=75), st.sampled_from([0.0, 45.0, 120.0]))
@settings(max_examples=30)
def test_any_actions_keep_the_guarantee(rates: list[float], actions: list[int], boot_time: float) -> None:
    flight = Flight(Puppet(lambda asked: actions[asked % len(actions)]), rates, boot_time=boot_time)
    assert flight.excess() <= flight.allowed()


@given(traffic(), st.integers(10, 60), st.sampled_from([LOWEST, HIGHEST]))
@settings(max_examples=30)
def test_who_turns_coat_once_it_is_trusted_is_dropped(rates: list[float], loyal: int, worst: int) -> None:
    flight = Flight(Puppet(lambda asked: RULE if asked < loyal else worst), rates)
    assert flight.excess() <= flight.allowed()


def bursts(ticks: int = 1200) -> list[float]:
    """Three minutes of rest, and three of load that comes within a tick."""
    return [300.0 if tick % 24 >= 12 else 60.0 for tick in range(ticks)]


def test_a_network_that_is_always_wrong_is_never_followed() -> None:
    flight = Flight(Puppet(lambda _asked: HIGHEST), [200.0] * 600)
    assert not any(flight.follows)
    assert flight.followed == flight.rule


def test_a_network_that_is_cheaper_is_followed_and_saves() -> None:
    flight = Flight(Puppet(lambda _asked: 1), [240.0] * 600)
    assert all(flight.follows[100:])
    assert sum(flight.followed) < 0.95 * sum(flight.rule)
    assert flight.pilot.guard.saving > 0.1


@pytest.mark.parametrize("worst", [LOWEST, HIGHEST])
def test_the_guard_is_what_keeps_the_guarantee(worst: int) -> None:
    """Cheaper than the rule until it is trusted, then as bad as can be: too much at rest, or too little before load."""

    def turncoat() -> Puppet:
        return Puppet(lambda asked: 1 if asked < 20 else worst)

    rates = [240.0] * 80 + (bursts(3000) if worst == LOWEST else [120.0] * 3000)
    guarded, alone = Flight(turncoat(), rates), Flight(turncoat(), rates, guarded=False)
    assert guarded.follows[79]
    assert not guarded.follows[-1]
    assert guarded.excess() <= guarded.allowed()
    assert alone.excess() > 3 * guarded.excess()
    assert alone.excess() > 3 * alone.allowed()


def test_a_recovery_takes_the_boot_time_and_what_waits() -> None:
    flight = Flight(Puppet(lambda asked: 1 if asked < 20 else LOWEST), [240.0] * 80 + bursts())
    assert 0 < flight.recovery <= flight.world.lead + 4


def test_credit_fades_and_debts_do_not() -> None:
    guard = Guard(account=100.0)
    for _unused in range(1440):  # six hours
        guard.learn(0.0, 0.0, 0.0, margin=MARGIN, interval=15.0)
    assert guard.account == pytest.approx(100.0 / np.e, rel=0.01)
    guard = Guard(account=-100.0)
    guard.learn(0.0, 0.0, 0.0, margin=MARGIN, interval=15.0)
    assert guard.account == -100.0


def test_it_says_why_the_network_is_not_followed() -> None:
    assert Guard().verdict(15.0) == "is on probation for 300 s more"
    assert "50 % more than the rule" in Guard(ticks=99, rule=2.0, network=3.0).verdict(15.0)
    assert Guard(ticks=99, rule=2.0, network=1.0, account=-1.0).verdict(15.0) == "has used up its margin"


def test_a_situation_that_training_has_not_seen_is_the_rule_s() -> None:
    narrow = trained(Puppet(lambda _asked: 1))
    narrow = Trained(narrow.network, -0.01 * narrow.high, 0.0 * narrow.high, narrow.kind, narrow.speed)
    pilot = Pilot(world(), 0.0, 190.0)
    assert not any(pilot.fly(narrow, 15.0 * tick, 190.0, MARGIN) for tick in range(200))
    assert pilot.guard.following  # it would be


def test_a_network_fits_services_of_its_kind_and_speed() -> None:
    found = trained(Puppet(lambda _asked: 1))
    assert found.misfit(world()) == ""
    assert found.misfit(world(120.0)) == "lead 9, not 4"
    fast = world_of(settings_of("dqn", PolicySettings(max_instances=12)), 80.0)
    assert found.misfit(fast) == "an SLO of 16 service times, not 10"


def test_trained_networks_and_pilots_go_on_from_plain_data() -> None:
    weights = np.random.default_rng(0).normal(0.0, 1.0, _network.size(FEATURES, len(ACTIONS)))
    found = trained(_network.from_flat(weights, FEATURES, len(ACTIONS)))
    plain = json.loads(json.dumps(found.to_plain()))
    assert len(json.dumps(plain)) < 25_000
    again = Trained.from_plain(plain)
    assert np.array_equal(again.network.flat(), found.network.flat())
    rates = bursts(500)
    straight = Pilot(world(), 0.0, rates[0])
    resumed = Pilot(world(), 0.0, rates[0])
    for tick, rate in enumerate(rates):
        straight.fly(found, 15.0 * tick, rate, MARGIN)
        resumed.fly(again, 15.0 * tick, rate, MARGIN)
        other = Pilot.from_plain(json.loads(json.dumps(resumed.to_plain())), world())
        assert other is not None
        resumed = other
    assert resumed.to_plain() == straight.to_plain()
    assert Pilot.from_plain(straight.to_plain(), world(120.0)) is None


def test_a_network_proves_itself_anew_after_a_time_without_one() -> None:
    found = trained(Puppet(lambda _asked: 1))
    pilot = Pilot(world(), 0.0, 240.0)
    assert [pilot.fly(found, 15.0 * tick, 240.0, MARGIN) for tick in range(40)][-1]
    pilot.fly(None, 600.0, 240.0, MARGIN)
    pilot.guard.account = -50.0
    pilot.fly(None, 615.0, 240.0, MARGIN)
    assert -50.0 < pilot.guard.account < -49.0  # it is paid back
    assert pilot.guard == Guard(account=pilot.guard.account)
    assert not pilot.fly(found, 630.0, 240.0, MARGIN)


def test_fewer_instances_than_before_are_minded() -> None:
    smaller = world_of(settings_of("dqn", PolicySettings(max_instances=3)), 50.0)
    pilot = Pilot(world(), 0.0, 500.0)
    again = Pilot.from_plain(pilot.to_plain(), smaller)
    assert again is not None
    assert pilot.adapted(smaller)
    for each in (pilot, again):
        each.fly(None, 15.0, 500.0, MARGIN)
        assert each.fleet.counts.max() == 3


def test_gaps_are_interpolated_and_long_ones_begin_anew() -> None:
    found = trained(Puppet(lambda _asked: RULE))
    gap, whole = Pilot(world(), 0.0, 100.0), Pilot(world(), 0.0, 100.0)
    gap.fly(found, 45.0, 160.0, MARGIN)
    for tick, rate in ((1, 120.0), (2, 140.0), (3, 160.0)):
        whole.fly(found, 15.0 * tick, rate, MARGIN)
    assert gap.rates == pytest.approx(whole.rates, rel=0.005)  # the history has rates rounded
    assert (gap.guard.ticks, whole.guard.ticks) == (1, 3), "what is guessed teaches nothing"
    ticks = gap.guard.ticks
    gap.fly(found, 45.0, 160.0, MARGIN)  # the same tick again
    assert gap.guard.ticks == ticks
    gap.fly(found, 30.0, 160.0, MARGIN)  # a clock set back
    assert gap.guard.ticks == ticks + 1
    gap.fly(found, 7500.0, 400.0, MARGIN)
    assert gap.guard.ticks == ticks + 1
    assert gap.rates[1] == 400.0
