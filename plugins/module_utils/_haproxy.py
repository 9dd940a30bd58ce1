# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The servers of an HAProxy, over its Runtime API: what they are, and commands that change them.

A session is one connection, whatever is asked in it, and is bounded in time and in the size of its answers.
"""

from __future__ import annotations

import csv
import io
import re
import selectors
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.module_utils._servers import DRAIN, MAINT, READY

TIMEOUT_S = 5.0
MAX_BYTES = 32 * 1024 * 1024  # `show stat` takes some 300 bytes a server
_CHUNK_BYTES = 65_536

#: What stands between two answers once `prompt` was asked for.
_PROMPT = "\n> "
#: What HAProxy accepts as the name of a proxy or server. Whatever else would be another command.
_NAME = re.compile(r"[A-Za-z0-9_.:-]+")

# Bits of srv_admin_state and srv_check_state in `show servers state`.
_ANY_MAINT = 0x63  # forced, inherited, because of its name's resolution (two of them)
_ANY_DRAIN = 0x18  # forced, inherited
_CHECK_CONFIGURED = 0x02
_CHECK_ENABLED = 0x04

#: Of `show stat`.
_COLUMNS = ("svname", "status", "scur", "check_status", "check_code", "check_desc", "last_chk")

#: What `show servers state` says to the name of a proxy that is not there.
_NO_BACKEND = "Can't find backend."

#: What a check says before its first result.
_NOT_CHECKED = ("INI", "UNK")


class RuntimeApi:
    """The stats socket of an HAProxy: the path of a UNIX socket, or ``host:port`` (``[::1]:9999``)."""

    def __init__(self, place: str, timeout: float = TIMEOUT_S) -> None:
        """Connects to nothing yet. Raises OptionError for what can be no socket."""
        self.place = place
        self._timeout = timeout
        self._address = None if place.startswith("/") else _address(place)

    def ask(self, commands: Sequence[str]) -> list[str]:
        """The answers to commands, in one session; errors are answers, too. Raises AutoscaleError.

        What one command says may depend on those before it. Nothing is known of the commands of a session that broke.
        """
        broken = [command for command in commands if "\n" in command or ";" in command]
        if broken:
            raise ValueError(f"one command in one line is expected, got {broken[0]!r}")
        request = "\n".join(["prompt", *commands, "quit", ""]).encode()
        deadline = time.monotonic() + self._timeout
        try:
            with self._connected() as connection:
                answer = _talk(connection, request, deadline)
        except OSError as error:
            raise AutoscaleError(f"HAProxy at {quoted(self.place)}: {quoted(_why(error, self._timeout))}") from error
        # Before the first prompt is nothing, and nothing is after that for `quit`.
        parts = answer.decode(errors="replace").split(_PROMPT)
        if len(parts) != len(commands) + 2:
            said = quoted(answer[:80].decode(errors="replace"))
            raise AutoscaleError(f"HAProxy at {quoted(self.place)}: that is no answer of a Runtime API: {said}")
        return [part.strip("\n") for part in parts[1:-1]]

    def _connected(self) -> socket.socket:
        if self._address is not None:
            return socket.create_connection(self._address, self._timeout)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(self._timeout)
        try:
            connection.connect(self.place)
        except OSError:
            connection.close()
            raise
        return connection


def _talk(connection: socket.socket, request: bytes, deadline: float) -> bytes:
    """Send all, and read until it hangs up. Both at once: else both sides might wait to be read."""
    connection.setblocking(False)
    answer = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE)
        while len(answer) <= MAX_BYTES:
            left = deadline - time.monotonic()
            ready = selector.select(left) if left > 0 else []
            if not ready:
                raise TimeoutError
            ((_key, events),) = ready
            if events & selectors.EVENT_WRITE:
                request = request[connection.send(request) :]
                if not request:
                    selector.modify(connection, selectors.EVENT_READ)
            if events & selectors.EVENT_READ:
                chunk = connection.recv(_CHUNK_BYTES)
                if not chunk:
                    return bytes(answer)
                answer += chunk
    raise OSError(f"it answers with more than {MAX_BYTES} bytes")


def _address(place: str) -> tuple[str, int]:
    host, separator, port = place.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    bracketed = host.startswith("[") and host.endswith("]")
    if not (separator and bare and (bracketed or ":" not in host) and port.isdecimal() and 0 < int(port) < 65536):
        expected = "expected the path of a UNIX socket, or host:port with IPv6 addresses in brackets"
        raise OptionError("socket", f"{expected}, got {quoted(place)}")
    return bare, int(port)


def _why(error: OSError, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no complete answer within {timeout:g} s"
    return error.strerror or str(error)


def check_name(option: str, name: str) -> str:
    """A name of HAProxy's. Raises OptionError."""
    if not _NAME.fullmatch(name):
        raise OptionError(option, f"expected a name of letters, digits and _.:-, got {quoted(name)}")
    return name


