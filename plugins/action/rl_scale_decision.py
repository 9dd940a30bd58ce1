# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides how many instances a cluster shall have, and remembers: the only writer of a cluster's state."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible import constants
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import (
    AutoscaleError,
    OptionError,
    SettingError,
)
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot import check_options
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot_spec import SNAPSHOT_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils import _account, _agent, _export, _run
from ansible_collections.rlops.autoscale.plugins.plugin_utils._action import COMMON_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._decision_spec import (
    DECISION_SPEC,
    DEFAULT_POLICY,
    cluster_settings,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._guards import Pin
from ansible_collections.rlops.autoscale.plugins.plugin_utils._observing import ObservingAction
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._cluster import Cluster
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import check_target
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._spec import SCALING_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._status import status_of
from ansible_collections.rlops.autoscale.plugins.plugin_utils._settings import refuse_unknown
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state import _lease
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import StateBusy, Store

#: Every option of the actions that the loop runs: whatever else begins with `autoscale_` is a slip of the pen.
_SETTINGS = frozenset(COMMON_SPEC) | frozenset(DECISION_SPEC) | frozenset(SNAPSHOT_SPEC) | frozenset(SCALING_SPEC)

_registry.get(DEFAULT_POLICY)  # once, before Ansible forks for each tick


class ActionModule(ObservingAction):
    """See the documentation of the module of the same name."""

    SPEC = DECISION_SPEC

    def perform(self, options: dict[str, Any]) -> dict[str, Any]:
        """Carry out one operation."""
        return self._decide(options) if options["operation"] == "decide" else self._pin(options)

    def _decide(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """One tick; that another run works on the cluster is no error, nor is what a further tick may do better."""
        nothing = {"changed": False, "act": False, "ask": False}
        try:
            return self._observe_and_decide(options)
        except (_lease.LeaseHeld, _lease.LeaseLost, StateBusy) as busy:
            message = self.say(f"{options['cluster']}: busy, {busy}")
            return self.known | nothing | {"busy": True, "over": True, "batches": [], "message": message}
        except AutoscaleError as error:
            if isinstance(error, SettingError) or not self.known.get("further"):
                raise
            message = self.say(f"{options['cluster']}: this tick failed: {error}", constants.COLOR_ERROR)
            return self.known | nothing | {"over": False, "message": message}

    def _observe_and_decide(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """One tick: observe, learn, decide, remember."""
        settings = cluster_settings(options)
        refuse_unknown(self._variables, _SETTINGS)
        self.known = {"busy": False, "ask": False, "tick": None, "batches": [], "further": 0, "message": ""}
        store = self.open_store(options)
        status, snapshot = _given(settings, options) or self._observe(settings, options, store)
        if status is None or snapshot is None:
            ask = self.known["ask"]
            return self.known | {"changed": False, "act": ask, "over": not (self.known["further"] or ask)}
        past = self._past(settings, options, store)
        decision, fence = self._tick(settings, options, store, status=status, snapshot=snapshot, past=past)
        unready = _run.first_unready(status["instances"])
        message = self.say(_run.tick_line(asdict(decision), snapshot) + (f" | {unready}" if unready else ""))
        if decision.account and not self.known["further"]:
            self.say(f"{options['cluster']}: {_account.sentence(decision.account)}")
        for warning in snapshot.get("warnings") or []:
            self.warn(f"{options['cluster']}: {warning}")
        if options["export"] and not self.check_mode:
            self._export(options, decision)
        acts = settings.mode == _agent.ACT
        act = acts and (decision.target != decision.current or bool(status["unfinished"]))
        return self.known | {
            "changed": acts and decision.target != decision.current,
            "act": act,
            "over": not (self.known["further"] or act),
            "fence": fence,
            "decision": asdict(decision),
            "snapshot": {name: value for name, value in snapshot.items() if name != "counters"},
            "message": message,
        }

    def _observe(
        self, settings: _agent.ClusterSettings, options: Mapping[str, Any], store: Store
    ) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """Status and snapshot, once the tick is due; None where there is nothing to see, or not yet."""
        observing = self.options(SNAPSHOT_SPEC, self.arguments_of(SNAPSHOT_SPEC) | {"cluster": options["cluster"]})
        check_options(observing)
        cluster = self.pooled_cluster(options)
        if cluster is None:
            raise OptionError("pools", "needed to find the instances, unless snapshot and status are given")
        _check_pools(settings, cluster.only_watched, cluster.capacity)
        if options["pace"] or options["tick"]:
            why_not = self._wait(self._this_tick(options, store), cluster, options["interval"])
            if why_not:
                self.known["message"] = self.say(f"{options['cluster']}: {why_not}")
                return None, None
            if cluster.unreported:
                self.known["ask"] = True
                self._hold(options, store)
                return None, None
        status = status_of(cluster, store)
        return status, self.snapshot(observing, status, store)

    def _past(self, settings: _agent.ClusterSettings, options: Mapping[str, Any], store: Store) -> _agent.Memory:
        """What the policy can learn from before its first tick; {} if there is nothing, or it has learned already."""
        learned = store.read(options["cluster"]).data.get("policies", {})
        if not settings.policy.wants_history or settings.policy.name in learned:
            return {}
        # Loads numpy, which a plain tick has no need of.
        from ansible_collections.rlops.autoscale.plugins.plugin_utils._traffic import _backfill  # noqa: PLC0415

        observing = self.options(SNAPSHOT_SPEC, self.arguments_of(SNAPSHOT_SPEC) | {"cluster": options["cluster"]})
        source = _backfill.source_of(options, observing, settings.policy.past_days(settings.policy_settings))
        if source is None:
            return {}
        try:
            past, notes = _backfill.backfill(settings, source, observing["http"], time.time())
        except AutoscaleError as error:
            again = "to ask again, reset what it has learned"
            self.warn(f"{options['cluster']}: history: {error}; it learns from now on ({again})")
            return {}
        for note in notes:
            self.warn(f"{options['cluster']}: history: {note}")
        return past

    def _export(self, options: Mapping[str, Any], decision: _agent.Decision) -> None:
        """Tell what is wanted to whoever scales. That it cannot be told is no reason not to decide."""
        try:
            _export.export(options["export"], decision)
        except AutoscaleError as error:
            self.warn(f"{options['cluster']}: {error}")

    def _this_tick(self, options: Mapping[str, Any], store: Store) -> _run.Tick | None:
        """Which tick this is; None where the run makes none. The loop is told, and of those that follow, too."""
        if options["tick"] and options["pace"]:
            raise OptionError("tick", "it belongs to the loop: no setting, and not for the first tick of a run")
        if options["tick"]:
            tick, batches = _run.Tick.from_text(options["tick"]), options["batches"] or []
        else:
            self._warn_of_few_forks()
            last_at = store.read(options["cluster"]).data.get("last_at")
            ticks = _run.ticks_of_run(time.time(), last_at, options["interval"], options["deadline"])
            if not ticks:
                return None
            tick, batches = ticks[0], _run.batches(ticks[1:])
        self.known |= {"tick": str(tick), "batches": batches, "further": tick.further}
        return tick

    @staticmethod
    def _wait(tick: _run.Tick | None, cluster: Cluster, interval: float) -> str | None:
        """Wait until the tick is due; returns why it is not made, if so."""
        if tick is None:
            return "the next tick is due after the deadline, nothing to do"
        if cluster.asked_by_tasks and not cluster.unreported:
            return None  # it was waited for before the pools were asked, which may have taken long
        return _run.wait_until(tick.due_at, interval, time.time, time.sleep)

    def _warn_of_few_forks(self) -> None:
        forks = self._variables.get("ansible_forks")
        if forks and len(self._variables.get("ansible_play_hosts", ())) > forks:
            self.warn(f"more clusters than forks ({forks}) tick late; run with -f of at least their number")

    def _tick(
        self,
        settings: _agent.ClusterSettings,
        options: Mapping[str, Any],
        store: Store,
        *,
        status: Mapping[str, Any],
        snapshot: Mapping[str, Any],
        past: _agent.Memory,
    ) -> tuple[_agent.Decision, int]:
        """Learn, decide and remember, in one transaction. Returns the decision, and the fence (0 in check mode).

        `past` is the policy's memory where it has none of its own.
        """
        settings = settings.within(status.get("capacity"))
        tick = _agent.Tick(
            now=time.time(),
            snapshot=snapshot,
            # What was ordered counts only where orders are carried out.
            counts=_agent.Counts.of(
                status["instances"], status.get("desired") if settings.mode == _agent.ACT else None
            ),
            failed_at=status.get("failed_at"),
            dry_run=self.check_mode,
        )
        if self.check_mode:
            memory = _agent.with_past(store.read(options["cluster"]).data, settings, past)
            decision, _forgotten = _agent.decide(memory, tick, settings)
            _refuse_blindness(decision, status, snapshot)
            return decision, 0
        with store.transaction(options["cluster"]) as transaction:
            for note in transaction.record.notes:
                self.warn(f"{options['cluster']}: {note}")
            memory = self._leased(transaction.record.data, options["interval"], tick.now)
            _refuse_the_outdated(memory, status, tick.now)
            memory.setdefault("seed", secrets.randbits(32))
            decision, memory = _agent.decide(_agent.with_past(memory, settings, past), tick, settings)
            _refuse_blindness(decision, status, snapshot)
            transaction.write(memory)
        fence: int = memory["lease"]["fence"]
        return decision, fence

    def _leased(self, data: Mapping[str, Any], interval: float, now: float) -> dict[str, Any]:
        """The state with the cluster's lease for this run. Raises LeaseHeld."""
        return _lease.acquire(data, self.owner, now, _run.lease_seconds(interval, self.known["further"]))

    def _hold(self, options: Mapping[str, Any], store: Store) -> None:
        """Take the lease before pools are asked by tasks, which may take long. Raises LeaseHeld."""
        if not self.check_mode:
            with store.transaction(options["cluster"]) as transaction:
                transaction.write(self._leased(transaction.record.data, options["interval"], time.time()))

    def _pin(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Set or remove the pin that a person leaves in the state."""
        pin = self._wanted_pin(options) if options["operation"] == "pin" else None
        store = self.open_store(options)
        before = store.read(options["cluster"]).data.get("pin")
        if not self.check_mode and before != pin:
            with store.transaction(options["cluster"]) as transaction:
                transaction.write({**_lease.outdate(transaction.record.data), "pin": pin})
        return {"changed": before != pin, "busy": False, "diff": {"before": {"pin": before}, "after": {"pin": pin}}}

    def _wanted_pin(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The pin of the option, as it is remembered. Raises OptionError for one that could not be kept to."""
        pin, minutes = Pin.from_option(options["pin"]), options["pin_minutes"]
        if pin is None:
            raise OptionError("pin", "expected for operation=pin, such as {count: 5, until: '2026-09-21T14:00:00Z'}")
        if minutes is not None and not 0 < minutes < math.inf:
            raise OptionError("pin_minutes", f"a number of minutes above 0 is expected, got {minutes:g}")
        cluster = self.pooled_cluster(options)
        if cluster is not None:
            check_target(pin.count, cluster.pools, cluster.settings)
            _refuse_static(cluster.only_watched)
        setting = Pin.from_option(self.options({"pin": DECISION_SPEC["pin"]}, {})["pin"])
        if setting and setting.holds(time.time()) and setting.count != pin.count:
            raise OptionError("pin", f"autoscale_pin, which goes first, keeps {setting.count}; change that instead")
        return asdict(pin) | ({} if minutes is None else {"until": time.time() + 60 * minutes})


def _given(
    settings: _agent.ClusterSettings, options: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The options status and snapshot, if they are given. Raises OptionError for what they cannot be."""
    status, snapshot = options["status"], options["snapshot"]
    if status is None and snapshot is None:
        return None
    for name, needed in (
        ("status", ("instances", "unfinished", "at")),
        ("snapshot", ("valid", "at", "source", "reasons")),
    ):
        if options[name] is None:
            raise OptionError(name, "expected beside the other of status and snapshot, got nothing")
        for key in needed:
            if key not in options[name]:
                raise OptionError(name, f"expected what the action returns, got something without {key}")
    _check_pools(settings, status.get("only_watched"), status.get("capacity"))
    return status, snapshot


def _check_pools(settings: _agent.ClusterSettings, only_watched: Sequence[str] | None, capacity: int | None) -> None:
    """Refuse what the cluster's pools cannot do."""
    if settings.mode == _agent.ACT:
        _refuse_static(only_watched)
    at_least = settings.guards.min_instances
    if capacity is not None and capacity < at_least:
        raise OptionError("min_instances", f"the pools hold {capacity} instances at most, got {at_least}")


def _refuse_static(only_watched: Sequence[str] | None) -> None:
    """Raise OptionError where there is a pool that cannot be scaled."""
    if only_watched:
        watched = f"pool {only_watched[0]} is static: it can be watched, not scaled"
        raise OptionError("mode", f"{watched}; set autoscale_mode: recommend")


def _refuse_the_outdated(memory: Mapping[str, Any], status: Mapping[str, Any], now: float) -> None:
    """Raise LeaseLost where somebody has decided since these instances were counted: they may be others now."""
    if status["at"] < memory.get("last_at", 0.0) <= now:
        raise _lease.LeaseLost("a tick was decided since the instances were looked at")


def _refuse_blindness(decision: _agent.Decision, status: Mapping[str, Any], snapshot: Mapping[str, Any]) -> None:
    """Fail, remembering nothing, where instances are there but none gives metrics, and nothing is to be repaired."""
    blind = snapshot.get("expected") and not snapshot.get("answered")
    steady = decision.target == decision.current and all(each["state"] == "ready" for each in status["instances"])
    if blind and steady:
        why = snapshot.get("warnings") or [f"{field}: {reason}" for field, reason in snapshot["reasons"].items()]
        option = {"prometheus": "prometheus.url", "file": "file.path"}.get(snapshot["source"], "metrics_url")
        # No OptionError: it may be over by the next tick.
        raise AutoscaleError(f"{option}: no instance gives metrics, so nothing is scaled or learned: {'; '.join(why)}")
