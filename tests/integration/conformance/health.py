# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The health of instances that only exist in the books of a simulated service, where nothing boots and answers."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class HealthServer:
    """Answers for all instances of a cluster: 503 while the file ``unhealthy`` exists, 200 otherwise.

    ``url`` is for the setting `autoscale_health_url`. Call ``close`` when the test is over.
    """

    def __init__(self, unhealthy: Path) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(503 if unhealthy.exists() else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                """Be quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/healthz/{{name}}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
