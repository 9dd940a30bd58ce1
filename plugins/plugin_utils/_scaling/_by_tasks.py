# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pools and load balancers have in common that only the user's own tasks can reach.

They take what the tasks have reported, and collect what these are to do. The role ``cluster_scale`` runs them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Backend, Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported


class ByTasks(Backend):
    """Base of the two `custom` backends; goes before `Driver` or `Balancer`."""

    options: ClassVar[dict[str, Any]] = {"tasks": {"type": "path"}}
    required: ClassVar[tuple[str, ...]] = ("tasks",)
    by_tasks: ClassVar[bool] = True
    #: What it is for, in the words of the option `reported`, of messages, and what its list is of.
    kind: ClassVar[str]
    called: ClassVar[str]
    listed: ClassVar[str]

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._todo: list[dict[str, Any]] = []

    def todo(self) -> list[dict[str, Any]]:
        return self._todo

    def report(self) -> Sequence[Mapping[str, Any]]:
        """What the tasks have reported. Raises AutoscaleError where they have not."""
        if self.context.reported is None:
            expected = f"have to set cluster_scale_reported to the list of its {self.listed}, even if it is empty"
            # No OptionError: the host that they run on may be back at the next tick.
            raise AutoscaleError(f"reported: the tasks of {self.called} {self.context.name} {expected}")
        return self.context.reported

    def leave(self, operation: str, instances: Sequence[Mapping[str, Any]]) -> None:
        """Leave something to the tasks."""
        tasks = self.context.options["tasks"]
        asked = {"tasks": tasks, "operation": operation, "instances": list(instances)}
        self._todo.append({self.kind: self.context.name, **asked})


def plain(instances: Sequence[Reported]) -> list[dict[str, Any]]:
    """Instances as the tasks see them."""
    return [{"name": i.name, "index": i.index, "address": i.address, "port": i.port} for i in instances]
