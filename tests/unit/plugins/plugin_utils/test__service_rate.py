# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calibration of the service rate: each method in its domain, robust, and unable to run away."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._queueing import mean_sojourn
from ansible_collections.rlops.autoscale.plugins.plugin_utils._service_rate import ENOUGH_LESSONS, estimate, learn
from hypothesis import given
from hypothesis import strategies as st


def snapshot(ready: int = 4, rate: float = 100.0, **figures: Any) -> dict[str, Any]:
    """A valid snapshot of `ready` instances that complete `rate` messages/s in all."""
    return {
        "valid": True,
        "interval_s": 15.0,
        "p99_latency_s": 0.1,
        "mean_latency_s": None,
        "queue_total": 0.0,
        "completion_rate": rate,
        "utilisation": None,
        "answered": ready,
        "expected": ready,
        "instances": [{"name": f"demo-{i}", "state": "ready"} for i in range(ready)],
        **figures,
    }


def taught(*snapshots: dict[str, Any], memory: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    memory = memory or {}
    for each in snapshots:
        memory = learn(memory, each, slo_p99=0.2, **settings)
    return memory


def test_nothing_is_known_before_enough_lessons() -> None:
    measured = snapshot(utilisation=0.5)
    memory = taught(*[measured] * ENOUGH_LESSONS)  # the first only tells who is there
    assert estimate(memory) == (None, "none", ENOUGH_LESSONS - 1)
    assert estimate({}).rate is None
    assert estimate(taught(measured, memory=memory)).rate == pytest.approx(50.0)


@pytest.mark.parametrize("servers", [1, 4])
def test_utilisation(servers: int) -> None:
    found = estimate(taught(*[snapshot(utilisation=0.5)] * 9, servers_per_instance=servers))
    assert found.rate == pytest.approx(50.0 / servers)
    assert found.source == "utilisation"


@pytest.mark.parametrize("utilisation", [0.0, 0.05, 0.95, 1.0, 1.7])
def test_utilisation_out_of_its_domain_teaches_nothing(utilisation: float) -> None:
    assert estimate(taught(*[snapshot(utilisation=utilisation, mean_latency_s=0.02)] * 9)).lessons == 0


@pytest.mark.parametrize("queueing", ["shared", "per_instance"])
@pytest.mark.parametrize("servers", [1, 3])
@pytest.mark.parametrize("busy", [0.05, 0.5, 0.9])
def test_sojourn(queueing: str, servers: int, busy: float) -> None:
    rate, ready = 20.0, 4
    throughput = busy * rate * servers * ready
    parts = ready if queueing == "per_instance" else 1
    sojourn = mean_sojourn(throughput / parts, rate, servers * ready // parts)
    measured = snapshot(ready, throughput, mean_latency_s=sojourn)
    found = estimate(taught(*[measured] * 9, servers_per_instance=servers, queueing=queueing))
    assert found.rate == pytest.approx(rate, rel=1e-4)
    assert found.source == "sojourn"


def test_saturation_where_queues_stand_at_both_scrapes() -> None:
    standing = snapshot(rate=160.0, queue_total=900.0, p99_latency_s=6.0, mean_latency_s=5.0)
    found = estimate(taught(*[standing] * 9))
    assert found.rate == pytest.approx(40.0)
    assert found.source == "saturation"


def test_a_queue_at_one_scrape_only_is_neither_saturation_nor_steady() -> None:
    calm, standing = snapshot(mean_latency_s=0.02), snapshot(queue_total=900.0, mean_latency_s=3.0)
    assert estimate(taught(calm, standing)).lessons == 0
    assert estimate(taught(calm, standing, calm)).lessons == 0


@pytest.mark.parametrize(
    "broken",
    [
        snapshot(utilisation=0.9, valid=False),
        snapshot(utilisation=0.9, completion_rate=None),
        snapshot(utilisation=0.9, completion_rate=0.0),
        snapshot(utilisation=0.9, interval_s=None),
        snapshot(utilisation=0.9, interval_s=0.0),
        snapshot(utilisation=0.9, answered=3),
        snapshot(utilisation=None, mean_latency_s=None),
        snapshot(utilisation=0.9, instances=[]),
        snapshot(utilisation=0.9, instances=[*snapshot()["instances"], {"name": "demo-9", "state": "draining"}]),
        snapshot(ready=5, utilisation=0.9),
        snapshot(utilisation=0.9, instances=[{"name": f"other-{i}", "state": "ready"} for i in range(4)]),
        {},
    ],
)
def test_a_snapshot_that_is_not_whole_never_teaches(broken: dict[str, Any]) -> None:
    known = taught(*[snapshot(utilisation=0.5)] * 9)
    assert estimate(taught(broken, memory=known)) == estimate(known)


@pytest.mark.parametrize("queues", [[0, 0, 0, 400], [1, 200, 200, 200]])
def test_where_connections_stick_a_queue_in_one_instance_is_no_saturation(queues: list[float]) -> None:
    """After a flood the old instances work off what waits in them while new ones are idle: they are no slower."""
    sticky: dict[str, Any] = {"queueing": "per_instance"}
    known = taught(*[snapshot(rate=160.0, mean_latency_s=0.025)] * 9, **sticky)
    rows = [{"name": f"demo-{i}", "state": "ready", "queue_depth": queue} for i, queue in enumerate(queues)]
    flood = snapshot(rate=100.0, mean_latency_s=3.0, p99_latency_s=9.0, queue_total=float(sum(queues)), instances=rows)
    after = taught(*[flood] * 9, memory=known, **sticky)
    assert estimate(after) == estimate(known)

    everywhere = [{**row, "queue_depth": 200} for row in rows]
    slow = {**flood, "queue_total": 800.0, "instances": everywhere}
    assert estimate(taught(*[slow] * 60, memory=known, **sticky)).rate == pytest.approx(25.0, rel=0.1)


def test_the_interval_in_which_instances_changed_teaches_nothing_nor_does_the_first_after_a_gap() -> None:
    known = taught(*[snapshot(utilisation=0.5)] * 9)
    memory = taught({}, snapshot(utilisation=0.9), memory=known)
    assert estimate(memory) == estimate(known)
    assert estimate(taught(snapshot(utilisation=0.9), memory=memory)).lessons == estimate(known).lessons + 1


def test_booting_instances_do_not_stop_the_lessons() -> None:
    measured = snapshot(utilisation=0.5)
    measured["instances"] = [*measured["instances"], {"name": "demo-9", "state": "booting"}]
    assert estimate(taught(*[measured] * 9)).rate == pytest.approx(50.0)


def test_a_freak_interval_hardly_matters_and_a_lasting_change_gets_through() -> None:
    known = taught(*[snapshot(utilisation=0.5)] * 40)
    freak = estimate(taught(snapshot(utilisation=0.051), memory=known)).rate
    assert freak is not None and 50.0 < freak < 50.0 * 1.06
    assert estimate(taught(*[snapshot(utilisation=0.625)] * 40, memory=known)).rate == pytest.approx(40.0, rel=0.02)


def test_shown_throughput_is_a_floor() -> None:
    """40/s were completed by each within the SLO; a sojourn lesson from a light load says 20/s and is not believed."""
    known = taught(*[snapshot(rate=160.0, mean_latency_s=0.1)] * 30)
    light = taught(*[snapshot(ready=16, rate=160.0, mean_latency_s=0.1)] * 60, memory=known, queueing="per_instance")
    assert light["rate"] < 25.0
    assert estimate(light).source == "shown"
    assert estimate(light).rate == pytest.approx(40.0, rel=0.05)


def test_growing_refutes_the_floor_once_at_most() -> None:
    """The SLO stays broken however many there are: the second and third growth lower the floor no further."""
    slow = {"mean_latency_s": 0.4, "p99_latency_s": 0.5}
    memory = taught(*[snapshot(ready=4, rate=160.0)] * 5)
    memory = taught(*[snapshot(ready=5, rate=160.0, **slow)] * 5, memory=memory)
    assert memory["floor"] == pytest.approx(32.0)
    for ready in (8, 16, 64):
        memory = taught(*[snapshot(ready=ready, rate=160.0, **slow)] * 50, memory=memory)
    assert memory["floor"] == pytest.approx(32.0)


def test_growing_queues_refute_the_floor_at_any_count() -> None:
    """True overload: what 5 instances complete while queues grow is what they can do."""
    memory = taught(*[snapshot(ready=4, rate=200.0)] * 5)
    for ready in (4, 5, 6):
        grown = [
            snapshot(ready=ready, rate=ready * 30.0, queue_total=900.0 + 400.0 * i, p99_latency_s=5.0) for i in range(6)
        ]
        memory = taught(*grown, memory=memory)
        assert memory["floor"] <= 30.0


STEPS = st.tuples(st.integers(1, 40), st.floats(0.0, 500.0), st.floats(0.001, 3.0), st.floats(0.0, 5000.0))


@given(st.lists(STEPS, max_size=40))
def test_memory_stays_small_plain_and_positive(steps: list[tuple[int, float, float, float]]) -> None:
    memory: dict[str, Any] = {}
    for ready, rate, sojourn, queue in steps:
        measured = snapshot(ready, rate, mean_latency_s=sojourn, p99_latency_s=3 * sojourn, queue_total=queue)
        before = dict(memory)
        after = learn(memory, measured, slo_p99=0.2)
        assert memory == before
        memory = after
        assert len(json.dumps(memory, allow_nan=False)) < 300
        found = estimate(memory).rate
        assert found is None or found > 0


@given(st.lists(st.tuples(st.booleans(), st.floats(0.01, 3.0)), min_size=1, max_size=40))
def test_at_steady_load_growth_cannot_lower_the_floor_twice(steps: list[tuple[bool, float]]) -> None:
    """The claim in the module's text, for any course of latencies: 160/s throughout, counts only grow."""
    memory, ready, falls = taught(*[snapshot(ready=4, rate=160.0)] * 3), 4, 0
    for over, sojourn in steps:
        ready += 1
        p99 = 1.0 if over else 0.1
        for _unused in range(3):
            floor = memory["floor"]
            memory = taught(snapshot(ready, 160.0, mean_latency_s=sojourn, p99_latency_s=p99), memory=memory)
            falls += memory["floor"] < floor
    assert falls <= 1
