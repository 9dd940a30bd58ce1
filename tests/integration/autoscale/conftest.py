# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster for the loop, as a user runs it: `ansible-playbook rlops.autoscale.autoscale`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from .clusters import Clusters, Service


@pytest.fixture
def service() -> Iterator[tuple[Service, str]]:
    """A Service and the URL of its page."""
    state = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = state.page().encode()
            self.send_response(200)
            self.send_header("Content-Type", state.content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_unused: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield state, f"http://127.0.0.1:{server.server_port}/metrics"
    server.shutdown()
    server.server_close()


@pytest.fixture
def clusters(tmp_path: Path, service: tuple[Service, str], ansible_playbook: Callable[..., Any]) -> Iterator[Clusters]:
    """One cluster, `chat`; more can be added."""
    made = Clusters(tmp_path, service[1], ansible_playbook)
    yield made
    made.clean_up()
