# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Runtime API of HAProxy: recorded answers of a real 2.6, and sockets that are up to no good."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils import _haproxy
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.module_utils._haproxy import Proxy, RuntimeApi, parse_servers
from hypothesis import given, settings
from hypothesis import strategies as st

RECORDED = Path(__file__).parent / "recorded"
STATE = (RECORDED / "haproxy_2_6_servers_state.txt").read_text().rstrip("\n")
STAT = (RECORDED / "haproxy_2_6_stat.csv").read_text().rstrip("\n")


def test_recorded_servers_are_understood() -> None:
    servers = {server.name: server for server in parse_servers("chat", STATE, STAT)}
    assert {name: (server.state, server.up, server.sessions, server.detail) for name, server in servers.items()} == {
        "app1": ("ready", True, 2, "UP"),
        "app2": ("drain", False, 2, "DRAIN"),
        "app3": ("ready", False, 0, "DOWN, Layer4 connection problem Connection refused"),
        "app4": ("ready", False, 0, "DOWN, Layer7 wrong status 503 Service Unavailable"),
        "app5": ("ready", False, 0, "UP 1/3, not checked yet"),
        "app6": ("maint", False, 0, "MAINT"),
        "app7": ("maint", False, 0, "MAINT"),
        "unchecked1": ("ready", False, 0, "no check, its weight is 0"),
        "fixed1": ("maint", False, 0, "MAINT"),
    }
    assert (servers["app1"].address, servers["app1"].port) == ("127.0.0.1", 30981)
    assert (servers["unchecked1"].address, servers["unchecked1"].port) == ("::1", 30986)
    assert [(servers[name].checked, servers[name].check_enabled) for name in ("app6", "app7", "unchecked1")] == [
        (True, True),
        (True, False),
        (False, False),
    ]
    assert [servers[name].check_port for name in ("app1", "app6", "fixed1")] == [30981, 0, 30995]
    assert (servers["unchecked1"].weight, servers["unchecked1"].initial_weight) == (0, 1)


def test_servers_of_other_proxies_are_left_out() -> None:
    """Even where they have the same name."""
    assert "other,app1" in STAT
    (first, *_others) = parse_servers("chat", STATE, STAT)
    assert (first.name, first.detail) == ("app1", "UP")


def test_a_server_without_statistics_is_not_taken_for_one_that_is_not_there() -> None:
    without = "\n".join(line for line in STAT.splitlines() if not line.startswith("chat,app3"))
    with pytest.raises(AutoscaleError, match="HAProxy tells of a server what is not understood: 'app3'"):
        parse_servers("chat", STATE, without)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("Permission denied", r"^HAProxy says: Permission denied$"),
        ("", r"^HAProxy says: $"),
        (STATE.replace("srv_addr", "address"), r"^HAProxy tells of a server what is not understood: 'srv_addr'$"),
        (STATE.replace(" 30981 ", " http "), r"^HAProxy tells of a server what is not understood: .*http"),
    ],
)
def test_another_answer_is_an_error_that_says_it(state: str, message: str) -> None:
    with pytest.raises(AutoscaleError, match=message):
        parse_servers("chat", state, STAT)


@settings(max_examples=500)
@given(st.data())
def test_no_answer_breaks_the_parser(data: st.DataObject) -> None:
    """Recorded answers with pieces cut out, or put in."""
    texts = []
    for text in (STATE, STAT):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 40)))
        junk = data.draw(
            st.text(st.characters(codec="utf-8"), max_size=5) | st.sampled_from(['"', ",", " ", "\n", "-1"])
        )
        texts.append(text[:start] + junk + text[end:])
    with suppress(AutoscaleError):
        for server in parse_servers("chat", *texts):
            assert not re.search(r"[\x00-\x1f\x7f-\x9f]", server.detail)
            assert set(server.name).isdisjoint(" ;\n/")


@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_what_a_check_has_heard_is_text_from_outside(heard: str) -> None:
    field = '"' + heard.replace('"', '""') + '"'
    stat = STAT.replace("Service Unavailable", field)
    detail = {server.name: server.detail for server in parse_servers("chat", STATE, stat)}["app4"]
    assert detail.startswith("DOWN, Layer7 wrong status 503")
    assert len(detail) <= 200
    assert "\n" not in detail
    assert "\x1b" not in detail


# Sockets


Play = Callable[[socket.socket], None]


