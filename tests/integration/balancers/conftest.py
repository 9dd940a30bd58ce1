# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters of the demo's service behind real load balancers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.tests.integration.conformance.scenario import ROOT
from ansible_collections.rlops.autoscale.tests.integration.conformance.scenario_local import LocalScenario
from ansible_collections.rlops.autoscale.tests.tools.haproxy_server import HAProxy, haproxy
from ansible_collections.rlops.autoscale.tests.tools.nginx_server import Nginx, nginx

SERVICE = ROOT / "roles" / "demo_service" / "files" / "service.py"


class Cluster(LocalScenario):
    """The demo's service, in processes of this machine."""

    def driver_settings(self) -> dict[str, Any]:
        settings = super().driver_settings()
        (pool,) = settings["autoscale_pools"]
        pool["command"] = [sys.executable, str(SERVICE), "--port", "{port}"]
        pool["environment"] = {"SERVICE_RATE": "200"}
        return settings

    def other_hosts(self) -> dict[str, Any]:
        """Where a load balancer may run."""
        return {"edge": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}

    def addresses(self) -> dict[str, str]:
        """Instance -> where it listens."""
        return {i["name"]: f"{i['address']}:{i['port']}" for i in self.status()["instances"]}


@pytest.fixture
def proxy(require_binary: Callable[[str], str]) -> Iterator[HAProxy]:
    """An HAProxy that runs."""
    with haproxy(require_binary("haproxy")) as server:
        yield server


@pytest.fixture
def web(require_binary: Callable[[str], str], tmp_path: Path) -> Iterator[Nginx]:
    """An nginx that is not started yet."""
    with nginx(require_binary("nginx"), tmp_path / "nginx") as server:
        yield server


@pytest.fixture
def cluster(request: pytest.FixtureRequest, ansible_playbook: Callable[..., Any], tmp_path: Path) -> Iterator[Cluster]:
    """A cluster without a load balancer yet."""
    made = Cluster(ansible_playbook, tmp_path / "cluster", request)
    yield made
    made.clean_up()


@pytest.fixture
def balanced(cluster: Cluster, proxy: HAProxy) -> Cluster:
    """A cluster behind that HAProxy."""
    cluster.settings["autoscale_balancers"] = [{"backend": "haproxy", "socket": str(proxy.socket), "proxy": "chat"}]
    return cluster
