# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Base of the load balancers whose servers a module of the collection looks after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import quoted
from ansible_collections.rlops.autoscale.plugins.module_utils._servers import ABSENT, DRAIN, READY
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._balancers._base import Balancer, Server
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported


class ModuleBalancer(Balancer):
    """One that is told and asked by entries of SERVERS_SPEC."""

    def assign(self, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Bring the entries to what they are to be, as the module does; its `servers`."""
        raise NotImplementedError

    def status(self, instances: Sequence[Reported]) -> dict[str, Server]:
        placed = _placed(instances)
        rows = self.assign([_entry(instance, None) for instance in placed]) if placed else []
        return {
            instance.name: Server(row["state"], row["up"], row["sessions"], quoted(row["detail"]))
            for instance, row in zip(placed, rows, strict=True)
            if row["state"] != ABSENT
        }

    def register(self, instances: Sequence[Reported]) -> None:
        self._bring(instances, READY)

    def drain(self, instances: Sequence[Reported]) -> None:
        self._bring(instances, DRAIN)

    def deregister(self, instances: Sequence[Reported]) -> None:
        self._bring(instances, ABSENT)

    def _bring(self, instances: Sequence[Reported], state: str) -> None:
        placed = _placed(instances)
        if placed:
            self.assign([_entry(instance, state) for instance in placed])


def _placed(instances: Sequence[Reported]) -> list[Reported]:
    """Those that a load balancer can know."""
    return [instance for instance in instances if instance.address is not None and instance.port is not None]


def _entry(instance: Reported, state: str | None) -> dict[str, Any]:
    entry = {"address": instance.address, "port": instance.port}
    return entry if state is None else entry | {"state": state}
