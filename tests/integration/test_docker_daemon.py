# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tests' own Docker daemon and image: containers serve, end when told to, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from ansible_collections.rlops.autoscale.tests.tools.docker_daemon import docker, docker_daemon
from ansible_collections.rlops.autoscale.tests.tools.docker_images import build_service_image
from ansible_collections.rlops.autoscale.tests.tools.ports import free_port
from ansible_collections.rlops.autoscale.tests.tools.waiting import runs, wait_for

Start = Callable[..., str]


@pytest.fixture
def port() -> int:
    """One that nobody listens at."""
    return free_port()


@pytest.fixture
def start(docker_host: str, service_image: str) -> Iterator[Start]:
    """start(option..., command=()): id of a new container of the service, which is removed after the test."""
    started = []

    def run(*options: str, command: tuple[str, ...] = ()) -> str:
        started.append(docker(docker_host, "run", "--detach", *options, service_image, *command))
        return started[-1]

    yield run
    docker(docker_host, "rm", "--force", *started)


def healthy(port: int) -> bool:
    with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False


def exit_code(host: str, container: str) -> str:
    return docker(host, "inspect", "--format", "{{.State.ExitCode}}", container)


def test_serves_at_a_published_port(docker_host: str, start: Start, port: int) -> None:
    container = start(f"--publish=127.0.0.1:{port}:8080")
    wait_for(lambda: healthy(port))
    docker(docker_host, "stop", "--time=30", container)
    assert exit_code(docker_host, container) == "0"
    assert not healthy(port)


def test_serves_on_the_network_of_the_host(docker_host: str, start: Start, port: int) -> None:
    start("--network=host", command=(str(port),))
    wait_for(lambda: healthy(port))


@pytest.mark.parametrize("options", [(), ("--init",)])
def test_sigterm_is_heard_from_the_start(docker_host: str, start: Start, options: tuple[str, ...]) -> None:
    container = start(*options)
    docker(docker_host, "stop", "--time=30", container)
    # 0 or, if the service had no handler yet, 128 + SIGTERM; not 128 + SIGKILL.
    assert exit_code(docker_host, container) in {"0", "143"}


def test_leaves_nothing_behind(docker_host: str) -> None:
    with docker_daemon() as host:
        image = build_service_image(host)
        docker(host, "network", "create", "other")
        container = docker(host, "run", "--detach", "--network=other", image)
        pid = int(docker(host, "inspect", "--format", "{{.State.Pid}}", container))
        folder = Path(host.removeprefix("unix://")).parent
        daemon = int((folder / "docker.pid").read_text())
        bridge = docker(host, "network", "inspect", "--format", "br-{{.Id}}", "other")[:15]
        assert Path("/sys/class/net", bridge).exists()
        assert runs(pid)
        assert runs(daemon)
    assert not folder.exists()
    assert not Path("/sys/class/net", bridge).exists()
    assert not runs(pid)
    assert not runs(daemon)
    assert str(folder) not in Path("/proc/self/mounts").read_text()
