# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo's service and load generator, as real processes on the loopback interface."""

from __future__ import annotations

import asyncio
import csv
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
import pytest
import requests
from ansible_collections.rlops.autoscale.tests.tools.ports import free_port
from prometheus_client.parser import text_string_to_metric_families

FILES = Path(__file__).resolve().parents[2] / "roles/demo_service/files"
PATIENCE = 20.0  # s that anything may take on a busy machine


@dataclass
class Service:
    """A running instance."""

    process: subprocess.Popen[str]
    port: int

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def health(self) -> tuple[int, str]:
        answer = requests.get(self.url("healthz"), timeout=PATIENCE)
        return answer.status_code, answer.text.strip()

    def metrics(self) -> dict[str, float]:
        """Samples without labels, and the histogram's count."""
        page = requests.get(self.url("metrics"), timeout=PATIENCE).text
        return {
            sample.name: sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
            if not sample.labels
        }

    def end(self) -> str:
        """Wait for its end, which must be a good one; its log."""
        log = self.process.communicate(timeout=PATIENCE)[1]
        assert self.process.returncode == 0, log
        return log


@pytest.fixture
def start() -> Iterator[Callable[..., Service]]:
    """Function that starts an instance (settings as environment variables) and waits until it answers."""
    services: list[Service] = []

    def start(**settings: Any) -> Service:
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, str(FILES / "service.py"), f"--port={port}"],
            env=os.environ | {name: str(value) for name, value in settings.items()},
            stderr=subprocess.PIPE,
            text=True,
        )
        services.append(Service(process, port))
        assert process.stderr
        assert f":{port}" in process.stderr.readline()  # it says where it listens once it does
        return services[-1]

    yield start
    for service in services:
        service.process.kill()
        service.process.communicate()


@dataclass
class Replay:
    """What the load generator found."""

    summary: dict[str, float]
    messages: list[dict[str, str]]

    def latencies(self) -> list[float]:
        """Sorted; infinite for a message without an answer."""
        return sorted(float(message["latency_s"] or math.inf) for message in self.messages)

    def by_instance(self, since: float = 0.0) -> Counter[str]:
        return Counter(message["instance"] for message in self.messages if float(message["due_s"]) >= since)


class Load:
    """The load generator under a constant rate."""

    def __init__(self, directory: Path, services: Sequence[Service], rate: float, seconds: float, *args: str) -> None:
        directory.mkdir(exist_ok=True)
        self._instances = directory / "instances.json"
        self._output = directory / "latencies.csv"
        self.tell(services)
        trace = directory / "rates.csv"
        trace.write_text(f"t_seconds,rate\n0,{rate}\n{seconds},{rate}\n")
        command = [sys.executable, str(FILES / "load.py"), f"--instances={self._instances}", f"--rates={trace}"]
        command += [f"--output={self._output}", "--connection-life=1.5", *args]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def tell(self, services: Sequence[Service], state: str = "ready") -> None:
        """Name the instances."""
        new = self._instances.with_suffix(".new")
        instances = [
            {"name": f"i-{number}", "state": state, "address": "127.0.0.1", "port": service.port}
            for number, service in enumerate(services)
        ]
        new.write_text(json.dumps({"instances": instances}))
        new.replace(self._instances)

    def result(self) -> Replay:
        """Wait for the end of the replay."""
        output = self._process.communicate(timeout=60)[0]
        assert self._process.returncode == 0
        with self._output.open(newline="") as file:
            return Replay(json.loads(output), list(csv.DictReader(file)))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_instance_is_healthy_after_its_warm_up(start: Callable[..., Service]) -> None:
    service = start(WARMUP=3)
    assert service.health() == (503, "warming up")
    assert requests.post(service.url("work"), timeout=PATIENCE).status_code == 503
    until(lambda: service.health() == (200, "ok"))
    assert requests.post(service.url("work"), data="hello", timeout=PATIENCE).text == "hello"


def test_an_unhealthy_instance_never_gets_healthy(start: Callable[..., Service]) -> None:
    service = start(UNHEALTHY=1)
    time.sleep(0.3)
    assert service.health() == (503, "unhealthy")


def test_the_metrics_page_has_the_names_that_the_collection_reads_by_default(start: Callable[..., Service]) -> None:
    before = time.time()
    service = start(SERVICE_RATE=1000)
    for _unused in range(5):
        requests.post(service.url("work"), timeout=PATIENCE)
    answer = requests.get(service.url("metrics"), timeout=PATIENCE)
    assert answer.headers["Content-Type"].startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert {name: family.type for name, family in families.items() if name.startswith("app_")} == {
        "app_p99_latency_seconds": "histogram",
        "app_eventloop_lag_seconds": "gauge",
        "app_message_queue_depth": "gauge",
        "app_ws_connections": "gauge",
        "app_draining": "gauge",
    }
    bounds = [
        float(sample.labels["le"])
        for sample in families["app_p99_latency_seconds"].samples
        if sample.name.endswith("_bucket")
    ]
    assert 0.2 in bounds
    metrics = service.metrics()
    assert metrics["app_p99_latency_seconds_count"] == 5
    assert metrics["app_message_queue_depth"] == 0
    assert before - 2 < metrics["process_start_time_seconds"] < time.time() + 1


