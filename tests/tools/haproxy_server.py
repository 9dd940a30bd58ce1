# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real HAProxy of a test's own: free ports, own sockets, slots for instances."""

from __future__ import annotations

import csv
import io
import re
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ansible_collections.rlops.autoscale.tests.tools.ports import free_port
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

DOCS = Path(__file__).resolve().parents[2] / "docs" / "balancers.md"
SLOTS = 6


class HAProxy:
    """The configuration of docs/balancers.md, with quicker checks, fewer slots, and further sockets."""

    def __init__(self, binary: str, folder: Path) -> None:
        self.port, self.tcp_port = free_port(), free_port()
        self.socket = folder / "admin.sock"
        self.operator_socket = folder / "operator.sock"  # one that may not change anything
        self._config = folder / "haproxy.cfg"
        self._log = folder / "haproxy.log"
        self._command = [binary, "-db", "-f", str(self._config)]
        self._process: subprocess.Popen[bytes] | None = None
        self._old: list[subprocess.Popen[bytes]] = []  # those that were reloaded
        (text,) = re.findall(r"```haproxy\n(.*?)```", DOCS.read_text(), re.DOTALL)
        sockets = f"""stats socket {self.socket} mode 600 level admin
    stats socket {self.operator_socket} mode 600 level operator
    stats socket ipv4@127.0.0.1:{self.tcp_port} level admin
    nbthread 1"""  # several may each take the same server for the one with the fewest connections
        for old, new in (
            (r"stats socket .*", sockets),
            (r"bind .*", f"bind 127.0.0.1:{self.port}"),
            (r"inter \S+", "inter 200ms"),
            (r"1-\d+", f"1-{SLOTS}"),
        ):
            text, count = re.subn(old, new, text)
            assert count, f"{old} is not in the configuration of the docs"
        # A second backend, for servers that are a person's own.
        text += "backend other\n    server-template other 1-2 127.0.0.1:1 check disabled\n"
        self._config.write_text(text)

    def start(self) -> None:
        self._process = self._run()
        wait_for(self._answers)

    def stop(self) -> None:
        """At once, connections and all."""
        for process in (*self._old, *filter(None, [self._process])):
            process.kill()
            process.wait()
        self._old, self._process = [], None

    def restart(self) -> None:
        self.stop()
        self.start()

    def reload(self) -> None:
        """A new process takes over; the old one keeps its connections."""
        assert self._process is not None
        self._old.append(self._process)
        pid = self._process.pid
        self._process = self._run("-sf", str(pid))
        wait_for(lambda: self._answers() and f"Pid: {pid}" not in self.ask("show info"))

    def ask(self, command: str) -> str:
        """What it says to one command, without the code that is tested."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(self.socket))
            connection.sendall(f"{command}\n".encode())
            chunks = iter(lambda: connection.recv(65536), b"")
            return b"".join(chunks).decode().strip()

    def statistics(self, proxy: str = "chat") -> dict[str, dict[str, str]]:
        """Its servers that have an address: address -> `show stat`."""
        rows = csv.DictReader(io.StringIO(self.ask("show stat -1 4 -1").removeprefix("# ")))
        return {row["addr"]: row for row in rows if row["pxname"] == proxy and row["addr"] != "127.0.0.1:1"}

    def states(self) -> dict[str, str]:
        """Address -> status, such as "UP" or "MAINT"; "UP 1/3" after a late check is "UP", too."""
        return {address: row["status"].split(" ")[0] for address, row in self.statistics().items()}

    def _run(self, *arguments: str) -> subprocess.Popen[bytes]:
        with self._log.open("a") as log:
            return subprocess.Popen([*self._command, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _answers(self) -> bool:
        assert self._process is not None and self._process.poll() is None, self._log.read_text()
        with suppress(OSError):
            return self.ask("show info") != ""
        return False


@contextmanager
def haproxy(binary: str) -> Iterator[HAProxy]:
    """One that runs until the block ends."""
    # Not in pytest's folder: the path of a socket has room for 107 characters.
    with tempfile.TemporaryDirectory(prefix="haproxy-", dir="/tmp") as folder:
        server = HAProxy(binary, Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.stop()
