# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scaling behind a real HAProxy, whose configuration is that of docs/balancers.md."""

from __future__ import annotations

import time

import pytest
from ansible_collections.rlops.autoscale.tests.tools.haproxy_server import HAProxy
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

from .chatting import GOING_AWAY, Users
from .conftest import Cluster

pytestmark = pytest.mark.slow

DRAIN_S = 12.0


def test_a_drain_loses_no_message_and_cuts_no_connection(balanced: Cluster, proxy: HAProxy) -> None:
    balanced.settings["autoscale_drain_timeout"] = DRAIN_S
    balanced.reach(3)
    addresses = balanced.addresses()
    with Users(proxy.port, 12) as users:
        wait_for(lambda: {row["scur"] for row in proxy.statistics().values()} == {"4"})

        began = time.time()
        first = balanced.converge(1)
        assert sorted(first.result["plan"]) == [f"drain chat-{index} in pool local: surplus" for index in (2, 3)]
        assert proxy.states() == {addresses["chat-1"]: "UP", addresses["chat-2"]: "DRAIN", addresses["chat-3"]: "DRAIN"}
        with Users(proxy.port, 4):
            wait_for(lambda: proxy.statistics()[addresses["chat-1"]]["scur"] == "8")
            assert [proxy.statistics()[addresses[f"chat-{index}"]]["scur"] for index in (2, 3)] == ["4", "4"]
        balanced.reach(1)
        found = users.end()

    assert found.answered == found.sent > 100
    assert [code for _when, code in found.closes] == [GOING_AWAY] * 8
    assert min(when for when, _code in found.closes) - began >= DRAIN_S
    assert not found.refused
    assert sorted(balanced.running()) == ["chat-1"]
    assert proxy.states() == {addresses["chat-1"]: "UP"}, "their slots are free"


def test_a_reload_in_the_middle_of_a_drain_cuts_nothing(balanced: Cluster, proxy: HAProxy) -> None:
    """The new process counts no sessions, for the old one keeps them."""
    balanced.settings["autoscale_drain_timeout"] = DRAIN_S
    balanced.reach(2)
    addresses = balanced.addresses()
    with Users(proxy.port, 8) as users:
        wait_for(lambda: {row["scur"] for row in proxy.statistics().values()} == {"4"})
        began = time.time()
        balanced.converge(1)
        proxy.reload()
        assert proxy.states() == {}
        balanced.reach(1)
        found = users.end()

    assert [code for _when, code in found.closes] == [GOING_AWAY] * 4
    assert min(when for when, _code in found.closes) - began >= DRAIN_S
    assert found.answered == found.sent
    assert proxy.states() == {addresses["chat-1"]: "UP"}


def test_nothing_is_sent_to_what_is_not_healthy(balanced: Cluster, proxy: HAProxy) -> None:
    balanced.settings["autoscale_pools"][0]["environment"] |= {"WARMUP": "3", "SERVICE_RATE": "20"}
    balanced.reach(1)
    with Users(proxy.port, 20, requests=True) as users:
        balanced.reach(4)
        wait_for(lambda: all(int(row["stot"]) > 10 for row in proxy.statistics().values()))
        found = users.end()

    assert not found.refused
    assert found.answered == found.sent > 40
    rows = proxy.statistics().values()
    assert len(rows) == 4
    # Nothing was tried there and then given to another.
    assert [(row["econ"], row["eresp"], row["wretr"], row["wredis"], row["hrsp_5xx"]) for row in rows] == [
        ("0", "0", "0", "0", "0")
    ] * 4


def test_while_it_is_down_nothing_is_stopped_and_then_it_goes_on(balanced: Cluster, proxy: HAProxy) -> None:
    balanced.settings["autoscale_drain_timeout"] = 1
    balanced.reach(3)
    there = balanced.running()
    proxy.stop()

    for _tick in range(2):
        run = balanced.converge(1)
        assert run.ok, run.output
        assert run.result["plan"] == []
        assert run.result["unfinished"] is True
        assert f"load balancer haproxy does not answer: HAProxy at {proxy.socket}: " in run.output
        assert "nothing that gets traffic is stopped while a load balancer does not answer" in run.result["message"]
    grown = balanced.converge(4)
    assert grown.result["added"] == ["chat-4"]
    assert balanced.running().items() >= there.items()

    proxy.start()
    balanced.reach(4)
    assert list(proxy.states().values()) == ["UP"] * 4
    balanced.reach(1)
    assert balanced.running() == {"chat-1": there["chat-1"]}
    assert list(proxy.states().values()) == ["UP"]


