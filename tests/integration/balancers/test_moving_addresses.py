# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Load balancers in front of instances that take their address with them when they end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.tests.integration.conformance.scenario_docker import DockerScenario
from ansible_collections.rlops.autoscale.tests.tools.haproxy_server import HAProxy
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

pytestmark = pytest.mark.slow


def test_containers_in_a_network_of_their_own_leave_no_slot_behind(
    proxy: HAProxy, request: pytest.FixtureRequest, ansible_playbook: Callable[..., Any], tmp_path: Path
) -> None:
    cluster = DockerScenario(ansible_playbook, tmp_path / "cluster", request)
    cluster.pool["networking"] = "container"
    cluster.settings |= {
        "autoscale_balancers": [{"backend": "haproxy", "socket": str(proxy.socket), "proxy": "chat"}],
        "autoscale_retry_delay": 0,
    }
    try:
        cluster.reach(2)
        assert list(proxy.states().values()) == ["UP", "UP"]
        cluster.reach(1)
        assert list(proxy.states().values()) == ["UP"]

        (survivor,) = cluster.running()
        cluster.kill(survivor)
        wait_for(lambda: not cluster.running())
        cluster.reach(2)
        assert list(proxy.states().values()) == ["UP", "UP"]
        cluster.reach(0)
        assert proxy.states() == {}
    finally:
        cluster.clean_up()
