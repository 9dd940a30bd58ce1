# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy dqn as the agent asks it. Its parts have tests of their own in _dqn/."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils import _numpy
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    Observation,
    PolicySettings,
    Proposal,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn import _guard, _network, _signals
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._pilot import Trained
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._world import ACTIONS, RULE, world_of
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._policies._policy_helpers import (
    settings_of,
    snapshot,
)
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._service_model import Agent, Service

POLICY: Any = _registry.get("dqn")
SETTINGS = settings_of("dqn", PolicySettings(max_instances=20))
WORLD = world_of(SETTINGS, 50.0)
FEATURES = len(_signals.FEATURES)


def network(action: int) -> dict[str, Any]:
    """A memory with a network that always says the same, in any situation."""
    weights: Any = np.zeros(_network.size(FEATURES, len(ACTIONS)), dtype=np.float32)
    weights[action - len(ACTIONS)] = 1.0
    wide: Any = np.full(FEATURES, 100.0, dtype=np.float32)
    found = Trained(_network.from_flat(weights, FEATURES, len(ACTIONS)), -wide, wide, WORLD.kind, WORLD.speed)
    return {"network": found.to_plain()}


class Cluster:
    """Asks the policy tick by tick; what is remembered goes through the store each time."""

    def __init__(self, memory: dict[str, Any] | None = None, settings: PolicySettings = SETTINGS) -> None:
        self.memory, self.settings, self.now = memory or {}, settings, 1_800_000_000.0

    def ask(
        self,
        rate: float | None,
        ordered: int = 7,
        service_rate: float | None = 50.0,
        late: float = 0.0,  # s after its time
        **figures: Any,
    ) -> Proposal:
        self.now += 15.0
        seen = snapshot(arrival_rate=rate, **{"p99_latency_s": 0.1, "queue_total": 0.0} | figures)
        observation = Observation(self.now + late, seen, ordered, ordered, service_rate)
        live = POLICY.load(self.memory)
        (proposal,), (live,) = POLICY.step([live], [observation], [self.settings], [random.Random(0)])
        self.memory = json.loads(json.dumps(POLICY.dump(live), allow_nan=False))
        return proposal


@pytest.fixture
def short_probation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_guard, "PROBATION_S", 150.0)


def test_without_a_network_it_orders_what_its_rule_orders_and_says_so() -> None:
    rng, cluster = np.random.default_rng(0), Cluster()
    signals = None
    for rate in (200.0 * np.exp(np.cumsum(rng.normal(0.0, 0.2, 80)))).tolist():
        proposal = cluster.ask(rate)
        if signals is None:
            signals = _signals.Signals(WORLD, np.array([rate]))
        else:
            signals.see(np.array([rate]))
        assert proposal.count == int(WORLD.needed(np.maximum(signals.ruled(), signals.smooth))[0])
        assert proposal.reason.endswith("no network has been trained, so the rule decides")
        assert proposal.details["follows"] is False


def test_what_waits_is_staffed_for_and_told() -> None:
    cluster = Cluster()
    idle, busy = cluster.ask(200.0), cluster.ask(200.0, queue_total=100.0)
    assert idle.count is not None
    assert busy.count is not None
    assert busy.count > idle.count
    assert "and 100 that wait at 50 each" in busy.reason


@pytest.mark.usefixtures("short_probation")
def test_a_network_is_on_probation_and_then_followed() -> None:
    cluster = Cluster(network(1))
    first = cluster.ask(240.0)
    assert first.count == 7
    assert "the network is on probation for" in first.reason
    for _unused in range(30):
        last = cluster.ask(240.0)
    assert last.count == 6
    assert last.reason == ("240 msg/s: 264 by the rule x 0.85 by the network at 50 each; it has saved 14 % of late")
    assert last.details["factor"] == 0.85
    assert len(json.dumps(cluster.memory)) < 40_000


@pytest.mark.usefixtures("short_probation")
@pytest.mark.parametrize("phase", [0.0, 7.5])
def test_every_tick_counts_whatever_its_phase_and_jitter(phase: float) -> None:
    """Ticks are up to a fifth of an interval early or late."""
    rng, whole, shaky = np.random.default_rng(3), Cluster(network(1)), Cluster(network(1))
    for tick in range(200):
        rate = 200.0 + 100.0 * float(np.sin(tick / 20.0)) + float(rng.normal(0.0, 10.0))
        asked = shaky.ask(rate, late=phase + float(rng.uniform(-3.0, 3.0)))
        assert asked == whole.ask(rate), tick
    assert shaky.memory["pilot"]["guard"]["ticks"] == 199


