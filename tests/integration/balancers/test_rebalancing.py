# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections that stick are evened out behind a real HAProxy."""

from __future__ import annotations

import time

import pytest
from ansible_collections.rlops.autoscale.tests.tools.haproxy_server import HAProxy
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

from .chatting import GOING_AWAY, Users
from .conftest import Cluster

pytestmark = pytest.mark.slow

USERS = 60
PERIOD_S = 4.0
#: As many as two minutes have with the default of 15 s.
PERIODS = 8


def imbalance(proxy: HAProxy) -> float:
    """The connections of the fullest instance as a multiple of the mean."""
    counts = [int(row["scur"]) for row in proxy.statistics().values()]
    return max(counts) * len(counts) / sum(counts)


def test_the_load_is_even_after_two_minutes_of_periods_and_no_message_is_lost(
    balanced: Cluster, proxy: HAProxy
) -> None:
    shed = {"url": "http://{address}:{port}/shed?count={count}&seconds={seconds}", "period": PERIOD_S}
    balanced.settings["autoscale_drain_timeout"] = 10
    balanced.reach(1)
    with Users(proxy.port, USERS) as users:
        wait_for(lambda: [row["scur"] for row in proxy.statistics().values()] == [str(USERS)])
        balanced.reach(3)
        assert imbalance(proxy) > 2.5, "connections stick"
        balanced.settings["autoscale_rebalance"] = shed
        dry = balanced.converge(3, "--check")
        assert [line.split(":")[0] for line in dry.result["plan"]] == ["shed 15 connections of chat-1 in pool local"]

        began = time.monotonic()
        asked_at = -PERIOD_S
        while imbalance(proxy) > 1.3:
            assert time.monotonic() - began < PERIODS * PERIOD_S, proxy.statistics()
            before = time.monotonic()
            run = balanced.converge(3)
            assert run.ok, run.output
            if run.result["plan"]:
                # What is asked for once is not asked for again before it can have been done.
                assert time.monotonic() - asked_at >= PERIOD_S
                asked_at = before
        wait_for(lambda: sum(int(row["scur"]) for row in proxy.statistics().values()) == USERS)
        assert imbalance(proxy) <= 1.3
        found = users.end()

    assert found.answered == found.sent > 3 * USERS
    assert {code for _when, code in found.closes} == {GOING_AWAY}
    assert not found.refused
    assert len(found.closes) <= USERS, "nobody was sent away more often than needed"


def test_who_cannot_let_go_is_said_and_keeps_nobody_from_scaling(balanced: Cluster, proxy: HAProxy) -> None:
    balanced.settings["autoscale_rebalance"] = {"url": "http://{address}:{port}/nothing?count={count}"}
    balanced.reach(1)
    with Users(proxy.port, 8):
        wait_for(lambda: [row["scur"] for row in proxy.statistics().values()] == ["8"])
        balanced.reach(2)
        balanced.settings["autoscale_rebalance"]["period"] = 0.1
        run = balanced.converge(2)
        assert run.ok, run.output
    assert "rebalance: chat-1 did not let connections go: HTTP 404" in run.output
    assert "rebalance: chat-1 did not let connections go: HTTP 404" in run.result["message"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"url": "http://{address}:{port}/shed"}, "rebalance.url: expected a URL with {count}, got http://{address}"),
        ({"url": "shed"}, "rebalance.url: expected an http:// or https:// URL, got shed"),
        ({"url": "http://{host}/{count}"}, "rebalance.url: {host} is no placeholder; there are {address}, "),
        ({"above": 0.5}, "rebalance.above: expected 1 or more, got 0.5"),
        ({"share": 0}, "rebalance.share: expected more than 0 and at most 1, got 0"),
        ({"period": 0}, "rebalance.period: expected more than 0 s, got 0"),
    ],
)
def test_bad_settings_are_refused_by_name(cluster: Cluster, change: dict[str, object], message: str) -> None:
    cluster.settings["autoscale_rebalance"] = {"url": "http://{address}:{port}/shed?count={count}"} | change
    run = cluster.converge(1)
    assert not run.ok
    assert message in run.output
    assert cluster.running() == {}
