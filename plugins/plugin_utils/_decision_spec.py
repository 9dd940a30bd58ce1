# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of rl_scale_decision as Ansible argument spec, and the typed settings they become."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._agent import ACT, RECOMMEND, ClusterSettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._approval import ApprovalSettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._guards import GuardSettings, Pin
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import PolicySettings, Slo
from ansible_collections.rlops.autoscale.plugins.plugin_utils._quota import QuotaSettings

HISTORY_SPEC: dict[str, Any] = {
    "type": "dict",
    "options": {
        "trace": {"type": "path"},
        "prometheus_url": {"type": "str"},
        "query": {"type": "str"},
        "days": {"type": "float"},
    },
}

#: What one task does: the agent's step, carrying out an earlier one, and a person's word.
OPERATIONS = ("decide", "take_up", "pin", "unpin", "approve", "refuse", "leave_quota")

GUARD_SPEC: dict[str, Any] = {
    "pin": {"type": "dict", "options": {"count": {"type": "int", "required": True}, "until": {"type": "raw"}}},
    "cooldown_up": {"type": "float", "default": 0.0},
    "cooldown_down": {"type": "float"},
    "max_step_up": {"type": "int"},
    "max_step_down": {"type": "int"},
}

#: What lies over a cluster beside its own guards.
ROOF_SPEC: dict[str, Any] = {
    "approval": {
        "type": "dict",
        "options": {
            "above_step": {"type": "int", "required": True},
            "period": {"type": "float", "default": 600.0},
        },
    },
    "quota": {
        "type": "dict",
        "options": {"name": {"type": "str", "required": True}, "instances": {"type": "int", "required": True}},
    },
    "priority": {"type": "int", "default": 0},
}

DEFAULT_POLICY = "shadow_q"


def _options_of(policy: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The option named like a policy: its suboptions are looked at where it is the policy in use."""
    if given.get("policy", DEFAULT_POLICY) != policy:
        return {"type": "dict"}
    return {"type": "dict", "options": _registry.get(policy).options, "apply_defaults": True}


POLICY_SPEC: dict[str, Any] = {
    "policy": {"type": "str", "default": DEFAULT_POLICY},
    **{name: partial(_options_of, name) for name in _registry.POLICIES},
}

DECISION_SPEC: dict[str, Any] = {
    "operation": {"type": "str", "choices": list(OPERATIONS), "default": "decide"},
    "snapshot": {"type": "dict"},
    "status": {"type": "dict"},
    "pace": {"type": "bool", "default": False},
    "tick": {"type": "str"},
    "batches": {"type": "list", "elements": "list"},
    "deadline": {"type": "float", "default": 50.0},
    "triggered_at": {"type": "raw"},
    "trigger_ticks": {"type": "float", "default": 3.0},
    "state_required": {"type": "bool", "default": False},
    "mode": {"type": "str", "choices": [ACT, RECOMMEND], "default": ACT},
    "min_instances": {"type": "int", "default": 1},
    "max_instances": {"type": "int", "default": 10},
    "interval": {"type": "float", "default": 15.0},
    "boot_time": {"type": "float", "default": 45.0},
    "service_rate": {"type": "float"},
    "expected_rate": {"type": "float"},
    "history": HISTORY_SPEC,
    "servers_per_instance": {"type": "int", "default": 1},
    "queueing": {"type": "str", "choices": ["shared", "per_instance"], "default": "shared"},
    "slo": {
        "type": "dict",
        "options": {
            # raw: where there is a default, Ansible's float accepts no null, which takes a limit away
            "p99_latency": {"type": "raw", "default": 0.2},
            "queue_depth": {"type": "raw", "default": 50.0},
            "eventloop_lag": {"type": "raw", "default": 0.1},
        },
        "apply_defaults": True,
    },
    "export": {"type": "dict", "options": {"directory": {"type": "path"}, "pushgateway": {"type": "str"}}},
    "seed": {"type": "int"},
    "pin_minutes": {"type": "float"},
    "approval_count": {"type": "int"},
    "approval_minutes": {"type": "float", "default": 60.0},
    "approved_by": {"type": "str"},
    **POLICY_SPEC,
    **GUARD_SPEC,
    **ROOF_SPEC,
}


def cluster_settings(options: Mapping[str, Any]) -> ClusterSettings:
    """The settings that validated options mean. Raises OptionError where they make no sense."""
    check_service(options)
    _require(options, "deadline", 0 <= options["deadline"] < math.inf, "0 or more seconds")
    _require(options, "trigger_ticks", 0 < options["trigger_ticks"] < math.inf, "a number above 0")
    expected_rate = options["expected_rate"]
    _require(options, "expected_rate", expected_rate is None or 0 <= expected_rate < math.inf, "a number of at least 0")
    policy = _registry.get(options["policy"])
    policy.check(options[policy.name])
    slo = slo_of(options)
    return ClusterSettings(
        cluster=options["cluster"],
        policy=policy,
        policy_settings=PolicySettings(
            min_instances=options["min_instances"],
            max_instances=options["max_instances"],
            interval=options["interval"],
            boot_time=options["boot_time"],
            servers_per_instance=options["servers_per_instance"],
            queueing=options["queueing"],
            slo=slo,
            expected_rate=expected_rate,
            options=options[policy.name],
        ),
        guards=GuardSettings(
            min_instances=options["min_instances"],
            max_instances=options["max_instances"],
            interval=options["interval"],
            slo=slo,
            pin=Pin.from_option(options["pin"]),
            **{name: options[name] for name in GUARD_SPEC if name not in ("pin", "cooldown_down")},
            cooldown_down=policy.cooldown_down if options["cooldown_down"] is None else options["cooldown_down"],
        ),
        mode=options["mode"],
        service_rate=options["service_rate"],
        seed=options["seed"],
        approval=approval_of(options),
        quota=quota_of(options),
    )


def approval_of(options: Mapping[str, Any]) -> ApprovalSettings | None:
    """The option `approval`; None: the cluster is not protected. Raises OptionError."""
    return ApprovalSettings(**options["approval"]) if options["approval"] else None


def quota_of(options: Mapping[str, Any]) -> QuotaSettings | None:
    """The options `quota` and `priority`; None: the cluster shares none. Raises OptionError."""
    return QuotaSettings(**options["quota"], priority=options["priority"]) if options["quota"] else None


def check_service(options: Mapping[str, Any]) -> None:
    """Raise OptionError where the options that describe a service make no sense."""
    for name in ("interval", "service_rate"):
        _require(options, name, options[name] is None or 0 < options[name] < math.inf, "a number above 0")
    _require(options, "boot_time", 0 <= options["boot_time"] < math.inf, "0 or more seconds")
    _require(options, "servers_per_instance", options["servers_per_instance"] >= 1, "1 or more")


def slo_of(options: Mapping[str, Any]) -> Slo:
    """The option `slo`. Raises OptionError for a limit that is none."""
    return Slo(**{name: _limit(f"slo.{name}", limit) for name, limit in options["slo"].items()})


def _limit(option: str, value: object) -> float | None:
    if value is None:
        return None
    try:
        limit = float(str(value))
    except ValueError:
        limit = math.nan
    if not 0 < limit < math.inf:
        raise OptionError(option, f"a number above 0, or null, is expected, got {quoted(value)}")
    return limit


def _require(options: Mapping[str, Any], name: str, met: bool, expected: str) -> None:
    if not met:
        raise OptionError(name, f"{expected} is expected, got {options[name]}")
