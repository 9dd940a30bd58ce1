# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only the backend local has to show: supervisord's life, ports, pools, what a command may hold."""

from __future__ import annotations

import os
import signal
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.tests.tools.ports import free_port
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

from .scenario_local import LocalScenario

pytestmark = pytest.mark.slow


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


@pytest.mark.core
def test_supervisord_lives_as_long_as_there_are_instances(local: LocalScenario) -> None:
    assert local.status()["instances"] == []
    assert not (local.home / "local").exists()
    local.reach(1)
    assert local.supervisord() is not None
    local.reach(0)
    wait_for(lambda: local.supervisord() is None, 20)
    local.reach(1)
    assert local.supervisord() is not None


def test_instances_survive_a_killed_supervisord_and_are_still_ours(local: LocalScenario) -> None:
    local.reach(2)
    pids = local.running()
    os.kill(local.supervisord() or 0, signal.SIGKILL)
    wait_for(lambda: local.supervisord() is None, 20)

    assert local.running() == pids
    status = local.status()
    assert [i["state"] for i in status["instances"]] == ["ready", "ready"]
    local.reach(3)
    assert {name: pid for name, pid in local.running().items() if name in pids} == pids
    assert local.supervisord() is not None
    local.reach(0)
    assert local.running() == {}


def test_clusters_that_start_at_once_share_no_port(
    request: pytest.FixtureRequest, ansible_playbook: Callable[..., Any], tmp_path: Path
) -> None:
    clusters = [LocalScenario(ansible_playbook, tmp_path / name, request) for name in ("a", "b")]
    for cluster in clusters:
        cluster.settings["autoscale_pools"][0]["directory"] = str(tmp_path / "together")
        cluster.settings["autoscale_cluster"] = cluster.home.name
    try:
        threads = [threading.Thread(target=cluster.converge, args=(3,)) for cluster in clusters]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ports = [i["port"] for cluster in clusters for i in cluster.status()["instances"]]
        assert len(ports) == 6
        assert len(set(ports)) == 6
    finally:
        for cluster in clusters:
            cluster.reach(0)


def test_without_enough_ports_those_there_are_are_used(local: LocalScenario) -> None:
    first = free_port()
    local.settings["autoscale_pools"][0]["port_range"] = f"{first}-{first}"
    run = local.try_to_reach(2)
    assert not run.ok
    assert f"chat-2 failed: port_range: no port is free in {first}-{first}" in run.output
    assert len(local.running()) == 1
    assert [(i["name"], i["state"]) for i in local.status()["instances"]] == [("chat-1", "ready")]


def test_words_and_environment_arrive_as_they_were_written(local: LocalScenario) -> None:
    hostile = "a 'b' \"c\" $HOME %(x)s ; # {port} {other}\nd"
    pool = local.settings["autoscale_pools"][0]
    pool["environment"]["TEXT"] = hostile
    written = local.home / "written"
    pool["command"] = [
        "sh",
        "-c",
        f'printf %s "$TEXT|$PORT|$INSTANCE_NAME|$1" > {written}; exec "$0" "$2" "$3"',
        *[pool["command"][0], hostile, *pool["command"][1:]],
    ]
    run = local.reach(1)
    port = run.result["instances"][0]["port"]
    filled = hostile.replace("{port}", str(port))
    assert written.read_text() == f"{filled}|{port}|chat-1|{filled}"
    assert "app_message_queue_depth" in _get(run.result["instances"][0]["metrics_url"])


def test_a_command_that_ends_is_reported_and_not_started_forever(local: LocalScenario) -> None:
    local.settings["autoscale_pools"][0]["command"] = "/nonexistent/program --port {port}"
    local.settings["autoscale_retry_delay"] = 300
    run = local.try_to_reach(2)
    assert not run.ok
    assert "it ended with exit status 127 (log: " in run.output
    for _tick in range(3):
        assert local.converge(2).result["added"] == []
    assert local.running() == {}


def test_pools_are_filled_in_order_and_emptied_in_reverse(local: LocalScenario) -> None:
    first = local.settings["autoscale_pools"][0]
    local.settings["autoscale_pools"] = [first | {"name": "near", "max": 2}, first | {"name": "far", "max": 2}]
    run = local.reach(3)
    assert [(i["pool"], i["name"]) for i in run.result["instances"]] == [
        ("far", "chat-3"),
        ("near", "chat-1"),
        ("near", "chat-2"),
    ]
    run = local.reach(2)
    assert [i["pool"] for i in run.result["instances"]] == ["near", "near"]
    near, far = local.settings["autoscale_pools"]
    local.settings["autoscale_pools"] = [far]
    refused = local.converge(2)
    assert "pools: chat-1 runs in pool near, which is not in the list any more" in refused.output
    local.settings["autoscale_pools"] = [near, far]
    refused = local.converge(5)
    assert "target: expected at most what the pools hold together (near 2 + far 2), got 5" in refused.output
    local.reach(0)


def test_a_drain_waits_for_connections_and_is_taken_back_by_growth(local: LocalScenario) -> None:
    connections = local.home / "connections"
    connections.write_text("2")
    local.settings["autoscale_pools"][0]["environment"]["CONNECTIONS"] = str(connections)
    local.settings["autoscale_drain_url"] = "http://{address}:{port}/drain"
    local.settings["autoscale_drain_timeout"] = 600
    local.reach(2)
    pids = local.running()

    assert local.converge(1).result["plan"] == ["drain chat-2 in pool local: surplus"]
    assert [i["state"] for i in local.status()["instances"]] == ["ready", "draining"]
    assert local.converge(1).result["plan"] == []
    assert local.reach(2).result["plan"] == ["undrain chat-2 in pool local: wanted again"]
    assert local.running() == pids

    local.converge(1)
    connections.write_text("0")
    local.reach(1)
    assert local.running() == {"chat-1": pids["chat-1"]}


def test_a_path_too_long_for_a_socket_works(
    request: pytest.FixtureRequest, ansible_playbook: Callable[..., Any], tmp_path: Path
) -> None:
    cluster = LocalScenario(ansible_playbook, tmp_path / ("d" * 60) / ("e" * 60), request)
    try:
        cluster.reach(1)
    finally:
        cluster.reach(0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"backend": "dokker"}, "backend: expected one of "),
        ({"command": None}, "command: pool local of backend local needs it"),
        ({"command": "'"}, "command: expected a line or a list of words, got '"),
        ({"port_range": "80-90"}, "port_range: expected two ports from 1024 to 65535, such as 20000-29999, got 80-90"),
        ({"directory": "/tmp/a b"}, "directory: expected a path without spaces and special characters"),
    ],
)
def test_bad_settings_are_refused_by_name(local: LocalScenario, change: dict[str, object], message: str) -> None:
    local.settings["autoscale_pools"][0].update(change)
    run = local.converge(1)
    assert not run.ok
    assert message in run.output
