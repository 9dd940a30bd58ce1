# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking over HTTP, with real servers on loopback: the good, the slow, the dead and the hostile."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils import _http
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot_spec import HTTP_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling import _health


def options(timeout: float) -> dict[str, Any]:
    """The options, with their defaults."""
    defaults = {name: option.get("default") for name, option in HTTP_SPEC["options"].items()}
    return defaults | {"timeout": timeout}


@contextmanager
def serving(answer: Callable[[socket.socket, bytes], None]) -> Iterator[str]:
    """A server that gives each connection's request to ``answer``; yields its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle(self) -> None:
            answer(self.connection, self.connection.recv(4096))

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def says(text: str) -> Callable[[socket.socket, bytes], None]:
    return lambda connection, _request: connection.sendall(text.encode())


def _drips(connection: socket.socket, _request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(100):
        time.sleep(0.1)
        try:
            connection.sendall(f"X-{number}: y\r\n".encode())
        except OSError:
            return


@pytest.mark.parametrize(
    ("answer", "ok", "detail"),
    [
        (says("HTTP/1.1 204 No Content\r\n\r\n"), True, "HTTP 204"),
        (says("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"), False, "HTTP 503"),
        (
            says("HTTP/1.1 302 Found\r\nLocation: http://example.invalid/\r\nContent-Length: 0\r\n\r\n"),
            False,
            "HTTP 302",
        ),
        (says("this is not HTTP\r\n\r\n"), False, "not an HTTP answer (ConnectionError)"),
        (lambda connection, _request: time.sleep(1), False, "no complete answer within 0.3 s"),
        (_drips, False, "no complete answer within 0.3 s"),
        (lambda connection, _request: connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 10**7), True, "HTTP 200"),
    ],
)
def test_one_instance(answer: Callable[[socket.socket, bytes], None], ok: bool, detail: str) -> None:
    timeout = 0.3 if "within" in detail else 10.0
    with serving(answer) as url:
        assert _health.probe_all({"chat-1": url}, options(timeout)) == {"chat-1": (ok, detail)}


def test_a_dead_port_and_a_bad_url_are_unhealthy() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        urls = {"dead": f"http://127.0.0.1:{unused.getsockname()[1]}/", "bad": "http://[/", "odd": "gopher://x/"}
        probes = _health.probe_all(urls, options(1.0))
    assert {name: probe.ok for name, probe in probes.items()} == dict.fromkeys(urls, False)
    assert probes["dead"].detail == "Connection refused"


def test_many_are_asked_at_once() -> None:
    def slow(connection: socket.socket, _request: bytes) -> None:
        time.sleep(0.3)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with serving(slow) as url:
        begin = time.monotonic()
        probes = _health.probe_all({str(number): url for number in range(20)}, options(2.0))
        elapsed = time.monotonic() - begin
    assert all(probe.ok for probe in probes.values())
    assert elapsed < 20 * 0.3 / 2  # one after the other would take twice that


@pytest.mark.parametrize(
    ("body", "left"), [("3", 3), (" 0\n", 0), ("", None), ("many", None), ("-1", None), ("9" * 40, 9999999999)]
)
def test_a_plain_number_says_how_many_connections_are_left(body: str, left: int | None) -> None:
    requests = []

    def answer(connection: socket.socket, request: bytes) -> None:
        requests.append(request.split(b" ")[0])
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

    with serving(answer) as url:
        assert _health.drain_all({"chat-1": url}, options(1.0)) == ({} if left is None else {"chat-1": left})
        _health.undrain_all({"chat-1": url}, options(1.0))
    assert requests == [b"POST", b"DELETE"]


def test_it_shows_the_same_credentials_as_for_metrics() -> None:
    requests = []

    def answer(connection: socket.socket, request: bytes) -> None:
        requests.append(request.decode())
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with serving(answer) as url:
        _health.probe_all({"chat-1": url}, options(1.0) | {"token": "t0ken"})
    assert "Authorization: Bearer t0ken\r\n" in requests[0]


def test_nothing_to_ask_needs_no_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http, "requests", None)
    assert _health.probe_all({}, options(1.0)) == {}
    with pytest.raises(Exception, match="pip install requests"):
        _health.probe_all({"chat-1": "http://127.0.0.1/"}, options(1.0))
