# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Docker daemon as the drivers `docker` and `compose` use it: its containers, and what they can be told.

Modules of community.docker do it; each call here is one module run, if it does not say otherwise. Containers are told
by their id: one that somebody else has made meanwhile under the same name is not meant.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import HOST_OPTION, Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Driver, each
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported

#: Which daemon, as the modules of community.docker call it. What is not given is not passed on to them.
DAEMON: dict[str, Any] = {
    "docker_host": {"type": "str", "default": "unix:///var/run/docker.sock"},
    "tls": {"type": "bool"},
    "validate_certs": {"type": "bool"},
    "ca_path": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path"},
}

#: Labels of what was started here.
CLUSTER = "rlops.autoscale.cluster"
POOL = "rlops.autoscale.pool"
INDEX = "rlops.autoscale.index"
PORT = "rlops.autoscale.port"  # the one that it was given
SETTINGS = "rlops.autoscale.settings"  # a digest: another one if they change

#: Seconds that a daemon may be silent when it is asked what there is. A tick waits for the answer.
_STATUS_TIMEOUT_S = 20

#: Docker says what is wrong at the end.
_MAX_SAID = 300
#: The daemon's own words, in what a module makes of its answer.
_ANSWER = re.compile(r' Error for \S+: [\w ]+ \("(.*)"\)', re.DOTALL)
#: Why a daemon was not reached.
_CAUSE = re.compile(r"\(Caused by (.*)\)", re.DOTALL)
#: The image that could not be had.
_PULL = re.compile(r"Error pulling (?:image )?(\S+) - ")
#: What Python says where it cannot reach a daemon's socket, and what an option is called that there is not.
_MEANINGS = (
    (re.compile(r"FileNotFoundError\("), "there is no such socket (docker_host)"),
    (re.compile(r"PermissionError\("), "this user may not use the socket (docker_host)"),
    (
        re.compile(r"Unsupported parameters for \(\S*docker_container\) module: ([\w, ]+)\."),
        r"container_options: docker_container has no such option: \1",
    ),
)
_LONG_ID = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
_EXIT = re.compile(r"Exited \((\d+)\)")


@dataclass(frozen=True)
class Container:
    """One as Docker lists it."""

    id: str
    name: str
    image: str  # as it was asked for; an id if that name means another image by now, or none
    labels: Mapping[str, str]
    state: str
    status: str  # the same in words, for people
    created_at: float  # unix seconds
    address: str | None  # its own, in the first of its networks
    ports: Mapping[int, int]  # published: port in the container -> port of the host

    @classmethod
    def from_listed(cls, item: Mapping[str, Any]) -> Container:
        networks = (item.get("NetworkSettings") or {}).get("Networks") or {}
        addresses = [network.get("IPAddress") for network in networks.values()]
        published = [port for port in item.get("Ports") or [] if port.get("PublicPort") and port["Type"] == "tcp"]
        return cls(
            id=item["Id"],
            name=item["Names"][0].removeprefix("/"),
            image=item["Image"],
            labels=item.get("Labels") or {},
            state=item["State"],
            status=item["Status"],
            created_at=float(item["Created"]),
            address=next(filter(None, addresses), None),
            ports={port["PrivatePort"]: port["PublicPort"] for port in published},
        )

    @property
    def runs(self) -> bool:
        """Paused ones do, and those that Docker is about to start again."""
        return self.state in ("running", "paused", "restarting")

    @property
    def port(self) -> int | None:
        """The one that it was given when it was started here."""
        return number_in(self.labels, PORT)

    @property
    def why_ended(self) -> str:
        exited = _EXIT.match(self.status)
        if exited:
            return f"it ended with exit status {exited[1]}"
        return "it was never started" if self.state == "created" else f"it is {quoted(self.state)}"

    def is_from(self, image: str | None) -> bool:
        """Whether it was made from what this name means now; None: from what its own name means now."""
        return self.image == image if image else not self.image.startswith("sha256:")


