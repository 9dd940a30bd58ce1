# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy seasonal: what came a season ago, at this season's level."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils import _numpy
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    Live,
    Memory,
    Observation,
    Proposal,
)
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._policies._policy_helpers import (
    propose,
    settings_of,
    snapshot,
)

TICK = 15.0
SEASON = 40  # ticks: the ten minutes that are also its level
#: 60/s, and 400/s in four ticks of the season.
SPIKE = [60.0] * 20 + [400.0] * 4 + [60.0] * 16


def run(
    rates: Sequence[float | None], memory: Live | None = None, start: int = 0, name: str = "seasonal", **options: Any
) -> tuple[list[Proposal], Live]:
    """One rate a tick; None is a snapshot without. The memory stays live."""
    policy = _registry.get(name)
    season = {"season": SEASON * TICK} if name == "seasonal" else {}
    settings = settings_of(name, **{**season, **options})
    live, proposals = policy.load({}) if memory is None else memory, []
    for number, rate in enumerate(rates, start=start):
        seen = snapshot(arrival_rate=rate, queue_total=0.0, p99_latency_s=0.1)
        observation = Observation(1e6 + TICK * number, seen, 10, 10, service_rate=50.0)
        (proposal,), (live,) = policy.step([live], [observation], [settings], [random.Random(0)])
        proposals.append(proposal)
    return proposals, live


def expected(proposals: Sequence[Proposal]) -> list[float]:
    return [proposal.details["expected_rate"] for proposal in proposals]


def test_it_grows_before_what_came_a_season_ago() -> None:
    _unused, live = run(SPIKE + SPIKE)
    ahead, _unused = run(SPIKE, live, 2 * SEASON)
    # 45 s of boot and a tick are four ticks; a spike's edge is averaged over three
    assert expected(ahead)[14:20] == pytest.approx(
        [60.0, 60.0 + 340.0 / 3.0, 60.0 + 680.0 / 3.0, 400.0, 400.0, 400.0], rel=3e-3
    )
    assert ahead[17].count == 10
    assert "(400 as a season ago) x 1.1" in ahead[17].reason
    assert expected(ahead)[24:] == pytest.approx([60.0] * 16, rel=3e-3)


def test_the_first_seasons_are_policy_erlang() -> None:
    rng = random.Random(2)
    rates = [rng.uniform(50.0, 400.0) for _unused in range(2 * SEASON - 1)]
    for ours, theirs in zip(run(rates)[0], run(rates, name="erlang")[0], strict=True):
        assert ours.details["expected_rate"] == pytest.approx(theirs.details["expected_rate"], rel=3e-3)
        assert abs(ours.details["needed"] - theirs.details["needed"]) <= 1  # the history has the rates rounded


@pytest.mark.parametrize(("level", "ratio"), [(2.0, 2.0), (0.5, 0.5), (9.0, 3.0), (0.2, 0.3)])
def test_the_season_is_taken_at_the_level_of_this_one(level: float, ratio: float) -> None:
    """The last ten minutes were so many times those a season before; the ratio has bounds."""
    spike_first = SPIKE[20:] + SPIKE[:20]
    proposals, _unused = run(spike_first + [level * rate for rate in spike_first])
    assert expected(proposals)[-1] == pytest.approx(level * 400.0 * ratio, rel=3e-3)


def test_a_missing_rate_is_interpolated_and_no_ground_for_an_opinion_of_the_season() -> None:
    _unused, live = run([100.0, None, None, 160.0])
    assert live["history"].last(4).tolist() == pytest.approx([100.0, 120.0, 140.0, 160.0], rel=2e-3)
    before = live["history"].to_plain()
    settings = settings_of("seasonal", season=SEASON * TICK)
    (proposal,), (live,) = _registry.get("seasonal").step(
        [live], [Observation(1e6 + 60.0, {"valid": False}, 10, 10, 50.0)], [settings], [random.Random(0)]
    )
    assert proposal.count is None
    assert live["history"].to_plain() == before


def test_a_memory_that_was_stored_goes_on_as_a_live_one() -> None:
    policy = _registry.get("seasonal")
    rates = [rate * (1.0 + 0.01 * number) for number, rate in enumerate(SPIKE + SPIKE)]
    _unused, live = run(rates)
    stored = json.loads(json.dumps(policy.dump(live)))
    went_on, _unused = run(SPIKE, policy.load(stored), 2 * SEASON)
    assert went_on == run(SPIKE, live, 2 * SEASON)[0]


def test_a_past_is_remembered_as_if_it_had_been_lived_through() -> None:
    policy = _registry.get("seasonal")
    rates = SPIKE + SPIKE
    settings = settings_of("seasonal", season=SEASON * TICK)
    past = policy.prefilled(rates, 1e6 + TICK * (len(rates) - 1), settings)
    _unused, live = run(rates)
    assert json.loads(json.dumps(past)) == {"history": live["history"].to_plain()}
    assert run(SPIKE[:18], policy.load(past), 2 * SEASON)[0][-1].count == 10


def test_another_season_keeps_what_fits_of_the_history() -> None:
    _unused, live = run(SPIKE + SPIKE)
    _unused, live = run([60.0], live, 2 * SEASON, season=2 * SEASON * TICK)
    assert len(live["history"]) == 2 * SEASON + 1
    _unused, live = run([60.0], live, 2 * SEASON + 1)
    assert len(live["history"]) == 2 * SEASON


def test_a_day_is_some_kilobytes() -> None:
    rng = random.Random(1)
    _unused, live = run([rng.uniform(50.0, 500.0) for _unused in range(5800)], season=86400.0)
    assert len(json.dumps(_registry.get("seasonal").dump(live))) < 17_000


def test_it_learns_while_the_service_rate_is_unknown() -> None:
    seen = snapshot(arrival_rate=400.0, p99_latency_s=0.1)
    proposal, memory = propose("seasonal", {}, Observation(1e6, seen, 5, 5), settings_of("seasonal"))
    assert proposal.details["decided_by"] == "hpa"
    assert (memory["history"]["slot"], memory["history"]["ended"]) == (1, 1e6)


def test_a_metric_that_cannot_be_is_not_remembered() -> None:
    memory: Memory = {}
    observation = Observation(1e6, snapshot(arrival_rate=1e18), 5, 5, 50.0)
    assert propose("seasonal", memory, observation, settings_of("seasonal"))[1] == {}


def test_without_numpy_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_numpy, "np", None)
    with pytest.raises(AutoscaleError, match="policy seasonal needs numpy"):
        run([100.0])