def test_what_a_person_has_set_stays(balanced: Cluster, proxy: HAProxy) -> None:
    balanced.reach(3)
    addresses = balanced.addresses()
    names = {row["addr"]: row["svname"] for row in proxy.statistics().values()}
    proxy.ask(f"set server chat/{names[addresses['chat-2']]} state maint")
    proxy.ask(f"set server chat/{names[addresses['chat-3']]} state drain")
    proxy.ask("set server other/other1 addr 127.0.0.1 port 9")

    assert balanced.converge(3).result["plan"] == []
    balanced.reach(4)
    states = proxy.states()
    assert (states[addresses["chat-2"]], states[addresses["chat-3"]]) == ("MAINT", "DRAIN")
    reasons = {i["name"]: i["reason"] for i in balanced.status()["instances"]}
    assert reasons["chat-2"] == "load balancer haproxy: it was put aside there"
    assert reasons["chat-3"] == "load balancer haproxy: it drains there"
    assert reasons["chat-1"] is None

    proxy.ask(f"set server chat/{names[addresses['chat-2']]} state ready")
    balanced.reach(0)
    assert proxy.states() == {}
    assert proxy.statistics("other")["127.0.0.1:9"]["status"] == "MAINT"


def test_a_restart_of_it_is_made_up_for_at_the_next_pass(balanced: Cluster, proxy: HAProxy) -> None:
    balanced.reach(2)
    addresses = set(balanced.addresses().values())
    proxy.restart()
    assert proxy.states() == {}
    assert balanced.status()["unfinished"] is True

    run = balanced.converge(2)
    assert run.result["plan"] == [f"register chat-{index} in pool local: healthy" for index in (1, 2)]
    assert proxy.states().keys() == addresses
    wait_for(lambda: set(proxy.states().values()) == {"UP"})
    assert balanced.converge(2).result["plan"] == []


def test_without_enough_slots_those_there_are_are_used(balanced: Cluster, proxy: HAProxy) -> None:
    for slot in range(3, 7):
        proxy.ask(f"set server chat/chat{slot} addr 127.0.0.1 port {slot}")  # a person has put something there
    run = balanced.try_to_reach(3)
    assert not run.ok
    assert "load balancer haproxy: proxy chat has no slot for 1 more: none of its 6 servers is left in" in run.output
    wait_for(lambda: sorted(proxy.states().values()) == ["MAINT"] * 4 + ["UP"] * 2)


@pytest.mark.parametrize("place", ["tcp", "host"])
def test_it_is_told_over_tcp_and_on_another_host(balanced: Cluster, proxy: HAProxy, place: str) -> None:
    (balancer,) = balanced.settings["autoscale_balancers"]
    if place == "tcp":
        balancer["socket"] = f"127.0.0.1:{proxy.tcp_port}"
    else:
        balancer["host"] = "edge"
    balanced.reach(2)
    assert list(proxy.states().values()) == ["UP", "UP"]
    assert balanced.converge(2, "--check").result["plan"] == []
    balanced.reach(0)
    assert proxy.states() == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"proxy": "a;b"}, "proxy: expected a name of letters, digits and _.:-, got a;b"),
        ({"proxy": None}, "proxy: load balancer haproxy of backend haproxy needs it"),
        ({"socket": "here"}, "socket: expected the path of a UNIX socket, or host:port with IPv6 addresses in"),
        ({"placeholder": "nowhere"}, "placeholder: expected an IP address and a port, such as 127.0.0.1:1, got nowh"),
        ({"proxy": "nobody"}, "admin.sock has no backend nobody"),
    ],
)
def test_bad_settings_are_refused_by_name(balanced: Cluster, change: dict[str, str], message: str) -> None:
    balanced.settings["autoscale_balancers"][0].update(change)
    run = balanced.try_to_reach(1)
    assert message in run.output
    assert not run.ok


def test_a_socket_that_may_not_change_anything_is_told_so(balanced: Cluster, proxy: HAProxy) -> None:
    balanced.settings["autoscale_balancers"][0]["socket"] = str(proxy.operator_socket)
    run = balanced.try_to_reach(1)
    assert not run.ok
    assert "Permission denied (its socket has to have `level admin`)" in run.output
