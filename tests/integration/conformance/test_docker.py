# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only the backend docker has to show: whose containers are whose, how they are reached, stops, drift, hosts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from ansible_collections.rlops.autoscale.tests.tools.docker_daemon import docker
from ansible_collections.rlops.autoscale.tests.tools.ssh_server import ssh_server

from .scenario import Scenario
from .scenario_docker import DockerScenario

pytestmark = pytest.mark.slow

MakeScenario = Callable[[str], Scenario]


@pytest.fixture
def cluster(make_scenario: MakeScenario) -> DockerScenario:
    """A cluster of containers."""
    return cast(DockerScenario, make_scenario("docker"))


@pytest.fixture
def shop(make_scenario: MakeScenario, cluster: DockerScenario) -> DockerScenario:
    """Another one, in the same daemon and with the same ports."""
    other = cast(DockerScenario, make_scenario("docker"))
    other.settings["autoscale_cluster"] = "shop"
    other.labels = {"rlops.autoscale.cluster": "shop"}
    other.pool["port_range"] = cluster.pool["port_range"]
    return other


def test_what_is_not_of_the_pool_is_left_alone(cluster: DockerScenario, shop: DockerScenario) -> None:
    """Neither taken over under a wanted name, nor in the way with a wanted port."""
    first = int(cluster.pool["port_range"].partition("-")[0])
    foreign = docker(
        cluster.daemon, "run", "--detach", "--name=chat-2", f"--publish=127.0.0.1:{first}:8080", cluster.image
    )
    try:
        run = cluster.converge(2)
        assert run.result["failed_instances"] == [
            {
                "name": "chat-2",
                "reason": "a container of that name is there, which is not of this pool",
                "was_ready": False,
            }
        ]
        assert [(i["name"], i["port"]) for i in run.result["instances"]] == [("chat-1", first + 1)]
        assert cluster.running().keys() == {"chat-1"}

        ours = shop.reach(2).result["instances"]
        assert [(i["name"], i["port"]) for i in ours] == [("shop-1", first + 2), ("shop-2", first + 3)]
        cluster.reach(0)
        assert cluster.running() == {}
        assert shop.running().keys() == {"shop-1", "shop-2"}
        assert (
            docker(cluster.daemon, "inspect", "--format", "{{.Id}} {{.State.Running}}", "chat-2") == f"{foreign} true"
        )
    finally:
        docker(cluster.daemon, "rm", "--force", foreign)


def test_what_cannot_be_started_is_said_and_leaves_nothing(cluster: DockerScenario) -> None:
    cluster.settings["autoscale_retry_delay"] = 0
    cluster.pool["container_options"]["network_mode"] = "nowhere"
    failed = cluster.converge(1).result["failed_instances"]
    assert [failure["reason"] for failure in failed] == [f"Docker at {cluster.daemon}: network nowhere not found"]
    assert cluster.containers("--all") == {}

    cluster.pool |= {"image": "nowhere/chat:1", "container_options": {}}
    failed = cluster.converge(1).result["failed_instances"]
    assert "Cannot find image with name nowhere/chat:1, and pull=never" in failed[0]["reason"]


def test_older_settings_are_reported_and_left_alone(cluster: DockerScenario) -> None:
    cluster.reach(2)
    there = cluster.running()
    assert [i["outdated"] for i in cluster.status()["instances"]] == [False, False]

    cluster.pool["environment"]["LEVEL"] = "debug"
    run = cluster.reach(3)
    assert [i["outdated"] for i in run.result["instances"]] == [True, True, False]
    assert "chat: 3 of 3 ready, 2 with older settings of their pool" in run.result["message"]
    assert there.items() <= cluster.running().items()
    assert cluster.status()["unfinished"] is False

    # Another image under the same name, and the settings of before.
    del cluster.pool["environment"]["LEVEL"]
    cluster.pool["image"] = "chat:1"
    docker(cluster.daemon, "tag", cluster.image, "chat:1")
    cluster.reach(4)
    assert [i["outdated"] for i in cluster.status()["instances"]] == [True, True, True, False]
    docker(cluster.daemon, "commit", "--change=LABEL new=1", "chat-4", "chat:1")
    assert [i["outdated"] for i in cluster.status()["instances"]] == [True, True, True, True]
    assert there.items() <= cluster.running().items()


def test_a_stop_uses_the_containers_own_signal_does_not_wait_and_ends_in_a_kill(cluster: DockerScenario) -> None:
    cluster.pool["environment"]["DRAIN"] = "3600"
    cluster.settings["autoscale_stop_timeout"] = 1
    cluster.reach(1)
    (container,) = cluster.running().values()
    cluster.converge(0)
    # It drains for an hour. That it still runs shows that nobody has waited.
    assert cluster.running() == {"chat-1": container}
    assert [i["state"] for i in cluster.status()["instances"]] == ["draining"]
    cluster.reach(0)
    assert cluster.containers("--all") == {}
    assert cluster.signals(container) == ["15", "9"]

    cluster.pool["container_options"]["stop_signal"] = "SIGINT"
    cluster.reach(1)
    (container,) = cluster.running().values()
    cluster.reach(0)
    assert cluster.signals(container)[0] == "2"


