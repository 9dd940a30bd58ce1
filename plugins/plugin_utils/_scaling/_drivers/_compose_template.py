# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A compose file with a service for each instance, made from the user's jinja2 template. Plain data in and out.

The template is the user's own file, rendered here with plain Jinja2; nothing from outside is ever a template.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

#: What is no text, by its tag: YAML 1.2, as docker compose reads it.
_SCALARS = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    "float": (r"[-+]?[0-9]+\.[0-9]+", list("-+0123456789")),
    "merge": (r"<<", ["<"]),
}


class _Loader(yaml.SafeLoader):
    """Takes `yes`, `22:22`, `0755` and dates for text, as docker compose does and PyYAML does not."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - of PyYAML, and to be filled


for _tag, (_pattern, _first) in _SCALARS.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})$"), _first)


class ComposeTemplate:
    """The template of one pool: the services `<service><index>`, with these indexes."""

    def __init__(self, path: str, service: str, cluster: str, variables: Mapping[str, Any]) -> None:
        self._path = Path(path)
        self._service = service
        self._cluster = cluster
        self._variables = variables

    def document(self, ports: Mapping[int, int]) -> dict[str, Any]:
        """The compose file for the instances of these indexes, each with its port. Raises OptionError."""
        instances = [
            {"index": index, "name": f"{self._cluster}-{index}", "port": port} for index, port in sorted(ports.items())
        ]
        own = {"cluster": self._cluster, "instances": instances, "instance_count": max(ports, default=0)}
        environment = SandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True)
        try:
            text = environment.from_string(self._path.read_text(encoding="utf-8")).render({**self._variables, **own})
            document: Any = yaml.load(text, _Loader)  # noqa: S506 - it is a SafeLoader
        except (OSError, UnicodeError, TemplateError, TypeError, ValueError, yaml.YAMLError) as error:
            raise OptionError("template", f"{self._path} cannot be used: {quoted(error)}") from error
        if not isinstance(document, dict) or not isinstance(document.get("services"), dict):
            raise OptionError("template", f"expected a compose file with services, {self._path} makes none")
        services = document["services"]
        for index in ports:
            if not isinstance(services.get(self._name(index)), dict):
                made = ", ".join(sorted(map(str, services)))
                expected = f"expected the service {self._name(index)} for the instance of index {index}"
                raise OptionError("template", f"{expected}, {self._path} makes {quoted(made)}")
        return document

    def service(self, document: Mapping[str, Any], index: int) -> dict[str, Any]:
        """The service of an instance in a document that was made with its index."""
        service: dict[str, Any] = document["services"][self._name(index)]
        return service

    def _name(self, index: int) -> str:
        return f"{self._service}{index}"


def digest(service: Mapping[str, Any]) -> str:
    """Another one if the service is defined in another way."""
    return hashlib.sha256(json.dumps(service, sort_keys=True).encode()).hexdigest()[:16]


def image_of(service: Mapping[str, Any]) -> str | None:
    """The image by its name; None if it is built, or only Compose knows the name, which has variables of its own."""
    image = service.get("image")
    return image if isinstance(image, str) and "$" not in image else None


def label(service: dict[str, Any], labels: Mapping[str, str]) -> None:
    """Add labels to a service, in place."""
    written = {name: value.replace("$", "$$") for name, value in labels.items()}  # $ would name a variable
    given = service.get("labels") or {}
    if isinstance(given, list):
        service["labels"] = given + [f"{name}={value}" for name, value in written.items()]
    else:
        service["labels"] = given | written
