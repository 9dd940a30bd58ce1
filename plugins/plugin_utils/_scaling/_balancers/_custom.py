# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Load balancer ``custom``: the user's own task file reports, registers, drains and deregisters."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._balancers._base import Balancer, Server
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._by_tasks import ByTasks, plain
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported


class CustomBalancer(ByTasks, Balancer):
    """A load balancer that only the user's tasks can reach."""

    kind = "balancer"
    called = "load balancer"
    listed = "servers"

    def status(self, instances: Sequence[Reported]) -> dict[str, Server]:
        """As the tasks have reported it."""
        wanted = {instance.name for instance in instances}
        return {
            item["name"]: Server(item["state"], item["up"], item["sessions"], quoted(item["detail"]))
            for item in self.report()
            if item["name"] in wanted
        }

    def register(self, instances: Sequence[Reported]) -> None:
        self.leave("register", plain(instances))

    def drain(self, instances: Sequence[Reported]) -> None:
        self.leave("drain", plain(instances))

    def deregister(self, instances: Sequence[Reported]) -> None:
        self.leave("deregister", plain(instances))


BACKEND = CustomBalancer
