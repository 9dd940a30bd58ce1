# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A door to a UNIX socket that speaks TLS, as a daemon has one that is reached from other machines."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from socketserver import BaseRequestHandler, ThreadingTCPServer


@contextlib.contextmanager
def tls_door(path: str, context: ssl.SSLContext) -> Iterator[int]:
    """The port of 127.0.0.1 that leads to the socket at this path."""

    class Door(BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as inside:
                inside.connect(path)
                with context.wrap_socket(self.request, server_side=True) as outside:
                    back = threading.Thread(target=_copy, args=(inside, outside), daemon=True)
                    back.start()
                    _copy(outside, inside)
                    back.join()

    with ThreadingTCPServer(("127.0.0.1", 0), Door) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
