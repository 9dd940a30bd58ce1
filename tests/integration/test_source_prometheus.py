# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Source `prometheus` against a real server: the same load is seen through it and by scraping."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.module_utils._http import Client
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot import take_snapshot
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot_spec import SNAPSHOT_SPEC
from ansible_collections.rlops.autoscale.plugins.module_utils._source_prometheus import Together
from ansible_collections.rlops.autoscale.tests.conftest import require_binary
from ansible_collections.rlops.autoscale.tests.tools.metrics_server import MetricsServer, page
from ansible_collections.rlops.autoscale.tests.tools.prometheus_server import Prometheus, prometheus
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

WINDOW = 6.0


def service(rate: float, queue: float, growth: float) -> Callable[..., None]:
    """A service that completes `rate`/s in 0.1 to 0.2 s each; its queue grows from `queue` by `growth`/s."""
    began = time.time()

    def answer(request: Any) -> None:
        passed = time.time() - began
        count = rate * passed
        body = f"""\
process_start_time_seconds {began}
app_eventloop_lag_seconds {rate / 10_000}
app_message_queue_depth{{stage="in"}} {queue + growth * passed}
app_message_queue_depth{{stage="out"}} 1
busy_percent {rate / 2}
received_total {(rate + 5) * passed}
app_p99_latency_seconds_bucket{{le="0.1"}} 0
app_p99_latency_seconds_bucket{{le="0.2"}} {count}
app_p99_latency_seconds_bucket{{le="+Inf"}} {count}
app_p99_latency_seconds_count {count}
app_p99_latency_seconds_sum {count * 0.15}
"""
        page(body)(request)

    return answer


class Cluster:
    """Three instances (`c` drains) and the Prometheus that scrapes them."""

    def __init__(self, servers: dict[str, MetricsServer], source: Prometheus) -> None:
        self.source = source
        self.instances = [
            {"name": name, "state": "draining" if name == "c" else "ready", "metrics_url": server.url}
            for name, server in servers.items()
        ]

    def observe(self, source: str = "prometheus", together: Together | None = None, **options: Any) -> dict[str, Any]:
        settings = {"url": self.source.url, "window": WINDOW, "labels": {"job": "test"}} | options.pop("prometheus", {})
        given = {"source": source, "instances": self.instances, "prometheus": settings, "prime_delay": WINDOW} | options
        checked = ArgumentSpecValidator(SNAPSHOT_SPEC).validate(given)
        assert checked.error_messages == []
        return take_snapshot(checked.validated_parameters, time.time, time.sleep, together and together.ask)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    binary = require_binary("prometheus")
    with ExitStack() as stack:
        answers = {"a": service(40, 10, 20), "b": service(80, 30, 0), "c": service(20, 5, 0)}
        servers = {name: stack.enter_context(MetricsServer(answer)) for name, answer in answers.items()}
        targets = [f"127.0.0.1:{server.port}" for server in servers.values()]
        source = stack.enter_context(prometheus(binary, tmp_path_factory.mktemp("source"), targets, "500ms"))
        # A counter that is young in its window is extrapolated to its zero, not to the window's start.
        enough = f"count_over_time(app_eventloop_lag_seconds[{int(WINDOW)}s] offset {int(WINDOW)}s) > 9"
        wait_for(lambda: len(source.query(enough)) == len(servers), 90)
        yield Cluster(servers, source)


def _states(snapshot: dict[str, Any]) -> list[tuple[str, str]]:
    return [(row["name"], row["state"]) for row in snapshot["instances"]]


def test_the_same_load_as_by_scraping(cluster: Cluster) -> None:
    asked, scraped = cluster.observe(), cluster.observe("scrape")
    assert asked["valid"] is True
    assert asked["reasons"].keys() == scraped["reasons"].keys() == {"utilisation"}
    for field in ("completion_rate", "arrival_rate", "p99_latency_s", "mean_latency_s", "eventloop_lag_s", "imbalance"):
        assert asked[field] == pytest.approx(scraped[field], rel=0.1), field
    assert asked["completion_rate"] == pytest.approx(140, rel=0.1)
    assert asked["arrival_rate"] == pytest.approx(160, rel=0.1)
    assert asked["p99_latency_s"] == pytest.approx(0.199)
    assert (asked["expected"], asked["answered"]) == (scraped["expected"], scraped["answered"]) == (2, 2)
    assert sorted(_states(asked)) == sorted(_states(scraped)) == [("a", "ready"), ("b", "ready"), ("c", "draining")]
    assert asked["interval_s"] == WINDOW
    assert 0 <= asked["age_s"] < 5
    assert asked["counters"] == {}


def test_a_draining_instance_is_no_capacity(cluster: Cluster) -> None:
    snapshot = cluster.observe(metrics={"utilisation": {"name": "busy_percent", "scale": 0.01}})
    assert snapshot["utilisation"] == pytest.approx((0.2 + 0.4) / 2)
    assert snapshot["queue_total"] - 2 * snapshot["queue_depth"] == pytest.approx(6)


