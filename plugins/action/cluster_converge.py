# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings a cluster nearer to its target. See the module of the same name for its documentation."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils._action import ClusterAction
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._cluster import Cluster
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Memory, ordered, ready
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._outcome import Outcome
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._spec import SCALING_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._waiting import converge_until
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import Store


class ActionModule(ClusterAction):
    SPEC = SCALING_SPEC | {"target": {"type": "int", "required": True}, "wait": {"type": "float", "default": 0.0}}

    def perform(self, options: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        cluster = Cluster.from_options(options)
        store = self.open_store(options)

        def one_pass() -> Outcome:
            return self._pass(cluster, store, options["target"])

        if self.check_mode or not options["wait"]:
            return self._result(cluster, [one_pass()])
        passes = converge_until(one_pass, options["wait"], self._display.display, time.sleep, time.monotonic)
        return self._result(cluster, passes)

    def _pass(self, cluster: Cluster, store: Store, target: int) -> Outcome:
        key = f"{cluster.name}.instances"
        if self.check_mode:
            return cluster.converge(Memory.from_plain(store.read(key).data), target, dry_run=True)[0]
        with store.transaction(key) as transaction:
            outcome, memory = cluster.converge(Memory.from_plain(transaction.record.data), target)
            transaction.write(memory.to_plain())
        return outcome

    def _result(self, cluster: Cluster, passes: list[Outcome]) -> dict[str, Any]:
        last = passes[-1]
        failures = [failure for outcome in passes for failure in outcome.failures()]
        earlier = [f"{item['name']} failed: {item['reason']}" for item in failures if item not in last.failures()]
        # Under check mode the instances are those that are there, not those that would be.
        instances = last.before if self.check_mode else last.after
        return {
            "changed": any(outcome.operations for outcome in passes),
            "desired": last.target,
            "ordered": ordered(instances),
            "ready": ready(instances),
            "added": [name for outcome in passes for name in outcome.added()],
            "removed": [name for outcome in passes for name in outcome.removed()],
            "failed_instances": failures,
            "instances": [cluster.plain(instance) for instance in instances],
            "plan": [str(operation) for outcome in passes for operation in outcome.operations],
            "todo": last.todo,
            "unfinished": last.unfinished,
            "message": "; ".join([last.message(), *earlier]),
            "diff": passes[0].diff(),
        }
