# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backend ``ec2_group``: the instances of an EC2 Auto Scaling group. The group is told how many, and who goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._aws import AwsDriver, check_filter
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Order
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported

#: What Amazon tags the instances of a group with.
_GROUP = "aws:autoscaling:groupName"
#: What is stopped is no part of a group's capacity: the group ends it, or keeps it in a warm pool of its own.
_STATES = ("pending", "running", "shutting-down")


class Ec2GroupDriver(AwsDriver):
    """A group that belongs to this pool alone."""

    options: ClassVar[dict[str, Any]] = AwsDriver.options | {"group": {"type": "str"}}
    required: ClassVar[tuple[str, ...]] = ("group", "service_port")
    gives_names = True

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        check_filter("group", context.options["group"])
        self._expected = 0

    def status(self) -> list[Reported]:
        found = self.ask({_GROUP: self.context.options["group"]}, _STATES)
        return [Reported(name=i["instance_id"], index=0, **self.facts(i)) for i in found]

    def expect(self, count: int) -> None:
        self._expected = count

    def start(self, orders: Sequence[Order]) -> dict[str, str]:
        beyond, why = self._set()
        return {order.name: why for order in orders[max(0, len(orders) - beyond) :]}

    def stop(self, instances: Sequence[Reported], *, kill: bool = False) -> None:  # noqa: ARG002 - EC2 has one way
        """What was ordered and has not come is given up: it has no id, and the capacity that is set is without it."""
        self._set(*(i.uid for i in instances if i.uid))

    def _set(self, *terminate: str) -> tuple[int, str]:
        """Let the group have what is expected, and these end. Returns how many are beyond what it allows, and why."""
        wanted = self._expected
        result = self._change(wanted, terminate)
        most = result.get("max_size", wanted)
        if not result.get("failed") or most >= wanted:
            _check(result)
            return 0, ""
        _check(self._change(most, terminate))
        return wanted - most, quoted(result["msg"])

    def _change(self, capacity: int, terminate: Sequence[str]) -> dict[str, Any]:
        asked = {"name": self.context.options["group"], "capacity": capacity, "terminate": list(terminate)}
        module = "rlops.autoscale.ec2_group_capacity"
        return self.context.run_module(module, {**asked, **self.place}, self.context.options["host"])


def _check(result: Mapping[str, Any]) -> None:
    """Raises AutoscaleError for a module that failed."""
    if result.get("failed"):
        raise AutoscaleError(f"ec2_group_capacity: {quoted(result.get('msg', 'it failed'))}")


BACKEND = Ec2GroupDriver
