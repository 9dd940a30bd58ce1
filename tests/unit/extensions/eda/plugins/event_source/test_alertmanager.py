# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The intake of alerts: its options, its payloads, and its answers over real connections."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from ansible_collections.rlops.autoscale.extensions.eda.plugins.event_source import alertmanager
from ansible_collections.rlops.autoscale.extensions.eda.plugins.event_source.alertmanager import (
    read_alerts,
    read_settings,
)
from ansible_collections.rlops.autoscale.tests.tools.gated_queue import GatedQueue
from ansible_collections.rlops.autoscale.tests.tools.metrics_server import make_certificates
from ansible_collections.rlops.autoscale.tests.tools.ports import free_port
from hypothesis import given
from hypothesis import strategies as st

TOKEN = "a-token.of_the~tests/0+="
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ALERT: dict[str, Any] = {
    "status": "firing",
    "labels": {"alertname": "ClusterQueueGrows", "cluster": "chat"},
    "annotations": {"summary": "{{ lookup('pipe', 'id') }}"},
    "startsAt": "2026-11-30T10:20:15.123456789+01:00",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus/graph",
    "fingerprint": "9a1f0c2b3d4e5f60",
}
PAYLOAD: dict[str, Any] = {
    "version": "4",
    "groupKey": "{}:{cluster='chat'}",
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "autoscale",
    "alerts": [ALERT],
}


