# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Base of the actions that decide how many instances a cluster shall have, and remember."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from ansible import constants
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import (
    AutoscaleError,
    OptionError,
    SettingError,
    quoted,
)
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot import check_options
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot_spec import SNAPSHOT_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils import (
    _account,
    _agent,
    _export,
    _job,
    _quota,
    _run,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._decision_spec import (
    DECISION_SPEC,
    DEFAULT_POLICY,
    cluster_settings,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._inventory import GROUP, SETTINGS
from ansible_collections.rlops.autoscale.plugins.plugin_utils._ledger import Ledger
from ansible_collections.rlops.autoscale.plugins.plugin_utils._moments import unix_seconds
from ansible_collections.rlops.autoscale.plugins.plugin_utils._observing import ObservingAction
from ansible_collections.rlops.autoscale.plugins.plugin_utils._persons_word import PersonsWord
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._cluster import Cluster
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._status import refuse_static, status_of
from ansible_collections.rlops.autoscale.plugins.plugin_utils._settings import refuse_unknown
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state import _lease
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import StateBusy, Store

_registry.get(DEFAULT_POLICY)  # once, before Ansible forks for each tick


class DecidingAction(ObservingAction):
    """An action that takes a cluster through one tick."""

    SPEC = DECISION_SPEC

    def perform(self, options: dict[str, Any]) -> dict[str, Any]:
        """Carry out one operation."""
        steps = {"decide": self._observe_and_decide, "take_up": self._take_up}
        step = steps.get(options["operation"])
        return self._step(step, options) if step else PersonsWord(self, options).carry_out()

    def _step(self, step: Callable[[Mapping[str, Any]], dict[str, Any]], options: Mapping[str, Any]) -> dict[str, Any]:
        """One tick; that another run works on the cluster is no error, nor is what a further tick may do better."""
        nothing = {"changed": False, "act": False, "ask": False}
        self.known = {"busy": False, "ask": False, "tick": None, "batches": [], "further": 0, "message": ""}
        try:
            return step(options)
        except (_lease.LeaseHeld, _lease.LeaseLost, StateBusy) as busy:
            message = self.say(f"{options['cluster']}: busy, {busy}")
            return self.known | nothing | {"busy": True, "over": True, "batches": [], "message": message}
        except AutoscaleError as error:
            if isinstance(error, SettingError) or not self.known.get("further"):
                self._end(options)
                raise
            message = self.say(f"{options['cluster']}: this tick failed: {error}", constants.COLOR_ERROR)
            return self.known | nothing | {"over": False, "message": message}

    def _observe_and_decide(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """One tick: observe, learn, decide, remember."""
        settings = replace(cluster_settings(options), host=self._variables.get("inventory_hostname"))
        refuse_unknown(self._variables, SETTINGS)
        store = self.open_store(options)
        why_not = self._too_old(options)
        if why_not:
            return self.known | {"changed": False, "act": False, "over": True, "message": why_not}
        self._find_state(options, store)
        status, snapshot = _given(settings, options) or self._observe(settings, options, store)
        if status is None or snapshot is None:
            ask = self.known["ask"]
            over = not (self.known["further"] or ask)
            if over:
                self._end(options)
            return self.known | {"changed": False, "act": ask, "over": over}
        past = self._past(settings, options, store)
        is_new = not self.known["state"]["generation"]
        decision, fence = self._tick(settings, options, store, status=status, snapshot=snapshot, past=past)
        if is_new and status["instances"] and settings.mode == _agent.ACT:
            there = f"nothing is remembered of it, which has {len(status['instances'])} instances"
            self.warn(f"{settings.cluster}: {there}: it is new to the agent, or its state was lost ({store.location})")
        line = _run.tick_line(asdict(decision), snapshot, status["instances"])
        unready = _run.first_unready(status["instances"])
        message = self.say(line + (f" | {unready}" if unready else ""))
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
            "ansible_stats": _job.stats(
                decision, generation=self.known["state"]["generation"], fence=fence, act=act and not self.check_mode
            ),
            "snapshot": {name: value for name, value in snapshot.items() if name != "counters"},
            "message": message,
        }

    def _take_up(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out what an earlier job has decided, if it is what the cluster was last decided to have."""
        settings, store = cluster_settings(options), self.open_store(options)
        cluster = settings.cluster
        refuse_unknown(self._variables, SETTINGS)
        told = _job.Told.of(cluster, self._variables)
        nothing = self.known | {"changed": False, "act": False, "over": True}
        if told is None:
            self._refuse_an_inventory_without_clusters()
            _job.refuse_a_variable_of_another_make(cluster, self._variables)
        if told is None or not told.act:
            message = "nothing to carry out" if told else f"no earlier job has set {_job.variable_of(cluster)} for it"
            return nothing | {"message": self.say(f"{cluster}: {message}")}
        forbidden = _job.overruled(told.target, settings, time.time())
        if forbidden:
            return nothing | {"message": self.say(f"{cluster}: {told.target} is not ordered, as decided: {forbidden}")}
        self._find_state(options, store)
        with contextlib.nullcontext() if self.check_mode else store.transaction(cluster) as transaction:
            memory = (transaction.record if transaction else store.read(cluster)).data
            why_not = _job.outdated(told, memory, time.time())
            if why_not:
                return nothing | {"message": self.say(f"{cluster}: what was decided is outdated: {why_not}")}
            if transaction:
                # Who decided it has left it to whoever takes it up.
                memory = self._leased(memory, options["interval"], time.time(), is_gone=lambda *_unused: True)
                transaction.write(memory)
        message = self.say(f"{cluster}: {'would order' if self.check_mode else 'order'} {told.target}, as decided")
        taken_up = {"changed": False, "act": True, "over": False, "message": message}
        return self.known | taken_up | {"decision": {"target": told.target}, "fence": memory["lease"]["fence"]}

    def _too_old(self, options: Mapping[str, Any]) -> str | None:
        """Why the run is not made, if what triggered it is long past."""
        if options["triggered_at"] in (None, "") or options["tick"]:
            return None
        triggered_at = unix_seconds(options["triggered_at"], "triggered_at")
        why_not = _job.too_old(triggered_at, options["trigger_ticks"], options["interval"], time.time())
        return self.say(f"{options['cluster']}: {why_not}") if why_not else None

    def _find_state(self, options: Mapping[str, Any], store: Store) -> None:
        """Tell what is there of the state, and what should be. Raises OptionError where nothing may be done without."""
        cluster, found = options["cluster"], store.read(options["cluster"])
        generation = found.generation
        lost = _job.lost(cluster, generation, _job.Told.of(cluster, self._variables))
        self.known["state"] = {"location": store.location, "generation": generation, "lost": lost}
        if options["state_required"] and (lost or not generation):
            missing = lost or f"there is no state of {quoted(cluster)}"
            if found.notes:
                missing += f" ({'; '.join(found.notes)})"
            first = "start a first run with -e autoscale_state_required=false"
            raise OptionError("state_required", f"{missing} in {store.location}, so nothing is done; {first}")
        if lost:
            self.warn(f"{lost} ({store.location})")
        if store.caution and not options["tick"]:
            self.warn(f"{cluster}: {store.caution}")

    def _observe(
        self, settings: _agent.ClusterSettings, options: Mapping[str, Any], store: Store
    ) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """Status and snapshot, once the tick is due; None where there is nothing to see, or not yet."""
        observing = self.options(SNAPSHOT_SPEC, self.arguments_of(SNAPSHOT_SPEC) | {"cluster": options["cluster"]})
        check_options(observing)
        cluster = self.pooled_cluster(options)
        if cluster is None:
            self._refuse_an_inventory_without_clusters()
            raise OptionError("pools", "needed to find the instances, unless snapshot and status are given")
        _check_pools(settings, cluster.only_watched, cluster.capacity)
        if options["pace"] or options["tick"]:
            tick = self._this_tick(options, store)
            why_not = tick if isinstance(tick, str) else self._wait(tick, cluster, options["interval"])
            if why_not:
                self.known["message"] = self.say(f"{options['cluster']}: {why_not}")
                return None, None
            if cluster.unreported:
                self.known["ask"] = True
                self._hold(options, store)
                return None, None
        status = status_of(cluster, store)
        return status, self.snapshot(observing, status, store)

    def _refuse_an_inventory_without_clusters(self) -> None:
        """The playbooks run on localhost then, to say so."""
        if not self._variables.get("groups", {}).get(GROUP):
            raise SettingError(f"no cluster: no host of the inventory is in the group {GROUP}")

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

    def _this_tick(self, options: Mapping[str, Any], store: Store) -> _run.Tick | str:
        """Which tick this is, or why the run makes none. The loop is told, and of those that follow, too."""
        if options["tick"] and options["pace"]:
            raise OptionError("tick", "it belongs to the loop: no setting, and not for the first tick of a run")
        if options["tick"]:
            tick, batches = _run.Tick.from_text(options["tick"]), options["batches"] or []
        else:
            self._warn_of_few_forks()
            last_at = store.read(options["cluster"]).data.get("last_at")
            now = time.time()
            ticks = _run.ticks_of_run(now, last_at, options["interval"], options["deadline"])
            if last_at is not None and not ticks:
                waits = "deadline" not in self.arguments
                return _run.why_no_tick(now, last_at, options["interval"], waits=waits)
            tick, batches = ticks[0], _run.batches(ticks[1:])
        self.known |= {"tick": str(tick), "batches": batches, "further": tick.further}
        return tick

    @staticmethod
    def _wait(tick: _run.Tick, cluster: Cluster, interval: float) -> str | None:
        """Wait until the tick is due; returns why it is not made, if so."""
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
        acts = settings.mode == _agent.ACT
        ledger = Ledger(store, record=acts and not self.check_mode)
        tick = _agent.Tick(
            now=time.time(),
            snapshot=snapshot,
            # What was ordered counts only where orders are carried out.
            counts=_agent.Counts.of(status["instances"], status.get("desired") if acts else None),
            failed_at=status.get("failed_at"),
            dry_run=self.check_mode,
            claim=partial(self._claim, ledger),
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
            memory["quota"] = ledger.move(settings.cluster, memory.get("quota"), settings.quota)
            fence: int = memory["lease"]["fence"]
            transaction.write({**memory, "decided": _job.remembered(decision.target, fence)})
        self.known["state"]["generation"] = transaction.record.generation
        return decision, fence

    def _claim(self, ledger: Ledger, claim: _quota.Claim) -> _quota.Share:
        """What the quota says."""
        share = ledger.claim(claim)
        for warning in share.warnings:
            self.warn(f"{claim.cluster}: {warning}")
        return share

    def _leased(
        self, data: Mapping[str, Any], interval: float, now: float, is_gone: _lease.IsGone | None = None
    ) -> dict[str, Any]:
        """The state with the cluster's lease for this run. Raises LeaseHeld."""
        return _lease.acquire(data, self.owner, now, _run.lease_seconds(interval, self.known["further"]), is_gone)

    def _hold(self, options: Mapping[str, Any], store: Store) -> None:
        """Take the lease before pools are asked by tasks, which may take long. Raises LeaseHeld."""
        if not self.check_mode:
            with store.transaction(options["cluster"]) as transaction:
                transaction.write(self._leased(transaction.record.data, options["interval"], time.time()))

    def _end(self, options: Mapping[str, Any]) -> None:
        """A run ends without its last tick: it keeps the next one waiting no longer than if it had made it."""
        if self.check_mode or self._store is None or not options["tick"]:
            return  # only an earlier tick of this run can have taken the lease
        end = time.time() + _run.lease_seconds(options["interval"], further=0)
        # The state may be what has failed.
        with contextlib.suppress(AutoscaleError), self._store.transaction(options["cluster"]) as transaction:
            transaction.write(_lease.shorten(transaction.record.data, self.owner, end))


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
        refuse_static(only_watched)
    at_least = settings.guards.min_instances
    if capacity is not None and capacity < at_least:
        raise OptionError("min_instances", f"the pools hold {capacity} instances at most, got {at_least}")


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
