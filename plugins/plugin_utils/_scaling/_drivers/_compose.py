# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backend ``compose``: containers that `docker compose`, or the older `docker-compose`, starts; in one of two ways.

With `template` each instance is a service of its own, `app1` to `appN`, in a compose file made from the user's jinja2
template. Without, instances are copies of one service of the user's own compose file, and Compose names them.

Compose is asked for nothing but to start what is missing: it could only take away the highest numbers, and would wait
for their end. What goes is told so by its container, so that any may go, and the others are left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Order
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._compose_template import (
    ComposeTemplate,
    digest,
    image_of,
    label,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._docker_host import (
    CLUSTER,
    INDEX,
    POOL,
    PORT,
    SETTINGS,
    Container,
    ContainerDriver,
    explained,
    number_in,
    ports_taken,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._ports import (
    none_free,
    parse_range,
    port_of,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported

_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"
_NUMBER = "com.docker.compose.container-number"
_ONE_OFF = "com.docker.compose.oneoff"  # made by `run`, not by `up`
_CONFIG = "com.docker.compose.config-hash"

#: docker-compose would leave out what it does not like in a name, and so have another project than was said.
_PROJECT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_SERVICE_NAME = re.compile(r"[A-Za-z0-9._-]+")

#: What leads to the daemon, for both programs.
_FLAGS = {"ca_path": "--tlscacert", "client_cert": "--tlscert", "client_key": "--tlskey"}
_SWITCHES = {"tls": "--tls", "validate_certs": "--tlsverify"}


class _Found(NamedTuple):
    """A container that is an instance."""

    container: Container
    name: str
    number: int


class _Up(NamedTuple):
    """What `up` is told."""

    files: list[str]
    words: list[str]
    stdin: str | None
    refused: dict[str, str]  # orders that it is not told of: name -> why


class _Services:
    """With `template`: each instance is a service."""

    gives_names = False
    pauses = True

    def __init__(self, context: Context) -> None:
        options = context.options
        self._context = context
        self._ports = parse_range(options["port_range"])
        self._template = ComposeTemplate(options["template"], options["service"], context.cluster, options["variables"])
        self._name = re.compile(re.escape(options["service"]) + "([1-9][0-9]*)")

    def find(self, container: Container) -> _Found | None:
        service = self._name.fullmatch(container.labels.get(_SERVICE, ""))
        return _Found(container, f"{self._context.cluster}-{service[1]}", int(service[1])) if service else None

    def outdated(self, found: Sequence[_Found]) -> set[str]:
        """Those whose service the template would make in another way by now. Of what was started by hand only the
        image tells."""
        document = self._template.document(self._ports_of(found))
        older = set()
        for container, _name, index in found:
            service = self._template.service(document, index)
            settings = container.labels.get(SETTINGS)
            if settings not in (None, digest(service)) or not container.is_from(image_of(service)):
                older.add(container.id)
        return older

    def up(self, orders: Sequence[Order], found: Sequence[_Found], taken: set[int | None]) -> _Up:
        """The file has all services, so that each may refer to the others; only the new ones are started."""
        refused = {}
        ports = {}
        for order in orders:
            port = port_of(order.index, self._ports, taken)
            if port is None:
                refused[order.name] = none_free(self._context.options["port_range"])
                continue
            taken.add(port)
            ports[order.index] = port
        document = self._template.document(self._ports_of(found) | ports)
        for index, port in ports.items():
            service = self._template.service(document, index)
            own = {CLUSTER: self._context.cluster, POOL: self._context.name, INDEX: str(index), PORT: str(port)}
            label(service, own | {SETTINGS: digest(service)})
        services = [f"{self._context.options['service']}{index}" for index in ports]
        # JSON is YAML, too.
        return _Up(["-"], services, json.dumps(document, ensure_ascii=False), refused)

    def _ports_of(self, found: Sequence[_Found]) -> dict[int, int]:
        """By index; of what was started by hand, the one that it would have got."""
        return {one.number: one.container.port or port_of(one.number, self._ports, ()) or 0 for one in found}


class _Copies:
    """Without: instances are copies of one service of the user's own file."""

    gives_names = True
    pauses = False  # Compose cannot start a copy while another one is paused

    def __init__(self, context: Context) -> None:
        self._options = context.options

    def find(self, container: Container) -> _Found | None:
        if container.labels.get(_SERVICE) != self._options["service"]:
            return None
        return _Found(container, container.name, number_in(container.labels, _NUMBER) or 0)

    def outdated(self, found: Sequence[_Found]) -> set[str]:
        """Those that were made from another definition of the service than the newest was."""
        newest = max(found, key=lambda one: one.container.created_at).container
        same = newest.labels.get(_CONFIG)
        return {
            one.container.id
            for one in found
            if one.container.labels.get(_CONFIG) != same or not one.container.is_from(None)
        }

    def up(self, orders: Sequence[Order], found: Sequence[_Found], taken: set[int | None]) -> _Up:  # noqa: ARG002
        """So many more than there are."""
        service = self._options["service"]
        return _Up(self._options["files"], ["--scale", f"{service}={len(found) + len(orders)}", service], None, {})


class ComposeDriver(ContainerDriver):
    """Containers of one project."""

    options: ClassVar[dict[str, Any]] = ContainerDriver.options | {
        "template": {"type": "path"},
        "variables": {"type": "dict", "default": {}},
        "project_src": {"type": "path"},
        "files": {"type": "list", "elements": "str", "default": []},
        "project_name": {"type": "str"},
        "service": {"type": "str", "default": "app"},
        "service_port": {"type": "int"},
        "port_range": {"type": "str", "default": "20000-29999"},
        "address": {"type": "str", "default": "127.0.0.1"},
    }

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        options = context.options
        self._project = options["project_name"] or f"{context.cluster}-{context.name}".lower()
        for option, pattern, text, expected in (
            ("service", _SERVICE_NAME, options["service"], "letters, digits, dots, dashes and underscores"),
            ("project_name", _PROJECT_NAME, self._project, "letters from a to z, digits, dashes and underscores"),
        ):
            if not pattern.fullmatch(text):
                raise OptionError(option, f"expected {expected}, got {quoted(text)}")
        if not (options["template"] or options["project_src"]):
            expected = "expected a Jinja2 template of a compose file, or project_src, where your own file is"
            raise OptionError("template", f"{expected}; pool {context.name} has neither")
        self._form = _Services(context) if options["template"] else _Copies(context)
        self.gives_names = self._form.gives_names
        self.pauses = self._form.pauses
        self._program: list[str] = []  # found out when it is needed

    def status(self) -> list[Reported]:
        found = self._found(self._docker.containers({_PROJECT: self._project, _ONE_OFF: "False"}))
        outdated = self._form.outdated(found) if found else set()
        return [self._report(one, outdated) for one in found]

    def start(self, orders: Sequence[Order]) -> dict[str, str]:
        there = self._docker.containers()
        before = self._found(there)
        for one in before:
            if not one.container.runs:  # Compose would start it again
                self._docker.remove(one.container.id)
        running = [one for one in before if one.container.runs]
        taken = ports_taken(there)
        up = self._form.up(orders, running, taken)
        asked = [order for order in orders if order.name not in up.refused]
        try:
            if asked:
                self._up(up)
        except AutoscaleError as error:
            return up.refused | self._not_started(asked, before, str(error))
        return up.refused

    def _found(self, containers: Sequence[Container]) -> list[_Found]:
        """Those that are instances."""
        own = {_PROJECT: self._project, _ONE_OFF: "False"}.items()
        ours = (self.context.cluster, self.context.name)
        found = [
            self._form.find(container)
            for container in containers
            if own <= container.labels.items()
            # Projects of two clusters may come to have the same name. What carries no mark was started by hand.
            and (container.labels.get(CLUSTER, ours[0]), container.labels.get(POOL, ours[1])) == ours
        ]
        return [one for one in found if one is not None]

    def _report(self, one: _Found, outdated: set[str]) -> Reported:
        container, wanted = one.container, self.context.options["service_port"]
        published = container.ports.get(wanted or min(container.ports, default=0))
        return self._reported(
            container,
            one.name,
            one.number,
            address=self.context.options["address"],
            port=published or (container.port if container.runs else None),
            outdated=container.id in outdated,
        )

    def _not_started(self, orders: Sequence[Order], before: Sequence[_Found], why: str) -> dict[str, str]:
        """Which of them were not, name -> why; what is left of these is cleared away."""
        known = {one.container.id for one in before}
        new = [one for one in self._found(self._docker.containers()) if one.container.id not in known]
        for one in new:
            if not one.container.runs:
                self._docker.remove(one.container.id)
        started = [one.name for one in new if one.container.runs]
        if self.gives_names:
            return {order.name: why for order in orders[len(started) :]}
        return {order.name: why for order in orders if order.name not in started}

    def _up(self, up: _Up) -> None:
        self._program = self._program or self._find_program()
        files = [word for file in up.files for word in ("-f", file)]
        project = ["-p", self._project, *files]
        arguments = {
            "argv": [*self._program, *project, "up", "-d", "--no-recreate", *up.words],
            "chdir": self.context.options["project_src"],
            "stdin": up.stdin,
        }
        result = self._command(**{name: value for name, value in arguments.items() if value is not None})
        if result.get("failed"):
            raise AutoscaleError(_said(result))

    def _find_program(self) -> list[str]:
        """`docker compose` or, where that is not there, `docker-compose`; with what leads to the daemon."""
        options = self.context.options
        daemon = ["-H", options["docker_host"]]
        daemon += [word for option, word in _SWITCHES.items() if options[option]]
        daemon += [word for option, flag in _FLAGS.items() if options[option] for word in (flag, options[option])]
        answers = []
        for program in (["docker", *daemon, "compose"], ["docker-compose", *daemon]):
            result = self._command(argv=[*program, "version"])
            if not result.get("failed"):
                return program
            answers.append(_said(result))
        needed = "docker compose, or docker-compose, is needed where the pool's modules run (Debian: docker-compose)"
        raise AutoscaleError(f"{needed}: {'; '.join(answers)}")

    def _command(self, **arguments: Any) -> dict[str, Any]:
        """The result of a command, which may have failed."""
        return self.context.run_module("ansible.builtin.command", arguments, self.context.options.get("host"))


def _said(result: Mapping[str, Any]) -> str:
    """What a command said of its failure: its first line that is called an error, or else its last."""
    lines = [line.strip() for line in str(result.get("stderr") or result.get("msg", "")).splitlines() if line.strip()]
    errors = [line for line in lines if line.casefold().startswith("error")]
    return explained((errors or lines or ["it failed"])[0 if errors else -1])


BACKEND = ComposeDriver
