# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy erlang: staffing, hold, backlog, delegation."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    Memory,
    Observation,
    PolicySettings,
    Proposal,
    Slo,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._queueing import required_instances
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._policies._policy_helpers import (
    propose,
    settings_of,
    snapshot,
)


def ask(
    arrival_rate: float | None,
    ordered: int = 5,
    now: float = 0.0,
    memory: Memory | None = None,
    service_rate: float | None = 50.0,
    settings: PolicySettings | None = None,
    figures: dict[str, Any] | None = None,
    **options: Any,
) -> tuple[Proposal, Memory]:
    seen = snapshot(arrival_rate=arrival_rate, **{"queue_total": 0.0, "p99_latency_s": 0.1, **(figures or {})})
    observation = Observation(now, seen, ordered, ordered, service_rate=service_rate)
    return propose("erlang", memory or {}, observation, settings_of("erlang", settings, **options))


def test_it_goes_to_what_is_needed_in_one_step() -> None:
    assert ask(400.0, ordered=2, headroom=1.0)[0].count == 9
    assert ask(400.0, ordered=2)[0].count == 10  # headroom 1.1


def test_it_shrinks_to_the_most_needed_in_the_hold_window() -> None:
    _unused, memory = ask(400.0, 10, 0.0)
    _unused, memory = ask(300.0, 10, 100.0, memory)
    held, memory = ask(60.0, 10, 200.0, memory)
    assert held.count == 10
    assert "10 because that was needed in the last 300 s" in held.reason
    later, memory = ask(60.0, 10, 301.0, memory)  # the first need has left the window, the second has not
    assert later.count == 8
    assert ask(60.0, 10, 450.0, memory)[0].count == 2


def test_an_old_need_never_grows_the_cluster() -> None:
    """A limit kept it at 4 while 10 were needed; what is needed now counts for growing."""
    _unused, memory = ask(400.0, 4, 0.0)
    assert ask(60.0, 4, 15.0, memory)[0].count == 4
    assert ask(250.0, 4, 15.0, memory)[0].count == 7


def test_memory_keeps_only_needs_that_may_matter() -> None:
    memory: Memory = {}
    for i in range(100):
        _unused, memory = ask(100.0 + i, 10, float(i), memory)
    assert len(memory["needs"]) == 1
    for i in range(100, 200):
        _unused, memory = ask(300.0 - i, 10, float(i), memory)
    assert len(memory["needs"]) <= 5


def test_a_clock_set_back_does_not_keep_needs_of_the_future() -> None:
    _unused, memory = ask(400.0, 10, 1e6)
    assert ask(60.0, 10, 0.0, memory)[0].count == 2


def test_a_backlog_is_worked_off_in_drain_time() -> None:
    assert ask(100.0, headroom=1.0, figures={"queue_total": 6000.0})[0].count == 5  # 100/s + 6000/60 s: 4 Erlangs
    assert ask(100.0, headroom=1.0, figures={"queue_total": 6000.0}, drain_time=600.0)[0].count == 3
    assert ask(100.0, ordered=3, headroom=1.0, figures={"queue_total": None})[0].count == 3


@pytest.mark.parametrize(("arrival_rate", "service_rate"), [(400.0, None), (None, 50.0)])
def test_hpa_decides_while_a_rate_is_unknown(arrival_rate: float | None, service_rate: float | None) -> None:
    proposal, memory = ask(arrival_rate, 2, service_rate=service_rate, figures={"p99_latency_s": 0.26})
    assert proposal.count == 4  # p99 is twice its target of 0.65 x 0.2 s
    assert "hpa decides" in proposal.reason
    assert proposal.details["decided_by"] == "hpa"
    _unused, later = ask(arrival_rate, 4, 15.0, memory, service_rate, figures={"p99_latency_s": 0.05})
    assert len(later["hpa"]["recommendations"]) > len(memory["hpa"]["recommendations"])  # its windows go on
    assert "hpa" not in ask(60.0, 4, 30.0, later)[1]


