# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Load balancer ``nginx``: an upstream in a file of its own, by the module nginx_upstream where the nginx runs."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._nginx import PID_FILE, Upstream
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import HOST_OPTION, Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._balancers._module import ModuleBalancer

# Paths are those of the host: none is expanded here.
_OWN: dict[str, Any] = {
    "file": {"type": "str"},
    "upstream": {"type": "str"},
    "directives": {"type": "list", "elements": "str", "default": []},
    "server_options": {"type": "str", "default": ""},
    "nginx": {"type": "str", "default": "nginx"},
    "config": {"type": "str"},
    "pid_file": {"type": "str", "default": PID_FILE},
    "reload": {"type": "list", "elements": "str", "default": []},
}


class NginxBalancer(ModuleBalancer):
    """An upstream of an nginx."""

    options: ClassVar[dict[str, Any]] = HOST_OPTION | _OWN
    required: ClassVar[tuple[str, ...]] = ("file", "upstream")

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        options = context.options
        Upstream(options["upstream"], options["directives"], options["server_options"])

    def assign(self, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        own = {name: self.context.options[name] for name in _OWN}
        done = self.context.run("rlops.autoscale.nginx_upstream", servers=entries, **own)
        servers: list[dict[str, Any]] = done["servers"]
        return servers


BACKEND = NginxBalancer
