# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Quantiles by hand-calculated values. See tests/integration/test_quantile_prometheus.py for Prometheus' own."""

from __future__ import annotations

from math import inf, isnan, nan

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._histogram import merge, quantile
from hypothesis import given
from hypothesis import strategies as st

BUCKETS = {0.1: 50.0, 0.2: 90.0, 0.5: 100.0, inf: 100.0}


@pytest.mark.parametrize(
    ("q", "value"),
    [
        (0.0, 0.0),
        (0.25, 0.05),
        (0.5, 0.1),
        (0.7, 0.1 + 0.1 * 20 / 40),
        (0.99, 0.2 + 0.3 * 9 / 10),
        (1.0, 0.5),
    ],
)
def test_linear_within_a_bucket(q: float, value: float) -> None:
    assert quantile(q, BUCKETS) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("q", "buckets", "value"),
    [
        (0.99, {0.1: 1.0, 0.5: 2.0, inf: 10.0}, 0.5),  # beyond the highest finite bound
        (0.5, {-1.0: 5.0, 1.0: 6.0, inf: 6.0}, -1.0),  # a first bound <= 0 is not interpolated
        (0.9, {1.0: 5.0, 2.0: 3.0, 3.0: 10.0, inf: 10.0}, 2.8),  # counts are made monotonic
        (-0.1, BUCKETS, -inf),
        (1.1, BUCKETS, inf),
    ],
)
def test_edges(q: float, buckets: dict[float, float], value: float) -> None:
    assert quantile(q, buckets) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("q", "buckets"),
    [
        (0.99, {}),
        (0.99, {inf: 5.0}),
        (0.99, {0.1: 1.0, 0.2: 2.0}),
        (0.99, {0.1: 0.0, inf: 0.0}),
        (0.0, {0.1: 0.0, inf: 5.0}),  # 0/0 in the first bucket
        (nan, BUCKETS),
    ],
)
def test_no_value(q: float, buckets: dict[float, float]) -> None:
    assert isnan(quantile(q, buckets))


def test_merge_sums_by_bound_even_where_layouts_differ() -> None:
    assert merge([{0.1: 1, inf: 4}, {0.1: 2, 0.2: 3, inf: 5}]) == {0.1: 3, 0.2: 3, inf: 9}


@given(
    st.dictionaries(st.floats(0.001, 100), st.integers(0, 1000), min_size=1, max_size=12),
    st.integers(0, 1000),
    st.floats(0.01, 1),
    st.floats(0.01, 1),
)
def test_a_quantile_never_falls_and_stays_among_the_bounds(
    counts: dict[float, int], beyond: int, one: float, other: float
) -> None:
    buckets: dict[float, float] = {}
    total = 0
    for bound in sorted(counts):
        total += counts[bound]
        buckets[bound] = total
    buckets[inf] = total + beyond
    if not buckets[inf]:
        return
    low, high = quantile(min(one, other), buckets), quantile(max(one, other), buckets)
    assert 0 <= low <= high * (1 + 1e-12)
    assert high <= max(counts) * (1 + 1e-12)
