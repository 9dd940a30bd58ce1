# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backend docker: containers of the tests' own daemon."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.rlops.autoscale.tests.tools.docker_daemon import docker
from ansible_collections.rlops.autoscale.tests.tools.metrics_server import Certificates, make_certificates
from ansible_collections.rlops.autoscale.tests.tools.ports import BLOCK, free_block
from ansible_collections.rlops.autoscale.tests.tools.tls_door import tls_door

from .scenario import Scenario


class ContainerScenario(Scenario):
    """What runs is containers."""

    #: What only those of this cluster have.
    labels: Mapping[str, str]
    #: Environment variables that its modules get.
    variables: Mapping[str, str] = {}

    def environment(self) -> dict[str, str]:
        return dict(self.variables)

    @contextlib.contextmanager
    def behind_tls(self) -> Iterator[Certificates]:
        """Let its modules reach the daemon by TLS, with an authority that nothing but their options names."""
        certificates = make_certificates(self.home)
        self.variables = {"CURL_CA_BUNDLE": "", "REQUESTS_CA_BUNDLE": ""}
        tls = {"client_cert": str(certificates.client), "client_key": str(certificates.client_key)}
        with tls_door(self.daemon.removeprefix("unix://"), certificates.server_context(ask_client=True)) as port:
            self.pool |= {"docker_host": f"tcp://127.0.0.1:{port}", "validate_certs": True, **tls}
            self.pool["ca_path"] = str(certificates.ca)
            yield certificates

    def driver_settings(self) -> dict[str, Any]:
        self.daemon: str = self.request.getfixturevalue("docker_host")
        self.image: str = self.request.getfixturevalue("service_image")
        first = free_block()
        ports = f"{first}-{first + BLOCK - 1}"
        self.pool = {"docker_host": self.daemon, "port_range": ports, **self.pool_settings()}
        return {"autoscale_pools": [self.pool]}

    def pool_settings(self) -> dict[str, Any]:
        """Options of the pool that are this driver's own."""
        raise NotImplementedError

    def containers(self, *arguments: str) -> dict[str, str]:
        """Name -> id, of those that the arguments of `docker ps` choose."""
        filters = [f"--filter=label={name}={value}" for name, value in self.labels.items()]
        shown = '{{.ID}} {{.Names}} {{.Label "com.docker.compose.service"}}'
        listed = docker(self.daemon, "ps", "--no-trunc", *filters, *arguments, "--format", shown)
        rows = [line.split() for line in listed.splitlines()]
        return {self.name_of(*row[1:]): row[0] for row in rows}

    def name_of(self, container: str, service: str = "") -> str:
        """Of an instance, by its container's name and its service."""
        return container

    def signals(self, container: str) -> list[str]:
        """The numbers of those that Docker was asked to send to a container, also if that is gone."""
        until = f"{time.time():f}"
        chosen = ("--filter", f"container={container}", "--filter", "event=kill")
        signal = "{{.Actor.Attributes.signal}}"
        return docker(self.daemon, "events", "--since=1h", f"--until={until}", *chosen, f"--format={signal}").split()

    def running(self) -> dict[str, str]:
        return self.containers()

    def kill(self, name: str) -> None:
        with contextlib.suppress(KeyError, AssertionError):  # it is gone already
            docker(self.daemon, "kill", self.running()[name])

    def clean_up(self) -> None:
        for container in self.containers("--all").values():
            docker(self.daemon, "rm", "--force", container)


class DockerScenario(ContainerScenario):
    """Backend docker."""

    pauses = True

    def pool_settings(self) -> dict[str, Any]:
        self.labels = {"rlops.autoscale.cluster": "chat"}
        return {
            "backend": "docker",
            "image": self.image,
            "pull": "never",
            "service_port": 8080,
            "environment": {"UNHEALTHY": str(self.unhealthy)},
            "container_options": {"volumes": [f"{self.home}:{self.home}:ro"]},
        }
