# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What drivers of pools and load balancers have in common: how they are made, and how they run modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, quoted

#: Option of those that run modules: where.
HOST_OPTION: dict[str, Any] = {"host": {"type": "str"}}


class RunModule(Protocol):
    """Runs a module on a host of the inventory, or where the task runs; see ModuleRuns."""

    def __call__(self, module: str, arguments: Mapping[str, Any], host: str | None = None) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Context:
    """What a backend is made from: the options of its pool or load balancer, and what it needs of the cluster."""

    cluster: str
    name: str
    options: Mapping[str, Any]
    run_module: RunModule
    stop_timeout: float = 30.0  # s from the request to stop to the kill
    reported: Sequence[Mapping[str, Any]] | None = None  # by the user's own tasks; `custom` only

    def run(self, module: str, **arguments: Any) -> dict[str, Any]:
        """The result of a module on the option `host`. Raises AutoscaleError if it failed."""
        result = self.run_module(module, arguments, self.options.get("host"))
        if result.get("failed"):
            raise AutoscaleError(f"{module.rpartition('.')[2]}: {quoted(result.get('msg', 'it failed'))}")
        return result


class Backend:
    """Base of drivers and load balancers."""

    #: Argument spec of its own options.
    options: ClassVar[dict[str, Any]] = {}
    #: Those of them that must be given.
    required: ClassVar[tuple[str, ...]] = ()
    #: Whether the user's own tasks ask and act, see `reported` and `todo`; else it does so itself.
    by_tasks: ClassVar[bool] = False

    def __init__(self, context: Context) -> None:
        """Check what no argument spec can. Touches nothing. Raises OptionError."""
        self.context = context

    def todo(self) -> list[dict[str, Any]]:
        """What the user's own tasks are left to do. Empty for those that act themselves."""
        return []