def test_the_gauges_show_what_happens(start: Callable[..., Service]) -> None:
    """Fifty messages wait at an instance that does five a second, and blocks on each."""
    service = start(SERVICE_RATE=5, BLOCK_FRACTION=1, SEED=1)

    async def flood() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(service.url("ws")) as client:
            for number in range(50):
                await client.send_str(str(number))
            await client.receive()
            await client.receive()
            metrics = await asyncio.to_thread(service.metrics)
            assert metrics["app_ws_connections"] == 1
            assert 30 <= metrics["app_message_queue_depth"] <= 48
            assert metrics["app_eventloop_lag_seconds"] > 0.02

    asyncio.run(flood())
    until(lambda: service.metrics()["app_ws_connections"] == 0)


def test_draining_refuses_what_is_new_and_can_be_taken_back(start: Callable[..., Service]) -> None:
    service = start(SERVICE_RATE=1000)

    async def talk() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(service.url("ws")) as old:
            async with session.post(service.url("drain")) as answer:
                assert answer.status == 200
            assert await asyncio.to_thread(service.health) == (503, "draining")
            assert (await asyncio.to_thread(service.metrics))["app_draining"] == 1
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(service.url("ws"))
            assert refused.value.status == 503
            await old.send_str("still here")
            assert await old.receive_str() == "still here"
            async with session.delete(service.url("drain")) as answer:
                assert answer.status == 200
            async with session.ws_connect(service.url("ws")) as new:
                await new.send_str("welcome")
                assert await new.receive_str() == "welcome"

    asyncio.run(talk())
    assert service.health() == (200, "ok")
    assert service.metrics()["app_draining"] == 0


def test_a_drain_tells_how_many_connections_are_left(start: Callable[..., Service]) -> None:
    service = start(SERVICE_RATE=1000)

    async def connect_and_drain() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(service.url("ws")):
            async with session.ws_connect(service.url("ws")), session.post(service.url("drain")) as answer:
                assert await answer.text() == "2\n"
            await asyncio.to_thread(until, lambda: service.metrics()["app_ws_connections"] == 1)
            async with session.post(service.url("drain")) as answer:
                assert await answer.text() == "1\n"

    asyncio.run(connect_and_drain())


def test_shedding_lets_the_oldest_go_one_by_one_and_owes_them_nothing(start: Callable[..., Service]) -> None:
    service = start(SERVICE_RATE=5, SEED=1)

    async def shed() -> None:
        async with aiohttp.ClientSession() as session:
            clients = [await session.ws_connect(service.url("ws")) for _unused in range(4)]
            await clients[0].send_str("still to be answered")
            async with session.post(service.url("shed?count=3&seconds=1.5")) as answer:
                assert (answer.status, await answer.text()) == (202, "3\n")
            assert await clients[0].receive_str() == "still to be answered"
            began = time.monotonic()
            for client in clients[:3]:
                assert (await client.receive()).type is aiohttp.WSMsgType.CLOSE
                assert client.close_code == aiohttp.WSCloseCode.GOING_AWAY
            assert time.monotonic() - began > 0.3, "they went all at once"
            await clients[3].send_str("here to stay")
            assert await clients[3].receive_str() == "here to stay"

    asyncio.run(shed())


@pytest.mark.parametrize(
    "query", ["", "count=x", "count=-1", "count=1&seconds=-1", "count=1&seconds=1e9", "count=1&seconds=nan"]
)
def test_odd_requests_to_shed_are_refused(start: Callable[..., Service], query: str) -> None:
    service = start()
    answer = requests.post(service.url(f"shed?{query}"), timeout=PATIENCE)
    assert (answer.status_code, answer.text[:8]) == (400, "expected")


async def backlog_then_sigterm(service: Service, count: int) -> tuple[list[str], int | None, bool]:
    """Send `count` messages, then SIGTERM: the answers, the close code, whether a newcomer was refused meanwhile."""
    async with aiohttp.ClientSession() as session, session.ws_connect(service.url("ws")) as client:
        async with session.ws_connect(service.url("ws")) as idle:
            for number in range(count):
                await client.send_str(str(number))
            answers = [await client.receive_str()]
            service.process.send_signal(signal.SIGTERM)
            assert (await idle.receive()).type is aiohttp.WSMsgType.CLOSE  # it is owed nothing, so it leaves first
            assert idle.close_code == aiohttp.WSCloseCode.GOING_AWAY
        try:
            await session.ws_connect(service.url("ws"))
            refused = False
        except aiohttp.ClientError:
            refused = True
        async for message in client:
            answers.append(message.data)
        return answers, client.close_code, refused