class Session:
    """A source that runs, and a client of it."""

    def __init__(self, base: str, client: aiohttp.ClientSession, events: asyncio.Queue[Any], tls: Any) -> None:
        self.base, self.client, self.events, self.tls = base, client, events, tls
        self.task: asyncio.Task[None] | None = None

    async def ask(
        self,
        body: object = None,
        *,
        method: str = "POST",
        path: str = "/alerts",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """Status and text of an answer; by default, of a good request. A body that is not bytes is sent as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body or PAYLOAD).encode()
        headers = {"Content-Type": "application/json", **(BEARER if headers is None else headers)}
        async with self.client.request(
            method, self.base + path, data=data, headers=headers, ssl=self.tls, skip_auto_headers=["Content-Type"]
        ) as answer:
            return answer.status, await answer.text()

    async def stop(self) -> None:
        """As ansible-rulebook does it."""
        assert self.task is not None
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task


@contextlib.asynccontextmanager
async def running(events: Any = None, tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[Session]:
    """The source with these options beside a token, until the block ends."""
    events = events or asyncio.Queue()
    port = free_port()
    options = {"token": TOKEN} | options | {"port": port}
    async with aiohttp.ClientSession() as client:
        session = Session(f"http{'s' if tls else ''}://127.0.0.1:{port}", client, events, tls or False)
        session.task = asyncio.create_task(alertmanager.main(events, options))
        async with asyncio.timeout(20):
            while not session.task.done():
                with contextlib.suppress(aiohttp.ClientConnectorError):
                    await session.ask(method="GET", path="/healthz", headers={})
                    break
                await asyncio.sleep(0.01)
        try:
            yield session
        finally:
            await session.stop()


def with_session(check: Callable[[Session], Awaitable[None]], **options: Any) -> None:
    async def run() -> None:
        async with running(**options) as session:
            await check(session)

    asyncio.run(asyncio.wait_for(run(), 60))


# Options


def test_by_default_it_listens_on_loopback_with_a_token() -> None:
    settings = read_settings({}, {"AUTOSCALE_EDA_TOKEN": TOKEN + "\n"})
    assert (settings.host, settings.port, settings.token) == ("127.0.0.1", 5000, TOKEN.encode())


def test_where_the_token_may_come_from(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f" {TOKEN}\n")
    environment = {"AUTOSCALE_EDA_TOKEN": "that-of-the-environment"}
    assert read_settings({"token_file": str(path)}, environment).token == TOKEN.encode()
    assert read_settings({"token": TOKEN, "token_file": ""}, environment).token == TOKEN.encode()
    assert read_settings({"token": "", "token_file": ""}, environment).token == b"that-of-the-environment"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_loopback_may_do_without_a_token_if_one_says_so(host: str) -> None:
    assert read_settings({"host": host, "without_token": True}, {}).token is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "token: one is expected, here or by token_file or the environment variable AUTOSCALE_EDA_TOKEN"),
        ({"token": ""}, "token: one is expected"),
        ({"token": 1234567890123456}, "token: a text is expected; one that reads as a number has"),
        ({"token": "short"}, "token: at least 16 characters are expected"),
        ({"token": TOKEN + "\n"}, "token: at least 16 characters are expected, of letters, digits and"),
        ({"token": "x" * 15 + "ü"}, "token: at least 16 characters are expected, of letters, digits and"),
        ({"token": TOKEN, "token_file": "f"}, "token_file: either token or token_file is expected"),
        ({"token_file": "/nonexistent/token"}, "token_file: '/nonexistent/token' cannot be read: FileNotFoundError"),
        ({"token_file": "/dev/null"}, "token_file: at least 16 characters are expected"),
        ({"without_token": True, "host": "0.0.0.0"}, "without_token: a loopback address is expected as host"),
        ({"without_token": True, "host": "example.com"}, "without_token: a loopback address is expected as host"),
        ({"without_token": True, "token": TOKEN}, "without_token: no token is expected with it, got one by token"),
        ({"without_token": "yes"}, "without_token: true or false is expected"),
        ({"token": TOKEN, "port": 0}, "port: a whole number from 1 to 65535 is expected, got 0"),
        ({"token": TOKEN, "port": "http"}, "port: a whole number from 1 to 65535 is expected, got 'http'"),
        ({"token": TOKEN, "port": True}, "port: a whole number from 1 to 65535 is expected, got True"),
        ({"token": TOKEN, "max_bytes": 1.5}, "max_bytes: a whole number from 1 to 1073741824 is expected, got 1.5"),
        ({"token": TOKEN, "queue_size": -1}, "queue_size: a whole number from 1 to 1000000 is expected, got -1"),
        ({"token": TOKEN, "host": 127}, "host: a text is expected, got int"),
        ({"token": TOKEN, "keyfile": "k"}, "keyfile: it is of no use without certfile"),
        ({"token": TOKEN, "hots": "::1"}, "hots: there is no such option; there are certfile, host,"),
    ],
)  # fmt: skip
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as error:
        read_settings(options, {})
    assert str(error.value).startswith(message)
    assert TOKEN not in str(error.value)


def test_numbers_may_come_from_the_environment_as_text() -> None:
    assert read_settings({"token": TOKEN, "port": "8000"}, {}).port == 8000


def test_the_documentation_agrees_with_the_options() -> None:
    options = yaml.safe_load(alertmanager.DOCUMENTATION)["options"]
    settings = read_settings({"token": TOKEN}, {})._asdict()
    assert options.keys() == settings.keys() | {"token_file", "without_token"}
    for name in settings.keys() - {"token"}:
        assert options[name].get("default") == settings[name], name
    for example in yaml.safe_load(alertmanager.EXAMPLES):
        read_settings({**example["rlops.autoscale.alertmanager"], "token": TOKEN, "token_file": ""} | _no_files(), {})
    assert yaml.safe_load(alertmanager.RETURN).keys() == {"alert", "meta"}


def _no_files() -> dict[str, Any]:
    return {"certfile": None, "keyfile": None}


# Payloads


def body(**changes: Any) -> bytes:
    return json.dumps(PAYLOAD | changes).encode()


def test_known_fields_of_an_alert_are_kept_as_they_are() -> None:
    assert read_alerts(body(alerts=[ALERT | {"more": "than that"}, {"status": "resolved"}])) == [
        ALERT,
        {"status": "resolved", "labels": {}, "annotations": {}}
        | dict.fromkeys(("startsAt", "endsAt", "generatorURL", "fingerprint"), ""),
    ]
    assert read_alerts(body(alerts=[])) == []


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "JSON is expected"),
        (b"{", "JSON is expected"),
        (b"\xff\xfe{}", "JSON is expected"),
        (b"[" * 100_000, "JSON is expected"),
        (body().replace(b'"4"', b"NaN"), "JSON is expected"),
        (b"1" * 5000, "JSON is expected"),
        (b"[]", "a payload of Alertmanager of version 4 is expected"),
        (body(version="3"), "a payload of Alertmanager of version 4 is expected"),
        (body(version=4), "a payload of Alertmanager of version 4 is expected"),
        (body(alerts=None), "alerts: a list is expected"),
        (body(alerts={"0": ALERT}), "alerts: a list is expected"),
        (body(alerts=[ALERT, "alert"]), "alerts[1]: an object is expected"),
        (body(alerts=[ALERT | {"status": "{{ x }}"}]), "alerts[0].status: firing or resolved is expected"),
        (body(alerts=[ALERT | {"status": ["firing"]}]), "alerts[0].status: firing or resolved is expected"),
        (body(alerts=[ALERT | {"labels": ["chat"]}]), "alerts[0].labels: an object is expected"),
        (body(alerts=[ALERT | {"labels": {"cluster": {"a": 1}}}]), "alerts[0].labels: texts are expected"),
        (body(alerts=[ALERT | {"annotations": {"a": None}}]), "alerts[0].annotations: texts are expected"),
        (body(alerts=[ALERT | {"annotations": {"\ud800": "x"}}]), "alerts[0].annotations: texts are expected"),
        (body(alerts=[ALERT | {"labels": {"cluster": "\udfff"}}]), "alerts[0].labels: texts are expected"),
        (body(alerts=[ALERT | {"startsAt": 1790000000}]), "alerts[0].startsAt: a text is expected"),
    ],
)
def test_what_is_no_payload_is_refused(payload: bytes, message: str) -> None:
    with pytest.raises(ValueError) as error:
        read_alerts(payload)
    assert str(error.value) == message


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=6,
)
texts = st.dictionaries(st.text(max_size=8), st.text(st.characters(exclude_categories=())) | anything, max_size=3)
fuzzy_alerts = st.fixed_dictionaries(
    {"status": st.sampled_from(["firing", "resolved"]) | anything},
    optional=dict.fromkeys(("labels", "annotations", "startsAt", "fingerprint", "other"), texts | anything),
)
payloads = st.fixed_dictionaries(
    {"version": st.just("4") | anything, "alerts": st.lists(fuzzy_alerts | anything, max_size=3) | anything}
)


@given(
    st.binary()
    | anything.map(lambda value: json.dumps(value).encode())
    | payloads.map(lambda p: json.dumps(p).encode())
)
def test_any_body_gives_alerts_of_one_shape_or_one_error(content: bytes) -> None:
    try:
        alerts = read_alerts(content)
    except ValueError as error:
        assert len(str(error)) < 100
        return
    for alert in alerts:
        assert alert.keys() == ALERT.keys()
        assert alert["status"] in ("firing", "resolved")
        pairs = [*alert["labels"].items(), *alert["annotations"].items()]
        values = [
            *(text for pair in pairs for text in pair),
            *(alert[name] for name in ALERT.keys() - {"labels", "annotations"}),
        ]
        assert all(isinstance(text, str) for text in values)
        json.dumps(alert, ensure_ascii=False).encode()


# Answers


def test_each_alert_becomes_an_event_with_the_time_it_came() -> None:
    async def check(session: Session) -> None:
        began = datetime.now(UTC)
        other = deepcopy(ALERT) | {"status": "resolved"}
        assert await session.ask(PAYLOAD | {"alerts": [ALERT, other]}) == (202, "2 alerts\n")
        events = [await session.events.get() for _alert in range(2)]
        assert [event["alert"] for event in events] == [ALERT, other]
        for event in events:
            assert event.keys() == {"alert", "meta"}
            assert event["meta"].keys() == {"received_at"}, "headers may have secrets"
            assert abs((datetime.fromisoformat(event["meta"]["received_at"]) - began).total_seconds()) < 30

    with_session(check)


def test_tokens_that_are_missing_or_wrong_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    async def check(session: Session) -> None:
        wrong = ["", "Bearer", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN} x"]
        wrong += ["Bearer \xff", f"Bearer {'x' * 4000}"]
        for shown in wrong:
            assert (await session.ask(headers={"Authorization": shown}))[0] == 401, shown
        assert (await session.ask(headers={}))[0] == 401
        assert (await session.ask(b"{", headers={}))[0] == 401, "nobody unknown gets anything read"
        assert (await session.ask(method="GET", headers={}))[0] == 401
        assert (await session.ask(path="/other", headers={}))[0] == 401
        assert session.events.empty()
        assert (await session.ask(headers={"Authorization": f"bearer  {TOKEN}"}))[0] == 202, "of a scheme, case is free"

    with_session(check)
    assert TOKEN not in caplog.text


def test_without_a_token_everybody_on_this_machine_may_send() -> None:
    async def check(session: Session) -> None:
        for host in ("127.0.0.1", "localhost:5000", "[::1]:5000", "[::1]"):
            assert (await session.ask(headers={"Host": host}))[0] == 202, host
        for host in ("example.com", "example.com:5000", "127.0.0.1.example.com", "10.0.0.1:5000", ""):
            assert (await session.ask(headers={"Host": host}))[0] == 403, host

    with_session(check, token=None, without_token=True)


def test_health_needs_no_token_and_says_nothing_more() -> None:
    async def check(session: Session) -> None:
        assert await session.ask(method="GET", path="/healthz", headers={}) == (200, "ok\n")

    with_session(check)


def test_other_requests_get_the_answer_that_says_why() -> None:
    async def check(session: Session) -> None:
        assert await session.ask(b"{") == (400, "JSON is expected\n")
        assert (await session.ask(method="GET"))[0] == 405
        assert (await session.ask(method="PUT"))[0] == 405
        assert (await session.ask(path="/healthz"))[0] == 405
        assert (await session.ask(path="/"))[0] == 404
        assert (await session.ask(headers={**BEARER, "Content-Type": "text/plain"}))[0] == 415
        packed = gzip.compress(json.dumps(PAYLOAD).encode())
        assert (await session.ask(packed, headers={**BEARER, "Content-Encoding": "gzip"}))[0] == 415
        assert session.events.empty()
        assert (await session.ask())[0] == 202, "and goes on"

    with_session(check)


def test_what_is_too_large_is_not_read() -> None:
    async def check(session: Session) -> None:
        assert (await session.ask(b" " * 5001))[0] == 413

        async def endless() -> AsyncIterator[bytes]:
            for _chunk in range(1000):
                yield b" " * 1000

        headers = {**BEARER, "Content-Type": "application/json"}
        async with session.client.post(f"{session.base}/alerts", data=endless(), headers=headers) as answer:
            assert answer.status == 413, "without a length"
        assert (await session.ask())[0] == 202

    with_session(check, max_bytes=5000)


def test_a_body_that_does_not_come_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alertmanager, "READ_S", 0.2)

    async def check(session: Session) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(session.base.rsplit(":", 1)[1]))
        head = (
            f"POST /alerts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
        )
        writer.write(f"{head}Content-Length: 10\r\n\r\n{{".encode())
        assert b" 408 " in await reader.readline()
        writer.close()

    with_session(check)


def test_while_the_rules_are_busy_alerts_wait_and_then_are_refused_whole() -> None:
    async def run() -> None:
        rules = GatedQueue()
        async with running(rules, queue_size=3) as session:
            assert (await session.ask())[0] == 202
            assert (await session.ask(PAYLOAD | {"alerts": []}))[0] == 202
            two, four = PAYLOAD | {"alerts": [ALERT] * 2}, PAYLOAD | {"alerts": [ALERT] * 4}
            assert (await session.ask(two))[0] == 202  # one is in the hands of the rules, two wait
            assert (await session.ask(two))[0] == 503, "all of a payload or nothing: it will be sent again"
            status, text = await session.ask(four)
            assert (status, text) == (413, "more than 3 alerts at once: see queue_size and max_alerts\n")
            assert (await session.ask())[0] == 202
            assert (await session.ask())[0] == 503
            rules.gate.set()
            for _alert in range(4):
                await asyncio.wait_for(rules.get(), 5)
            assert (await session.ask(two))[0] == 202
            for _alert in range(2):
                await asyncio.wait_for(rules.get(), 5)
            assert rules.empty(), "nothing came twice"

    asyncio.run(asyncio.wait_for(run(), 60))


def test_an_alert_that_a_filter_fails_on_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    class Filters(asyncio.Queue[Any]):
        async def put(self, item: Any) -> None:
            if item["alert"]["status"] == "resolved":
                raise RuntimeError("{{ hostile }}\n" * 100)
            await super().put(item)

    async def check(session: Session) -> None:
        await session.ask(PAYLOAD | {"alerts": [ALERT | {"status": "resolved"}, ALERT]})
        event = await asyncio.wait_for(session.events.get(), 10)
        assert event["alert"]["status"] == "firing"

    with_session(check, events=Filters())
    (line,) = [message for message in caplog.messages if "a filter failed" in message]
    assert len(line) < 300 and line.isprintable()


def test_stopping_frees_the_port_and_says_what_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with running(GatedQueue()) as session:
            assert (await session.ask(PAYLOAD | {"alerts": [ALERT] * 5}))[0] == 202
            await session.stop()
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.ask()

    with caplog.at_level(logging.WARNING):
        asyncio.run(asyncio.wait_for(run(), 60))
    assert "stopped: 5 alerts that were accepted are lost" in caplog.messages


def test_a_port_that_is_taken_ends_it_with_an_error() -> None:
    async def check(session: Session) -> None:
        with pytest.raises(OSError, match="address already in use"):
            await alertmanager.main(asyncio.Queue(), {"token": TOKEN, "port": session.base.rsplit(":", 1)[1]})

    with_session(check)


def test_tls(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    trusting = ssl.create_default_context(cafile=str(certificates.ca))

    async def check(session: Session) -> None:
        assert (await session.ask())[0] == 202
        with pytest.raises(aiohttp.ClientError):
            await session.client.get(session.base.replace("https", "http"))

    with_session(check, tls=trusting, certfile=str(certificates.server))
    with pytest.raises(ValueError, match=r"certfile: '.*client.pem' cannot be used: "):
        asyncio.run(alertmanager.main(asyncio.Queue(), {"token": TOKEN, "certfile": str(certificates.client)}))
