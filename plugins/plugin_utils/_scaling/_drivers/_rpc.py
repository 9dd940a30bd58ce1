# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""XML-RPC over a unix socket, which is how supervisord is spoken to."""

from __future__ import annotations

import http.client
import socket
import xmlrpc.client
from typing import Any

Fault = xmlrpc.client.Fault
#: What is raised where nobody answers, or not in that language.
NO_ANSWER = (OSError, http.client.HTTPException, xmlrpc.client.Error)


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__()
        self._path = path
        self._timeout = timeout

    def make_connection(self, host: Any) -> _Connection:
        connection = _Connection(self._path, self._timeout)
        self._connection = (host, connection)  # which `close` closes
        return connection


def call(path: str, timeout: float, method: str, *arguments: Any) -> Any:
    """Call a method of the server at the socket `path`. Raises Fault where it refuses, or one of NO_ANSWER."""
    with xmlrpc.client.ServerProxy("http://localhost/RPC2", transport=_Transport(path, timeout)) as server:
        return getattr(server, method)(*arguments)