def test_labels_and_counters_of_their_own(cluster: Cluster) -> None:
    metrics = {
        "queue_depth": {"labels": {"stage": "~ou."}},
        "arrivals": {"name": "received_total"},
        "completions": {"name": "received_total"},
    }
    snapshot = cluster.observe(metrics=metrics)
    assert snapshot["queue_total"] == 3
    assert snapshot["arrival_rate"] == pytest.approx(155, rel=0.1)
    assert snapshot["completion_rate"] == pytest.approx(155, rel=0.1)
    nothing = cluster.observe(prometheus={"labels": {"job": 'no"such\\job\n'}})
    assert nothing["valid"] is False
    assert nothing["reasons"]["queue_depth"] == "Prometheus has no sample for the query"


def test_a_metric_of_which_there_is_no_sample_is_named(cluster: Cluster) -> None:
    wrong = {"queue_depth": {"name": "app_queue_dept"}, "arrivals": {"name": "received"}}
    assert cluster.observe(metrics=wrong)["warnings"] == [
        "no received (autoscale_metrics.arrivals.name), app_queue_dept (autoscale_metrics.queue_depth.name) "
        "in Prometheus; name what there is, or '' for none"
    ]
    of_their_own = {"queries": {"queue_depth": "vector(NaN)", "arrival_rate": "vector(1)"}}
    assert cluster.observe(metrics=wrong, prometheus=of_their_own)["warnings"] == []
    assert cluster.observe(prometheus={"labels": {"job": "none"}})["warnings"] == [], "nothing is there at all"


def test_many_clusters_are_asked_about_at_once(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each instance as a cluster of its own, by the label that has its name."""
    names = [instance["metrics_url"].removeprefix("http://").removesuffix("/metrics") for instance in cluster.instances]
    settings = {"cluster_label": "instance", "instance_label": "job"}
    rounds = []
    fetch_all = Client.fetch_all
    monkeypatch.setattr(Client, "fetch_all", lambda *given: rounds.append(given) or fetch_all(*given))
    together, options = Together(), {"instances": None, "prometheus": settings}
    shared = [cluster.observe(together=together, cluster=name, **options) for name in names]
    assert len(rounds) == 1
    alone = [cluster.observe(cluster=name, **options) for name in names]
    assert len(rounds) == 4
    for of_many, of_one in zip(shared, alone, strict=True):
        assert of_many["valid"] is of_one["valid"] is True
        assert of_many["reasons"].keys() == of_one["reasons"].keys()
        for field in ("completion_rate", "arrival_rate", "queue_depth", "p99_latency_s", "mean_latency_s"):
            assert of_many[field] == pytest.approx(of_one[field], rel=0.1), field
    assert [round(each["completion_rate"] / 20) for each in shared] == [2, 4, 1]

    nobody = cluster.observe(together=together, cluster="nobody", **options)
    assert (nobody["valid"], nobody["reasons"]["queue_depth"]) == (False, "Prometheus has no sample for the query")
    own = cluster.observe(together=together, prometheus={**settings, "queries": {"queue_depth": "vector(7)"}})
    assert own["queue_depth"] == 7
    assert len(rounds) == 5, "whoever has queries of their own is asked about alone"


def test_queries_of_the_users(cluster: Cluster) -> None:
    queries = {"queue_depth": "vector(7)", "p99_latency": "scalar(vector(0.5))", "utilisation": "vector(NaN)"}
    snapshot = cluster.observe(prometheus={"queries": queries})
    assert snapshot["queue_depth"] == 7
    assert snapshot["p99_latency_s"] == 0.5
    assert snapshot["utilisation"] is None
    assert snapshot["reasons"]["utilisation"] == "Prometheus has no sample for the query"


def test_instances_that_prometheus_calls_otherwise(cluster: Cluster) -> None:
    snapshot = cluster.observe(instances=None)
    assert (snapshot["expected"], snapshot["answered"]) == (3, 3)
    assert snapshot["valid"] is True


def test_an_instance_that_prometheus_does_not_see(cluster: Cluster) -> None:
    more = [*cluster.instances, {"name": "d", "state": "ready", "metrics_url": "http://127.0.0.1:1/metrics"}]
    snapshot = cluster.observe(instances=more)
    assert (snapshot["expected"], snapshot["answered"]) == (3, 2)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("sum(", "prometheus.queries.queue_depth: Prometheus refuses the query: invalid parameter"),
        (
            "app_message_queue_depth",
            "prometheus.queries.queue_depth: expected one sample, or one for each label",
        ),
    ],
)
def test_a_query_that_cannot_work_is_named(cluster: Cluster, query: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        cluster.observe(prometheus={"queries": {"queue_depth": query}})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            page("<html>", content_type="text/html"),
            "answered with status 200 and text/html, not as Prometheus' API does",
        ),
        (page("{}", content_type="application/json"), "answered with status 200 and application/json, not as"),
        (
            page('{"status": "error", "errorType": "execution", "error": "too\\u0007 much"}'),
            "Prometheus answered: too  much",
        ),
    ],
)
def test_something_else_answers(cluster: Cluster, answer: Callable[..., None], reason: str) -> None:
    with MetricsServer(answer) as server:
        snapshot = cluster.observe(prometheus={"url": f"http://127.0.0.1:{server.port}/"})
    assert snapshot["valid"] is False
    assert snapshot["reasons"]["p99_latency_s"].startswith(reason)


def test_nobody_answers(cluster: Cluster) -> None:
    snapshot = cluster.observe(prometheus={"url": "http://127.0.0.1:1"})
    assert snapshot["valid"] is False
    assert snapshot["reasons"]["p99_latency_s"] == "Connection refused"
