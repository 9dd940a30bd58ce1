# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of load balancers, and what came of it: the same words whichever it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

READY = "ready"  # it gets new connections
DRAIN = "drain"  # it keeps its connections and gets no new ones
MAINT = "maint"  # it gets nothing
ABSENT = "absent"

#: The option `servers`. Without a state one is only looked at.
SERVERS_SPEC: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "address": {"type": "str", "required": True},
        "port": {"type": "int", "required": True},
        "state": {"type": "str", "choices": [READY, DRAIN, ABSENT]},
    },
}


@dataclass(frozen=True)
class Assignment:
    """What has become of the entries of `servers`."""

    servers: list[dict[str, Any]]  # one row each, in their order; of a dry run: as they were found
    changed: bool
    diff: dict[str, str]  # before and after; of a dry run: what would be after
    in_force: bool = True  # the load balancer is known to go by it


def row(entry: Mapping[str, Any], state: str, server: str | None = None, **more: Any) -> dict[str, Any]:
    """How one entry is: whether it is `up`, its `sessions` (None: not known), `detail` in words."""
    there = {"address": entry["address"], "port": entry["port"], "server": server, "state": state}
    return there | {"up": False, "sessions": None, "detail": ""} | more
