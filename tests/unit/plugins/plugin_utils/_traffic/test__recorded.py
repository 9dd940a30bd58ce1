# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traffic of the past: what can be shown without a Prometheus. tests/integration has the real one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot_spec import HTTP_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._queueing import mean_sojourn
from ansible_collections.rlops.autoscale.plugins.plugin_utils._traffic._prometheus_range import POINTS
from ansible_collections.rlops.autoscale.plugins.plugin_utils._traffic._recorded import (
    RECORDED_SPEC,
    Recorded,
    recorded,
)
from ansible_collections.rlops.autoscale.tests.tools.metrics_server import MetricsServer, page

NOW = 1_790_000_000.0
Series = Callable[[float], "float | None"]


class Range:
    """A query_range API: series of (moment -> value) by query, and what it was asked for."""

    def __init__(self) -> None:
        self.series: dict[str, list[Series]] = {}
        self.error: dict[str, str] | None = None
        self.asked: list[tuple[str, float, float, float]] = []

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        start, end, step = (float(given[name]) for name in ("start", "end", "step"))
        assert parts.path == "/api/v1/query_range"
        assert round((end - start) / step) + 1 <= 11_000, "Prometheus refuses more"
        self.asked.append((given["query"], start, end, step))
        if self.error:
            page(json.dumps({"status": "error", **self.error}), "application/json")(request)
            return
        moments = [start + place * step for place in range(round((end - start) / step) + 1)]
        result = [
            {"metric": {"n": str(n)}, "values": [[m, str(v)] for m in moments if (v := series(m)) is not None]}
            for n, series in enumerate(self.series.get(given["query"], []))
        ]
        data = {"status": "success", "data": {"resultType": "matrix", "result": result}}
        page(json.dumps(data), "application/json")(request)


@pytest.fixture
def api() -> Iterator[tuple[Range, Callable[..., Recorded]]]:
    """The API, and what `recorded` makes of it."""
    api = Range()

    def take(step: float = 15.0, servers: int = 1, queueing: str = "shared", **options: Any) -> Recorded:
        given = {"prometheus_url": f"http://127.0.0.1:{server.port}/", "query": "rate", **options}
        checked = ArgumentSpecValidator({**RECORDED_SPEC, "http": HTTP_SPEC}).validate(given)
        assert not checked.error_messages
        found = checked.validated_parameters
        return recorded(found, found["http"], NOW, step=step, servers_per_instance=servers, queueing=queueing)

    with MetricsServer(api.answer) as server:
        yield api, take


