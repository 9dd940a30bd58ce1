# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The M/M/c formulas against published values, other ways to the same number, and a simulated queue."""

from __future__ import annotations

import heapq
import math
import random
import time
from fractions import Fraction

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils import _queueing as q
from hypothesis import given
from hypothesis import strategies as st

RATES = st.floats(0.1, 500)
SERVERS = st.integers(1, 60)
BUSY = st.floats(0.01, 0.98)
QUEUEING = st.sampled_from(["shared", "per_instance"])


def exact_erlang_b(servers: int, load: Fraction) -> Fraction:
    """The definition: a^c/c! over the sum of a^k/k!."""
    terms = [load**k / math.factorial(k) for k in range(servers + 1)]
    return terms[-1] / sum(terms)


def wait_tail(time: float, arrival_rate: float, service_rate: float, servers: int) -> float:
    """P(waiting time > time): C(c, a) exp(-(c m - l) t)."""
    slack = servers * service_rate - arrival_rate
    return q.erlang_c(servers, arrival_rate / service_rate) * math.exp(-slack * time)


@pytest.mark.parametrize(("servers", "load"), [(1, 1), (3, 2), (10, 7), (30, 28), (60, 10)])
def test_erlang_b_is_its_definition(servers: int, load: int) -> None:
    assert q.erlang_b(servers, load) == pytest.approx(float(exact_erlang_b(servers, Fraction(load))), rel=1e-12)


def test_erlang_b_survives_sizes_where_factorials_overflow() -> None:
    assert 0.0 < q.erlang_b(5000, 4900.0) < 0.05


def test_erlang_c_of_one_server_is_its_utilisation_and_overload_always_waits() -> None:
    assert q.erlang_c(1, 0.7) == pytest.approx(0.7)
    assert q.erlang_c(2, 1.0) == pytest.approx(1 / 3)  # textbook: M/M/2 at half load
    assert q.erlang_c(3, 3.0) == q.erlang_c(3, 9.0) == 1.0


@given(BUSY, RATES)
def test_one_server_sojourn_is_exponential(busy: float, rate: float) -> None:
    """M/M/1: T is exponential with rate m - l."""
    expected = math.log(100.0) / (rate * (1 - busy))
    assert q.sojourn_quantile(0.99, busy * rate, rate, 1) == pytest.approx(expected, rel=1e-6)


@given(SERVERS, BUSY, RATES, st.floats(0.0, 3.0))
def test_tails_are_probabilities_and_sojourn_is_longer_than_wait(
    servers: int, busy: float, rate: float, services: float
) -> None:
    arrivals, when = busy * servers * rate, services / rate
    wait, sojourn = wait_tail(when, arrivals, rate, servers), q.sojourn_tail(when, arrivals, rate, servers)
    assert 0.0 <= wait <= sojourn <= 1.0
    assert math.exp(-rate * when) <= sojourn * (1 + 1e-12)  # never faster than service alone


@given(SERVERS, BUSY, RATES, st.sampled_from([0.5, 0.9, 0.99, 0.999]))
def test_quantiles_invert_tails(servers: int, busy: float, rate: float, quantile: float) -> None:
    arrivals = busy * servers * rate
    sojourn = q.sojourn_quantile(quantile, arrivals, rate, servers)
    assert q.sojourn_tail(sojourn, arrivals, rate, servers) == pytest.approx(1 - quantile, rel=1e-5)


def test_sojourn_tail_is_continuous_where_two_rates_meet() -> None:
    """c m - l = m is a removable singularity of the formula: 9 servers at 8 Erlangs sit right on it."""
    at, near = (q.sojourn_tail(0.1, arrivals, 50.0, 9) for arrivals in (400.0, 400.0001))
    assert at == pytest.approx(near, rel=1e-5)


def test_formulas_agree_with_a_simulated_queue() -> None:
    rng = random.Random(7)
    free, now, times = [0.0] * 4, 0.0, []
    for _unused in range(200_000):
        now += rng.expovariate(170.0)
        start = max(now, free[0])
        end = start + rng.expovariate(50.0)
        heapq.heapreplace(free, end)
        times.append(end - now)
    times.sort()
    assert times[int(0.99 * len(times))] == pytest.approx(q.sojourn_quantile(0.99, 170.0, 50.0, 4), rel=0.06)
    assert sum(times) / len(times) == pytest.approx(q.mean_sojourn(170.0, 50.0, 4), rel=0.04)


