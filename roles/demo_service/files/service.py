#!/usr/bin/env python
# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One instance of the demo's service: messages wait in a queue for one worker of a fixed service rate.

An instance is an M/M/1 queue, so its latency follows from its load: of the time from receipt to answer the mean is
1 / (rate - load), the 99th percentile ln(100) / (rate - load). Its CPU use says nothing: the worker mostly sleeps.

    GET  /ws       WebSocket: each text message is worked on and echoed
    POST /work     the same for one HTTP request: its body is echoed
    GET  /metrics  Prometheus text
    GET  /healthz  200 when new connections are welcome, else 503 with the reason
    POST /drain    refuse new connections and requests, keep serving those there are; DELETE /drain takes it back.
                   The answer to POST is the number of connections left
    POST /shed?count=N&seconds=S
                   let N connections go (code 1001), one after the other within S seconds: their clients connect again,
                   through the load balancer, to instances that have fewer

SIGTERM (or SIGINT) refuses what is new, answers what was received, closes each connection with code 1001 (going away)
once it owes it nothing, and exits 0; what is not answered within the drain timeout is dropped.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from aiohttp import WSCloseCode, WSMsgType, web
from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector, disable_created_metrics, exposition

#: Upper bounds (s) of the latency histogram, finest around the objective of 0.2 s.
LATENCY_BUCKETS = (
    *(0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2),
    *(0.22, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0),
)
LAG_PERIOD = 0.1  # s between two samples of the event loop's lag
LAG_SAMPLES = 10  # the gauge is the worst of so many, that is of the last second
CLOSE_TIMEOUT = 1.0  # s that a client has to answer a close
MAX_SHEDDING = 3600.0  # s that connections may be let go over


@dataclass(frozen=True)
class Settings:
    """How one instance behaves."""

    service_rate: float = 80.0  # messages/s of the one worker; service times are exponential
    block_fraction: float = 0.01  # part of the messages that block the event loop while worked on: it really lags
    warmup: float = 0.0  # s from the start until it is healthy
    unhealthy: bool = False  # never become healthy
    drain_timeout: float = 10.0  # s that a SIGTERM waits for the queue
    seed: int | None = None  # of the service times; None: another one each time


@dataclass(frozen=True)
class Job:
    """One message in the queue."""

    received: float  # loop time
    answer: Callable[[], Awaitable[None]]


