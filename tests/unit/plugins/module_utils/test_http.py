# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetching from real servers on loopback: slow, dead, redirecting, oversized, packed, with TLS and credentials."""

from __future__ import annotations

import base64
import gzip
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.module_utils._http import (
    GRACE,
    Client,
    FetchError,
    Reply,
    Request,
    check_url,
    shown,
)
from ansible_collections.rlops.autoscale.tests.tools.metrics_server import (
    Answer,
    Certificates,
    MetricsServer,
    by_path,
    gzipped,
    make_certificates,
    page,
    redirect,
)
from ansible_collections.rlops.autoscale.tests.tools.ports import free_port

SECRET = "s3cr3t-value"
Serve = Callable[..., MetricsServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda answer, tls=None: stack.enter_context(MetricsServer(answer, tls))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def fetch(snapshot_options: Callable[..., dict[str, Any]]) -> Callable[..., list[Reply | FetchError]]:
    """Function: fetch(*urls, **suboptions of http)."""

    def fetch(*urls: str, **http: Any) -> list[Reply | FetchError]:
        client = Client(snapshot_options(http={"timeout": 2} | http)["http"])
        return client.fetch_all(urls, Request("text/plain"), lambda _unused, reply: reply)

    return fetch


Fetch = Callable[..., list[Reply | FetchError]]


def error(result: Reply | FetchError) -> str:
    assert isinstance(result, FetchError), result
    return str(result)


def test_a_page(serve: Serve, fetch: Fetch) -> None:
    server = serve(page("a 1\n", content_type="Text/Plain; version=0.0.4"))
    assert fetch(server.url) == [Reply(200, "text/plain", b"a 1\n")]
    path, headers = server.requests[0]
    assert path == "/metrics"
    assert headers["Accept"] == "text/plain"
    assert headers["Accept-Encoding"] == "gzip"
    assert "Authorization" not in headers
    assert "Cookie" not in headers


def test_results_keep_the_order_of_the_urls(serve: Serve, fetch: Fetch) -> None:
    servers = [serve(page(f"a {number}\n")) for number in range(5)]
    replies = fetch(*(server.url for server in servers), concurrency=2)
    assert [reply.body for reply in replies if isinstance(reply, Reply)] == [b"a %d\n" % n for n in range(5)]


def test_any_status_is_a_reply(serve: Serve, fetch: Fetch) -> None:
    [reply] = fetch(serve(page("no", status=503)).url)
    assert isinstance(reply, Reply)
    assert reply.status == 503


def test_gzip(serve: Serve, fetch: Fetch) -> None:
    body = b"a 1\n" * 5000
    assert fetch(serve(gzipped(body)).url) == [Reply(200, "text/plain", body)]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (page("x" * 2000), "larger than 1000 bytes (http.max_bytes)"),
        (gzipped(b"x" * 50_000_000), "larger than 1000 bytes (http.max_bytes)"),
        (page(gzip.compress(b"a 1\n")[:-9], Content_Encoding="gzip"), "broken gzip"),
        (page("a 1\n", Content_Encoding="gzip"), "broken gzip"),
        (page("a 1\n", Content_Encoding="br"), "the encoding br, which was not asked for"),
        (page("a 12", Content_Length="10"), "the answer broke off"),
    ],
)
def test_bodies_that_are_refused(serve: Serve, fetch: Fetch, answer: Answer, message: str) -> None:
    assert message in error(fetch(serve(answer).url, max_bytes=1000 if "larger" in message else 5_000_000)[0])


def test_an_endless_body_is_cut_at_max_bytes(serve: Serve, fetch: Fetch) -> None:
    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while True:
            request.wfile.write(b"x" * 65536)

    start = time.monotonic()
    assert "larger than 100000 bytes" in error(fetch(serve(endless).url, max_bytes=100_000, timeout=20)[0])
    assert time.monotonic() - start < 20


def drip_body(request: BaseHTTPRequestHandler) -> None:
    """A byte now and then: each read succeeds, the page never ends."""
    request.send_response(200)
    request.send_header("Content-Length", "1000000")
    request.end_headers()
    while True:
        request.wfile.write(b"#")
        time.sleep(0.05)


def drip_headers(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        request.wfile.write(b"x")
        time.sleep(0.05)


def silence(request: BaseHTTPRequestHandler) -> None:
    """The connection is kept, and nothing is said."""
    time.sleep(5)


@pytest.mark.parametrize("answer", [drip_body, drip_headers, silence])
def test_the_deadline_holds_for_the_whole_answer(serve: Serve, fetch: Fetch, answer: Answer) -> None:
    timeout = 2.0  # enough for the one that answers, on a busy machine
    slow, good = serve(answer), serve(page("a 1\n"))
    start = time.monotonic()
    late, reply = fetch(slow.url, good.url, timeout=timeout)
    assert time.monotonic() - start < timeout + GRACE + 1
    assert error(late) == "no complete answer within 2 s"
    assert reply == Reply(200, "text/plain", b"a 1\n")


def test_many_dead_endpoints_cost_one_timeout(serve: Serve, fetch: Fetch) -> None:
    timeout = 2.0  # enough for the one that answers, on a busy machine
    good = serve(page("a 1\n"))
    with ExitStack() as stack:
        dead = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _unused in range(40)]
        urls = [f"http://127.0.0.1:{one.getsockname()[1]}/" for one in dead] + [good.url]
        start = time.monotonic()
        replies = fetch(*urls, timeout=timeout)
        assert time.monotonic() - start < len(dead) * timeout / 4
    assert {error(reply) for reply in replies[:-1]} == {"no complete answer within 2 s"}
    assert isinstance(replies[-1], Reply)


