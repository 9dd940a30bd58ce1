# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person tells the agent about a cluster: pins, approvals, and that a cluster is gone from its quota."""

from __future__ import annotations

import getpass
import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils import _approval
from ansible_collections.rlops.autoscale.plugins.plugin_utils._agent import ACT
from ansible_collections.rlops.autoscale.plugins.plugin_utils._decision_spec import (
    DECISION_SPEC,
    approval_of,
    quota_of,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._guards import Pin
from ansible_collections.rlops.autoscale.plugins.plugin_utils._ledger import Ledger
from ansible_collections.rlops.autoscale.plugins.plugin_utils._moments import moment
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import check_target
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._status import refuse_static
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state import _lease

if TYPE_CHECKING:
    from ansible_collections.rlops.autoscale.plugins.plugin_utils._observing import ObservingAction


class PersonsWord:
    """The operations of one task. Each returns the task's result, and under check mode stores nothing."""

    def __init__(self, action: ObservingAction, options: Mapping[str, Any]) -> None:
        self._action = action
        self._options = options
        self._cluster: str = options["cluster"]
        self._store = action.open_store(options)

    def carry_out(self) -> dict[str, Any]:
        """The operation that the options name. Raises OptionError."""
        if not self._store.shared:
            undone = "a job that works on it at the same time neither sees this nor keeps it"
            self._action.warn(f"{self._cluster}: {undone}: keep the state on a Redis server (RL_STATE_URI)")
        operations = {
            "pin": self._pin,
            "unpin": self._pin,
            "approve": self._answer,
            "refuse": self._answer,
            "leave_quota": self._leave_quota,
        }
        return operations[self._options["operation"]]()

    def _pin(self) -> dict[str, Any]:
        """Set or remove the pin that a person leaves in the state."""
        pin = self._wanted_pin() if self._options["operation"] == "pin" else None
        before = self._store.read(self._cluster).data.get("pin")
        if not self._action.check_mode and before != pin:
            quota = quota_of(self._options)
            if pin and quota:
                Ledger(self._store, record=self._options["mode"] == ACT).pin(quota, self._cluster, pin["count"])
            with self._store.transaction(self._cluster) as transaction:
                transaction.write({**_lease.outdate(transaction.record.data), "pin": pin})
        return {"changed": before != pin, "busy": False, "diff": {"before": {"pin": before}, "after": {"pin": pin}}}

    def _answer(self) -> dict[str, Any]:
        """Approve or refuse what waits for a person."""
        options, cluster, rules = self._options, self._cluster, approval_of(self._options)
        if rules is None:
            raise OptionError("approval", "expected, such as {above_step: 5}; without it nothing waits for approval")
        now, approved = time.time(), options["operation"] == "approve"
        until = now + 60 * self._minutes("approval_minutes")
        by = options["approved_by"] or _login()

        def answered(data: Mapping[str, Any]) -> dict[str, Any] | None:
            return _approval.answered(
                data.get("approval") or {},
                rules,
                approved=approved,
                by=by,
                count=options["approval_count"],
                now=now,
                until=until,
            )

        before = self._store.read(cluster).data
        after = answered(before)
        if after is not None and not self._action.check_mode:
            with self._store.transaction(cluster) as transaction:
                data = transaction.record.data
                after = answered(data)
                if after is not None:
                    # What was approved before may be on its way: a refusal stops it.
                    transaction.write({**(data if approved else _lease.outdate(data)), "approval": after})
        if after is None:
            message = self._action.say(f"{cluster}: nothing waits for approval")
            return {"changed": False, "busy": False, "message": message}
        answer = after["answer"]
        verb = f"{'would have ' if self._action.check_mode else 'has '}{'approved' if approved else 'refused'}"
        change = f"{answer['from']} to {answer['to']} until {moment(until)}"
        return {
            "changed": True,
            "busy": False,
            "message": self._action.say(f"{cluster}: {answer['by']} {verb} {change}"),
            "diff": {
                "before": {"answer": (before.get("approval") or {}).get("answer")},
                "after": {"answer": answer},
            },
        }

    def _leave_quota(self) -> dict[str, Any]:
        """Take a cluster that is gone out of the quota: what it held is free."""
        quota, cluster = quota_of(self._options), self._cluster
        if quota is None:
            raise OptionError("quota", "expected, such as {name: site, instances: 40}, got nothing")
        entry = Ledger(self._store, record=not self._action.check_mode).leave(quota, cluster, time.time())
        where = f"the quota {quoted(quota.name)}"
        told = f"it is not in {where}" if entry is None else f"out of {where}, where it held {entry['held']}"
        return {
            "changed": entry is not None,
            "busy": False,
            "message": self._action.say(f"{cluster}: {told}"),
            "diff": {"before": {cluster: entry}, "after": {cluster: None}},
        }

    def _wanted_pin(self) -> dict[str, Any]:
        """The pin of the option, as it is remembered. Raises OptionError for one that could not be kept to."""
        options = self._options
        pin = Pin.from_option(options["pin"])
        if pin is None:
            raise OptionError("pin", "expected for operation=pin, such as {count: 5, until: '2026-09-21T14:00:00Z'}")
        minutes = None if options["pin_minutes"] is None else self._minutes("pin_minutes")
        cluster = self._action.pooled_cluster(options)
        if cluster is not None:
            check_target(pin.count, cluster.pools, cluster.settings)
            refuse_static(cluster.only_watched)
        setting = Pin.from_option(self._action.options({"pin": DECISION_SPEC["pin"]}, {})["pin"])
        if setting and setting.holds(time.time()) and setting.count != pin.count:
            raise OptionError("pin", f"autoscale_pin, which goes first, keeps {setting.count}; change that instead")
        return asdict(pin) | ({} if minutes is None else {"until": time.time() + 60 * minutes})

    def _minutes(self, option: str) -> float:
        """How long a person's word holds. Raises OptionError."""
        minutes: float = self._options[option]
        if not 0 < minutes < math.inf:
            raise OptionError(option, f"a number of minutes above 0 is expected, got {minutes:g}")
        return minutes


def _login() -> str:
    """Who runs Ansible. Raises OptionError where the system does not know."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise OptionError("approved_by", "expected a person's name, as the system has none for this user") from None