def test_sigterm_answers_what_was_received_and_says_goodbye(start: Callable[..., Service]) -> None:
    service = start(SERVICE_RATE=40)
    answers, code, refused = asyncio.run(backlog_then_sigterm(service, 40))
    assert answers == [str(number) for number in range(40)]
    assert code == aiohttp.WSCloseCode.GOING_AWAY
    assert refused
    assert "0 messages dropped" in service.end()


def test_sigterm_waits_no_longer_than_the_drain_timeout(start: Callable[..., Service]) -> None:
    service = start(SERVICE_RATE=20, DRAIN_TIMEOUT=0.5)
    answers, code, _unused = asyncio.run(backlog_then_sigterm(service, 400))
    assert 1 <= len(answers) < 200
    assert code == aiohttp.WSCloseCode.GOING_AWAY
    assert f"{400 - len(answers)} messages dropped" in service.end()


def test_latency_depends_on_load_and_instances(start: Callable[..., Service], tmp_path: Path) -> None:
    """The knee is at capacity: fine at half of it, far above at 1.4 times, and a second instance removes that."""
    services = [start(SERVICE_RATE=80, SEED=seed) for seed in range(4)]
    loads = {
        "half": Load(tmp_path / "half", services[:1], 40, 8),
        "over": Load(tmp_path / "over", services[1:2], 112, 8),
        "shared": Load(tmp_path / "shared", services[2:], 112, 8),
    }
    found = {name: load.result() for name, load in loads.items()}
    # Not the 99th percentile, which is that of the test's machine: a few moments without a processor are enough.
    latency = {name: median(replay.latencies()) for name, replay in found.items()}
    assert latency["over"] > 5 * latency["half"]
    assert latency["over"] > 3 * latency["shared"]
    assert found["over"].summary["messages"] == found["shared"].summary["messages"]  # the same arrivals
    shares = found["shared"].by_instance()
    assert min(shares.values()) > 0.35 * sum(shares.values())
    assert services[0].metrics()["app_p99_latency_seconds_count"] == len(found["half"].messages)


def test_the_load_follows_the_instances_and_loses_nothing(start: Callable[..., Service], tmp_path: Path) -> None:
    services = [start(SERVICE_RATE=200) for _unused in range(3)]
    load = Load(tmp_path, services[:2], 120, 8)
    until(lambda: all(service.metrics()["app_ws_connections"] > 0 for service in services[:2]))
    load.tell(services)
    until(lambda: services[2].metrics()["app_ws_connections"] > 2)
    services[0].process.send_signal(signal.SIGTERM)  # nobody tells the load generator
    assert "0 messages dropped" in services[0].end()
    replay = load.result()
    assert replay.summary["unanswered"] == 0
    assert all(message["latency_s"] for message in replay.messages)
    assert set(replay.by_instance()) == {"i-0", "i-1", "i-2"}
    late = replay.by_instance(since=6.5)
    assert set(late) == {"i-1", "i-2"}
    assert min(late.values()) > 0.25 * sum(late.values())


def test_what_a_killed_instance_owes_is_asked_elsewhere(start: Callable[..., Service], tmp_path: Path) -> None:
    slow, fast = start(SERVICE_RATE=2), start(SERVICE_RATE=500)
    load = Load(tmp_path, [slow, fast], 60, 5)
    until(lambda: slow.metrics()["app_message_queue_depth"] > 10)
    slow.process.kill()
    replay = load.result()
    assert replay.summary["resent"] > 10
    assert replay.summary["unanswered"] == 0


def test_the_load_is_open_loop(start: Callable[..., Service], tmp_path: Path) -> None:
    """An instance that stands still for a second is felt by all that was due meanwhile, not by one waiting client."""
    service = start(SERVICE_RATE=1000)
    load = Load(tmp_path, [service], 50, 4)
    until(lambda: service.metrics()["app_p99_latency_seconds_count"] > 20)
    service.process.send_signal(signal.SIGSTOP)
    time.sleep(1)
    service.process.send_signal(signal.SIGCONT)
    waited = [latency for latency in load.result().latencies() if latency > 0.3]
    assert len(waited) > 20
    assert 0.7 < max(waited) < PATIENCE


def test_what_is_never_answered_is_reported(start: Callable[..., Service], tmp_path: Path) -> None:
    service = start(SERVICE_RATE=2)
    replay = Load(tmp_path, [service], 30, 2, "--grace=0.5").result()
    unanswered = [message for message in replay.messages if not message["latency_s"]]
    assert len(unanswered) == replay.summary["unanswered"] > 20


def test_without_an_instance_messages_wait(start: Callable[..., Service], tmp_path: Path) -> None:
    service = start(SERVICE_RATE=500)
    begins = time.time() + 4  # enough for the load generator to be there
    load = Load(tmp_path, [], 20, 3, f"--start-at={begins}")
    load.tell([service], state="booting")
    time.sleep(begins + 2 - time.time())
    assert service.metrics()["app_ws_connections"] == 0
    load.tell([service])
    replay = load.result()
    assert replay.summary["unanswered"] == 0
    assert max(replay.latencies()) > 0.5
