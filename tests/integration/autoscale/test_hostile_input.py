# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text from outside is never templated, and secrets are in no output."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from .clusters import Clusters, Service

pytestmark = pytest.mark.core


def test_text_of_a_hostile_service_is_never_templated(
    clusters: Clusters, service: tuple[Service, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither a content type nor a page that fails the tick may run anything on the controller."""
    clusters.settings = {"autoscale_deadline": 0}
    clusters.run()
    clusters.started(1)
    bait = tmp_path / "bait"
    trap = "{{ lookup('pipe', 'touch " + str(bait) + "') }}"
    monkeypatch.setattr(service[0], "page", lambda: f"app_message_queue_depth {trap}\n{trap} 1\n")
    monkeypatch.setattr(service[0], "content_type", f"text/{trap}")
    clusters.settings["autoscale_deadline"] = 2
    time.sleep(1)
    run = clusters.run(args=["-v"])
    assert run.rc != 0, run.output
    assert "no instance gives metrics" in run.output
    assert not bait.exists()


def test_secrets_are_in_no_output(clusters: Clusters, service: tuple[Service, str]) -> None:
    clusters.settings = {
        "autoscale_deadline": 2,
        "autoscale_http": {"username": "agent", "password": "s3cret-pa55", "headers": {"X-Key": "s3cret-key"}},
    }
    good = clusters.run(args=["-vvvv"])
    assert good.rc == 0, good.output
    clusters.settings["autoscale_metrics_url"] = "http://127.0.0.1:9/metrics"
    time.sleep(1)
    unreachable = clusters.run(args=["-vvvv"])
    clusters.settings["autoscale_metrics_url"] = "http://agent:s3cret-url@127.0.0.1:9/metrics"
    refused = clusters.run(args=["-vvvv"])
    assert "metrics_url: expected a URL without user and password" in refused.output
    clusters.settings["autoscale_metrics_url"] = clusters.url
    service[0].content_type = "text/s3cret-pa55"
    time.sleep(1)
    echoed = clusters.run(args=["-vvvv"])
    assert "gave no metrics" in echoed.output, "what the service echoes is shown, without the password in it"
    assert "s3cret" not in good.output + unreachable.output + refused.output + echoed.output
    assert not any(b"s3cret" in content for content in clusters.files().values())
