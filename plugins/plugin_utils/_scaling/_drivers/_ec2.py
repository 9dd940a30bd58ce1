# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backend ``ec2``: instances of Amazon EC2, known by their tags, made from a launch template or from options."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._aws import LAUNCH_SPEC
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._aws import AwsDriver, check_filter
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Order, SomeFailed
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported

#: Tags that make an instance ours.
_OURS = "rlops.autoscale:"
_CLUSTER, _POOL, _INDEX = f"{_OURS}cluster", f"{_OURS}pool", f"{_OURS}index"
_SETTINGS = f"{_OURS}settings"  # a digest: another one if they change
_STATES = ("pending", "running", "stopping", "stopped", "shutting-down")


class Ec2Driver(AwsDriver):
    """One EC2 instance for each instance. Those that run with older settings of the pool are left alone."""

    options: ClassVar[dict[str, Any]] = AwsDriver.options | {
        **LAUNCH_SPEC,
        "subnet_ids": {"type": "list", "elements": "str", "default": []},
        "tags": {"type": "dict", "default": {}},
    }
    required: ClassVar[tuple[str, ...]] = ("service_port",)
    pauses = True

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        check_filter("cluster", context.cluster)
        check_filter("name", context.name)
        given = context.options
        if not given["launch_template"] and not (given["image_id"] and given["instance_type"]):
            needed = "expected a launch template, or image_id and instance_type, got neither"
            raise OptionError("launch_template", f"{needed} in pool {context.name}")
        for tag in given["tags"]:
            if str(tag).startswith(("aws:", _OURS)) or tag == "Name":
                reserved = f"expected keys other than Name and those that begin with aws: or {_OURS}"
                raise OptionError("tags", f"{reserved}, got {quoted(tag)}")

    def status(self) -> list[Reported]:
        found = self.ask(self._ownership, _STATES)
        names = named(self.context.cluster, found)
        return [self._reported(instance, *names[instance["instance_id"]]) for instance in found]

    def start(self, orders: Sequence[Order]) -> dict[str, str]:
        return self._change(launch=[self._launch(order) for order in orders], tags=self._ownership, **self._alike)

    def stop(self, instances: Sequence[Reported], *, kill: bool = False) -> None:  # noqa: ARG002 - EC2 has one way
        """EC2 shuts the system down, and cuts off what has not ended after some minutes."""
        self._all("terminate", instances)

    def pause(self, instances: Sequence[Reported]) -> None:
        self._all("stop", instances)

    def resume(self, instances: Sequence[Reported]) -> None:
        self._all("start", instances)

    @property
    def _alike(self) -> dict[str, Any]:
        """Options in which instances do not differ."""
        given = {option: self.context.options[option] for option in LAUNCH_SPEC}
        template = given["launch_template"] or {}
        return {**given, "launch_template": {name: value for name, value in template.items() if value} or None}

    @property
    def _digest(self) -> str:
        tags = {str(key): str(value) for key, value in self.context.options["tags"].items()}
        settings = json.dumps([self._alike, tags], sort_keys=True)
        return hashlib.sha256(settings.encode()).hexdigest()[:16]

    @property
    def _ownership(self) -> dict[str, str]:
        return {_CLUSTER: self.context.cluster, _POOL: self.context.name}

    def _all(self, option: str, instances: Sequence[Reported]) -> None:
        """Ask for something with those that EC2 has shown."""
        names = {i.uid: i.name for i in instances if i.uid}
        refused = self._change(**{option: list(names)})
        if refused:
            raise SomeFailed({names[instance_id]: why for instance_id, why in refused.items()})

    def _change(self, **arguments: Any) -> dict[str, str]:
        """What was refused, by name or id, and why. Raises AutoscaleError."""
        module = "rlops.autoscale.ec2_instances"
        result = self.context.run_module(module, {**arguments, **self.place}, self.context.options["host"])
        refused = {name: quoted(why) for name, why in (result.get("refused") or {}).items()}
        if result.get("failed") and not refused:
            raise AutoscaleError(f"ec2_instances: {quoted(result.get('msg', 'it failed'))}")
        return refused

    def _launch(self, order: Order) -> dict[str, Any]:
        return {
            "name": order.name,
            "tags": {**self.context.options["tags"], _INDEX: str(order.index), _SETTINGS: self._digest},
            "subnet_ids": rotated(self.context.options["subnet_ids"], order.index - 1),
        }

    def _reported(self, instance: Mapping[str, Any], name: str, index: int) -> Reported:
        paused = instance["state"]["name"] in ("stopping", "stopped")
        outdated = instance["tags"].get(_SETTINGS) != self._digest
        return Reported(name=name, index=index, paused=paused, outdated=outdated, **self.facts(instance))


def named(cluster: str, found: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, int]]:
    """Name and index by id. They come from the tag of the index: the tag Name is for people, who may change it.

    One without it, and the younger of two that have the same, has its id for a name and no index. It is then one
    more than was ordered, and goes as any surplus does. What ends leaves the name to the other.
    """
    names: dict[str, tuple[str, int]] = {}
    taken: set[int] = set()
    last = "shutting-down"
    for instance in sorted(found, key=lambda i: (i["state"]["name"] == last, i["launch_time"], i["instance_id"])):
        tag = str(instance["tags"].get(_INDEX, ""))
        index = int(tag) if tag.isascii() and tag.isdigit() and 0 < len(tag) < 7 else 0
        if index < 1 or index in taken:
            names[instance["instance_id"]] = (instance["instance_id"], 0)
        else:
            taken.add(index)
            names[instance["instance_id"]] = (f"{cluster}-{index}", index)
    return names


def rotated(items: Sequence[str], by: int) -> list[str]:
    """The same, beginning with another: so that each instance has its turn of subnets."""
    first = by % len(items) if items else 0
    return [*items[first:], *items[:first]]


BACKEND = Ec2Driver
