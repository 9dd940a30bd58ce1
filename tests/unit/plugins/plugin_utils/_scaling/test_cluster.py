# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a look at a cluster finds."""

from __future__ import annotations

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling import _health
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._balancers._base import Balancer
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._balancing import Balancing
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._cluster import Cluster, Urls
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Driver
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    BOOTING,
    READY,
    Memory,
    Pool,
    Probe,
    Rebalance,
    Reported,
    Settings,
)


class Given(Driver):
    """A pool of given instances."""

    def __init__(self, *reports: Reported) -> None:
        super().__init__(Context("chat", "cloud", {}, run_module=lambda *_args, **_options: {}))
        self.reports = list(reports)

    def status(self) -> list[Reported]:
        return self.reports


def look(health: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, str | None]]:
    """State and reason of three instances, each of which would say that it is healthy."""
    monkeypatch.setattr(_health, "probe_all", lambda urls, _http: dict.fromkeys(urls, Probe(True, "HTTP 200")))
    driver = Given(
        Reported("chat-1", 1, "cloud", address="10.0.0.7", port=80),
        Reported("chat-2", 2, "cloud", port=80),
        Reported("chat-3", 3, "cloud", address="10.0.0.9"),
    )
    urls = Urls(health=health, metrics="", drain="", shed="", http={})
    cluster = Cluster("chat", [Pool("cloud")], {"cloud": driver}, Settings(), urls)
    return {i.name: (i.state, i.reason) for i in cluster.observe(Memory()).instances}


def test_who_has_no_address_yet_is_not_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert look("http://{address}:{port}/healthz", monkeypatch) == {
        "chat-1": (READY, None),
        "chat-2": (BOOTING, "its address is not known yet"),
        "chat-3": (BOOTING, "its port is not known yet"),
    }


@pytest.mark.parametrize("health", ["", "http://monitor/healthz/{name}"])
def test_an_address_that_nobody_asks_for_may_be_missing(health: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(look(health, monkeypatch).values()) == {(READY, None)}


class Asked(Given):
    """A pool whose tasks tell what there is."""

    by_tasks = True


@pytest.mark.parametrize(
    ("rebalance", "driver", "balancers", "warned"),
    [
        (Rebalance(), Given(), {}, True),
        (None, Given(), {}, False),
        (Rebalance(), Asked(), {}, False),
        (Rebalance(), Given(), {"edge": Balancer(Context("chat", "edge", {}, run_module=lambda *_args: {}))}, False),
    ],
)
def test_evening_out_is_of_no_use_where_nobody_counts_connections(
    rebalance: Rebalance | None, driver: Driver, balancers: dict[str, Balancer], warned: bool
) -> None:
    urls = Urls(health="", metrics="", drain="", shed="", http={})
    settings = Settings(rebalance=rebalance)
    cluster = Cluster("chat", [Pool("cloud")], {"cloud": driver}, settings, urls, Balancing(balancers))
    assert [doubt.partition(":")[0] for doubt in cluster.doubts] == ["rebalance"] * warned