def test_too_little_concurrency_is_bounded_by_the_deadline_too(serve: Serve, fetch: Fetch) -> None:
    slow = serve(silence)
    start = time.monotonic()
    replies = fetch(*[slow.url] * 10, timeout=0.4, concurrency=1)
    assert time.monotonic() - start < 0.4 + GRACE + 1
    assert len({error(reply) for reply in replies}) == 1


def test_causes_are_said_in_a_few_words(fetch: Fetch) -> None:
    port = free_port()
    refused, unknown = fetch(f"http://127.0.0.1:{port}/?key={SECRET}", f"http://no-such-host.invalid/?key={SECRET}")
    assert error(refused) == "Connection refused"
    assert "http" not in error(unknown)
    assert SECRET not in error(unknown)


@pytest.mark.parametrize("raw", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00\xff" * 100, b"HTTP/1.1 abc\r\n\r\n"])
def test_what_is_no_http(serve: Serve, fetch: Fetch, raw: bytes) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(raw)
        request.close_connection = True

    message = error(fetch(serve(answer).url)[0])
    assert len(message) < 250
    assert "\x00" not in message


class TestRedirects:
    def test_within_the_origin_is_followed_with_credentials(self, serve: Serve, fetch: Fetch) -> None:
        server = serve(by_path({"/metrics": redirect("/real?x=1"), "/real?x=1": page("a 1\n")}))
        assert fetch(server.url, token=SECRET) == [Reply(200, "text/plain", b"a 1\n")]
        assert [headers["Authorization"] for _unused, headers in server.requests] == [f"Bearer {SECRET}"] * 2

    @pytest.mark.parametrize("policy", ["same_origin", "none"])
    def test_to_another_origin_is_refused(self, serve: Serve, fetch: Fetch, policy: str) -> None:
        target = serve(page("a 1\n"))
        server = serve(redirect(target.url + f"?key={SECRET}"))
        message = error(fetch(server.url, follow_redirects=policy)[0])
        assert message == f"redirects to {target.url}, which http.follow_redirects={policy} does not allow"
        assert target.requests == []

    def test_none_refuses_the_same_origin_too(self, serve: Serve, fetch: Fetch) -> None:
        server = serve(redirect("/real"))
        assert "does not allow" in error(fetch(server.url, follow_redirects="none")[0])
        assert len(server.requests) == 1

    @pytest.mark.parametrize("auth", [{"token": SECRET}, {"username": "me", "password": SECRET}])
    def test_credentials_stay_with_the_first_host(self, serve: Serve, fetch: Fetch, auth: dict[str, str]) -> None:
        target = serve(page("a 1\n"))
        server = serve(redirect(target.url))
        [reply] = fetch(server.url, follow_redirects="all", headers={"X-Key": SECRET}, **auth)
        assert isinstance(reply, Reply)
        assert SECRET in str(server.requests) or base64.b64encode(f"me:{SECRET}".encode()).decode() in str(
            server.requests
        )
        [(_unused, headers)] = target.requests
        assert "Authorization" not in headers
        assert "X-Key" not in headers

    def test_a_loop_ends(self, serve: Serve, fetch: Fetch) -> None:
        server = serve(redirect("/metrics"))
        assert error(fetch(server.url)[0]) == "more than 3 redirects"
        assert len(server.requests) == 4

    def test_to_a_file_is_refused(self, serve: Serve, fetch: Fetch) -> None:
        assert "redirects to file:///etc/passwd" in error(
            fetch(serve(redirect("file:///etc/passwd")).url, follow_redirects="all")[0]
        )


class TestCredentials:
    def test_basic(self, serve: Serve, fetch: Fetch) -> None:
        server = serve(page("a 1\n"))
        fetch(server.url, username="jürgen", password=SECRET)
        sent = server.requests[0][1]["Authorization"].removeprefix("Basic ")
        assert base64.b64decode(sent).decode() == f"jürgen:{SECRET}"

    def test_bearer_without_the_line_feed_of_its_file(self, serve: Serve, fetch: Fetch) -> None:
        server = serve(page("a 1\n"))
        fetch(server.url, token=f"{SECRET}\n")
        assert server.requests[0][1]["Authorization"] == f"Bearer {SECRET}"

    def test_headers(self, serve: Serve, fetch: Fetch) -> None:
        server = serve(page("a 1\n"))
        fetch(server.url, headers={"X-Scope-OrgID": 7})
        assert server.requests[0][1]["X-Scope-OrgID"] == "7"

    @pytest.mark.parametrize("http", [{"headers": {"X-Key": f"{SECRET}\r\nEvil: 1"}}, {"token": f"{SECRET}\nx"}])
    def test_a_header_that_cannot_be_sent_is_not_repeated(self, fetch: Fetch, http: dict[str, Any]) -> None:
        with pytest.raises(OptionError, match=r"^http: ") as caught:
            fetch("http://localhost/", **http)
        assert SECRET not in str(caught.value)

    def test_nothing_comes_from_the_environment(
        self, serve: Serve, fetch: Fetch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text(f"machine 127.0.0.1 login me password {SECRET}\n")
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        server = serve(page("a 1\n"))
        assert isinstance(fetch(server.url)[0], Reply)
        assert "Authorization" not in server.requests[0][1]


class TestTls:
    def test_trusted_authority(self, serve: Serve, fetch: Fetch, certificates: Certificates) -> None:
        server = serve(page("a 1\n"), certificates.server_context())
        assert isinstance(fetch(server.url, ca_path=str(certificates.ca))[0], Reply)

    def test_many_hosts_share_one_context(self, serve: Serve, fetch: Fetch, certificates: Certificates) -> None:
        servers = [serve(page("a 1\n"), certificates.server_context()) for _unused in range(4)]
        replies = fetch(*(server.url for server in servers), ca_path=str(certificates.ca))
        assert all(isinstance(reply, Reply) for reply in replies)

    @pytest.mark.parametrize("ca", [None, "other_ca"])
    def test_unknown_authority(self, serve: Serve, fetch: Fetch, certificates: Certificates, ca: str | None) -> None:
        server = serve(page("a 1\n"), certificates.server_context())
        path = str(getattr(certificates, ca)) if ca else None
        assert error(fetch(server.url, ca_path=path)[0]).startswith("TLS: ")
        assert server.requests == []

    def test_a_name_that_is_not_in_the_certificate(
        self, serve: Serve, fetch: Fetch, certificates: Certificates
    ) -> None:
        server = serve(page("a 1\n"), certificates.server_context())
        url = f"https://localhost:{server.port}/metrics"
        assert error(fetch(url, ca_path=str(certificates.ca))[0]).startswith("TLS: ")

    def test_without_validation(
        self, serve: Serve, fetch: Fetch, certificates: Certificates, recwarn: pytest.WarningsRecorder
    ) -> None:
        server = serve(page("a 1\n"), certificates.server_context())
        url = f"https://localhost:{server.port}/metrics"
        assert isinstance(fetch(url, validate_certs=False)[0], Reply)
        assert [str(warning.message) for warning in recwarn if "Unverified" in str(warning.message)] == []

    def test_client_certificate(self, serve: Serve, fetch: Fetch, certificates: Certificates) -> None:
        server = serve(page("a 1\n"), certificates.server_context(ask_client=True))
        trust = {"ca_path": str(certificates.ca)}
        own = {"client_cert": str(certificates.client), "client_key": str(certificates.client_key)}
        assert isinstance(fetch(server.url, **trust, **own)[0], Reply)
        assert isinstance(fetch(server.url, **trust)[0], FetchError)

    @pytest.mark.parametrize("option", ["ca_path", "client_cert"])
    def test_files_that_are_missing_or_no_certificates(self, fetch: Fetch, tmp_path: Path, option: str) -> None:
        with pytest.raises(OptionError, match=rf"^http\.{option}: .*does not exist"):
            fetch("http://localhost/", **{option: str(tmp_path / "none.pem")})
        (tmp_path / "text.pem").write_text("hello")
        with pytest.raises(OptionError, match=rf"^http\.{option}: "):
            fetch("https://localhost/", **{option: str(tmp_path / "text.pem")})


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:80",
        "ftp://host/",
        "http://",
        "http:///path",
        "http://host:99999/",
        "file:///etc/passwd",
        "http://h:x/",
    ],
)
def test_urls_that_cannot_be_fetched(url: str) -> None:
    with pytest.raises(OptionError, match=r"^where: expected a URL like"):
        check_url("where", url)


def test_urls_are_shown_without_secrets() -> None:
    assert shown(f"https://me:{SECRET}@host:8443/p/q?key={SECRET}#{SECRET}") == "https://host:8443/p/q"
    assert shown(f"ftp://{SECRET}@host") == "ftp://host"
    assert shown("http://h/\x1b[2J") == "http://h/ [2J"


def test_a_bug_is_not_taken_for_a_dead_server(serve: Serve, snapshot_options: Callable[..., dict[str, Any]]) -> None:
    server = serve(page("a 1\n"))
    with pytest.raises(ZeroDivisionError):
        Client(snapshot_options()["http"]).fetch_all([server.url], Request("text/plain"), lambda *_unused: 1 / 0)
