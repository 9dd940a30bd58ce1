# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service as small as can be, for tests: ``service.py PORT [ADDRESS]``.

GET /healthz    200; 503 while it warms up (WARMUP seconds), drains, or if the file UNHEALTHY exists
GET /metrics    one gauge
POST /drain     starts to drain, answers with the number of connections left; DELETE /drain takes it back
SIGTERM         ends after DRAIN seconds (default 0)
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

STARTED = time.monotonic()
WARMUP_S = float(os.environ.get("WARMUP", "0"))
DRAIN_S = float(os.environ.get("DRAIN", "0"))
UNHEALTHY = Path(os.environ.get("UNHEALTHY", "/nonexistent"))
CONNECTIONS = Path(os.environ.get("CONNECTIONS", "/nonexistent"))

draining = threading.Event()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/metrics":
            self._answer(200, "app_message_queue_depth 0\n")
            return
        warm = time.monotonic() - STARTED >= WARMUP_S
        healthy = warm and not draining.is_set() and not UNHEALTHY.exists()
        self._answer(200 if healthy else 503, "")

    def do_POST(self) -> None:
        draining.set()
        self._answer(200, CONNECTIONS.read_text() if CONNECTIONS.exists() else "0")

    def do_DELETE(self) -> None:
        draining.clear()
        self._answer(200, "")

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_unused: object) -> None:
        pass


def main() -> None:
    port, address = [*sys.argv[1:], "127.0.0.1"][:2]
    server = ThreadingHTTPServer((address, int(port)), Handler)

    def stop(*_unused: object) -> None:
        draining.set()
        threading.Timer(DRAIN_S, server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    server.serve_forever(poll_interval=0.05)


if __name__ == "__main__":
    main()
