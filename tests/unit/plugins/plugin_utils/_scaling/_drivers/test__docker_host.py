# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Docker says, as it was recorded, and what is made of it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._docker_host import Container, explained

LISTED: dict[str, Any] = {
    "Command": "/docker-init -s -- /usr/bin/python3.11 /service.py 8080 0.0.0.0",
    "Created": 1796047728,
    "HostConfig": {"NetworkMode": "default"},
    "Id": "313be9561ac681c6fb80d7f5b4960f51586fdc686f7e83b933011836120ab4d7",
    "Image": "autoscale-test-service:1",
    "ImageID": "sha256:8d4c5f8c21c7b0058629135ee1371a12f570ff6c33f5430df273d8e0c4d3121e",
    "Labels": {"rlops.autoscale.port": "30001"},
    "Mounts": [],
    "Names": ["/chat-1"],
    "NetworkSettings": {"Networks": {"none": {"IPAddress": ""}, "bridge": {"IPAddress": "198.18.7.2"}}},
    "Ports": [
        {"IP": "127.0.0.1", "PrivatePort": 8080, "PublicPort": 30001, "Type": "tcp"},
        {"IP": "::1", "PrivatePort": 8080, "PublicPort": 30001, "Type": "tcp"},
        {"IP": "127.0.0.1", "PrivatePort": 53, "PublicPort": 30002, "Type": "udp"},
        {"PrivatePort": 9090, "Type": "tcp"},
    ],
    "State": "running",
    "Status": "Up 2 seconds",
}


ID = "02da9b09bbb3be1cc2fc61d26a0baf606a450485d569deb65350effacadfd822"


def listed(**changes: Any) -> Container:
    return Container.from_listed(LISTED | changes)


def test_a_container_that_runs() -> None:
    container = listed()
    assert (container.name, container.address, container.ports, container.port) == (
        "chat-1",
        "198.18.7.2",
        {8080: 30001},
        30001,
    )
    assert (container.runs, container.created_at) == (True, 1796047728.0)


def test_what_docker_leaves_out_is_not_there() -> None:
    container = listed(Labels=None, Ports=None, NetworkSettings={"Networks": None})
    assert (container.labels, container.ports, container.address, container.port) == ({}, {}, None, None)
    assert listed(Labels={"rlops.autoscale.port": "many"}).port is None


@pytest.mark.parametrize(
    ("state", "status", "runs", "why"),
    [
        ("exited", "Exited (137) 3 seconds ago", False, "it ended with exit status 137"),
        ("created", "Created", False, "it was never started"),
        ("dead", "Dead", False, "it is dead"),
        ("paused", "Up 2 minutes (Paused)", True, None),
        ("restarting", "Restarting (1) 4 seconds ago", True, None),
    ],
)
def test_states(state: str, status: str, runs: bool, why: str | None) -> None:
    container = listed(State=state, Status=status)
    assert container.runs is runs
    assert why in (None, container.why_ended)


def test_an_image_that_its_name_no_longer_means_is_another() -> None:
    moved = listed(Image=LISTED["ImageID"])
    assert listed().is_from("autoscale-test-service:1")
    assert listed().is_from(None)
    assert not listed().is_from("autoscale-test-service:2")
    assert not moved.is_from("autoscale-test-service:1")
    assert not moved.is_from(None)
    assert moved.is_from(LISTED["ImageID"])


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            f"Error starting container {ID}: 500 Server Error for http+docker://localhost/v1.41/containers/{ID}/start: "
            f'Internal Server Error ("driver failed programming external connectivity on endpoint x1 ({ID}): '
            'Bind for 127.0.0.1:23001 failed: port is already allocated")',
            "driver failed programming external connectivity on endpoint x1 (02da9b09bbb3): "
            "Bind for 127.0.0.1:23001 failed: port is already allocated",
        ),
        (
            "Error creating container: 400 Client Error for http+docker://localhost/v1.41/containers/create?name=x%234:"
            ' Bad Request ("Invalid container name (x#4), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")',
            "Invalid container name (x#4), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
        ),
        (
            "Error connecting: Error while fetching server API version: HTTPConnectionPool(host='127.0.0.1', port=1): "
            "Max retries exceeded with url: /version (Caused by NewConnectionError(\"HTTPConnection(host='127.0.0.1', "
            'port=1): Failed to establish a new connection: [Errno 111] Connection refused"))',
            "NewConnectionError(\"HTTPConnection(host='127.0.0.1', port=1): "
            'Failed to establish a new connection: [Errno 111] Connection refused")',
        ),
        (
            "Error connecting: Error while fetching server API version: "
            "('Connection aborted.', FileNotFoundError(2, 'No such file or directory'))",
            "there is no such socket (docker_host)",
        ),
        (
            "Error connecting: Error while fetching server API version: "
            "('Connection aborted.', PermissionError(13, 'Permission denied'))",
            "this user may not use the socket (docker_host)",
        ),
        (
            "Error pulling image localhost:1/chat:2 - 500 Server Error for http+docker://localhost/v1.41/images/create"
            '?tag=2&fromImage=localhost%3A1%2Fchat: Internal Server Error ("Get "http://localhost:1/v2/": refused")',
            'cannot pull localhost:1/chat:2: Get "http://localhost:1/v2/": refused',
        ),
        ("Error pulling chat - manifest unknown", "cannot pull chat: manifest unknown"),
        (
            "Unsupported parameters for (community.docker.docker_container) module: memroy. Supported parameters "
            "include: auto_remove, blkio_weight, ca_path (cacert_path, tls_ca_cert), capabilities",
            "container_options: docker_container has no such option: memroy",
        ),
        (
            "Cannot find image with name autoscale-test-service:2, and pull=never",
            "Cannot find image with name autoscale-test-service:2, and pull=never",
        ),
    ],
)
def test_of_an_error_the_daemons_own_words_are_said(message: str, said: str) -> None:
    assert explained(message) == said


def test_what_is_said_is_one_short_line() -> None:
    said = explained("\x1b[31mno\n" + "x" * 10000)
    assert said.isprintable()
    assert len(said) <= 300