@pytest.fixture
def serve(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Play], str]]:
    """serve(play): a UNIX socket whose connections are treated as the function does."""
    monkeypatch.chdir(tmp_path_factory.mktemp("s"))  # the path of a socket has room for 107 characters
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("a.sock")
    listener.listen()

    def start(play: Play) -> str:
        def loop() -> None:
            with suppress(OSError):
                while True:
                    connection, _address = listener.accept()
                    with connection, suppress(OSError):
                        play(connection)

        threading.Thread(target=loop, daemon=True).start()
        return str(Path("a.sock").absolute())

    yield start
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def answering(*answers: str) -> Play:
    """As HAProxy does in interactive mode."""

    def play(connection: socket.socket) -> None:
        request = b""
        while not request.endswith(b"quit\n"):
            request += connection.recv(65536)
        connection.sendall("".join(f"\n> {answer}" for answer in (*answers, "")).encode())

    return play


def saying(text: bytes) -> Play:
    """Whatever it is asked."""

    def play(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(text)

    return play


def endless(connection: socket.socket) -> None:
    while True:
        connection.sendall(65536 * b"x")


def test_answers_come_one_for_each_command(serve: Callable[[Play], str]) -> None:
    api = RuntimeApi(serve(answering("", "one\ntwo\n", "No such server.\n")))
    assert api.ask(["a", "b", "c"]) == ["", "one\ntwo", "No such server."]


def test_long_requests_and_long_answers_do_not_wait_for_each_other(serve: Callable[[Play], str]) -> None:
    def play(connection: socket.socket) -> None:
        pending = b""
        while True:
            *lines, pending = (pending + connection.recv(4096)).split(b"\n")
            for line in lines:
                if line == b"quit":
                    return
                connection.sendall(b"\n> " + line)  # answers each at once, and reads on only when that is taken

    commands = [f"set server chat/app{number} {'x' * 200}" for number in range(20_000)]
    said = RuntimeApi(serve(play), timeout=60).ask([*commands, "last"])
    assert len(said) == 20_001


@pytest.mark.parametrize(
    ("play", "message"),
    [
        (lambda connection: time.sleep(5), r": no complete answer within 0\.3 s$"),
        (lambda connection: None, r": (Connection reset by peer|Broken pipe|that is no answer of a Runtime API: )$"),
        (answering("1"), r": that is no answer of a Runtime API: > 1"),
        (answering("1", "2", "3"), r": that is no answer of a Runtime API: > 1 > 2"),
        (answering("1", "2\n> 3"), r": that is no answer of a Runtime API: "),
        (saying(b"HTTP/1.1 400 Bad\x1b[2J"), r": that is no answer of a Runtime API: HTTP/1.1 400 Bad \[2J$"),
    ],
)
def test_what_does_not_answer_as_haproxy_does_is_told(serve: Callable[[Play], str], play: Play, message: str) -> None:
    with pytest.raises(AutoscaleError, match=r"^HAProxy at .*a\.sock" + message):
        RuntimeApi(serve(play), timeout=0.3 if "within" in message else 30).ask(["a", "b"])


def test_an_endless_answer_is_cut_off(serve: Callable[[Play], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_haproxy, "MAX_BYTES", 1_000_000)
    with pytest.raises(AutoscaleError, match=r": it answers with more than 1000000 bytes$"):
        RuntimeApi(serve(endless), timeout=30).ask(["a"])


def test_a_socket_that_is_not_there_is_told() -> None:
    with pytest.raises(AutoscaleError, match=r"^HAProxy at /nonexistent: No such file or directory$"):
        RuntimeApi("/nonexistent").ask(["a"])
    with pytest.raises(AutoscaleError, match=r"^HAProxy at \[::1\]:1: "):
        RuntimeApi("[::1]:1").ask(["a"])


@pytest.mark.parametrize(
    "place",
    ["", "haproxy.sock", "localhost", ":9999", "localhost:", "localhost:0", "localhost:70000", "::1:9999", "[]:1"],
)
def test_what_can_be_no_socket_is_refused(place: str) -> None:
    with pytest.raises(OptionError, match=r"^socket: expected the path of a UNIX socket, or host:port"):
        RuntimeApi(place)


@pytest.mark.parametrize("name", ["", "a b", "a;b", "a\nb", "a/b", "#1"])
def test_what_would_be_another_command_is_no_name(name: str) -> None:
    with pytest.raises(OptionError, match=r"^proxy: expected a name of letters, digits and _\.:-"):
        Proxy(RuntimeApi("/x"), name)
    with pytest.raises(ValueError, match="one command in one line"):
        RuntimeApi("/x").ask(["show stat; shutdown sessions"])


def test_a_backend_that_is_not_there_is_named() -> None:
    class Api(RuntimeApi):
        def ask(self, commands: Sequence[str]) -> list[str]:
            return ["Can't find backend."] * (len(commands) - 1) + [STAT]

    with pytest.raises(AutoscaleError, match=r"^proxy: HAProxy at /run/haproxy\.sock has no backend nobody$"):
        Proxy(Api("/run/haproxy.sock"), "nobody").servers()
