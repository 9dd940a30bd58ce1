# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole snapshots from real pages: priming, staleness, validity, files, and settings that cannot work."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot import MAX_WARNINGS, take_snapshot
from ansible_collections.rlops.autoscale.tests.tools.metrics_server import MetricsServer, page

Page = Callable[..., bytes]
KEYS = {
    *("cluster", "source", "at", "interval_s", "age_s", "valid", "p99_latency_s", "mean_latency_s", "queue_depth"),
    *("queue_total", "eventloop_lag_s", "arrival_rate", "completion_rate", "utilisation", "imbalance", "expected"),
    *("answered", "reasons", "instances", "counters", "warnings"),
}
FIGURES = [
    *("p99_latency_s", "mean_latency_s", "queue_depth", "queue_total", "eventloop_lag_s"),
    *("arrival_rate", "completion_rate", "utilisation", "imbalance"),
]


class World:
    """A clock that moves by sleeping only, and instances that answer with what was last set."""

    def __init__(self, stack: ExitStack, options: Callable[..., dict[str, Any]]) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.while_asleep: Callable[[], None] = lambda: None
        self._stack = stack
        self._options = options
        self.servers: dict[str, MetricsServer] = {}

    def show(self, name: str, body: bytes, **answer: Any) -> None:
        if name not in self.servers:
            self.servers[name] = self._stack.enter_context(MetricsServer(page(b"")))
        self.servers[name].answer = page(body, **answer)

    def instances(self, **states: str) -> list[dict[str, Any]]:
        return [
            {"name": name, "state": states.get(name, "ready"), "metrics_url": server.url}
            for name, server in self.servers.items()
        ]

    def observe(self, **options: Any) -> dict[str, Any]:
        def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            self.now += seconds
            self.while_asleep()

        given = {"cluster": "chat", "instances": self.instances(), "http": {"timeout": 10}} | options
        snapshot = take_snapshot(self._options(**given), lambda: self.now, sleep)
        assert set(snapshot) == KEYS
        for field in FIGURES:
            assert (snapshot[field] is None) == (field in snapshot["reasons"]), field
        assert snapshot["valid"] is ("valid" not in snapshot["reasons"])
        return json.loads(json.dumps(snapshot, allow_nan=False))


@pytest.fixture
def world(snapshot_options: Callable[..., dict[str, Any]]) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(stack, snapshot_options)


def test_a_first_snapshot_scrapes_twice(world: World, service_page: Page) -> None:
    world.show("a", service_page({"0.1": 10, "0.2": 10, "+Inf": 10}, queue=4, started=1.0))
    world.while_asleep = lambda: world.show("a", service_page({"0.1": 10, "0.2": 30, "+Inf": 30}, queue=8, started=1.0))
    snapshot = world.observe(prime_delay=2)
    assert world.slept == [2]
    assert snapshot["valid"] is True
    assert snapshot["interval_s"] == 2
    assert snapshot["completion_rate"] == 10
    assert snapshot["arrival_rate"] == 12
    assert snapshot["p99_latency_s"] == pytest.approx(0.199)


def test_the_second_compares_with_the_first(world: World, service_page: Page) -> None:
    world.show("a", service_page({"0.1": 10, "+Inf": 10}))
    first = world.observe(prime_delay=0)
    assert world.slept == []
    assert first["valid"] is False
    assert first["interval_s"] is None
    assert first["queue_depth"] == 0
    assert first["reasons"]["completion_rate"] == first["reasons"]["valid"]
    world.now += 15
    world.show("a", service_page({"0.1": 160, "+Inf": 160}))
    second = world.observe(previous=first["counters"])
    assert world.slept == []
    assert second["valid"] is True
    assert second["interval_s"] == 15
    assert second["completion_rate"] == 10


@pytest.mark.parametrize("passed", [46.0, -1.0])
def test_counters_too_old_or_of_the_future_are_not_compared_with(
    world: World, service_page: Page, passed: float
) -> None:
    world.show("a", service_page({"0.1": 10, "+Inf": 10}))
    first = world.observe(prime_delay=0)
    world.now += passed
    assert world.observe(previous=first["counters"], prime_delay=1)["interval_s"] == 1


