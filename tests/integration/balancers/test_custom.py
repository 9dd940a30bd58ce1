# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scaling with a load balancer of the user's own tasks, which are those of docs/examples/custom_balancer."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.rlops.autoscale.tests.integration.conformance.scenario import ROOT

from .conftest import Cluster

pytestmark = pytest.mark.slow

EXAMPLE = ROOT / "docs" / "examples" / "custom_balancer"


@pytest.fixture
def servers(cluster: Cluster) -> Path:
    """The folder in which that load balancer has its servers; the cluster uses it."""
    folder = cluster.home / "servers"
    cluster.settings |= {
        "autoscale_balancers": [{"backend": "custom", "tasks": str(EXAMPLE / "balancer.yml")}],
        "example_servers": str(EXAMPLE / "servers"),
        "example_balancer": str(folder),
    }
    return folder


def _lines(servers: Path) -> dict[str, str]:
    """Instance -> "address port state"."""
    return {file.stem: file.read_text().strip() for file in servers.glob("*.server")}


def test_the_tasks_register_drain_and_forget(cluster: Cluster, servers: Path) -> None:
    cluster.settings["autoscale_drain_timeout"] = 600
    cluster.reach(2)
    places = {name: address.replace(":", " ") for name, address in cluster.addresses().items()}
    assert _lines(servers) == {name: f"{place} ready" for name, place in places.items()}
    assert cluster.converge(2).result["todo"] == []

    dry = cluster.converge(1, "--check")
    assert dry.result["plan"] == ["drain chat-2 in pool local: surplus"]
    assert _lines(servers)["chat-2"].endswith(" ready")
    cluster.converge(1)
    assert _lines(servers)["chat-2"] == f"{places['chat-2']} drain"
    cluster.reach(2)
    assert _lines(servers)["chat-2"] == f"{places['chat-2']} ready"

    cluster.settings["autoscale_drain_timeout"] = 0
    cluster.reach(0)
    assert _lines(servers) == {}
    assert cluster.running() == {}


def test_what_the_tasks_report_counts(cluster: Cluster, servers: Path) -> None:
    cluster.reach(1)
    (server,) = servers.iterdir()
    server.unlink()
    assert cluster.status()["unfinished"] is True
    assert cluster.converge(1).result["plan"] == ["register chat-1 in pool local: healthy"]
    assert _lines(servers).keys() == {"chat-1"}


def test_without_a_report_nothing_that_gets_traffic_is_stopped(cluster: Cluster, servers: Path) -> None:
    cluster.reach(2)
    there = cluster.running()
    silent = cluster.home / "silent.yml"
    silent.write_text("- ansible.builtin.debug:\n    msg: the host is not reachable\n")
    cluster.settings["autoscale_balancers"][0]["tasks"] = str(silent)
    run = cluster.converge(1)
    assert (
        "the tasks of load balancer custom have to set cluster_scale_reported to the list of its servers" in run.output
    )
    assert "nothing that gets traffic is stopped while a load balancer does not answer" in run.result["message"]
    assert cluster.running() == there
