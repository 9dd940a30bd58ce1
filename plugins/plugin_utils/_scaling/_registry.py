# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backends of pools and of load balancers by name, and what of their options is accepted.

Each is loaded when it is used: what nobody uses needs no libraries and costs no time. `local`, which needs none, is
loaded at once: Ansible forks for each task, and what is loaded later is loaded each time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Generic, TypeVar

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Backend, Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._balancers._base import Balancer
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Driver

T = TypeVar("T", bound=Backend)


class Registry(Generic[T]):
    """The backends of one kind: that of `foo` is BACKEND in `_foo.py` of the package."""

    def __init__(self, thing: str, package: str, names: Sequence[str], common: Mapping[str, Any]) -> None:
        self.thing = thing  # what a backend is for, in words
        self.names = names
        self.common = common  # argument spec of the options that all have
        self._package = f"{__package__}.{package}"

    def type_of(self, name: str) -> type[T]:
        """The class of a backend. Raises OptionError for an unknown one."""
        if name not in self.names:
            raise OptionError("backend", f"expected one of {', '.join(self.names)}, got {quoted(name)}")
        backend: type[T] = import_module(f"{self._package}._{name}").BACKEND
        return backend

    def make(self, name: str, context: Context) -> T:
        """The backend of a pool or load balancer. Raises OptionError for a missing option of it."""
        backend = self.type_of(name)
        for option in backend.required:
            if not context.options.get(option):
                raise OptionError(option, f"{self.thing} {context.name} of backend {name} needs it")
        return backend(context)

    def spec(self, given: object) -> dict[str, Any]:
        """Argument spec of a list of them: its suboptions are those of the backends in use.

        Raises OptionError for an unknown backend, and for an option that belongs to another one only.
        """
        suboptions = dict(self.common)
        for entry in given if isinstance(given, list) else []:
            backend = entry.get("backend") if isinstance(entry, Mapping) else None
            if not isinstance(backend, str):
                continue
            own = self.type_of(backend).options
            for option in entry.keys() - self.common.keys() - own.keys():
                known = ", ".join(sorted(self.common.keys() | own.keys()))
                expected = f"a {self.thing} of backend {backend} has no such option; it has {known}"
                raise OptionError(quoted(option), expected)
            suboptions |= own
        return {"type": "list", "elements": "dict", "options": suboptions}


_NAME: dict[str, Any] = {"name": {"type": "str"}, "backend": {"type": "str", "required": True}}

# In alphabetical order, please.
DRIVERS = Registry[Driver](
    "pool",
    "_drivers",
    ("compose", "custom", "docker", "ec2", "ec2_group", "kubernetes", "libvirt", "local", "static"),
    _NAME | {"max": {"type": "int"}},
)
BALANCERS = Registry[Balancer]("load balancer", "_balancers", ("custom", "haproxy", "nginx"), _NAME)

import_module(f"{__package__}._drivers._local")
