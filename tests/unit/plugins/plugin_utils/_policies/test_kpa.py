# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy kpa: the figures of Knative's own tests (pkg/autoscaler/scaling/autoscaler_test.go), and what differs."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    Memory,
    Observation,
    PolicySettings,
    Proposal,
)
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._policies._policy_helpers import (
    propose,
    settings_of,
    snapshot,
)
from hypothesis import given
from hypothesis import strategies as st

NOW = 1000.0
#: As Knative's tests have them.
KNATIVE: dict[str, Any] = {
    "target_utilization_percentage": 100.0,
    "max_scale_up_rate": 10.0,
    "max_scale_down_rate": 10.0,
}
IDLE = {"queue_total": 0.0, "utilisation": 0.0}


def scale(
    stable: float,
    panic: float,
    ready: int = 1,
    now: float = NOW,
    memory: Memory | None = None,
    ordered: int | None = None,
    **options: Any,
) -> tuple[Proposal, Memory]:
    """Ask with these means of the stable and of the panic window: one sample before, and one now."""
    remembered = {**(memory or {}), "samples": [[now - 30.0, 2.0 * stable - panic]]}
    seen = snapshot(**{**IDLE, "queue_total": panic})
    observation = Observation(now, seen, ready if ordered is None else ordered, ready)
    return propose("kpa", remembered, observation, settings_of("kpa", **{**KNATIVE, **options}))


@pytest.mark.parametrize(
    ("target", "stable", "panic", "ready", "count"),
    [
        (10.0, 50.0, 10.0, 1, 5),
        (10.0, 100.0, 10.0, 1, 10),
        (181.0, 21.0, 26.0, 1, 1),
        (10.0, 50.0, 50.0, 5, 5),
        (10.0, 100.0, 100.0, 8, 10),
        (10.0, 50.0, 50.0, 8, 5),
        (10.0, 50.0, 100.0, 1, 10),  # the panic window takes precedence
        (10.0, 1000.0, 1001.0, 1, 10),  # 100 are needed, ten times as many are allowed
        (10.0, 1000.0, 1001.0, 10, 100),
        (10.0, 1.0, 1.0, 100, 10),  # and a tenth when shrinking
        (10.0, 1000.0, 888.0, 0, 10),  # none ready counts as one
        (10.0, 0.0, 0.0, 1, 0),
    ],
)
def test_counts_are_knatives(target: float, stable: float, panic: float, ready: int, count: int) -> None:
    assert scale(stable, panic, ready, target=target)[0].count == count


def test_small_rates_still_allow_a_step() -> None:
    assert scale(3.0, 3.1, 2, target=1.0, max_scale_up_rate=1.1)[0].count == 3
    assert scale(1.0, 1.0, 100, target=10.0, max_scale_down_rate=1.1)[0].count == 90


@pytest.mark.parametrize(("stable", "count"), [(50.0, 50), (20.0, 30)])
def test_the_larger_of_both_windows_counts_in_panic(stable: float, count: int) -> None:
    panicking = {"panic_at": NOW - 5.0, "most": 5}
    assert scale(stable, 30.0, 5, memory=panicking, target=1.0)[0].count == count


def test_panic_ends_a_stable_window_after_its_last_reason() -> None:
    proposal, memory = scale(11.0, 25.0, 10, target=1.0)
    assert (proposal.count, memory["panic_at"]) == (25, NOW)
    proposal, memory = scale(30.0, 41.0, 40, NOW + 30.0, memory, target=1.0)
    assert (proposal.count, memory["panic_at"]) == (41, NOW)
    proposal, later = scale(50.0, 56.0, 55, NOW + 60.0, memory, target=1.0)
    assert later["panic_at"] == NOW
    proposal, memory = scale(50.0, 56.0, 55, NOW + 62.0, memory, target=1.0)
    assert proposal.count == 50
    assert "panic_at" not in memory
    assert "most" not in memory


def test_a_surge_that_goes_on_renews_panic() -> None:
    _unused, memory = scale(11.0, 25.0, 10, target=1.0)
    proposal, memory = scale(30.0, 80.0, 40, NOW + 30.0, memory, target=1.0)
    assert (proposal.count, memory["panic_at"]) == (80, NOW + 30.0)


def test_nothing_shrinks_in_panic_and_all_of_it_at_once_after() -> None:
    proposal, memory = scale(100.0, 1000.0, 10, target=10.0)
    assert proposal.count == 100
    proposal, memory = scale(1.0, 1.0, 10, NOW + 30.0, memory, ordered=100, target=10.0)
    assert proposal.count == 100
    assert "nothing shrinks" in proposal.reason
    assert scale(1.0, 1.0, 10, NOW + 61.0, memory, ordered=100, target=10.0)[0].count == 1


