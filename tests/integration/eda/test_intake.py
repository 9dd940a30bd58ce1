# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event source and the filter with what a real Alertmanager sends. The rules behind them are the test's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.extensions.eda.plugins.event_filter import normalise
from ansible_collections.rlops.autoscale.extensions.eda.plugins.event_source import alertmanager as source
from ansible_collections.rlops.autoscale.tests.tools.alertmanager_server import alertmanager
from ansible_collections.rlops.autoscale.tests.tools.gated_queue import GatedQueue
from ansible_collections.rlops.autoscale.tests.tools.metrics_server import make_certificates
from ansible_collections.rlops.autoscale.tests.tools.ports import free_port

from .documented import quick_alertmanager

TOKEN = "token-of-the-tests-0123456789"


def alert(**labels: str) -> dict[str, Any]:
    labels = {"alertname": "ClusterQueueGrows", "notify": "autoscale", "severity": "critical"} | labels
    return {"labels": labels, "annotations": {"summary": "{{ 1 + 1 }}"}, "startsAt": datetime.now(UTC).isoformat()}


@pytest.mark.parametrize("tls", [False, True])
def test_what_cannot_be_taken_now_is_sent_again(
    tls: bool, tmp_path: Path, require_binary: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    """While nothing listens, and while the queue is full."""
    port, token = free_port(), tmp_path / "token"
    token.write_text(TOKEN + "\n")
    config = quick_alertmanager(f"http{'s' if tls else ''}://127.0.0.1:{port}/alerts", token)
    options = {"port": port, "token_file": str(token), "queue_size": 1}
    if tls:
        certificates = make_certificates(tmp_path)
        options["certfile"] = str(certificates.server)
        (webhook,) = config["receivers"][1]["webhook_configs"]
        webhook["http_config"]["tls_config"] = {"ca_file": str(certificates.ca)}

    async def run() -> set[str]:
        rules = GatedQueue()
        sending.send([alert(cluster="chat")])
        await asyncio.sleep(1)
        task = asyncio.create_task(source.main(rules, options))
        # One is in the hands of the rules, one waits, the third finds no room.
        for cluster in ("games", "shop"):
            await asyncio.to_thread(sending.send, [alert(cluster=cluster)])
        while not any("503" in message for message in caplog.messages):
            await asyncio.sleep(0.1)
        rules.gate.set()
        found: dict[str, dict[str, Any]] = {}
        while len(found) < 3:
            event = normalise.main(await rules.get())
            found[event["cluster"]] = event
        task.cancel()
        for event in found.values():
            assert event["alert"] == "ClusterQueueGrows"
            assert event["severity"] == "critical"
            assert event.keys() >= {"status", "starts_at", "received_at", "fingerprint"}
        return set(found)

    with alertmanager(require_binary("prometheus-alertmanager"), tmp_path, config) as sending:
        assert asyncio.run(asyncio.wait_for(run(), 60)) == {"chat", "games", "shop"}