def test_two_weeks_are_asked_for_in_pieces_and_put_together(api: tuple[Range, Callable[..., Recorded]]) -> None:
    answers, take = api
    answers.series["rate"] = [lambda moment: moment % 997]
    found = take()
    assert len(answers.asked) == -(-14 * 5760 // POINTS)
    assert len(found.trace.rates) == 14 * 5760
    assert found.trace.step == 15.0
    moments = found.start + 15.0 * np.arange(1, 14 * 5760 + 1)
    assert moments[-1] <= NOW < moments[-1] + 15.0
    assert found.trace.rates == pytest.approx(moments % 997)
    assert list(found.notes) == []
    assert found.service_rate is None


def test_several_series_are_added_up_and_what_is_no_number_is_missing(
    api: tuple[Range, Callable[..., Recorded]],
) -> None:
    answers, take = api
    answers.series["rate"] = [
        lambda _moment: 10.0,
        lambda moment: 5.0 if moment % 30 else None,
        lambda moment: float("nan") if moment % 60 else float("inf"),
    ]
    assert set(take(days=0.01).trace.rates.tolist()) == {10.0, 15.0}


@pytest.mark.parametrize("option", ["utilisation_query", "latency_query"])
def test_means_of_several_series_are_refused_since_no_sum_of_them_makes_sense(
    api: tuple[Range, Callable[..., Recorded]], option: str
) -> None:
    answers, take = api
    answers.series = {
        "rate": [lambda _moment: 60.0, lambda _moment: 60.0],
        "count": [lambda _moment: 1.0, lambda _moment: 2.0],
        "mean": [lambda _moment: 0.2, lambda _moment: 0.3],
        "one": [lambda _moment: 0.4],
    }
    with pytest.raises(OptionError, match=r"expected one series, got 2; aggregate it, such as avg\(\.\.\.\)") as error:
        take(days=0.1, instances_query="count", **{option: "mean"})
    assert error.value.option == option
    assert take(days=0.1, instances_query="count", **{option: "one"}).service_rate, "sums of counts are right"


def test_gaps_are_interpolated_and_told(api: tuple[Range, Callable[..., Recorded]]) -> None:
    answers, take = api
    begin = NOW - 0.5 * 86400
    answers.series["rate"] = [
        lambda moment: moment - begin if moment >= begin and not 1000 < moment - begin < 2000 else None
    ]
    found = take(days=1.0)
    expected = found.start - begin + 15.0 * np.arange(1, len(found.trace.rates) + 1)
    assert found.trace.rates == pytest.approx(expected)
    assert any(note.startswith("2.3 % of the time has no sample") for note in found.notes)
    assert "Prometheus has samples of 0.5 of 1 days" in found.notes


@pytest.mark.parametrize("servers", [1, 4])
def test_the_service_rate_shows_in_utilisation_or_latency_or_saturation(
    api: tuple[Range, Callable[..., Recorded]], servers: int
) -> None:
    """Three instances of 50 msg/s a server; load that comes and goes, busy at the end of each hour."""
    answers, take = api

    def rate(moment: float) -> float:
        return 3 * servers * 50.0 * (0.2 + 0.7 * (moment % 3600) / 3600)

    answers.series = {
        "rate": [rate],
        "count": [lambda _moment: 3.0],
        "busy": [lambda moment: rate(moment) / (3 * servers * 50.0)],
        "latency": [lambda moment: mean_sojourn(rate(moment), 50.0, 3 * servers)],
    }
    by_utilisation = take(days=0.5, servers=servers, instances_query="count", utilisation_query="busy")
    assert (by_utilisation.service_rate, by_utilisation.source) == (pytest.approx(50.0), "utilisation")
    by_latency = take(days=0.5, servers=servers, instances_query="count", latency_query="latency")
    assert (by_latency.service_rate, by_latency.source) == (pytest.approx(50.0, rel=0.01), "sojourn")
    alone = take(days=0.5, servers=servers, instances_query="count")
    assert (alone.service_rate, alone.source) == (pytest.approx(45.0, rel=0.01), "shown")
    assert take(days=0.5, servers=servers, utilisation_query="busy").service_rate is None, "of how many?"


@pytest.mark.parametrize("servers", [1, 2])
def test_where_connections_stick_latency_is_that_of_one_instance_s_queue(
    api: tuple[Range, Callable[..., Recorded]], servers: int
) -> None:
    """Five instances, each of which gets 10 msg/s a server that does 30."""
    answers, take = api
    answers.series = {
        "rate": [lambda _moment: 5 * servers * 10.0],
        "count": [lambda _moment: 5.0],
        "latency": [lambda _moment: mean_sojourn(servers * 10.0, 30.0, servers)],
    }
    options = {"days": 0.1, "servers": servers, "instances_query": "count", "latency_query": "latency"}
    found = take(queueing="per_instance", **options)
    assert (found.service_rate, found.source) == (pytest.approx(30.0), "sojourn")


@pytest.mark.parametrize(
    ("options", "option", "expected"),
    [
        ({"prometheus_url": None}, "trace", "expected a CSV file, or else prometheus_url and query"),
        ({"trace": "load.csv"}, "trace", "expected a CSV file, or else prometheus_url and query"),
        ({"query": None}, "query", "PromQL of the arrivals per second"),
        ({"days": 0.0}, "days", "a number above 0"),
        ({"days": float("inf")}, "days", "a number above 0"),
        ({"prometheus_url": "prometheus:9090"}, "prometheus_url", "expected a URL"),
        ({"query": "nothing"}, "query", "Prometheus has no sample of it in the last 14 days"),
    ],
)
def test_what_cannot_be_is_one_error(
    api: tuple[Range, Callable[..., Recorded]], options: dict[str, Any], option: str, expected: str
) -> None:
    with pytest.raises(OptionError) as error:
        api[1](**options)
    assert error.value.option == option
    assert expected in str(error.value)


def test_a_query_that_prometheus_refuses_is_named(api: tuple[Range, Callable[..., Recorded]]) -> None:
    api[0].error = {"errorType": "bad_data", "error": "parse error\x1b[31m"}
    with pytest.raises(OptionError, match="Prometheus refuses the query: parse error") as error:
        api[1](instances_query="count(")
    assert error.value.option in ("query", "instances_query")
    assert "\x1b" not in str(error.value)
    api[0].error = {"errorType": "timeout", "error": "too slow"}
    with pytest.raises(AutoscaleError, match="query: Prometheus answered: too slow"):
        api[1]()


def test_a_file_is_read_as_it_is(tmp_path: Path, api: tuple[Range, Callable[..., Recorded]]) -> None:
    file = tmp_path / "load.csv"
    file.write_text("t_seconds,rate\n0,5\n60,7\n120,6\n")
    found = api[1](trace=str(file), prometheus_url=None)
    assert found.trace.rates.tolist() == [5.0, 7.0, 6.0]
    assert (found.start, found.trace.step) == (0.0, 60.0)
