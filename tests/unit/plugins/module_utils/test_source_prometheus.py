# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Source prometheus: what can be shown without the server. tests/integration has the real one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils import _source_prometheus
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot import take_snapshot
from ansible_collections.rlops.autoscale.plugins.module_utils._source_prometheus import Together
from ansible_collections.rlops.autoscale.tests.tools.metrics_server import MetricsServer, page

VALUES: dict[str, str | None] = {}


@pytest.fixture
def observe(snapshot_options: Callable[..., dict[str, Any]]) -> Iterator[Callable[..., dict[str, Any]]]:
    """Function: the snapshot where the API answers each query with the value of the first key of VALUES in it."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        query = parse_qs(urlsplit(request.path).query)["query"][0]
        value = next((value for part, value in VALUES.items() if part in query), "1")
        result = [] if value is None else [{"metric": {}, "value": [time.time(), value]}]
        data = {"status": "success", "data": {"resultType": "vector", "result": result}}
        page(json.dumps(data), "application/json")(request)

    def take(values: dict[str, str | None], together: Together | None = None, **prometheus: Any) -> dict[str, Any]:
        VALUES.clear()
        VALUES.update(values)
        url = f"http://127.0.0.1:{server.port}"
        options = snapshot_options(source="prometheus", prometheus={"url": url} | prometheus, instances=[])
        return take_snapshot(options, time.time, time.sleep, together and together.ask)

    with MetricsServer(answer) as server:
        yield take


def test_an_age_that_is_not_known_is_none(observe: Callable[..., dict[str, Any]]) -> None:
    assert observe({"timestamp(": "3.5"})["age_s"] == 3.5
    unknown = observe({"timestamp(": None})
    assert unknown["age_s"] is None
    assert unknown["valid"], "it may grow"
    assert unknown["reasons"]["age_s"] == "Prometheus has no sample for the query (prometheus.queries.age)"
    assert observe({"my_age": "60"}, queries={"age": "my_age"})["reasons"]["valid"].startswith(
        "the figures are 60 s old"
    )


def test_an_answer_that_several_clusters_share_grows_old(
    observe: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(_source_prometheus.time, "monotonic", lambda: now)
    together, values = Together(), {"timestamp(": "3.5"}
    assert observe(values, together, cluster_label="c")["age_s"] is None, "the answer is of no cluster"
    monkeypatch.setattr(_source_prometheus, "_share", lambda _cluster, shares: {"age": {"": 3.5}})
    assert observe(values, together, cluster_label="c")["age_s"] == 3.5
    now += 40
    assert observe(values, together, cluster_label="c")["age_s"] == 43.5


@pytest.mark.parametrize("value", ["NaN", "+Inf", str(2**64 - 1)])
def test_a_value_that_cannot_be_is_none(observe: Callable[..., dict[str, Any]], value: str) -> None:
    snapshot = observe({"sum by (instance) (app_message_queue_depth)": value, "timestamp(": "0"})
    assert snapshot["queue_depth"] is None
    assert snapshot["reasons"]["queue_depth"] == "Prometheus has no sample for the query"
