# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides how many instances a cluster shall have, and remembers: the only writer of a cluster's state."""

from __future__ import annotations

import math
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.module_utils._pacing import wait_until
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot import check_options
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot_spec import SNAPSHOT_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils import _agent, _run
from ansible_collections.rlops.autoscale.plugins.plugin_utils._action import COMMON_SPEC, ClusterAction
from ansible_collections.rlops.autoscale.plugins.plugin_utils._decision_spec import DECISION_SPEC, cluster_settings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._guards import Pin
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._cluster import Cluster
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._spec import SCALING_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._settings import refuse_unknown
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state import _lease
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import StateBusy


class ActionModule(ClusterAction):
    """See the documentation of the module of the same name."""

    SPEC = DECISION_SPEC

    def perform(self, options: dict[str, Any]) -> dict[str, Any]:
        """Carry out one operation; that another run works on the cluster is no error."""
        try:
            return {
                "begin": self._begin,
                "wait": self._wait,
                "decide": self._decide,
                "end": self._end,
                "pin": self._pin,
                "unpin": self._pin,
            }[options["operation"]](options)
        except (_lease.LeaseHeld, _lease.LeaseLost, StateBusy) as busy:
            line = f"{options['cluster']}: busy, {busy}"
            self._display.display(line)
            return {"changed": False, "busy": True, "act": False, "due_at": [], "asks_by_tasks": False, "message": line}

    def _begin(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Check all settings of the cluster, take the lease, and say when to tick."""
        cluster = self._checked(options)
        forks = self._variables.get("ansible_forks")
        if forks and len(self._variables.get("ansible_play_hosts", ())) > forks:
            self._display.warning(f"more clusters than forks ({forks}) tick late; run with -f of at least their number")
        store, now = self.open_store(options), time.time()
        record, fence = store.read(options["cluster"]), None
        if not self.check_mode:
            with store.transaction(options["cluster"]) as transaction:
                record, leased = transaction.record, self._leased(transaction.record.data, options, now)
                fence = leased["lease"]["fence"]
                transaction.write(leased)
        for note in record.notes:
            self._display.warning(f"{options['cluster']}: {note}")
        due_at = _run.due_times(now, record.data.get("last_at"), options["interval"], options["deadline"])
        if not due_at:
            self._display.display(f"{options['cluster']}: the next tick is due after the deadline, nothing to do")
        return {
            "changed": False,
            "busy": False,
            "due_at": due_at,
            "asks_by_tasks": cluster.asks_by_tasks,
            "fence": fence,
        }

    def _checked(self, options: Mapping[str, Any]) -> Cluster:
        """The cluster that its settings describe. Raises OptionError for whichever of all its settings is wrong."""
        settings = cluster_settings(options)
        specs = (DECISION_SPEC, SNAPSHOT_SPEC, SCALING_SPEC)
        refuse_unknown(self._variables, {name for spec in (COMMON_SPEC, *specs) for name in spec})
        snapshot_options, scaling_options = (self.options(spec, {}) for spec in specs[1:])
        check_options(snapshot_options)
        cluster = Cluster.from_options(scaling_options)
        if settings.mode == _agent.ACT and cluster.only_watched:
            pool = cluster.only_watched[0]
            raise OptionError(
                "mode", f"pool {pool} is static: it can be watched, not scaled; set autoscale_mode: recommend"
            )
        if cluster.capacity is not None and cluster.capacity < options["min_instances"]:
            message = f"the pools hold {cluster.capacity} instances at most, got {options['min_instances']}"
            raise OptionError("min_instances", message)
        return cluster

    def _wait(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Wait for the moment of a tick."""
        late = wait_until(options["due_at"], options["interval"], time.time, time.sleep)
        if late:
            self._display.display(f"{options['cluster']}: {late}")
        return {"changed": False, "busy": False, "late": bool(late)}

    def _decide(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """One tick: learn, decide, remember."""
        for name in ("snapshot", "status"):
            if options[name] is None:
                raise OptionError(name, "needed to decide; give the result of metrics_snapshot, or of cluster_status")
        status, snapshot = options["status"], options["snapshot"]
        settings = cluster_settings(options).within(status.get("capacity"))
        tick = _agent.Tick(
            now=time.time(),
            snapshot=snapshot,
            counts=_agent.Counts.of(
                status["instances"], status.get("desired") if settings.mode == _agent.ACT else None
            ),
            driver_failed=bool((options["outcome"] or {}).get("failed_instances")),
            dry_run=self.check_mode,
        )
        store = self.open_store(options)
        if self.check_mode:
            decision, _forgotten = _agent.decide(store.read(options["cluster"]).data, tick, settings)
            _refuse_blindness(decision, status, snapshot)
        else:
            with store.transaction(options["cluster"]) as transaction:
                memory = self._leased(transaction.record.data, options, tick.now)
                memory.setdefault("seed", secrets.randbits(32))
                decision, memory = _agent.decide(memory, tick, settings)
                _refuse_blindness(decision, status, snapshot)
                transaction.write(memory)
        unready = _run.first_unready(status["instances"])
        line = _run.tick_line(asdict(decision), snapshot) + (f" | {unready}" if unready else "")
        self._display.display(line)
        for warning in snapshot.get("warnings") or []:
            self._display.warning(f"{options['cluster']}: {warning}")
        return {
            "changed": settings.mode == _agent.ACT and decision.target != decision.current,
            "busy": False,
            "act": settings.mode == _agent.ACT and _needs_action(decision, status),
            "decision": asdict(decision),
            "message": line,
        }

    def _end(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Give the lease back; a tick that failed is told last, so that whoever started the run sees it."""
        if not self.check_mode:
            with self.open_store(options).transaction(options["cluster"]) as transaction:
                transaction.write(_lease.release(transaction.record.data, self._owner()))
        if options["failure"]:
            raise AutoscaleError(f"a tick failed: {options['failure']}")
        return {"changed": False, "busy": False}

    def _pin(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Set or remove the pin that a person leaves in the state."""
        pin = options["pin"] if options["operation"] == "pin" else None
        checked, minutes = Pin.from_option(pin), options["pin_minutes"]
        if minutes is not None and not 0 < minutes < math.inf:
            raise OptionError("pin_minutes", f"a number of minutes above 0 is expected, got {minutes:g}")
        if checked is not None:
            pin = asdict(checked) | ({} if minutes is None else {"until": time.time() + 60 * minutes})
        if options["operation"] == "pin" and pin is None:
            raise OptionError("pin", "expected for operation=pin, such as {count: 5, until: '2026-09-21T14:00:00Z'}")
        store = self.open_store(options)
        before = store.read(options["cluster"]).data.get("pin")
        if not self.check_mode and before != pin:
            with store.transaction(options["cluster"]) as transaction:
                transaction.write({**transaction.record.data, "pin": pin})
        return {"changed": before != pin, "busy": False, "diff": {"before": {"pin": before}, "after": {"pin": pin}}}

    def _leased(self, memory: Mapping[str, Any], options: Mapping[str, Any], now: float) -> dict[str, Any]:
        """The memory with the lease taken, or renewed if it was taken with the fence that is given."""
        seconds = _run.lease_seconds(options["interval"])
        if options["fence"] is None:
            return _lease.acquire(memory, self._owner(), now, seconds)
        return _lease.renew(memory, self._owner(), options["fence"], now, seconds)

    def _owner(self) -> dict[str, Any]:
        """The run: the process that forked the worker this action runs in."""
        return _lease.current_owner(os.getppid())


def _needs_action(decision: _agent.Decision, status: Mapping[str, Any]) -> bool:
    return decision.target != decision.current or bool(status["unfinished"])


def _refuse_blindness(decision: _agent.Decision, status: Mapping[str, Any], snapshot: Mapping[str, Any]) -> None:
    """Fail, remembering nothing, where instances are there but none gives metrics, and nothing is to be repaired."""
    blind = snapshot.get("expected") and not snapshot.get("answered")
    steady = decision.target == decision.current and all(each["state"] == "ready" for each in status["instances"])
    if blind and steady:
        why = snapshot.get("warnings") or [f"{field}: {reason}" for field, reason in snapshot["reasons"].items()]
        option = {"prometheus": "prometheus.url", "file": "file.path"}.get(snapshot["source"], "metrics_url")
        raise OptionError(option, f"no instance gives metrics, so nothing is scaled or learned: {'; '.join(why)}")
