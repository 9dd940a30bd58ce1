# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings a cluster nearer to its target. See the module of the same name for its documentation."""

from __future__ import annotations

import itertools
import time
from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils._action import ClusterAction
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._cluster import Cluster
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._converge import carry_out, foresee, intend
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Memory, ordered, ready
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._outcome import Outcome
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._spec import SCALING_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._waiting import converge_until
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state import _lease


class ActionModule(ClusterAction):
    """See the documentation of the module of the same name."""

    SPEC = SCALING_SPEC | {
        "target": {"type": "int", "required": True},
        "wait": {"type": "float", "default": 0.0},
        "retry_now": {"type": "bool", "default": False},
        "fence": {"type": "int"},
    }

    def perform(self, options: dict[str, Any]) -> dict[str, Any]:
        cluster = Cluster.from_options(options, self.modules.run)
        for doubt in cluster.doubts:
            self.warn(f"{cluster.name}: {doubt}")
        store = self.open_store(options)
        if self.check_mode:
            memory = Memory.from_plain(store.read(f"{cluster.name}.instances").data)
            outcome = foresee(
                cluster, intend(cluster, memory, options["target"], dry_run=True, retry_now=options["retry_now"])
            )
            self.say(outcome.intention())  # some callbacks show nothing else
            return self._result(cluster, [outcome])
        forgive = itertools.chain([options["retry_now"]], itertools.repeat(False))

        def one_pass() -> Outcome:
            with store.transaction(f"{cluster.name}.instances") as transaction:
                if options["fence"] is not None:
                    _lease.check(store.read(cluster.name).data, self.owner, options["fence"])
                memory = Memory.from_plain(transaction.record.data)
                intention = intend(cluster, memory, options["target"], retry_now=next(forgive))
                transaction.write_now(intention.memory.to_plain())
                outcome, memory = carry_out(cluster, intention)
                transaction.write(memory.to_plain())
            deeds = outcome.deeds()
            if deeds:
                self.say(deeds)
            outcome.check()
            return outcome

        if not options["wait"]:
            return self._result(cluster, [one_pass()])
        return self._result(cluster, converge_until(one_pass, options["wait"], self.say, time.sleep, time.monotonic))

    def _result(self, cluster: Cluster, passes: list[Outcome]) -> dict[str, Any]:
        last = passes[-1]
        for problem in dict.fromkeys([*last.problems, *(note for outcome in passes for note in outcome.notes)]):
            self.warn(f"{last.cluster}: {problem}")
        for failure in (failure for outcome in passes for failure in outcome.failures()):
            # A loop that goes on would hide it.
            self.warn(f"{last.cluster}: {failure['name']} failed: {failure['reason']}")
        # Under check mode the instances are those that are there, not those that would be.
        instances = last.before if self.check_mode else last.after
        return {
            "changed": any(outcome.operations or outcome.sheddings for outcome in passes),
            "desired": last.target,
            "ordered": ordered(instances),
            "ready": ready(instances),
            "added": [name for outcome in passes for name in outcome.added()],
            "removed": [name for outcome in passes for name in outcome.removed()],
            "failed_instances": [failure for outcome in passes for failure in outcome.failures()],
            "instances": [cluster.plain(instance) for instance in instances],
            "plan": [str(deed) for outcome in passes for deed in (*outcome.operations, *outcome.sheddings)],
            "todo": last.todo,
            "unfinished": last.unfinished,
            "stuck": last.stuck,
            "message": last.message(),
            "diff": passes[0].diff(),
        }
