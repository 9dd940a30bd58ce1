# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Quantiles of generated histograms equal those of a running Prometheus, to the last bit."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, isnan
from pathlib import Path

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._histogram import merge, quantile
from ansible_collections.rlops.autoscale.tests.conftest import require_binary
from ansible_collections.rlops.autoscale.tests.tools.metrics_server import MetricsServer, page
from ansible_collections.rlops.autoscale.tests.tools.prometheus_server import Prometheus, prometheus
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

QUANTILES = (-1.0, 0.0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0, 2.0)

Histogram = dict[float, float]
BOUNDS = st.one_of(
    st.floats(-10, 100, allow_subnormal=False).map(lambda bound: bound + 0.0),
    st.sampled_from([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]),
)
COUNTS = st.one_of(st.integers(0, 10**9), st.integers(0, 20), st.floats(0, 1e6, allow_subnormal=False))
#: Any counts at all: cumulative ones are among them, decreasing ones have to be treated alike too.
ANY = st.dictionaries(st.one_of(BOUNDS, st.just(inf)), COUNTS, min_size=1, max_size=12)
CUMULATIVE = st.dictionaries(BOUNDS, st.integers(0, 10**6), max_size=12).map(
    lambda new: {bound: sum(new[lower] for lower in new if lower <= bound) for bound in [*sorted(new), inf]}
)


class Exporter:
    """Shows histograms, one for each value of the label `case`, and tells when Prometheus has seen them."""

    def __init__(self, server: MetricsServer) -> None:
        self.server = server
        self.prometheus: Prometheus
        self._round = 0

    def show(self, histograms: list[Histogram]) -> str:
        """The selector that finds exactly these."""
        self._round += 1
        lines = [
            f'h_bucket{{round="{self._round}",case="{case}",le="{bound!r}"}} {count!r}'
            for case, histogram in enumerate(histograms)
            for bound, count in histogram.items()
        ]
        self.server.answer = page("\n".join([*lines, f'shown{{round="{self._round}"}} 1', ""]))
        wait_for(lambda: self.prometheus.query(f'shown{{round="{self._round}"}}'))
        return f'h_bucket{{round="{self._round}"}}'


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    binary = require_binary("prometheus")
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with MetricsServer(page("")) as server:
        exporter = Exporter(server)
        with prometheus(binary, folder, [f"127.0.0.1:{server.port}"], "1s") as exporter.prometheus:
            yield exporter


def equal(ours: float, theirs: float) -> bool:
    return (isnan(ours) and isnan(theirs)) or ours == theirs


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(ANY, CUMULATIVE), min_size=40, max_size=60))
@example(
    [
        {0.1: 0, 1.0: 0, inf: 0},
        {inf: 5},
        {0.1: 1, 0.2: 2},
        {-1.0: 4, 1.0: 4, inf: 8},
        {0.1: 5, 0.2: 3, 0.5: 9, inf: 9},
        {0.1: 1, inf: 1000},
        {0.1: 0, inf: 7},
    ]
)
def test_one_histogram(exporter: Exporter, histograms: list[Histogram]) -> None:
    selector = exporter.show(histograms)
    compared = 0
    for q in QUANTILES:
        answer = {
            int(labels["case"]): value
            for labels, value in exporter.prometheus.query(f"histogram_quantile({q}, {selector})")
        }
        for case, histogram in enumerate(histograms):
            assert equal(quantile(q, histogram), answer[case]), (q, histogram, answer[case])
            compared += 1
    assert compared == len(histograms) * len(QUANTILES)


@pytest.mark.slow
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(CUMULATIVE, min_size=2, max_size=8))
def test_merged_histograms(exporter: Exporter, histograms: list[Histogram]) -> None:
    """`sum by (le)`, with layouts that differ; the counts are integers, so the order of summing does not matter."""
    selector = exporter.show(histograms)
    for q in QUANTILES:
        [(_unused, theirs)] = exporter.prometheus.query(f"histogram_quantile({q}, sum by (le) ({selector}))")
        assert equal(quantile(q, merge(histograms)), theirs), (q, histograms)
