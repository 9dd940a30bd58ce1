# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backend ``docker``: a container for each instance, called as the instance.

Labels say whose it is. What else is in the daemon is left alone, and so is what runs with older settings: a digest of
the settings is kept in a label, too. Docker is told to restart nothing, for the state machine repairs.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Order
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._docker_host import (
    CLUSTER,
    DAEMON,
    INDEX,
    POOL,
    PORT,
    SETTINGS,
    Container,
    ContainerDriver,
    number_in,
    ports_taken,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._ports import (
    none_free,
    parse_range,
    port_of,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._program import Program
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported

#: How an instance is reached.
PUBLISH = "publish"
HOST = "host"
CONTAINER = "container"

#: Of docker_container's options, those that options of the pool stand for, and those that a start must not have.
_REFUSED = DAEMON.keys() | {
    *("command", "env", "image", "labels", "name", "ports", "published_ports", "pull", "stop_timeout"),
    *("auto_remove", "cleanup", "comparisons", "detach", "image_name_mismatch", "paused", "recreate"),
    *("restart", "restart_policy", "restart_retries", "state"),
}


class DockerDriver(ContainerDriver):
    """Containers of one image."""

    options: ClassVar[dict[str, Any]] = ContainerDriver.options | {
        "image": {"type": "str"},
        "pull": {"type": "str", "choices": ["always", "missing", "never"], "default": "missing"},
        "command": {"type": "raw"},
        "environment": {"type": "dict", "default": {}},
        "networking": {"type": "str", "choices": [PUBLISH, HOST, CONTAINER], "default": PUBLISH},
        "service_port": {"type": "int"},
        "publish_address": {"type": "str"},
        "port_range": {"type": "str", "default": "20000-29999"},
        "address": {"type": "str", "default": "127.0.0.1"},
        "labels": {"type": "dict", "default": {}},
        "container_options": {"type": "dict", "default": {}},
    }
    required: ClassVar[tuple[str, ...]] = ("image",)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        options = context.options
        self._program = Program(options)
        self._ports = parse_range(options["port_range"])
        self._owner = {CLUSTER: context.cluster, POOL: context.name}
        self._published_at = _bind_address(options) if options["networking"] == PUBLISH else None
        if options["networking"] == CONTAINER and not options["service_port"]:
            raise OptionError("service_port", "networking container needs it")
        given = options["container_options"]
        for option in sorted(_REFUSED & given.keys()):
            raise OptionError("container_options", f"{option} is set by the pool's own options, or cannot be set")
        if "network_mode" in given and (self._on_host or given["network_mode"] == "host"):
            raise OptionError("container_options", "for network_mode host, say networking: host")
        for label in options["labels"]:
            if str(label).startswith("rlops.autoscale."):
                raise OptionError("labels", f"{quoted(label)} is one of the agent's own")

    def status(self) -> list[Reported]:
        return [self._report(container) for container in self._docker.containers(self._owner)]

    def start(self, orders: Sequence[Order]) -> dict[str, str]:
        there = self._docker.containers()
        foreign = {container.name for container in there if not self._owns(container)}
        taken = ports_taken(there)
        refused = {}
        for order in orders:
            port = self._port(order.index, taken)
            if order.name in foreign:
                refused[order.name] = "a container of that name is there, which is not of this pool"
            elif port is None:
                refused[order.name] = none_free(self.context.options["port_range"])
            else:
                taken.add(port)
                try:
                    self._docker.run("docker_container", **self._described(order.name, order.index, port))
                except AutoscaleError as error:
                    refused[order.name] = str(error)
        if refused:
            self._clear_away(refused)
        return refused

    @property
    def _on_host(self) -> bool:
        return bool(self.context.options["networking"] == HOST)

    def _owns(self, container: Container) -> bool:
        return self._owner.items() <= container.labels.items()

    def _port(self, index: int, taken: Collection[int | None]) -> int | None:
        if self.context.options["networking"] == CONTAINER:
            return int(self.context.options["service_port"])
        return port_of(index, self._ports, taken)

    def _clear_away(self, names: Collection[str]) -> None:
        """What is left of those that could not be started."""
        for container in self._docker.containers(self._owner):
            if container.name in names and not container.runs:
                self._docker.remove(container.id)

    def _report(self, container: Container) -> Reported:
        options = self.context.options
        index = number_in(container.labels, INDEX) or 0
        same = container.labels.get(SETTINGS) == self._digest(container.name, index, container.port or 0)
        return self._reported(
            container,
            container.name,
            index,
            address=container.address if options["networking"] == CONTAINER else options["address"],
            port=container.port,
            outdated=not (same and container.is_from(options["image"])),
        )

    def _digest(self, name: str, index: int, port: int) -> str:
        return str(self._described(name, index, port)["labels"][SETTINGS])

    def _described(self, name: str, index: int, port: int) -> dict[str, Any]:
        """The container of an instance, in the words of docker_container."""
        options = self.context.options
        values = {
            "address": options["address"],
            "cluster": self.context.cluster,
            "index": index,
            "name": name,
            "port": port,
        }
        inside = port if self._on_host else options["service_port"] or port
        container: dict[str, Any] = {"init": True} | options["container_options"]
        container |= {"image": options["image"], "env": self._program.environment(values, inside)}
        command = self._program.command(values)
        if command:
            container["command"] = command
        if self._on_host:
            container["network_mode"] = "host"
        if self._published_at:
            container["published_ports"] = [f"{self._published_at}:{port}:{inside}"]
        labels = {str(key): str(value) for key, value in options["labels"].items()}
        settings = json.dumps(container | {"labels": labels}, sort_keys=True, default=str)
        labels |= self._owner | {INDEX: str(index), PORT: str(port)}
        labels[SETTINGS] = hashlib.sha256(settings.encode()).hexdigest()[:16]
        return container | {
            "name": name,
            "state": "started",
            "labels": labels,
            "pull": options["pull"],
            "restart_policy": "no",
            "stop_timeout": math.ceil(self.context.stop_timeout),
            # Whatever has this name by now is left as it is.
            "comparisons": {"*": "ignore"},
            "image_name_mismatch": "ignore",
        }


def _bind_address(options: Mapping[str, Any]) -> str:
    """Where ports are published, as Docker takes it. Raises OptionError."""
    given = options["publish_address"] or options["address"]
    try:
        address = ipaddress.ip_address(given.removeprefix("[").removesuffix("]"))
    except ValueError:
        expected = "expected an IP address of the Docker host, or 0.0.0.0 for all of them"
        raise OptionError("publish_address", f"{expected}, got {quoted(given)}") from None
    return f"[{address}]" if address.version == 6 else str(address)


BACKEND = DockerDriver
