# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the action `pretrain`, and the plan they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils import _service_rate
from ansible_collections.rlops.autoscale.plugins.plugin_utils._decision_spec import DECISION_SPEC, cluster_settings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._world import SAME_SPEED
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._plan import LESSONS, Plan
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._session import TRAINERS

#: Options of a decision that say what service it is.
SERVICE_OPTIONS = (
    "interval",
    "boot_time",
    "service_rate",
    "servers_per_instance",
    "queueing",
    "slo",
    "min_instances",
    "max_instances",
)

PRETRAIN_SPEC: dict[str, Any] = {
    "policy": {"type": "str", "choices": list(TRAINERS), "required": True},
    "steps": {"type": "int", "default": 20_000_000},
    "environments": {"type": "int", "default": 256},
    "seed": {"type": "int", "default": 0},
    "save_every": {"type": "float", "default": 60.0},
    "wait": {"type": "float", "default": 120.0},
    "replace": {"type": "bool", "default": False},
    "force": {"type": "bool", "default": False},
    **{name: DECISION_SPEC[name] for name in (*SERVICE_OPTIONS, *TRAINERS)},
}

#: Ticks of the longest lead that an episode holds several of.
LONGEST_LEAD = LESSONS // 4
#: What each of these may be at least.
_LEAST = {"steps": 1, "environments": 1, "seed": 0, "save_every": 0.0, "wait": 0.0}


def plan_of(
    options: Mapping[str, Any], decision: Mapping[str, Any], state: Mapping[str, Any], checkpoint: Mapping[str, Any]
) -> Plan:
    """What the validated options mean; `decision` are those of rl_scale_decision. Raises OptionError.

    A service rate that is not given is the calibrated one of the cluster's `state`, but that of the `checkpoint` where
    it is about the same, so that a training that was interrupted goes on although the calibration does, too.
    """
    for name, least in _LEAST.items():
        if not options[name] >= least:
            raise OptionError(name, f"{least:g} or more is expected, got {options[name]:g}")
    settings = cluster_settings(decision)
    rate = settings.service_rate
    if rate is None:
        rate = _service_rate.estimate(state.get("calibration", {})).rate
    if rate is None:
        raise OptionError(
            "service_rate", "it is not known yet: give it, or let the agent run until it has calibrated it"
        )
    service = replace(settings.policy_settings, expected_rate=None)
    longest = LONGEST_LEAD * service.interval
    if service.boot_time + service.interval > longest:
        expected = f"at most {longest - service.interval:g} s are expected"
        raise OptionError("boot_time", f"{expected}, got {service.boot_time:g}: an episode would not hold it")
    plan = Plan(
        settings=service,
        service_rate=rate,
        steps=options["steps"],
        environments=options["environments"],
        seed=options["seed"],
    )
    begun = checkpoint.get("plan", {}).get("service_rate")
    if settings.service_rate is None and begun and abs(rate / begun - 1.0) <= SAME_SPEED:
        kept = replace(plan, service_rate=begun)
        if kept.to_plain() == checkpoint["plan"]:
            return kept
    return plan
