# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backend ``custom``: the user's own task file reports, starts, drains and stops. The role ``cluster_scale`` runs it.

This driver takes what the tasks have reported, and collects what they are to do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Order, PoolContext
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported

_TRAILING_NUMBER = re.compile(r"(\d{1,9})$")


class CustomDriver:
    """Instances that only the user's tasks can reach."""

    options: ClassVar[dict[str, Any]] = {"tasks": {"type": "path"}}
    required: ClassVar[tuple[str, ...]] = ("tasks",)
    by_tasks: ClassVar[bool] = True
    scales: ClassVar[bool] = True

    def __init__(self, context: PoolContext) -> None:
        self._context = context
        self._todo: list[dict[str, Any]] = []

    def status(self) -> list[Reported]:
        if self._context.reported is None:
            expected = "have to set cluster_scale_reported to the list of its instances, even if it is empty"
            # No OptionError: the host that they run on may be back at the next tick.
            raise AutoscaleError(f"reported: the tasks of pool {self._context.name} {expected}")
        reported = [self._reported(position, item) for position, item in enumerate(self._context.reported, start=1)]
        names = [item.name for item in reported]
        for name in names:
            if names.count(name) > 1:
                raise OptionError("reported", f"{quoted(name)} is listed twice in pool {self._context.name}")
        return reported

    def start(self, orders: Sequence[Order]) -> dict[str, str]:
        self._leave("start", [{"name": order.name, "index": order.index} for order in orders])
        return {}

    def drain(self, instances: Sequence[Reported]) -> None:
        self._leave("drain", _plain(instances))

    def undrain(self, instances: Sequence[Reported]) -> None:
        self._leave("undrain", _plain(instances))

    def stop(self, instances: Sequence[Reported], *, kill: bool = False) -> None:
        self._leave("kill" if kill else "stop", _plain(instances))

    def todo(self) -> list[dict[str, Any]]:
        return self._todo

    def _leave(self, operation: str, instances: list[dict[str, Any]]) -> None:
        pool = self._context
        self._todo.append(
            {"pool": pool.name, "tasks": pool.options["tasks"], "operation": operation, "instances": instances}
        )

    def _reported(self, position: int, item: Mapping[str, Any]) -> Reported:
        index = item.get("index")
        if index is None:
            number = _TRAILING_NUMBER.search(item["name"])
            index = int(number[1]) if number else position
        if item["name"] != quoted(item["name"]):
            raise OptionError("reported", f"a name on one line is expected, got {quoted(item['name'])}")
        given = {key: value for key, value in item.items() if value is not None}
        given |= {"pool": self._context.name, "index": index}
        if "reason" in given:
            given["reason"] = quoted(given["reason"])
        return Reported(**given)


def _plain(instances: Sequence[Reported]) -> list[dict[str, Any]]:
    return [{"name": i.name, "index": i.index, "address": i.address, "port": i.port} for i in instances]


DRIVER = CustomDriver
