# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy shadow_q as the agent asks it. Its parts have tests of their own in _shadow/."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils import _numpy
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    Observation,
    PolicySettings,
    Proposal,
    Slo,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow import _learner
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation import _model
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._environment import (
    EnvironmentSettings,
    ScalingEnv,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._families import FAMILIES, generate
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Service
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._traces import noisy, scale, ticks
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._policies._policy_helpers import (
    settings_of,
    snapshot,
)

POLICY: Any = _registry.get("shadow_q")
SETTINGS = settings_of("shadow_q", PolicySettings(max_instances=20), season=480 * 15.0)


class Agent:
    """Asks the policy tick by tick."""

    def __init__(
        self, name: str = "shadow_q", settings: PolicySettings = SETTINGS, memory: dict[str, Any] | None = None
    ):
        self.policy, self.settings, self.now = _registry.get(name), settings, 1_800_000_000.0
        self.live = self.policy.load(memory or {})

    def ask(self, rate: float | None, ordered: int = 4, ready: int | None = None, **figures: Any) -> Proposal:
        own = {"service_rate": figures.pop("service_rate", 50.0)}
        seen = snapshot(arrival_rate=rate, **{"p99_latency_s": 0.1, "queue_total": 0.0} | figures)
        return self.see(seen, ordered, ordered if ready is None else ready, **own)

    def see(self, seen: dict[str, Any], ordered: int, ready: int, service_rate: float | None = 50.0) -> Proposal:
        self.now += 15.0
        observation = Observation(self.now, seen, ordered, ready, service_rate)
        (proposal,), (self.live,) = self.policy.step([self.live], [observation], [self.settings], [random.Random(0)])
        return proposal

    def memory(self) -> dict[str, Any]:
        plain: dict[str, Any] = json.loads(json.dumps(self.policy.dump(self.live), allow_nan=False))
        return plain


def needed(rate: float) -> int:
    """The fewest instances that keep the SLO."""
    return int(_model.needed(Service(max_instances=20), np.array(rate), 1))


def day(agent: Agent, tick: int) -> float:
    return 150.0 + 100.0 * float(np.sin(2 * np.pi * tick / 480))


def test_from_the_first_tick_it_staffs_by_what_is_cheap_elsewhere() -> None:
    proposal = Agent().ask(200.0)
    assert proposal.count is not None
    assert 5 <= proposal.count <= 8
    assert proposal.details["ticks_learned"] == 0


def test_a_rate_that_cannot_be_is_neither_staffed_for_nor_learned() -> None:
    agent = Agent()
    for tick in range(100):
        agent.ask(day(agent, tick))
    before = agent.memory()
    proposal = agent.ask(1e9)
    assert proposal.count is None
    assert "cannot be: one of these metrics is wrong" in proposal.reason
    assert agent.memory() == before


def test_a_past_with_a_hole_is_learned_from_but_for_the_hole() -> None:
    rates = [150.0 + 10.0 * (tick % 9) for tick in range(400)]
    holed = [*rates[:200], *[float("nan")] * 100, *rates[300:]]
    learned = []
    for past in (rates, holed):
        memory = POLICY.prefilled(past, 1_800_000_000.0, SETTINGS)
        learned.append(Agent(memory=memory).ask(200.0).details["ticks_learned"])
    # A tick weighs exp(-k/240) after k others that were learned from; there are a hundred fewer.
    missing = sum(np.exp(-ago / 240.0) for ago in range(300, 400))
    assert learned[0] - learned[1] == pytest.approx(missing, rel=0.05)


def test_an_instance_goes_only_where_a_little_more_would_not_need_it() -> None:
    """Ask at falling rates until one instance fewer would do: for two per cent less it stays."""
    agent = Agent()
    for _unused in range(300):
        agent.ask(200.0)
    counts, reasons = [], []
    for tick in range(400):
        proposal = agent.ask(200.0 - 0.25 * tick, ordered=counts[-1] if counts else 20)
        assert proposal.count is not None
        counts.append(proposal.count)
        reasons.append(proposal.reason)
        staffed = proposal.details["staffed_rate"]
        if proposal.reason.endswith(f"; {proposal.count} because 2 % more would need that"):
            assert needed(staffed) < proposal.count <= needed(1.02 * staffed)
        else:
            assert needed(staffed) == proposal.count
    assert counts == sorted(counts, reverse=True) and counts[-1] < counts[0]
    assert any("because" in reason for reason in reasons)


def test_it_says_what_it_does_and_why() -> None:
    agent = Agent()
    for tick in range(600):
        proposal = agent.ask(day(agent, tick))
    assert re.match(
        r"2[0-9]{2} msg/s \(.*(low|usual|high|very high), (falling|steady|growing)\), staffed", proposal.reason
    )
    assert " an instance: " in proposal.reason
    assert proposal.reason.count("%)") == len(proposal.details["rules"]) == 3
    weights = [rule["weight"] for rule in proposal.details["rules"]]
    assert weights == sorted(weights, reverse=True)
    assert sum(weights) <= 1.0 + 1e-9


def test_what_waits_is_worked_off_before_clients_give_up() -> None:
    agent = Agent()
    agent.ask(100.0)
    calm = agent.ask(100.0).details["staffed_rate"]
    waiting = agent.ask(100.0, queue_total=400.0)
    assert waiting.details["staffed_rate"] - calm == pytest.approx(400.0 / 5.0, rel=0.05)
    assert "and 400 that wait" in waiting.reason


def test_missing_data_neither_shrink_nor_teach() -> None:
    agent = Agent()
    for tick in range(50):
        agent.ask(day(agent, tick))
    before = agent.memory()
    proposal = agent.see({"valid": False, "reasons": {"valid": "the scrape failed"}}, 4, 4)
    assert proposal.count is None
    assert "the scrape failed" in proposal.reason
    assert agent.memory() == before
    assert agent.ask(None).count is not None, "hpa decides"
    assert agent.memory()["learner"] == before["learner"]


def test_until_the_service_rate_is_known_hpa_decides_and_the_rates_are_kept() -> None:
    agent = Agent()
    for tick in range(100):
        proposal = agent.ask(day(agent, tick), service_rate=None, p99_latency_s=0.26)
    assert proposal.reason.startswith("service rate not calibrated yet, hpa decides")
    again = Agent(memory=agent.memory())
    again.now = agent.now
    assert again.ask(day(agent, 100)).details["ticks_learned"] > 75


def test_a_back_fill_of_more_than_a_week_makes_a_week_the_season() -> None:
    """Work begins at nine on Mondays; the days before were a weekend."""
    settings = settings_of("shadow_q", PolicySettings(max_instances=20), season=7 * 86400.0)
    seconds = np.arange(0, 7 * 86400 + 9 * 3600, 15)  # from a Monday on
    at_work = (seconds // 86400 % 7 < 5) & (seconds % 86400 >= 9 * 3600) & (seconds % 86400 < 17 * 3600)
    agent = Agent(settings=settings)
    counts: list[Any] = []
    for minutes in (30, 1):  # before nine
        known = np.where(at_work, 400.0, 60.0)[: -4 * minutes]
        agent.live = POLICY.load(POLICY.prefilled(known.tolist(), agent.now, settings))
        counts.append(agent.ask(60.0).count)
    assert counts[0] <= 2
    assert counts[1] >= 5, "half of the rules expect it"


def test_doubt_in_the_model_lets_hpa_decide_and_nothing_shrink() -> None:
    """The service is half as fast as it is said to be: users feel a p99 that the model cannot explain."""
    agent = Agent()
    for _unused in range(20):
        proposal = agent.ask(100.0, ordered=6, p99_latency_s=0.6)
    assert proposal.reason.startswith("users feel a p99 of 0.6 s where the model says 0.0")
    assert proposal.count is not None and proposal.count > 6
    recovering = agent.ask(100.0, ordered=12, p99_latency_s=0.05)
    assert recovering.count == 12
    assert recovering.reason.startswith("users feel a p99 of ")
    assert "hpa decides" in recovering.reason
    for _unused in range(20):
        proposal = agent.ask(100.0, ordered=12, p99_latency_s=0.1)
    assert proposal.count is not None and proposal.count < 6, "trusted again"


def test_nothing_shrinks_for_a_while_after_traffic_broke_off() -> None:
    agent = Agent()
    for tick in range(480):
        agent.ask(200.0 + tick % 9, ordered=7)
    broke = agent.ask(5.0, ordered=7)
    assert broke.count == 7
    counts = [agent.ask(5.0, ordered=7).count for _unused in range(480)]
    assert counts[0] == 7
    assert counts[-1] == 1


def test_the_same_history_gives_the_same_decisions() -> None:
    one, other = Agent(), Agent()
    for tick in range(300):
        rate = day(one, tick) * (1 + 0.3 * (tick % 7 == 0))
        assert one.ask(rate) == other.ask(rate)
    assert one.memory() == other.memory()


def test_the_memory_of_a_full_day_is_at_most_40_kilobytes() -> None:
    agent = Agent(settings=settings_of("shadow_q", PolicySettings(max_instances=20)))
    rng = np.random.default_rng(0)
    for rate in rng.gamma(2.0, 100.0, 6000).tolist():
        agent.ask(rate)
    assert len(json.dumps(agent.memory())) <= 40_000


@pytest.mark.parametrize(
    ("option", "value"), [("season", 0.0), ("violation_cost", -1.0), ("peak", 0.5), ("season", float("nan"))]
)
def test_options_that_make_no_sense_are_named(option: str, value: float) -> None:
    with pytest.raises(OptionError) as error:
        POLICY.check({**SETTINGS.options, option: value})
    assert error.value.option == f"shadow_q.{option}"


def test_without_numpy_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_numpy, "np", None)
    with pytest.raises(AutoscaleError, match="policy shadow_q needs numpy for the Python that runs Ansible"):
        Agent().ask(100.0)


@pytest.mark.parametrize(
    "slo", [Slo(p99_latency=None), Slo(queue_depth=None), Slo(None, None, None), Slo(p99_latency=0.01)]
)
def test_any_slo_can_be_missing_or_out_of_reach(slo: Slo) -> None:
    agent = Agent(settings=replace(SETTINGS, slo=slo))
    for tick in range(60):
        proposal = agent.ask(day(agent, tick))
    assert proposal.count is not None
    assert 1 <= proposal.count <= 20


def cost_of(
    name: str,
    arrivals: Any,
    expected: Any = None,
    *,
    reload: bool = False,
    season: int | None = None,
    learning: int | None = None,
) -> float:
    """What this traffic (ticks, inner steps) costs after so many ticks for learning, half of them where none are given.

    `reload`: the memory goes through the store at each tick, as in production. The season is in ticks; half of all.
    """
    env = ScalingEnv(arrivals[None], EnvironmentSettings(service=Service()))
    half = len(arrivals) // 2
    first = half if learning is None else learning
    own = {"season": (season or half) * 15.0} if name == "shadow_q" else {}
    agent = Agent(name, settings_of(name, PolicySettings(max_instances=20), **own))
    seen, _unused = env.reset(0)
    total = 0.0
    for tick in range(len(arrivals)):
        if expected is not None:
            agent.settings = replace(agent.settings, expected_rate=float(expected[tick]))
        proposal = agent.ask(
            float(seen.arrival_rate[0]),
            int(seen.ordered[0]),
            int(seen.ready[0]),
            p99_latency_s=float(seen.p99[0]),
            queue_total=float(seen.queue[0] * seen.ready[0]),
        )
        if reload:
            agent.live = agent.policy.load(agent.memory())
        count = int(seen.ordered[0]) if proposal.count is None else proposal.count
        seen, reward, *_unused = env.step(np.array([count]))
        total -= float(reward[0]) if tick >= first else 0.0
    return total


@pytest.mark.slow
def test_with_the_prior_the_first_hours_are_cheaper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of services that start in the middle of all kinds of days, with seeds that it is not made from."""
    costs = []
    for weight in (_learner.PRIOR_S, 0.0):
        monkeypatch.setattr(_learner, "PRIOR_S", weight)
        traffic = [two_days(family, seed)[900:1500] for family in FAMILIES for seed in (11, 12)]
        costs.append([cost_of("shadow_q", arrivals, season=1440, learning=0) for arrivals in traffic])
    ratios = np.array(costs[0]) / np.array(costs[1])
    assert float(np.exp(np.log(ratios).mean())) < 0.97, ratios


def two_days(family: str, seed: int) -> Any:
    """A season of 1,440 ticks, twice."""
    arrivals = ticks(generate(family, seed, days=2, step=15.0, day=1440 * 15.0), 15.0, 3, "linear")
    return noisy(arrivals * scale(arrivals, 8 * 50.0), np.random.default_rng(seed), 5.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "most"),
    [("diurnal", 1.0), ("saw", 1.0), ("cron_spikes", 0.9), ("ou", 0.98)],  # where nothing is to be learned, no worse
)
def test_it_is_cheaper_than_the_best_known_rule(family: str, most: float) -> None:
    """SLO violations are priced in. Families and seeds that nothing was tuned on are scored by the benchmark."""
    traffic = [two_days(family, seed) for seed in (11, 12)]
    ratios = [cost_of("shadow_q", arrivals) / cost_of("erlang", arrivals) for arrivals in traffic]
    assert float(np.exp(np.mean(np.log(ratios)))) < most, ratios


@pytest.mark.slow
def test_a_calendar_saves_what_it_foretells() -> None:
    """Jumps at random times are in a calendar from a boot time before; nothing else foretells them."""
    rng = np.random.default_rng(5)
    rates = np.full(2880, 60.0)
    for start in np.cumsum(rng.integers(30, 90, 60)):
        rates[start : start + 15] = 400.0
    arrivals = noisy(np.repeat(rates[:, None], 3, axis=1), rng, 5.0)
    # At tick t the rates of t - 1 are known, and what is ordered serves in t + 3.
    expected = [float(rates[tick : tick + 5].max()) for tick in range(2880)]
    assert cost_of("shadow_q", arrivals, expected) < 0.8 * cost_of("shadow_q", arrivals)


@pytest.mark.slow
def test_in_production_it_decides_as_in_a_back_test() -> None:
    """There its memory is written and read at every tick."""
    arrivals = two_days("cron_spikes", 11)[-1500:]
    assert cost_of("shadow_q", arrivals, reload=True) == pytest.approx(cost_of("shadow_q", arrivals), rel=1e-3)