@pytest.mark.parametrize(("ready", "panicking"), [(0, False), (1, False), (2, True)])
def test_it_begins_in_panic_where_more_than_one_is_ready(ready: int, panicking: bool) -> None:
    proposal, _unused = propose("kpa", {}, Observation(NOW, snapshot(**IDLE), ready, ready), settings_of("kpa"))
    assert proposal.details["panicking"] is panicking
    assert proposal.count == (ready if panicking else 0)


def test_a_scale_down_delay_keeps_the_largest_count_of_its_time() -> None:
    def after(seconds: float, concurrency: float, memory: Memory) -> tuple[int | None, Memory]:
        proposal, memory = scale(
            concurrency, concurrency, 4, NOW + seconds, memory, scale_down_delay=300.0, target=10.0
        )
        return proposal.count, memory

    memory: Memory = {}
    counts = []
    for seconds, concurrency in ((0.0, 40.0), (60.0, 30.0), (120.0, 0.0), (300.0, 0.0), (361.0, 0.0)):
        count, memory = after(seconds, concurrency, memory)
        counts.append(count)
    assert counts == [4, 4, 4, 3, 0]


def test_with_a_tick_of_15_s_the_panic_window_is_the_newest_sample() -> None:
    memory: Memory = {"samples": []}
    for number, queued in enumerate([0.0, 0.0, 0.0, 8.0]):
        observation = Observation(NOW + 15.0 * number, snapshot(**{**IDLE, "queue_total": queued}), 3, 3)
        proposal, memory = propose("kpa", memory, observation, settings_of("kpa"))
    assert (proposal.details["stable"], proposal.details["panic"]) == (2.0, 8.0)
    assert len(memory["samples"]) == 4
    assert proposal.count == 12  # 8 / 0.7, over twice the 3 that are ready
    assert proposal.reason == (
        "concurrency 2 (queue + busy servers, mean of 60 s), target 0.7 each, panic at 8: 12 instances, nothing shrinks"
    )


def ask(ready: int = 4, settings: PolicySettings | None = None, **figures: Any) -> Proposal:
    observation = Observation(NOW, snapshot(**figures), ready, ready)
    return propose("kpa", {"samples": []}, observation, settings_of("kpa", settings))[0]


def test_the_concurrency_is_measured_where_it_can_be_and_else_from_littles_law() -> None:
    proposal = ask(queue_total=10.0, utilisation=0.5, arrival_rate=100.0, mean_latency_s=1.0)
    assert proposal.details["concurrency"] == 12.0
    assert "queue + busy servers" in proposal.reason
    assert ask(settings=PolicySettings(servers_per_instance=8), queue_total=10.0, utilisation=0.5).details[
        "concurrency"
    ] == pytest.approx(26.0)
    proposal = ask(queue_total=10.0, arrival_rate=300.0, mean_latency_s=0.05)
    assert proposal.details["concurrency"] == pytest.approx(15.0)
    assert "arrival rate x mean latency" in proposal.reason
    # what is completed has waited less than what waits now
    assert ask(queue_total=900.0, arrival_rate=300.0, mean_latency_s=0.05).details["concurrency"] == 900.0
    assert ask(arrival_rate=0.0).details["concurrency"] == 0.0


def test_the_target_is_a_share_of_what_an_instance_works_on_at_once() -> None:
    settings = PolicySettings(servers_per_instance=10)
    assert ask(7, settings, queue_total=65.0, utilisation=0.5).count == 15  # 100 / (10 x 0.7), Alibaba's example


@pytest.mark.parametrize("figures", [{}, {"queue_total": 5.0}, {"utilisation": 0.5}, {"arrival_rate": 300.0}])
def test_without_a_concurrency_there_is_no_opinion(figures: dict[str, Any]) -> None:
    assert ask(**figures).count is None


@given(
    st.lists(
        st.tuples(st.none() | st.floats(0, 1e4), st.integers(0, 20), st.integers(0, 20), st.integers(1, 90)),
        max_size=20,
    )
)
def test_it_never_shrinks_in_panic_nor_on_missing_data(ticks: list[tuple[float | None, int, int, int]]) -> None:
    memory: Memory = {}
    now = NOW
    for queued, ready, booting, seconds in ticks:
        now += seconds
        ordered = ready + booting
        seen = snapshot() if queued is None else snapshot(**{**IDLE, "queue_total": queued})
        proposal, after = propose("kpa", memory, Observation(now, seen, ordered, ready), settings_of("kpa"))
        if queued is None:
            assert proposal.count is None
            assert after == memory
        elif "panic_at" in after:
            assert proposal.count is not None
            assert proposal.count >= ordered
        memory = after
