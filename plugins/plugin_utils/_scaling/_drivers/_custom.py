# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backend ``custom``: the user's own task file reports, starts, drains and stops."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._by_tasks import ByTasks, plain
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Driver, Order
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported

_TRAILING_NUMBER = re.compile(r"(\d{1,9})$")


class CustomDriver(ByTasks, Driver):
    """Instances that only the user's tasks can reach."""

    kind = "pool"
    called = "pool"
    listed = "instances"

    def status(self) -> list[Reported]:
        reported = [self._reported(position, item) for position, item in enumerate(self.report(), start=1)]
        names = [item.name for item in reported]
        for name in names:
            if names.count(name) > 1:
                raise OptionError("reported", f"{quoted(name)} is listed twice in pool {self.context.name}")
        return reported

    def start(self, orders: Sequence[Order]) -> dict[str, str]:
        self.leave("start", [{"name": order.name, "index": order.index} for order in orders])
        return {}

    def drain(self, instances: Sequence[Reported]) -> None:
        self.leave("drain", plain(instances))

    def undrain(self, instances: Sequence[Reported]) -> None:
        self.leave("undrain", plain(instances))

    def stop(self, instances: Sequence[Reported], *, kill: bool = False) -> None:
        self.leave("kill" if kill else "stop", plain(instances))

    def _reported(self, position: int, item: Mapping[str, Any]) -> Reported:
        index = item.get("index")
        if index is None:
            number = _TRAILING_NUMBER.search(item["name"])
            index = int(number[1]) if number else position
        if item["name"] != quoted(item["name"]):
            raise OptionError("reported", f"a name on one line is expected, got {quoted(item['name'])}")
        given = {key: value for key, value in item.items() if value is not None}
        given |= {"pool": self.context.name, "index": index}
        if "reason" in given:
            given["reason"] = quoted(given["reason"])
        return Reported(**given)


BACKEND = CustomDriver