class DockerHost:
    """The daemon of one pool."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._daemon = {name: context.options[name] for name in DAEMON if context.options[name] is not None}
        if self._daemon["docker_host"].startswith("ssh://"):
            self._daemon["use_ssh_client"] = True  # else a Python package more is needed

    def run(self, module: str, **arguments: Any) -> dict[str, Any]:
        """The result of a module of community.docker. Raises AutoscaleError with the daemon's own words."""
        arguments = self._daemon | arguments
        result = self._context.run_module(f"community.docker.{module}", arguments, self._context.options.get("host"))
        if result.get("failed"):
            where = self._daemon["docker_host"].rpartition("@")[2]
            raise AutoscaleError(f"Docker at {where}: {explained(result.get('msg', module + ' failed'))}")
        return result

    def containers(self, labels: Mapping[str, str] | None = None) -> list[Container]:
        """Those with all these labels, ended ones included. Also under check mode."""
        asked: dict[str, Any] = {
            "containers": True,
            "containers_all": True,
            "verbose_output": True,
            "timeout": _STATUS_TIMEOUT_S,
        }
        if labels:
            asked["containers_filters"] = {"label": [f"{name}={value}" for name, value in labels.items()]}
        listed = [Container.from_listed(item) for item in self.run("docker_host_info", **asked)["containers"]]
        return [container for container in listed if container.state != "removing"]

    def ask_to_end(self, container: str) -> None:
        """Send it the signal that it is to be stopped with, and do not wait; clear it away if it has ended already.

        Two module runs: which signal that is, its image or its settings say. Docker would take another one for a crash,
        and start it again where it was told to.
        """
        found = self.run("docker_container_info", name=container)["container"]
        if found is None:
            return
        if not found["State"]["Running"]:
            self.remove(container)
            return
        signal = found["Config"].get("StopSignal") or "SIGTERM"
        # This ends the pause of a paused one, too.
        self.run("docker_container", name=container, state="stopped", force_kill=True, kill_signal=signal)

    def remove(self, container: str) -> None:
        """Clear it away with the volumes that have no name, by SIGKILL if it has not ended."""
        self.run("docker_container", name=container, state="absent", force_kill=True, keep_volumes=False)

    def set_paused(self, container: str, paused: bool) -> None:
        self.run("docker_container", name=container, state="started", paused=paused)


class ContainerDriver(Driver):
    """Base of drivers whose instances are containers; the uid is the container's id."""

    options: ClassVar[dict[str, Any]] = HOST_OPTION | DAEMON
    pauses = True

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._docker = DockerHost(context)

    def stop(self, instances: Sequence[Reported], *, kill: bool = False) -> None:
        def end(instance: Reported) -> None:
            if kill or not instance.running:
                self._docker.remove(instance.uid or "")
            else:
                self._docker.ask_to_end(instance.uid or "")

        each(instances, end)

    def pause(self, instances: Sequence[Reported]) -> None:
        each(instances, lambda instance: self._docker.set_paused(instance.uid or "", True))

    def resume(self, instances: Sequence[Reported]) -> None:
        each(instances, lambda instance: self._docker.set_paused(instance.uid or "", False))

    def _reported(self, container: Container, name: str, index: int, **more: Any) -> Reported:
        return Reported(
            name=name,
            index=index,
            pool=self.context.name,
            running=container.runs,
            paused=container.state == "paused",
            created_at=container.created_at,
            reason=None if container.runs else container.why_ended,
            uid=container.id,
            **more,
        )


def ports_taken(containers: Sequence[Container]) -> set[int | None]:
    """Those that the containers of a daemon were given, or publish."""
    return {port for container in containers for port in (container.port, *container.ports.values())}


def number_in(labels: Mapping[str, str], label: str) -> int | None:
    """The number that a label holds; None where there is none."""
    with contextlib.suppress(KeyError, ValueError):
        return int(labels[label])
    return None


def explained(message: object) -> str:
    """What Docker said, fit for a message: its own words, and ids as short as it shows them."""
    text = str(message)
    for pattern, meaning in _MEANINGS:
        found = pattern.search(text)
        if found:
            return quoted(found.expand(meaning))
    core = _ANSWER.search(text) or _CAUSE.search(text)
    image = _PULL.match(text)
    said = core[1] if core else text[image.end() :] if image else text
    return quoted((f"cannot pull {image[1]}: " if image else "") + _LONG_ID.sub(r"\1", said), _MAX_SAID)