@pytest.mark.parametrize("networking", ["host", "container"])
def test_is_reached_on_the_network_of_its_host_or_at_its_own_address(cluster: DockerScenario, networking: str) -> None:
    cluster.pool["networking"] = networking
    if networking == "host":
        cluster.pool |= {"command": ["{port}", "{address}"], "service_port": None}
    run = cluster.reach(2)
    places = {(i["address"], i["port"]) for i in run.result["instances"]}
    assert len(places) == 2
    if networking == "host":
        assert {address for address, _port in places} == {"127.0.0.1"}
    else:
        assert {port for _address, port in places} == {8080}
        assert "127.0.0.1" not in {address for address, _port in places}


def test_command_and_environment_arrive_as_they_were_written(cluster: DockerScenario) -> None:
    hostile = "a 'b' \"c\" $HOME %(x)s ; # {port} {other}\nd"
    cluster.pool["environment"]["TEXT"] = hostile
    cluster.pool["command"] = ["8080", "0.0.0.0", hostile]
    (instance,) = cluster.reach(1).result["instances"]
    filled = hostile.replace("{port}", str(instance["port"]))
    config = json.loads(docker(cluster.daemon, "inspect", "--format", "{{json .Config}}", "chat-1"))
    assert config["Cmd"] == ["8080", "0.0.0.0", filled]
    expected = {f"TEXT={filled}", "PORT=8080", "INSTANCE_NAME=chat-1", "INSTANCE_INDEX=1"}
    assert expected <= set(config["Env"])


def test_secrets_are_in_no_output(cluster: DockerScenario) -> None:
    """Neither when it works nor when it does not, at no verbosity."""
    secret = "pa55-word-value"
    cluster.pool["environment"]["PASSWORD"] = secret
    runs = [cluster.converge(1, "-vvv", "--diff")]
    cluster.pool["container_options"]["network_mode"] = "nowhere"
    runs += [cluster.converge(2, "-vvv", "--diff")]
    assert [len(run.result["failed_instances"]) for run in runs] == [0, 1]
    for run in runs:
        assert secret not in run.output
        assert secret not in json.dumps(run.result)


def test_on_a_host_of_the_inventory(cluster: DockerScenario, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Over SSH, with that host's own Python."""
    python = tmp_path / "python-there"
    python.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    cluster.pool["host"] = "containers"
    with ssh_server(tmp_path) as variables:
        there = variables | {"ansible_python_interpreter": str(python)}
        monkeypatch.setattr(cluster, "other_hosts", lambda: {"containers": there})
        cluster.reach(1)
        assert cluster.running().keys() == {"chat-1"}
        cluster.reach(0)
    modules = [line.rpartition("AnsiballZ_")[2] for line in (tmp_path / "calls").read_text().splitlines()]
    assert {"docker_host_info.py", "docker_container.py", "docker_container_info.py"} <= set(modules)
    nowhere = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    monkeypatch.setattr(cluster, "other_hosts", lambda: {"containers": nowhere})
    run = cluster.converge(1)
    assert not run.ok
    assert "pool docker does not answer: containers cannot be reached" in run.output


def test_with_tls(cluster: DockerScenario) -> None:
    with cluster.behind_tls() as certificates:
        cluster.reach(1)
        assert cluster.running().keys() == {"chat-1"}
        cluster.pool["ca_path"] = str(certificates.other_ca)
        run = cluster.converge(1)
    assert not run.ok
    assert "certificate verify failed" in run.output


def calls_of_a_further_tick(scenario: Scenario) -> int:
    """How many modules a run of the loop with one tick runs, where nothing changes."""
    calls = scenario.home / "calls"
    python = scenario.home / "python"
    python.write_text(f'#!/bin/sh\necho "$@" >> {calls}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    scenario.settings |= {"autoscale_deadline": 0, "autoscale_interval": 1, "autoscale_prime_delay": 0}
    scenario.reach(1)
    scenario.settings["ansible_python_interpreter"] = str(python)
    for _tick in range(2):
        calls.write_text("")
        run = scenario.play("rlops.autoscale.autoscale")
        assert run.ok, run.output
        assert "chat: " in run.output
    return calls.read_text().count("AnsiballZ_")


def test_a_further_tick_runs_one_module_more_than_with_local_processes(make_scenario: MakeScenario) -> None:
    assert calls_of_a_further_tick(make_scenario("local")) == 0
    assert calls_of_a_further_tick(make_scenario("docker")) == 1


def test_without_a_daemon_it_is_said_where_it_was_looked_for(cluster: DockerScenario) -> None:
    cluster.pool["docker_host"] = "unix:///nonexistent/docker.sock"
    run = cluster.converge(1)
    assert not run.ok
    assert "pool docker does not answer: Docker at unix:///nonexistent/docker.sock: " in run.output


def test_where_its_collection_is_missing_it_is_said_how_to_install_it(
    cluster: DockerScenario, monkeypatch: pytest.MonkeyPatch, collections_path: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "collections" / "ansible_collections" / "rlops"
    bare.mkdir(parents=True)
    (bare / "autoscale").symlink_to(collections_path / "ansible_collections" / "rlops" / "autoscale")
    environment: dict[str, Any] = {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections")}
    environment["ANSIBLE_COLLECTIONS_SCAN_SYS_PATH"] = "false"
    monkeypatch.setattr(cluster, "environment", lambda: environment)
    run = cluster.converge(1)
    assert not run.ok
    assert "ansible-galaxy collection install community.docker" in run.output
