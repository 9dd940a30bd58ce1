# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trains a policy that learns in the simulator, and installs the result. See the module of the same name."""

from __future__ import annotations

import os
import time

# Before numpy is loaded: with matrices as small as these, threads only wait for each other, and take twice as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Mapping
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._action import ClusterAction
from ansible_collections.rlops.autoscale.plugins.plugin_utils._decision_spec import DECISION_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import require_numpy
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state import _lease
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import Store
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training import _session
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._plan import Plan, fits
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._spec import PRETRAIN_SPEC, plan_of

#: s between two looks whether another run still has the lease.
LOOK_S = 1.0


class ActionModule(ClusterAction):
    """See the documentation of the module of the same name."""

    SPEC = PRETRAIN_SPEC

    def perform(self, options: dict[str, Any]) -> dict[str, Any]:
        """Train, judge, install."""
        require_numpy("pretrain")
        policy, cluster, store = options["policy"], options["cluster"], self.open_store(options)
        state = store.read(cluster).data
        checkpoint = store.read(_key(options)).data
        arguments = self.arguments_of(DECISION_SPEC) | {"cluster": cluster, "policy": policy}
        plan = plan_of(options, self.options(DECISION_SPEC, arguments), state, checkpoint)
        known = state.get("pretrained", {}).get(policy)
        result = {"provenance": known, "diff": {"before": known or {}, "after": known or {}}}
        if fits(known or {}, plan, policy) and _learned(state, policy) and not options["replace"]:
            return {"changed": False, "message": self.say(f"{cluster}: {policy} is trained so already"), **result}
        _refuse_to_replace(state, options)
        if self.check_mode:
            would = (
                f"{cluster}: would train {policy} for {plan.steps:,} steps at {plan.service_rate:.3g} msg/s a server"
            )
            result["diff"]["after"] = {"policy": policy, "plan": plan.to_plain()}
            return {"changed": True, "message": self.say(would), **result}
        found = self._trained(options, plan, checkpoint, store)
        self._install(options, found, store)
        result = {"provenance": found["provenance"], "diff": {"before": known or {}, "after": found["provenance"]}}
        return {"changed": True, "message": self.say(f"{cluster}: {policy} is installed"), **result}

    def _trained(
        self, options: Mapping[str, Any], plan: Plan, checkpoint: dict[str, Any], store: Store
    ) -> dict[str, Any]:
        """Memory and provenance of the trained policy. Raises AutoscaleError where it is too bad to be installed."""
        policy, cluster = options["policy"], options["cluster"]
        goes_on = fits(checkpoint, plan, policy)
        trainer = _session.TRAINERS[policy](plan, checkpoint if goes_on else None)
        done = f", {trainer.done} of {plan.episodes} episodes are done" if goes_on else ""
        self.say(f"{cluster}: training {policy} for {plan.steps:,} steps{done}")
        found = _session.train(
            trainer,
            plan,
            clock=time.monotonic,
            every=options["save_every"],
            save=lambda data: self._save(store, options, data),
            say=lambda line: self.say(f"{cluster}: {line}"),
        )
        held_out = trainer.report()
        self.say(f"{cluster}: on days like those it was trained on, {_session.verdict(found)}")
        self.say(f"{cluster}: on days of other kinds, {_session.verdict(held_out)}")
        if not options["force"]:
            _session.refuse_the_worse(policy, found, options["dqn"]["margin"] if policy == "dqn" else 0.0)
        return {
            "memory": trainer.memory(),
            "provenance": _session.provenance(policy, plan, found, held_out, time.time()),
        }

    def _save(self, store: Store, options: Mapping[str, Any], checkpoint: dict[str, Any]) -> None:
        """Keep a checkpoint, unless the run was killed."""
        self.check_that_the_run_lives()
        _write(store, _key(options), checkpoint)

    def _install(self, options: Mapping[str, Any], found: Mapping[str, Any], store: Store) -> None:
        """Write it into the state, unless another run works on the cluster; wait for that a while."""
        policy, until = options["policy"], time.monotonic() + options["wait"]
        while True:
            try:
                with store.transaction(options["cluster"]) as transaction:
                    data = _lease.acquire(transaction.record.data, self.owner, time.time(), 0.0)
                    _refuse_to_replace(data, options)
                    transaction.write(
                        {
                            **data,
                            "policies": {**data.get("policies", {}), policy: found["memory"]},
                            "pretrained": {**data.get("pretrained", {}), policy: found["provenance"]},
                        }
                    )
                break
            except _lease.LeaseHeld as held:
                if time.monotonic() >= until:
                    raise AutoscaleError(
                        f"what was trained is not installed yet, {held}. It is kept: run this again between two runs"
                    ) from held
                time.sleep(LOOK_S)
        _write(store, _key(options), {})


def _key(options: Mapping[str, Any]) -> str:
    """Where the checkpoint is kept."""
    return f"{options['cluster']}.pretrain.{options['policy']}"


def _write(store: Store, key: str, data: dict[str, Any]) -> None:
    with store.transaction(key) as transaction:
        transaction.write(data)


def _learned(state: Mapping[str, Any], policy: str) -> bool:
    """Whether the state has something that the policy has learned."""
    memory = state.get("policies", {}).get(policy) or {}
    return bool(memory.get({"dqn": "network", "q_learning": "q_table"}[policy]))


def _refuse_to_replace(state: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Raise OptionError where something would be overwritten that a person may want to keep."""
    if _learned(state, options["policy"]) and not options["replace"]:
        raise OptionError(
            "replace", f"{options['policy']} has learned something here already; `true` is expected to replace that"
        )