class Connection:
    """One client's WebSocket, which can be asked to leave without losing an answer."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self.leaving = False
        self._unanswered = 0
        self._closing: asyncio.Task[bool] | None = None

    def received(self) -> None:
        """Note that the service owes one more answer."""
        self._unanswered += 1

    async def answer(self, text: str) -> None:
        """Answer one message; a client that is gone does not mind."""
        self._unanswered -= 1
        with suppress(ConnectionError):
            await self.socket.send_str(text)
        if self.leaving:
            self.leave()

    def leave(self) -> None:
        """Take no further message, and close (1001) as soon as all that were taken are answered."""
        self.leaving = True
        if not self._unanswered and self._closing is None:
            # A task: the worker must not wait for the client's part of the closing handshake.
            self._closing = asyncio.create_task(self.socket.close(code=WSCloseCode.GOING_AWAY, message=b"draining"))


class Service:
    """The queue, its worker, and what HTTP sees of them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.draining = False
        self._loop = asyncio.get_running_loop()
        self._healthy_at = self._loop.time() + settings.warmup
        self._random = random.Random(settings.seed)  # noqa: S311  (not for secrets)
        self._queue: asyncio.Queue[Job] = asyncio.Queue()
        self._unanswered = 0
        self._connections: dict[Connection, None] = {}  # in the order of their arrival
        self._shedding: asyncio.Task[None] | None = None
        self._lags: deque[float] = deque([0.0], maxlen=LAG_SAMPLES)
        disable_created_metrics()  # a series of its own for each histogram, of which nobody makes use
        self._registry = CollectorRegistry()
        self._latency = Histogram(
            "app_p99_latency_seconds",
            "Time from receipt to answer",
            buckets=LATENCY_BUCKETS,
            registry=self._registry,
        )
        self._gauge("app_eventloop_lag_seconds", "Worst lag of the last second", lambda: max(self._lags))
        self._gauge("app_message_queue_depth", "Messages not answered yet", lambda: self._unanswered)
        self._gauge("app_ws_connections", "Open WebSocket connections", lambda: len(self._connections))
        self._gauge("app_draining", "1 while nothing new is accepted", lambda: self.draining)
        ProcessCollector(registry=self._registry)  # process_start_time_seconds and the like

    def _gauge(self, name: str, documentation: str, value: Callable[[], float]) -> None:
        Gauge(name, documentation, registry=self._registry).set_function(value)

    def application(self) -> web.Application:
        """The HTTP interface."""
        application = web.Application()
        application.add_routes(
            [
                web.get("/ws", self._get_ws),
                web.post("/work", self._post_work),
                web.get("/metrics", self._get_metrics),
                web.get("/healthz", self._get_healthz),
                web.post("/drain", partial(self._set_draining, True)),
                web.delete("/drain", partial(self._set_draining, False)),
                web.post("/shed", self._post_shed),
            ]
        )
        return application

    def refusal(self) -> str | None:
        """Why new connections and requests are refused; None: they are welcome."""
        if self.draining:
            return "draining"
        if self.settings.unhealthy:
            return "unhealthy"
        if self._loop.time() < self._healthy_at:
            return "warming up"
        return None

    async def work(self) -> None:
        """The worker: one message after the other, for ever."""
        finish = 0.0
        while True:
            job = await self._queue.get()
            # Service ends at absolute times: coarse timers and a busy machine do not lower the service rate.
            finish = max(finish, job.received) + self._random.expovariate(self.settings.service_rate)
            if self._random.random() < self.settings.block_fraction:
                while self._loop.time() < finish:
                    pass
            await asyncio.sleep(max(0.0, finish - self._loop.time()))
            self._latency.observe(self._loop.time() - job.received)
            self._unanswered -= 1
            await job.answer()
            self._queue.task_done()

    async def watch_lag(self) -> None:
        """Measure by how much timers are late, for ever."""
        while True:
            due = self._loop.time() + LAG_PERIOD
            await asyncio.sleep(LAG_PERIOD)
            self._lags.append(self._loop.time() - due)

    async def drain(self) -> int:
        """Refuse what is new, wait for the queue, send all clients away; the number of messages dropped."""
        self.draining = True
        for connection in tuple(self._connections):
            connection.leave()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._queue.join(), self.settings.drain_timeout)
        closes = (
            connection.socket.close(code=WSCloseCode.GOING_AWAY, message=b"draining")
            for connection in tuple(self._connections)
        )
        await asyncio.gather(*closes)
        return self._unanswered

    def _enqueue(self, answer: Callable[[], Awaitable[None]]) -> None:
        self._unanswered += 1
        self._queue.put_nowait(Job(self._loop.time(), answer))

    async def _get_ws(self, request: web.Request) -> web.StreamResponse:
        if reason := self.refusal():
            return web.Response(status=503, text=reason + "\n")
        socket = web.WebSocketResponse(timeout=CLOSE_TIMEOUT, compress=False)
        await socket.prepare(request)
        connection = Connection(socket)
        self._connections[connection] = None
        try:
            async for message in socket:
                # A leaving connection is not listened to: its client sends again elsewhere what was not answered.
                if message.type is WSMsgType.TEXT and not connection.leaving:
                    connection.received()
                    self._enqueue(partial(connection.answer, message.data))
        finally:
            del self._connections[connection]
        return socket

    async def _post_work(self, request: web.Request) -> web.Response:
        if reason := self.refusal():
            return web.Response(status=503, text=reason + "\n")
        body = await request.text()
        answered = asyncio.Event()

        async def answer() -> None:
            answered.set()

        self._enqueue(answer)
        await answered.wait()
        return web.Response(text=body)

    async def _get_metrics(self, _request: web.Request) -> web.Response:
        page = exposition.generate_latest(self._registry)
        return web.Response(body=page, headers={"Content-Type": exposition.CONTENT_TYPE_LATEST})

    async def _get_healthz(self, _request: web.Request) -> web.Response:
        reason = self.refusal()
        return web.Response(status=503 if reason else 200, text=(reason or "ok") + "\n")

    async def _set_draining(self, draining: bool, _request: web.Request) -> web.Response:
        self.draining = draining
        return web.Response(text=f"{len(self._connections)}\n" if draining else "ok\n")

    async def _post_shed(self, request: web.Request) -> web.Response:
        try:
            count, seconds = int(request.query["count"]), float(request.query.get("seconds", "0"))
        except (KeyError, ValueError):
            count, seconds = -1, 0.0
        if count < 0 or not 0 <= seconds <= MAX_SHEDDING:
            expected = f"expected ?count=N&seconds=S with N of 0 or more and S from 0 to {MAX_SHEDDING:g}\n"
            return web.Response(status=400, text=expected)
        if self._shedding is not None:
            self._shedding.cancel()  # the newer request knows better
        self._shedding = asyncio.create_task(self._shed(count, seconds))
        return web.Response(status=202, text=f"{min(count, len(self._connections))}\n")

    async def _shed(self, count: int, seconds: float) -> None:
        """Let connections go, evenly spread over the time; those of the longest standing first."""
        for connection in [one for one in self._connections if not one.leaving][:count]:
            connection.leave()
            await asyncio.sleep(seconds / count)


