# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Telling a decision as Prometheus metrics."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils import _export
from ansible_collections.rlops.autoscale.plugins.plugin_utils._agent import Decision
from prometheus_client.parser import text_string_to_metric_families


def decision(cluster: str = "chat") -> Decision:
    return Decision(cluster, 7, 1_790_000_000.5, "recommend", "erlang", 5, 4, 1, 9, "because", {}, [], {}, None)


def values(text: str) -> dict[str, tuple[dict[str, str], float]]:
    families = list(text_string_to_metric_families(text))
    return {sample.name: (sample.labels, sample.value) for family in families for sample in family.samples}


EXPECTED = {
    "autoscale_desired_instances": ({"cluster": "chat"}, 9.0),
    "autoscale_ordered_instances": ({"cluster": "chat"}, 5.0),
    "autoscale_ready_instances": ({"cluster": "chat"}, 4.0),
    "autoscale_last_decision_timestamp_seconds": ({"cluster": "chat"}, 1_790_000_000.5),
}


def test_a_textfile_is_replaced_as_a_whole(tmp_path: Path) -> None:
    for _unused in range(2):
        _export.export({"directory": str(tmp_path), "pushgateway": None}, decision())
    assert [path.name for path in tmp_path.iterdir()] == ["autoscale_chat.prom"], "and no temporary file is left"
    assert values((tmp_path / "autoscale_chat.prom").read_text()) == EXPECTED


def test_a_name_leads_to_no_other_directory(tmp_path: Path) -> None:
    _export.export({"directory": str(tmp_path), "pushgateway": None}, decision("../../chat"))
    assert [path.name for path in tmp_path.iterdir()] == ["autoscale_..%2F..%2Fchat.prom"]


@pytest.fixture
def gateway() -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """A stand-in for a Pushgateway: its URL, and what it was sent (method, path, body)."""
    sent: list[tuple[str, str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            sent.append((self.command, self.path, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_unused: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", sent
    server.shutdown()
    server.server_close()


def test_a_pushgateway_gets_one_group_a_cluster(gateway: tuple[str, list[tuple[str, str, str]]]) -> None:
    url, sent = gateway
    _export.export({"directory": None, "pushgateway": url}, decision())
    ((method, path, body),) = sent
    assert (method, path) == ("PUT", "/metrics/job/rlops_autoscale/cluster/chat")
    assert values(body) == EXPECTED


def test_an_answer_that_is_no_http_is_one_error() -> None:
    def answer(server: socket.socket) -> None:
        connection, _unused = server.accept()
        connection.recv(4096)
        connection.sendall(b"\x1b[31mgarbage\n")
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer, args=(server,), daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(AutoscaleError) as error:
            _export.export({"directory": None, "pushgateway": url}, decision())
    assert str(error.value).startswith("export.pushgateway: ")
    assert "\x1b" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"directory": "/nowhere/at/all"}, "export.directory: /nowhere/at/all/autoscale_chat.prom cannot be written"),
        ({"pushgateway": "http://127.0.0.1:1"}, "export.pushgateway: "),
        ({"pushgateway": "http://127.0.0.1:9/a b"}, "export.pushgateway: "),
        ({"pushgateway": "pushgateway:9091"}, "export.pushgateway: expected a URL"),
    ],
)
def test_what_cannot_be_told_is_one_error(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(AutoscaleError) as error:
        _export.export({"directory": None, "pushgateway": None, **options}, decision())
    assert str(error.value).startswith(expected)
