# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows, edits or resets what a policy has learned of a cluster. See the module of the same name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._action import ClusterAction
from ansible_collections.rlops.autoscale.plugins.plugin_utils._decision_spec import DECISION_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import Entry, Policy
from ansible_collections.rlops.autoscale.plugins.plugin_utils._settings import Spec
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state import _lease

#: Choices of each situation that are shown.
SHOWN = 3


class ActionModule(ClusterAction):
    """See the documentation of the module of the same name."""

    SPEC: ClassVar[Spec] = {
        "operation": {"type": "str", "choices": ["show", "edit", "reset"], "default": "show"},
        "policy": DECISION_SPEC["policy"],
        "entries": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "situation": {"type": "str", "required": True},
                "choice": {"type": "str", "required": True},
                "value": {"type": "float", "required": True},
            },
        },
    }

    def perform(self, options: dict[str, Any]) -> dict[str, Any]:
        """Carry out one operation."""
        if bool(options["entries"]) != (options["operation"] == "edit"):
            raise OptionError("entries", "expected with operation=edit, and with nothing else")
        policy = _registry.get(options["policy"])
        store, cluster = self.open_store(options), options["cluster"]
        before = store.read(cluster).data.get("policies", {})
        after = self._after(policy, options, before)
        changed = after != before
        if changed and not self.check_mode:
            with store.transaction(cluster) as transaction:
                data = transaction.record.data
                transaction.write(
                    {**_lease.outdate(data), "policies": self._after(policy, options, data.get("policies", {}))}
                )
        table = policy.table(after.get(policy.name, {}))
        if options["operation"] == "show":
            for line in _lines(policy, table):
                self.say(line)
        diff = {name: _text(policy, memories) for name, memories in (("before", before), ("after", after))}
        return {"changed": changed, "table": [entry._asdict() for entry in table], "diff": diff}

    @staticmethod
    def _after(policy: Policy, options: dict[str, Any], learned: dict[str, Any]) -> dict[str, Any]:
        """What all policies have learned, once the operation is done."""
        if options["operation"] == "reset":
            return {name: memory for name, memory in learned.items() if name != policy.name}
        if options["operation"] == "edit":
            entries = [Entry(**entry) for entry in options["entries"]]
            return {**learned, policy.name: policy.edited(learned.get(policy.name, {}), entries)}
        return learned


def _text(policy: Policy, memories: Mapping[str, Any]) -> str:
    """All entries, one a line."""
    table = policy.table(memories.get(policy.name, {}))
    return "".join(f"{entry.situation}: {entry.choice}: {entry.value:.4g}\n" for entry in table)


def _lines(policy: Policy, table: Sequence[Entry]) -> list[str]:
    """The best choices of each situation."""
    if not table:
        return [f"policy {policy.name} has learned nothing yet that could be shown"]
    lines = [f"policy {policy.name}, {'cost a tick, cheapest' if policy.less_is_better else 'value, best'} first"]
    for situation, group in groupby(table, key=lambda entry: entry.situation):
        best = sorted(group, key=lambda entry: entry.value, reverse=not policy.less_is_better)
        seen = "" if best[0].seen is None else f"{best[0].seen:6.0f} ticks  "
        lines.append(f"{situation:28}{seen}" + "; ".join(f"{each.choice} {each.value:.4g}" for each in best[:SHOWN]))
    return lines