async def serve(settings: Settings, name: str, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    service = Service(settings)
    runner = web.AppRunner(service.application(), access_log=None, shutdown_timeout=CLOSE_TIMEOUT)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    background = [asyncio.create_task(service.work()), asyncio.create_task(service.watch_lag())]
    say(f"{name} at {site.name}: {settings.service_rate:g} messages/s, healthy after {settings.warmup:g} s")
    await stop.wait()
    await site.stop()  # a new connection is refused at once, and its client tries another instance
    dropped = await service.drain()
    for task in background:
        task.cancel()
    await runner.cleanup()
    say(f"{name}: drained, {dropped} messages dropped")


def say(message: str) -> None:
    """Log one line."""
    print(message, file=sys.stderr, flush=True)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line; every option can also be given as an environment variable (SERVICE_RATE for --service-rate)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)

    def option(name: str, kind: Callable[[str], object], default: object, text: str) -> None:
        variable = name.upper().replace("-", "_")
        parser.add_argument(
            f"--{name}", type=kind, default=os.environ.get(variable, default), help=f"{text} (default {default})"
        )

    defaults = Settings()
    option("name", str, "service", "name of the instance, in its log and in the list of processes")
    option("port", int, 8080, "port to listen at")
    option("host", str, "127.0.0.1", "address to listen at")
    option("service-rate", float, defaults.service_rate, "messages/s that the instance can do")
    option("block-fraction", float, defaults.block_fraction, "part of the messages that block the event loop")
    option("warmup", float, defaults.warmup, "seconds until the instance is healthy")
    option("unhealthy", lambda text: bool(int(text)), "0", "1: the instance never becomes healthy")
    option("drain-timeout", float, defaults.drain_timeout, "seconds that SIGTERM waits for the queue")
    option("seed", int, defaults.seed, "seed of the service times")
    return parser.parse_args(argv)


def main() -> None:
    """Run one instance."""
    options = vars(arguments())
    name, host, port = (options.pop(option) for option in ("name", "host", "port"))
    asyncio.run(serve(Settings(**options), name, host, port))


if __name__ == "__main__":
    main()