def test_damaged_counters_are_said_and_replaced(world: World, service_page: Page) -> None:
    world.show("a", service_page({"0.1": 10, "+Inf": 10}))
    snapshot = world.observe(previous={"format": 99}, prime_delay=1)
    assert snapshot["valid"] is True
    assert snapshot["warnings"] == ["the previous counters are not of this version's format: not used"]


def test_an_instance_that_missed_a_tick_is_not_lost(world: World, service_page: Page) -> None:
    world.show("a", service_page({"0.1": 0, "+Inf": 0}))
    world.show("b", service_page({"0.1": 0, "+Inf": 0}))
    first = world.observe(prime_delay=0)
    world.now += 10
    world.show("b", b"", status=500)
    second = world.observe(previous=first["counters"])
    assert (second["answered"], second["expected"]) == (1, 2)
    world.now += 10
    world.show("a", service_page({"0.1": 0, "+Inf": 0}))
    world.show("b", service_page({"0.1": 60, "+Inf": 60}))
    assert world.observe(previous=second["counters"])["completion_rate"] == 3


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 503}, "answered with status 503"),
        ({"content_type": "text/html"}, "answered with text/html, not a metrics page: check the metrics_url"),
        ({"content_type": "application/json"}, "answered with application/json, not a metrics page"),
        ({"content_type": "text/<\x07b>\t{{ lookup('pipe', 'id') }}"}, "answered with text/<"),
    ],
)
def test_one_bad_answer_among_good_ones(world: World, service_page: Page, answer: dict[str, Any], error: str) -> None:
    good = service_page({"0.1": 1, "+Inf": 1})
    world.show("a", good)
    world.show("b", good, **answer)
    snapshot = world.observe(prime_delay=1)
    assert snapshot["valid"] is True
    assert (snapshot["answered"], snapshot["expected"]) == (1, 2)
    assert snapshot["instances"][1]["error"].startswith(error)
    assert snapshot["instances"][1]["ok"] is False
    assert snapshot["warnings"][0].startswith(f"1 of 2 ready instances gave no metrics: b ({error}")
    assert "\x07" not in json.dumps(snapshot)


def test_an_instance_that_has_ended_its_drain_is_no_problem(world: World, service_page: Page) -> None:
    world.show("a", service_page({"0.1": 1, "+Inf": 1}))
    world.show("b", b"", status=500)
    snapshot = world.observe(instances=world.instances(b="draining"), prime_delay=1)
    assert snapshot["instances"][1]["error"] == "answered with status 500"
    assert snapshot["warnings"] == []


def test_pages_that_are_no_metrics_everywhere(world: World) -> None:
    world.show("a", b"<html>not here</html>", content_type="text/html")
    world.show("b", b"welcome\n")
    snapshot = world.observe()
    assert world.slept == []  # no use in asking again
    assert snapshot["valid"] is False
    assert snapshot["reasons"]["valid"] == "no ready instance answered"
    assert {snapshot[field] for field in FIGURES} == {None}
    assert snapshot["instances"][1]["error"].startswith("none of these metrics is on the page")


@pytest.mark.parametrize(("min_answered", "valid"), [(0.5, True), (0.51, False)])
def test_min_answered(world: World, service_page: Page, min_answered: float, valid: bool) -> None:
    world.show("a", service_page({"0.1": 1, "+Inf": 1}))
    world.show("b", b"", status=500)
    assert world.observe(min_answered=min_answered)["valid"] is valid


def test_states_other_than_ready_and_draining_are_not_asked(world: World, service_page: Page) -> None:
    for name in ("a", "b", "c", "d"):
        world.show(name, service_page({"0.1": 1, "+Inf": 1}, queue=4))
    instances = [*world.instances(b="draining", c="booting", d="failed"), {"name": "e", "state": "booting"}]
    snapshot = world.observe(instances=instances, prime_delay=1)
    assert [row["name"] for row in snapshot["instances"]] == ["a", "b"]
    assert world.servers["c"].requests == world.servers["d"].requests == []
    assert (snapshot["expected"], snapshot["answered"], snapshot["queue_total"]) == (1, 1, 8)


