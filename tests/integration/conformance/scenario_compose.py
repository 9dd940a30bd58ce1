# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backend compose: services of a template, and copies of a service of the user's own file."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from ansible_collections.rlops.autoscale.tests.tools.docker_daemon import docker

from .scenario_docker import ContainerScenario

#: As people write it; the service reads no `x`.
TEMPLATE = """\
services:
{% for instance in instances %}
  app{{ instance.index }}:
    image: IMAGE
    ports: ["127.0.0.1:{{ instance.port }}:8080"]
    environment: {UNHEALTHY: "UNHEALTHY_FILE", x: "{{ x | default('1') }}"}
    volumes: ["HOME:HOME:ro"]
{% endfor %}
"""

OWN = """\
services:
  app:
    image: IMAGE
    ports: ["127.0.0.1::8080"]
    environment: {UNHEALTHY: "UNHEALTHY_FILE"}
    volumes: ["HOME:HOME:ro"]
  other:
    image: IMAGE
"""


PROJECT = "chat-compose"


class ComposeScenario(ContainerScenario):
    """With a template."""

    pauses = True
    labels: Mapping[str, str] = {"com.docker.compose.project": PROJECT, "com.docker.compose.oneoff": "False"}

    def pool_settings(self) -> dict[str, Any]:
        self.template = self.home / "compose.yml.j2"
        self.template.write_text(self.written(TEMPLATE))
        return {"backend": "compose", "template": str(self.template)}

    def written(self, text: str) -> str:
        """With what is this test's own."""
        for word, value in (("IMAGE", self.image), ("UNHEALTHY_FILE", self.unhealthy), ("HOME", self.home)):
            text = text.replace(word, str(value))
        return text

    def name_of(self, container: str, service: str = "") -> str:
        return f"chat-{service.removeprefix('app')}"

    def clean_up(self) -> None:
        self.labels = {"com.docker.compose.project": PROJECT}
        super().clean_up()
        with contextlib.suppress(AssertionError):  # none was made
            docker(self.daemon, "network", "rm", f"{PROJECT}_default")


class ComposeCopiesScenario(ComposeScenario):
    """With a file of the user's own."""

    gives_names = True
    pauses = False
    labels: Mapping[str, str] = {**ComposeScenario.labels, "com.docker.compose.service": "app"}

    def pool_settings(self) -> dict[str, Any]:
        self.file = self.home / "compose.yml"
        self.file.write_text(self.written(OWN))
        return {"backend": "compose", "project_src": str(self.home)}

    def name_of(self, container: str, service: str = "") -> str:
        return container
