# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP server of what stands in for an API: on loopback, with answers in JSON."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Status and content, of method, target, headers and body.
Answer = Callable[[str, str, Message, bytes], tuple[int, Any]]


class JsonServer:
    """Answers what it is asked until ``close``, with `headers` of its own. None as content is an empty body."""

    def __init__(self, answer: Answer, headers: Mapping[str, str] | None = None) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body of an answer go at once: else the other side waits for a moment in between

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, content = answer(self.command, self.path, self.headers, body)
                data = b"" if content is None else json.dumps(content).encode()
                own = {"Content-Type": "application/json", "Content-Length": str(len(data))}
                self.send_response(status)
                for name, value in (own | dict(headers or {})).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - as the base wants them

            def log_message(self, *_unused: object) -> None:
                """Be quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
