# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cost of observing: the wanted lines of a page against the whole page, 1,000 endpoints against bare sockets.

Run: PYTHONPATH=<directory of ansible_collections> python tests/benchmarks/bench_scrape.py
Prints ratios of what was measured in this run; exits with 1 where one misses its goal.
"""

from __future__ import annotations

import asyncio
import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import median
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rlops.autoscale.plugins.module_utils._http import Client, FetchError, Request
from ansible_collections.rlops.autoscale.plugins.module_utils._reading import PageReader
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot_spec import SNAPSHOT_SPEC
from prometheus_client.parser import text_string_to_metric_families

ENDPOINTS = 1000
PAGE_BYTES = 50_000
SMALL_PAGE_BYTES = 10_000
THREADS = 64  # of the bare clients
TIMEOUT = 4.0  # s
REPEATS = 5

WANTED = """\
process_start_time_seconds 1.76e+09
app_eventloop_lag_seconds 0.0006
app_message_queue_depth 18.0
app_p99_latency_seconds_bucket{le="0.01"} 130.0
app_p99_latency_seconds_bucket{le="0.05"} 497.0
app_p99_latency_seconds_bucket{le="0.1"} 703.0
app_p99_latency_seconds_bucket{le="0.2"} 872.0
app_p99_latency_seconds_bucket{le="0.5"} 1225.0
app_p99_latency_seconds_bucket{le="1.0"} 1315.0
app_p99_latency_seconds_bucket{le="2.0"} 1506.0
app_p99_latency_seconds_bucket{le="5.0"} 1832.0
app_p99_latency_seconds_bucket{le="+Inf"} 1832.0
app_p99_latency_seconds_count 1832.0
app_p99_latency_seconds_sum 1571.45
"""


def page(size: int) -> bytes:
    """A metrics page of about `size` bytes, the wanted lines in its middle."""
    lines = []
    for number in range(size):
        name = f"some_runtime_metric_{number // 10}_total"
        if number % 10 == 0:
            lines += [f"# HELP {name} What a library counts by kind and zone.", f"# TYPE {name} counter"]
        lines.append(f'{name}{{kind="k{number % 10}",zone="eu-west-1"}} {number * 17.25}')
        if sum(map(len, lines)) + len(lines) + len(WANTED) > size:
            break
    middle = len(lines) // 2
    return "\n".join([*lines[:middle], WANTED.rstrip(), *lines[middle:], ""]).encode()


def options() -> dict[str, Any]:
    return ArgumentSpecValidator(SNAPSHOT_SPEC).validate({"http": {"timeout": TIMEOUT}}).validated_parameters


def ratios(slow: Callable[[], object], fast: Callable[[], object]) -> tuple[float, float]:
    """CPU and wall time of the one as multiples of the other's: medians of pairs, as noise touches both of a pair."""

    def seconds(function: Callable[[], object]) -> tuple[float, float]:
        start = time.process_time(), time.perf_counter()
        function()
        return time.process_time() - start[0], time.perf_counter() - start[1]

    slow(), fast()
    pairs = [(seconds(slow), seconds(fast)) for _unused in range(REPEATS)]
    cpu, wall = (median(one[kind] / other[kind] for one, other in pairs) for kind in (0, 1))
    return cpu, wall


# The servers, in a process of their own


async def serve(count: int, size: int) -> None:
    """Listen on `count` ports, print them, and answer each request with the same page."""
    body = page(size)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {len(body)}\r\n\r\n"

    class Answering(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            if data.endswith(b"\r\n\r\n"):
                self.transport.write(head.encode() + body)

    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(Answering, "127.0.0.1", 0) for _unused in range(count)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.Event().wait()


@contextmanager
def servers(count: int, size: int) -> Iterator[list[int]]:
    with subprocess.Popen(
        [sys.executable, __file__, "serve", str(count), str(size)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        try:
            yield [int(port) for port in process.stdout.readline().split()]
        finally:
            process.kill()


@contextmanager
def dead_ports(count: int) -> Iterator[list[int]]:
    """Ports that take connections and never answer."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _unused in range(count)]
    try:
        yield [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


# The measurements


def selecting() -> float:
    """CPU of parsing a page whole, as a multiple of reading what is wanted of it."""
    text = page(PAGE_BYTES)
    reader = PageReader(options()["metrics"])

    def whole() -> None:
        for _unused in range(5):
            list(text_string_to_metric_families(text.decode()))

    def selected() -> None:
        for _unused in range(5):
            reader.read(text, at=0.0)

    return ratios(whole, selected)[0]


def scrape(ports: list[int]) -> int:
    """Fetch and read all pages; the number of readings."""
    reader = PageReader(options()["metrics"])
    urls = [f"http://127.0.0.1:{port}/metrics" for port in ports]
    replies = Client(options()["http"]).fetch_all(
        urls, Request("text/plain"), lambda _unused, reply: reader.read(reply.body, 0.0)
    )
    return sum(not isinstance(reply, FetchError) for reply in replies)


def fetch(ports: list[int]) -> int:
    """Fetch all pages only."""
    urls = [f"http://127.0.0.1:{port}/metrics" for port in ports]
    return len(Client(options()["http"]).fetch_all(urls, Request("text/plain"), lambda _unused, reply: len(reply.body)))


def bare(ports: list[int]) -> int:
    def get(port: int) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        connection.request("GET", "/metrics")
        body = connection.getresponse().read()
        connection.close()
        return len(body)

    with ThreadPoolExecutor(THREADS) as pool:
        return len(list(pool.map(get, ports)))


def main() -> int:
    rows: list[tuple[str, float, str, bool]] = []
    faster = selecting()
    rows.append((f"whole page / selected lines, {PAGE_BYTES // 1000} kB", faster, ">= 10", faster >= 10))
    with servers(ENDPOINTS, SMALL_PAGE_BYTES) as ports:
        cpu, wall = ratios(lambda: fetch(ports), lambda: bare(ports))
        rows.append((f"fetch of {ENDPOINTS} endpoints / bare, CPU", cpu, "<= 4", cpu <= 4))
        rows.append((f"fetch of {ENDPOINTS} endpoints / bare, wall", wall, "<= 4", wall <= 4))
        cpu, _unused = ratios(lambda: scrape(ports), lambda: bare(ports))
        rows.append(("the same with reading the pages, CPU", cpu, "", True))
        start = time.perf_counter()
        assert scrape(ports) == ENDPOINTS
        alive = time.perf_counter() - start
        with dead_ports(ENDPOINTS // 10) as dead:
            start = time.perf_counter()
            answered = scrape(dead + ports[len(dead) :])
            added = (time.perf_counter() - start - alive) / TIMEOUT
        rows.append(("a dead tenth adds, in timeouts", added, "<= 1", added <= 1))
        living = answered / (ENDPOINTS * 0.9)
        rows.append(("living endpoints read beside it", living, "= 1", living == 1))
    print(f"{'':48} {'ratio':>6}  goal")
    for name, value, goal, reached in rows:
        print(f"{name:48} {value:6.2f}  {goal:6} {'ok' if reached else 'MISSED'}")
    return 0 if all(reached for *_unused, reached in rows) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(int(sys.argv[2]), int(sys.argv[3])))
    else:
        sys.exit(main())