def test_no_instance_at_all(world: World) -> None:
    snapshot = world.observe(instances=[])
    assert snapshot["valid"] is False
    assert snapshot["reasons"]["valid"] == "there is no ready instance"


def test_problems_are_warned_of_but_not_without_end(world: World, service_page: Page) -> None:
    bad = "".join(f"app_p99_latency_seconds_sum{{n='{number}'}} x\n" for number in range(50))
    world.show("a", service_page({"0.1": 1, "+Inf": 1}, more=bad))
    warnings = world.observe()["warnings"]
    assert len(warnings) == MAX_WARNINGS + 1
    assert warnings[0].startswith("a: malformed line left out: app_p99_latency_seconds_sum{n='0'} x")
    assert warnings[-1] == "and 40 more"


def test_without_a_queue_the_arrival_rate_is_doubtful(world: World, service_page: Page) -> None:
    world.show("a", service_page({"0.1": 1, "+Inf": 1}, queue=None))
    warning = world.observe()["warnings"][-1]
    assert warning.startswith("no queue is known: arrival_rate is the completion rate")


class TestFiles:
    def write(self, path: Path, body: bytes, written: float) -> None:
        path.write_bytes(body)
        os.utime(path, (written, written))

    def test_rates_are_taken_between_the_times_of_writing(
        self, world: World, service_page: Page, tmp_path: Path
    ) -> None:
        instances = [{"name": name, "index": index} for index, name in enumerate(["chat-1", "chat-2"])]
        options = {"source": "file", "instances": instances, "file": {"path": str(tmp_path / "{name}_{index}.prom")}}
        self.write(tmp_path / "chat-1_0.prom", service_page({"0.1": 0, "+Inf": 0}, queue=3), 995)
        first = world.observe(**options)
        assert world.slept == []
        assert (first["answered"], first["expected"], first["queue_total"], first["age_s"]) == (1, 2, 3, 5)
        assert first["instances"][1]["error"].endswith("chat-2_1.prom: No such file or directory")
        world.now += 15
        self.write(tmp_path / "chat-1_0.prom", service_page({"0.1": 60, "+Inf": 60}, queue=3), 1015)
        second = world.observe(previous=first["counters"], **options)
        assert second["completion_rate"] == 3  # 60 in the 20 s between the files
        assert second["valid"] is True

    def test_a_file_that_is_not_rewritten(self, world: World, service_page: Page, tmp_path: Path) -> None:
        path = tmp_path / "app.prom"
        options = {"source": "file", "instances": None, "file": {"path": str(path)}}
        self.write(path, service_page({"0.1": 5, "+Inf": 5}), 1000)
        first = world.observe(**options)
        world.now += 40
        second = world.observe(previous=first["counters"], **options)
        assert second["completion_rate"] is None
        assert second["valid"] is False
        assert second["age_s"] == 40

    def test_old_figures_are_not_valid(self, world: World, service_page: Page, tmp_path: Path) -> None:
        path = tmp_path / "app.prom"
        options = {"source": "file", "instances": None, "file": {"path": str(path)}}
        self.write(path, service_page({"0.1": 5, "+Inf": 5}), 950)
        first = world.observe(**options)
        self.write(path, service_page({"0.1": 9, "+Inf": 9}), 960)
        world.now += 5
        second = world.observe(previous=first["counters"], **options)
        assert second["completion_rate"] == pytest.approx(0.4)
        assert second["reasons"]["valid"] == "the figures are 45 s old, with an interval of 15 s"

    def test_a_shell_pattern_finds_an_instance_a_file(self, world: World, service_page: Page, tmp_path: Path) -> None:
        for name, queue in {"one": 1, "two": 2}.items():
            self.write(tmp_path / f"{name}.prom", service_page(queue=queue), 1000)
        snapshot = world.observe(source="file", instances=None, file={"path": str(tmp_path / "*.prom")})
        assert [row["name"] for row in snapshot["instances"]] == ["one", "two"]
        assert snapshot["queue_depth"] == 1.5

    def test_size_is_limited(self, world: World, tmp_path: Path) -> None:
        (tmp_path / "app.prom").write_bytes(b"#" * 2000)
        options = {"file": {"path": str(tmp_path / "app.prom")}, "http": {"max_bytes": 1000}}
        [row] = world.observe(source="file", instances=None, **options)["instances"]
        assert row["error"].endswith("larger than 1000 bytes (http.max_bytes)")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"instances": None}, "instances: source=scrape needs the list"),
        ({"instances": [{"name": "a"}]}, "instances: a has no metrics_url"),
        ({"instances": [{"metrics_url": "http://h/"}]}, "instances: each needs a name"),
        ({"instances": [{"name": "a", "metrics_url": "http://h/"}] * 2}, "instances: the name a occurs twice"),
        ({"instances": [{"name": "a", "metrics_url": "ftp://u:pw@h/?k=pw"}]}, "instances: expected a URL like"),
        ({"source": "prometheus"}, "prometheus.url: source=prometheus needs"),
        ({"source": "prometheus", "prometheus": {"url": "prom:9090"}}, "prometheus.url: expected a URL like"),
        ({"source": "file"}, "file.path: source=file needs"),
        ({"interval": 0}, "interval: a number above 0"),
        ({"http": {"timeout": -1}}, "http.timeout: a number above 0"),
        ({"http": {"timeout": float("nan")}}, "http.timeout: a number above 0"),
        ({"http": {"concurrency": 0}}, "http.concurrency: a number above 0"),
        ({"metrics": {"latency": {"scale": 0}}}, "metrics.latency.scale: a number above 0"),
        ({"prometheus": {"window": 0}}, "prometheus.window: a number above 0"),
        ({"prime_delay": -1}, "prime_delay: 0 or more seconds"),
        ({"min_answered": 0}, "min_answered: a part of 1"),
        ({"min_answered": 50}, "min_answered: a part of 1"),
        (
            {"metrics": {field: {"name": ""} for field in ("latency", "queue_depth", "eventloop_lag")}},
            "metrics: at least one metric",
        ),
    ],
)
def test_a_setting_that_cannot_work_is_named(world: World, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        world.observe(**({"instances": []} | options))
    assert str(caught.value).startswith(message)
    assert "pw" not in str(caught.value)


def test_a_metric_that_is_on_no_page_is_named(world: World, service_page: Page) -> None:
    world.show("a", service_page({"0.1": 1, "+Inf": 1}))
    world.show("b", service_page({"0.1": 1, "+Inf": 1}))
    wrong = {"completions": {"name": "chat_messages_total"}, "arrivals": {"name": "chat_accepted_total"}}
    for first in (True, False):
        [warning] = world.observe(metrics=wrong, prime_delay=0 if first else 1)["warnings"]
        assert warning == (
            "no chat_accepted_total (autoscale_metrics.arrivals.name), "
            "chat_messages_total (autoscale_metrics.completions.name) on any page; name what there is, or '' for none"
        )


def test_a_metric_that_is_on_some_page_or_has_no_value_yet_is_not_missing(world: World, service_page: Page) -> None:
    nothing = service_page({"0.1": 0, "+Inf": 0})
    world.show("a", nothing + b"app_accepted_total 0\n")
    world.show("b", nothing)
    named = {"arrivals": {"name": "app_accepted_total"}}
    assert world.observe(metrics=named, prime_delay=0)["warnings"] == []
    world.show("a", nothing + b"app_accepted_total NaN\n")
    assert world.observe(metrics=named, prime_delay=0)["warnings"] == ["a: app_accepted_total is nan: left out"]
    unnamed = {"eventloop_lag": {"name": ""}}
    assert world.observe(metrics=unnamed, prime_delay=0)["warnings"] == []
