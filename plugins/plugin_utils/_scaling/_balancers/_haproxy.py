# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Load balancer ``haproxy``: slots of an HAProxy that runs, over its Runtime API.

In process where its socket can be reached from here; with the option `host`, by the module haproxy_servers there.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._haproxy import Proxy, RuntimeApi
from ansible_collections.rlops.autoscale.plugins.module_utils._haproxy_slots import PLACEHOLDER, assign, parse_endpoint
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import HOST_OPTION, Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._balancers._module import ModuleBalancer

_OWN: dict[str, Any] = {
    "socket": {"type": "str"},
    "proxy": {"type": "str"},
    "placeholder": {"type": "str", "default": PLACEHOLDER},
}


class HaproxyBalancer(ModuleBalancer):
    """A proxy of an HAProxy."""

    options: ClassVar[dict[str, Any]] = HOST_OPTION | _OWN
    required: ClassVar[tuple[str, ...]] = ("socket", "proxy")

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._proxy = Proxy(RuntimeApi(context.options["socket"]), context.options["proxy"])
        parse_endpoint("placeholder", context.options["placeholder"])

    def assign(self, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        options = self.context.options
        if not options["host"]:
            return assign(self._proxy, entries, options["placeholder"]).servers
        own = {name: options[name] for name in _OWN}
        done = self.context.run("rlops.autoscale.haproxy_servers", servers=entries, **own)
        servers: list[dict[str, Any]] = done["servers"]
        return servers


BACKEND = HaproxyBalancer