@given(SERVERS, st.floats(0.001, 0.99), RATES)
def test_service_rate_is_found_again_from_mean_sojourn(servers: int, busy: float, rate: float) -> None:
    throughput = busy * servers * rate
    found = q.service_rate_of(q.mean_sojourn(throughput, rate, servers), throughput, servers)
    assert found == pytest.approx(rate, rel=1e-4)


def test_an_unstable_queue_has_no_finite_times() -> None:
    assert q.mean_sojourn(100.0, 50.0, 2) == math.inf
    assert q.sojourn_quantile(0.99, 100.0, 50.0, 2) == q.mean_sojourn(101.0, 50.0, 2) == math.inf
    assert q.sojourn_tail(9.0, 100.0, 50.0, 2) == 1.0


def test_the_reference_step_needs_nine() -> None:
    """400/s at 50/s within 0.2 s: 9, by the exact p99 as by the sum of the p99s of waiting and of service."""
    staffing = q.required_instances(400.0, 50.0, 1, 0.2)
    assert (staffing.instances, staffing.reachable) == (9, True)
    wait = math.log(100 * q.erlang_c(9, 8.0)) / (9 * 50.0 - 400.0)  # 99th percentile, where 1 % wait longer
    summed = wait + math.log(100) / 50.0
    assert staffing.p99_s < summed < 0.2


@given(st.floats(0.1, 2000), RATES, st.integers(1, 8), st.floats(0.02, 2.0), QUEUEING)
def test_required_instances_is_the_least_that_meets_the_slo(
    arrivals: float, rate: float, servers: int, slo: float, queueing: str
) -> None:
    n, p99, reachable = q.required_instances(arrivals, rate, servers, slo, queueing)
    assert p99 == q.instances_p99(n, arrivals, rate, servers, queueing) < math.inf
    if reachable:
        assert p99 <= slo * (1 + 1e-6)
        assert n == 1 or q.instances_p99(n - 1, arrivals, rate, servers, queueing) > slo * (1 - 1e-6)
        assert n <= math.ceil(arrivals / rate / servers / q.IDLE_LIMIT) + 1
    else:
        assert n == math.ceil(arrivals / rate / servers / q.BUSY_LIMIT)


def test_queues_of_their_own_need_more_than_a_shared_one() -> None:
    shared = q.required_instances(400.0, 50.0, 1, 0.2, "shared")
    apart = q.required_instances(400.0, 50.0, 1, 0.2, "per_instance")
    assert shared.instances < apart.instances == 15


def test_an_slo_below_service_alone_is_not_chased() -> None:
    """p99 of service alone is 0.23 s: no count helps, so the servers are kept 70 % busy."""
    staffing = q.required_instances(400.0, 20.0, 1, 0.2)
    assert staffing.instances == math.ceil(20 / 0.7)
    assert not staffing.reachable


def test_no_load_needs_nothing_and_no_slo_keeps_it_stable() -> None:
    assert q.required_instances(0.0, 50.0, 1, 0.2) == (0, 0.0, True)
    assert q.required_instances(70.0, 50.0, 1, None).instances == 2


def test_roots_are_found_in_a_few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Halving an interval to 1e-9 takes thirty."""
    calls: list[int] = []
    tail = q._sojourn_tail

    def counted(*arguments: float) -> float:
        calls[-1] += 1
        return tail(*arguments)

    monkeypatch.setattr(q, "_sojourn_tail", counted)
    for servers in (1, 3, 10, 100):
        for busy in (0.05, 0.5, 0.7, 0.9, 0.99, 0.999):
            calls.append(0)
            q.sojourn_quantile(0.99, busy * servers * 50.0, 50.0, servers)
    assert max(calls) <= 20
    assert sum(calls) / len(calls) <= 9


def test_staffing_is_fast_enough_for_every_tick() -> None:
    """Relative to a yardstick on the same machine, not to a clock: less than 20,000 rounds of the recursion."""

    def best(work: object) -> float:
        times = []
        for _unused in range(7):
            start = time.process_time()
            work()  # type: ignore[operator]
            times.append(time.process_time() - start)
        return min(times)

    assert best(lambda: q.required_instances(4000.0, 50.0, 1, 0.2)) < best(lambda: q.erlang_b(20_000, 80.0))
