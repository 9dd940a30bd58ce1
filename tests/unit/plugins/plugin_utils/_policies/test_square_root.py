# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy square_root: the formula, and the share of messages that it lets wait."""

from __future__ import annotations

import math
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    Memory,
    Observation,
    PolicySettings,
    Proposal,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._queueing import erlang_c
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
    settings: PolicySettings | None = None,
    queued: float = 0.0,
    service_rate: float | None = 50.0,
    **options: Any,
) -> tuple[Proposal, Memory]:
    seen = snapshot(arrival_rate=arrival_rate, queue_total=queued, p99_latency_s=0.26)
    observation = Observation(now, seen, ordered, ordered, service_rate=service_rate)
    return propose("square_root", memory or {}, observation, settings_of("square_root", settings, **options))


@pytest.mark.parametrize(
    ("arrival_rate", "beta", "count"),
    [(450.0, 1.0, 12), (450.0, 2.0, 15), (5000.0, 1.0, 110), (5000.0, 0.0, 100), (0.0, 2.0, 0), (1.0, 0.5, 1)],
)
def test_the_load_and_beta_times_its_root(arrival_rate: float, beta: float, count: int) -> None:
    """9 Erlangs and 3, 100 Erlangs and 10."""
    assert ask(arrival_rate, beta=beta)[0].count == count


@pytest.mark.parametrize(("beta", "waits"), [(0.5, 0.50), (1.0, 0.22), (2.0, 0.027)])
def test_the_same_beta_lets_the_same_share_wait_at_any_size(beta: float, waits: float) -> None:
    """Halfin and Whitt: C tends to 1 / (1 + beta Phi(beta) / phi(beta))."""
    density = math.exp(-beta * beta / 2.0) / math.sqrt(2.0 * math.pi)
    limit = 1.0 / (1.0 + beta * 0.5 * math.erfc(-beta / math.sqrt(2.0)) / density)
    assert limit == pytest.approx(waits, rel=0.05)
    for erlangs in (2500.0, 40_000.0):
        count = ask(50.0 * erlangs, beta=beta)[0].count
        assert count is not None
        assert erlang_c(count, erlangs) == pytest.approx(limit, rel=0.05)


def test_servers_are_rounded_up_to_instances() -> None:
    assert ask(450.0, beta=1.0, settings=PolicySettings(servers_per_instance=5))[0].count == 3


def test_a_backlog_is_load_and_the_reason_says_so() -> None:
    proposal, _unused = ask(300.0, beta=1.0, queued=9000.0)
    assert proposal.count == 12
    assert proposal.reason == (
        "300 msg/s + 9000 queued to drain in 60 s at 50 msg/s each: "
        "9 Erlangs and 1 x root make 12 servers, 12 instances"
    )


def test_it_shrinks_to_the_most_needed_in_the_hold_window() -> None:
    _unused, memory = ask(450.0, 12, beta=1.0)
    held, memory = ask(50.0, 12, 200.0, memory, beta=1.0)
    assert held.count == 12
    assert held.reason.endswith("; 12 because that was needed in the last 300 s")
    assert ask(50.0, 12, 301.0, memory, beta=1.0)[0].count == 2


@pytest.mark.parametrize(("arrival_rate", "service_rate"), [(None, 50.0), (450.0, None)])
def test_hpa_decides_while_a_rate_is_unknown(arrival_rate: float | None, service_rate: float | None) -> None:
    proposal, memory = ask(arrival_rate, 2, service_rate=service_rate)
    assert (proposal.count, proposal.details["decided_by"]) == (4, "hpa")
    assert "hpa" in memory


def test_a_metric_that_cannot_be_is_no_ground_to_grow() -> None:
    assert ask(1e18)[0].count is None
