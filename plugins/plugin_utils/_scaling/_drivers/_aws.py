# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``ec2`` and ``ec2_group`` have in common: how EC2 is asked, and what its answers mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._aws import PATIENCE
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import HOST_OPTION, Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Driver

#: What has a meaning in EC2's filters.
_WILD = re.compile(r"[*?\\]")
#: Why an instance ends: somebody has asked for it, be it a person, a group or the agent.
_ASKED = "Client.UserInitiatedShutdown"


class AwsDriver(Driver):
    """Instances of EC2, whoever starts them."""

    options: ClassVar[dict[str, Any]] = HOST_OPTION | {
        "region": {"type": "str"},
        "endpoint_url": {"type": "str"},
        "service_port": {"type": "int"},
        "connect_to": {"type": "str", "choices": ["private", "public"], "default": "private"},
    }

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        port, url = context.options["service_port"], context.options["endpoint_url"]
        if not 0 < port < 65536:
            raise OptionError("service_port", f"expected a port from 1 to 65535, got {port}")
        if url and not url.startswith(("http://", "https://")):
            raise OptionError("endpoint_url", f"expected an http:// or https:// URL, got {quoted(url)}")

    def ask(self, tags: Mapping[str, str], states: tuple[str, ...]) -> list[dict[str, Any]]:
        """The instances that carry these tags, in these states, as EC2 describes them; names are in snake_case."""
        filters = {f"tag:{key}": value for key, value in tags.items()}
        result = self.context.run(
            "amazon.aws.ec2_instance_info",
            filters={**filters, "instance-state-name": list(states)},
            aws_config=PATIENCE,
            **self.place,
        )
        return [i for i in result["instances"] if tags.items() <= (i.get("tags") or {}).items()]

    @property
    def place(self) -> dict[str, str]:
        """Where the API is; what is not set is left to the environment."""
        names = ("region", "endpoint_url")
        return {name: self.context.options[name] for name in names if self.context.options[name]}

    def facts(self, instance: Mapping[str, Any]) -> dict[str, Any]:
        """What of a report does not depend on who started it."""
        why = instance.get("state_reason") or {}
        ending = instance["state"]["name"] == "shutting-down"
        failed = ending and why.get("code", _ASKED) != _ASKED
        return {
            "pool": self.context.name,
            "running": not failed,
            "stopping": ending and not failed,
            "address": instance.get(f"{self.context.options['connect_to']}_ip_address") or None,
            "port": self.context.options["service_port"],
            "created_at": datetime.fromisoformat(instance["launch_time"]).timestamp(),
            "reason": quoted(why.get("message", why["code"])) if failed else None,
            "uid": instance["instance_id"],
        }


def check_filter(option: str, value: str) -> None:
    """Refuse what would find instances of others. Raises OptionError."""
    if _WILD.search(value):
        raise OptionError(option, f"expected no *, ? and \\, for EC2 is asked for it, got {quoted(value)}")