def test_hpa_awaits_what_boots() -> None:
    observation = Observation(0.0, snapshot(arrival_rate=400.0, p99_latency_s=2.0), 6, 2)
    proposal, _unused = propose("erlang", {}, observation, settings_of("erlang"))
    assert proposal.count == 6
    assert "4 booting instances are awaited" in proposal.reason


def test_the_reason_tells_the_figures_and_the_alternative() -> None:
    reason = ask(400.0, 2, headroom=1.0)[0].reason
    assert reason == "400 msg/s at 50 msg/s each: 9 instances give p99 0.12 s, 8 could not keep up"
    per_instance = PolicySettings(queueing="per_instance", servers_per_instance=4)
    reason = ask(4000.0, 2, settings=per_instance, figures={"queue_total": 12000.0})[0].reason
    assert "4000 msg/s x 1.1 + 12000 queued to drain in 60 s" in reason
    assert "at 50 msg/s a server, 4 each: " in reason


def test_a_growing_rate_is_followed_until_instances_have_booted_and_a_jump_is_not() -> None:
    memory: dict[str, Any] = {}
    counts = []
    for number, rate in enumerate([400.0, 430.0, 460.0, 490.0]):
        observation = Observation(1000.0 + 15 * number, snapshot(arrival_rate=rate, queue_total=0.0), 12, 12, 50.0)
        proposal, memory = propose("erlang", memory, observation, settings_of("erlang", headroom=1.0, hold=0.0))
        counts.append((proposal.count, proposal.details["expected_rate"]))
    assert [expected for _count, expected in counts[:3]] == [400.0, 430.0, 460.0]
    # 2/s each second, less a standard error of sqrt(445 / 15 / 1125), for 45 + 15 s
    assert counts[3][1] == pytest.approx(490 + 60 * (2 - 0.1624), rel=1e-3)
    assert counts[3][0] > required_instances(490.0, 50.0, 1, 0.2).instances
    jumped = Observation(1060.0, snapshot(arrival_rate=2000.0, queue_total=0.0), 12, 12, 50.0)
    proposal, _memory = propose("erlang", memory, jumped, settings_of("erlang", headroom=1.0))
    assert proposal.details["expected_rate"] == 1.5 * 2000.0


def test_chance_is_no_trend() -> None:
    memory: dict[str, Any] = {}
    for number, rate in enumerate([400.0, 404.0, 398.0, 405.0]):
        observation = Observation(1000.0 + 15 * number, snapshot(arrival_rate=rate, queue_total=0.0), 12, 12, 50.0)
        proposal, memory = propose("erlang", memory, observation, settings_of("erlang"))
    assert proposal.details["expected_rate"] == 405.0


def test_an_slo_out_of_reach_is_said_and_not_chased() -> None:
    proposal, _unused = ask(400.0, 2, service_rate=20.0, headroom=1.0)
    assert proposal.count == 29
    assert "p99 0.2 s is out of reach" in proposal.reason
    assert proposal.details["slo_reachable"] is False


@pytest.mark.parametrize(("arrival_rate", "queued"), [(1e18, 0.0), (60.0, 2.0**53), (2.0**53, 2.0**53)])
@pytest.mark.parametrize("queueing", ["shared", "per_instance"])
def test_a_metric_that_cannot_be_is_no_ground_to_grow(arrival_rate: float, queued: float, queueing: str) -> None:
    """A gauge that fell below 0 and is kept as an unsigned integer: nobody computes with 10^16 servers."""
    settings = PolicySettings(queueing=queueing)
    proposal, memory = ask(
        arrival_rate, memory={"rates": [[0.0, 60.0]]}, settings=settings, figures={"queue_total": queued}
    )
    assert proposal.count is None
    assert "cannot be: one of these metrics is wrong" in proposal.reason
    assert memory == {"rates": [[0.0, 60.0]]}


def test_without_an_slo_it_keeps_the_queue_stable() -> None:
    proposal, _unused = ask(400.0, 2, headroom=1.0, settings=PolicySettings(slo=Slo(p99_latency=None)))
    assert proposal.count == 12
    assert "keep it stable" in proposal.reason


def test_no_arrivals_need_nothing() -> None:
    assert ask(0.0, 1)[0].count == 0