@dataclass(frozen=True)
class Server:
    """A server of a proxy (of a `backend` section) as HAProxy knows it."""

    name: str
    address: str  # an IP address; whatever else HAProxy says where it has none
    port: int
    state: str  # READY, DRAIN or MAINT, which is what people and programs have set it to
    up: bool  # it works as far as HAProxy knows, and has been checked, if it is to be checked
    detail: str  # such as "UP 1/3, not checked yet"; fit for a message
    sessions: int
    weight: int
    initial_weight: int
    check_port: int  # 0: that of the server
    checked: bool  # health checks are configured
    check_enabled: bool  # and were not disabled by a person


class Proxy:
    """A proxy of an HAProxy, by its name."""

    def __init__(self, api: RuntimeApi, name: str) -> None:
        """Raises OptionError for what can be no name."""
        self.api = api
        self.name = check_name("proxy", name)

    def servers(self) -> list[Server]:
        """All its servers. Raises AutoscaleError."""
        return self.change(())[0]

    def change(self, commands: Sequence[str]) -> tuple[list[Server], list[str]]:
        """Give commands, and look at the servers in the same session: the servers, and what was said to the commands.

        Of what is said, some is no error. Whether a command was of use, the servers show. Raises AutoscaleError.
        """
        # Of all proxies: by its name `show stat` may take a frontend, which can have the same.
        *said, state, stat = self.api.ask([*commands, f"show servers state {self.name}", "show stat -1 4 -1"])
        if state == _NO_BACKEND:
            raise AutoscaleError(f"proxy: HAProxy at {quoted(self.api.place)} has no backend {quoted(self.name)}")
        return parse_servers(self.name, state, stat), said

    def set(self, server: str, what: str) -> str:
        """The command that sets something of a server."""
        return f"set server {self.name}/{server} {what}"


def parse_servers(proxy: str, state: str, stat: str) -> list[Server]:
    """The answers to `show servers state` and `show stat` as servers. Raises AutoscaleError where they are others."""
    try:
        statistics = _statistics(proxy, stat)
        return [_server(row, statistics[row["srv_name"]]) for row in _rows(state)]
    except (LookupError, ValueError, csv.Error) as error:
        raise AutoscaleError(f"HAProxy tells of a server what is not understood: {quoted(error)}") from error


def _statistics(proxy: str, stat: str) -> dict[str, dict[str, str]]:
    """Server -> those of its columns that are of use, of more than a hundred. Raises LookupError and ValueError."""
    lines = csv.reader(io.StringIO(stat.removeprefix("# ")))
    names = next(lines, [])
    proxies, columns = names.index("pxname"), {name: names.index(name) for name in _COLUMNS}
    rows = ({name: line[column] for name, column in columns.items()} for line in lines if line[proxies] == proxy)
    return {row["svname"]: row for row in rows}


def _rows(state: str) -> Iterator[Mapping[str, str]]:
    version, _newline, table = state.partition("\n")
    head, *lines = table.splitlines() or [""]
    if version != "1" or not head.startswith("# "):
        raise AutoscaleError(f"HAProxy says: {quoted(state)}")
    names = head.removeprefix("# ").split()
    for line in lines:
        yield dict(zip(names, line.split(), strict=False))


def _server(row: Mapping[str, str], statistics: Mapping[str, str]) -> Server:
    """Raises LookupError and ValueError."""
    if not _NAME.fullmatch(row["srv_name"]):
        raise ValueError(row["srv_name"])
    admin, check = int(row["srv_admin_state"]), int(row["srv_check_state"])
    status, result = statistics["status"], statistics["check_status"].removeprefix("* ")
    weight = int(row["srv_uweight"])
    return Server(
        name=row["srv_name"],
        address=row["srv_addr"],
        port=int(row["srv_port"]),
        state=MAINT if admin & _ANY_MAINT else DRAIN if admin & _ANY_DRAIN else READY,
        # "UP 1/3" has just come from maintenance, where the last result is another server's, or begins to fail.
        up=status in ("UP", "no check") and result not in _NOT_CHECKED and weight > 0,
        detail=quoted(_detail(status, result, weight, statistics)),
        sessions=int(statistics["scur"]),
        weight=weight,
        initial_weight=int(row["srv_iweight"]),
        check_port=int(row["srv_check_port"]),
        checked=bool(check & _CHECK_CONFIGURED),
        check_enabled=bool(check & _CHECK_ENABLED),
    )


def _detail(status: str, result: str, weight: int, statistics: Mapping[str, str]) -> str:
    """The status and, where it is not plain, why; from outside."""
    if result in _NOT_CHECKED:
        return f"{status}, not checked yet"
    if weight == 0:
        return f"{status}, its weight is 0"
    if not status.startswith("DOWN"):
        return status
    words = [statistics["check_desc"] or result, statistics["check_code"], statistics["last_chk"]]
    return " ".join([f"{status},", *filter(None, words)])