def test_ticks_that_were_missed_are_made_up_for() -> None:
    whole, gap = Cluster(network(RULE)), Cluster(network(RULE))
    for rate in (100.0, 120.0, 140.0, 160.0):
        expected = whole.ask(rate)
    gap.ask(100.0)
    gap.now += 30.0
    found = gap.ask(160.0, late=4.0)
    assert found.count == expected.count
    for name in ("staffed_rate", "erlangs", "factor"):
        assert found.details[name] == pytest.approx(expected.details[name], rel=0.005)
    assert gap.memory["pilot"]["guard"]["ticks"] == 1, "the guard learns of nothing that was not measured"


def test_a_pilot_without_a_whole_history_begins_anew_and_keeps_its_debts() -> None:
    for damage in (None, {}, {"rates": "no base64", "interval": 15.0, "slot": 1, "ended": 1.0}):
        cluster = Cluster(network(1))
        for rate in (100.0, 120.0, 140.0):
            cluster.ask(rate)
        cluster.memory["pilot"]["guard"]["account"] = -50.0
        cluster.memory["pilot"]["history"] = damage
        assert cluster.ask(200.0).details["staffed_rate"] == pytest.approx(220.0)
        assert cluster.memory["pilot"]["guard"]["account"] == -50.0


@pytest.mark.usefixtures("short_probation")
def test_a_dear_network_is_not_followed() -> None:
    cluster = Cluster(network(6))
    counts = {cluster.ask(240.0).count for _unused in range(40)}
    assert counts == {7}
    assert "the network would have cost" in cluster.ask(240.0).reason


@pytest.mark.usefixtures("short_probation")
@pytest.mark.parametrize(
    ("changes", "service_rate", "said"),
    [
        ({"boot_time": 120.0}, 50.0, "(lead 9, not 4)"),
        ({"interval": 30.0}, 50.0, "(interval 30.0, not 15.0)"),
        ({"queueing": "per_instance"}, 50.0, "(queueing per_instance, not shared)"),
        ({}, 90.0, "(an SLO of 18 service times, not 10)"),
    ],
)
def test_a_network_for_another_service_is_not_followed(changes: dict[str, Any], service_rate: float, said: str) -> None:
    settings = settings_of("dqn", PolicySettings(max_instances=20, **changes))
    cluster = Cluster(network(1), settings)
    for _unused in range(40):
        proposal = cluster.ask(240.0, service_rate=service_rate)
    assert f"the network was trained for another service {said}, so the rule decides" in proposal.reason
    assert proposal.details["follows"] is False


def test_hpa_decides_while_a_rate_is_unknown() -> None:
    cluster = Cluster(network(RULE))
    for rate, service_rate, said in (
        (100.0, None, "service rate not calibrated yet, hpa decides"),
        (None, 50.0, "arrival rate unknown, hpa decides"),
    ):
        assert cluster.ask(rate, service_rate=service_rate).reason.startswith(said)
    assert cluster.memory["network"] == network(RULE)["network"]


def test_hpa_decides_while_users_feel_what_the_model_does_not_explain_and_nothing_shrinks() -> None:
    cluster = Cluster()
    for _unused in range(20):
        proposal = cluster.ask(50.0, ordered=9, p99_latency_s=0.5)
    assert "where the model says" in proposal.reason
    assert proposal.count is not None
    assert proposal.count >= 9


def test_a_slow_drift_of_the_calibration_is_followed_in_steps() -> None:
    cluster = Cluster()
    cluster.ask(240.0, service_rate=50.0)
    assert cluster.ask(240.0, service_rate=50.5).details["service_rate"] == 50.0
    assert cluster.ask(240.0, service_rate=55.0).details["service_rate"] == 55.0


def test_without_numpy_there_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_numpy, "np", None)
    with pytest.raises(AutoscaleError, match="policy dqn needs numpy"):
        Cluster().ask(100.0)


@pytest.mark.parametrize("change", [{"weights": "broken"}, {"weights": "AAAA"}, {"low": None}, {"kind": 5}])
def test_without_a_network_that_can_be_read_the_rule_decides(change: dict[str, Any]) -> None:
    memory = network(RULE)
    memory["network"] |= change
    proposal = Cluster(memory).ask(100.0)
    assert proposal.count == Cluster().ask(100.0).count
    assert "the network cannot be read, so the rule decides: train it anew" in proposal.reason


def test_in_the_loop_it_keeps_the_slo_on_a_service_simulated_message_by_message() -> None:
    def rate(now: float) -> float:
        return 400.0 if 900 <= now < 1800 else 100.0

    settings = PolicySettings(max_instances=20)
    rows = Agent(policy="dqn", settings=settings, guards={"cooldown_down": 0.0}).run(Service(rate), 240)
    late = [row for row in rows[20:] if (row.snapshot["p99_latency_s"] or 0.0) > 0.2]
    assert len(late) <= 8  # the jump, until what it needs has booted
    assert rows[-1].target <= 5
    assert max(row.target for row in rows) >= 10
