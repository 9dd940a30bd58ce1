# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters, a rulebook that listens for their alerts, and an Alertmanager that sends them to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.tests.integration.autoscale.clusters import QUIET, Clusters, Service
from ansible_collections.rlops.autoscale.tests.tools.alertmanager_server import Alertmanager, alertmanager
from ansible_collections.rlops.autoscale.tests.tools.metrics_server import Answer, MetricsServer, page
from ansible_collections.rlops.autoscale.tests.tools.rulebook_runner import TOKEN, Rulebook, rulebook

from .documented import quick_alertmanager


@dataclass
class Scene:
    """Two clusters, what they claim to experience, and what listens for their alerts."""

    clusters: Clusters
    services: dict[str, Service]
    pages: dict[str, MetricsServer]
    rulebook: Rulebook
    alertmanager: Alertmanager

    def started(self, cluster: str) -> int:
        """How many instances of it run."""
        return sum(name.startswith(f"{cluster}-") for name in self.clusters.pids())


@pytest.fixture
def scene(
    tmp_path: Path,
    ansible_env: dict[str, str],
    ansible_playbook: Callable[..., Any],
    require_binary: Callable[[str], str],
) -> Iterator[Scene]:
    """One instance of each cluster runs; then the rulebook and the Alertmanager are started. There is no schedule."""
    require_binary("java")
    binary = require_binary("prometheus-alertmanager")
    with ExitStack() as stack:
        services = {name: Service() for name in ("chat", "games")}
        pages = {name: stack.enter_context(MetricsServer(_answer(service))) for name, service in services.items()}
        hosts: dict[str, dict[str, Any]] = {name: {"autoscale_metrics_url": at.url} for name, at in pages.items()}
        clusters = Clusters(tmp_path, "", ansible_playbook, hosts=hosts)
        clusters.settings = {"autoscale_service_rate": 50, "autoscale_max_instances": 6, "autoscale_trigger_ticks": 120}
        stack.callback(clusters.clean_up)
        first = clusters.run()
        assert first.rc == 0, first.output
        clusters.started(2)

        (tmp_path / "inventory").mkdir()
        (tmp_path / "inventory" / "clusters.json").write_text(clusters.inventory())
        token = tmp_path / "token"
        token.write_text(TOKEN + "\n")
        listening = stack.enter_context(
            rulebook(
                "rlops.autoscale.autoscale",
                tmp_path,
                ansible_env | QUIET,
                arguments=["-i", str(tmp_path / "inventory")],
                autoscale_eda_token_file=str(token),
            )
        )
        sending = stack.enter_context(alertmanager(binary, tmp_path, quick_alertmanager(listening.url, token)))
        yield Scene(clusters, services, pages, listening, sending)


def _answer(service: Service) -> Answer:
    """Its page as it is when asked for."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        page(service.page())(request)

    return answer
