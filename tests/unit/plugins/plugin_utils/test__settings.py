# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a cluster: unknown ones are refused, and those of a decision become typed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._approval import ApprovalSettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._decision_spec import DECISION_SPEC, cluster_settings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._quota import QuotaSettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._settings import (
    PLAYBOOK_VARIABLES,
    refuse_unknown,
    resolved,
)

PLAYBOOKS = Path(__file__).resolve().parents[4] / "playbooks"


def settings(**given: Any) -> Any:
    checked = ArgumentSpecValidator(resolved(DECISION_SPEC, given)).validate(given)
    assert not checked.error_messages, checked.error_messages
    return cluster_settings(checked.validated_parameters | {"cluster": "chat"})


def test_foreign_variables_and_known_settings_pass() -> None:
    refuse_unknown(["ansible_host", "autoscale_policy", "autoscale_decided", "my_autoscale"], {"policy"})


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("autoscale_polcy", "autoscale_polcy: there is no such setting; did you mean autoscale_policy?"),
        ("autoscale_xyzzy", "autoscale_xyzzy: there is no such setting"),
        ("autoscale_snapshot", "autoscale_snapshot: there is no such setting"),
    ],
)
def test_unknown_settings_are_refused(variable: str, message: str) -> None:
    with pytest.raises(OptionError) as refused:
        refuse_unknown([variable], {"policy", "interval", "snapshot"})
    assert str(refused.value) == message


def test_the_playbooks_own_variables_are_known() -> None:
    text = "".join(path.read_text() for path in PLAYBOOKS.rglob("*.yml"))
    own = set(re.findall(r"(?:register|loop_var): autoscale_(\w+)", text)) | set(
        re.findall(r"\{\{ autoscale_(\w+)", text)
    )
    assert own - PLAYBOOK_VARIABLES == {"tick"}, "which is an option"


def test_defaults() -> None:
    made = settings()
    assert (made.policy.name, made.mode, made.service_rate, made.seed) == ("shadow_q", "act", None, None)
    assert made.policy_settings.slo.p99_latency == 0.2
    assert made.policy_settings.options == {"season": 86400.0, "violation_cost": 30.0, "peak": 1.01}
    assert made.guards.pin is None
    assert (made.quota, made.approval) == (None, None)


def test_what_lies_over_the_cluster() -> None:
    made = settings(quota={"name": "site", "instances": "40"}, priority=10, approval={"above_step": 5})
    assert made.quota == QuotaSettings("site", 40, 10)
    assert made.approval == ApprovalSettings(5, 600.0)
    assert settings(priority=10).quota is None


def test_a_limit_can_be_taken_away() -> None:
    slo = settings(slo={"eventloop_lag": None, "p99_latency": "0.5"}).policy_settings.slo
    assert (slo.p99_latency, slo.queue_depth, slo.eventloop_lag) == (0.5, 50.0, None)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"interval": 0}, "interval: a number above 0 is expected, got 0.0"),
        ({"service_rate": -1}, "service_rate: a number above 0 is expected, got -1.0"),
        ({"deadline": -1}, "deadline: 0 or more seconds is expected, got -1.0"),
        ({"deadline": "inf"}, "deadline: 0 or more seconds is expected, got inf"),
        ({"servers_per_instance": 0}, "servers_per_instance: 1 or more is expected, got 0"),
        ({"slo": {"p99_latency": 0}}, "slo.p99_latency: a number above 0, or null, is expected, got 0"),
        ({"slo": {"p99_latency": "fast"}}, "slo.p99_latency: a number above 0, or null, is expected, got fast"),
        ({"slo": {"queue_depth": "nan"}}, "slo.queue_depth: a number above 0, or null, is expected, got nan"),
        ({"policy": "erlnag"}, "policy: unknown policy 'erlnag'"),
        ({"min_instances": 3, "max_instances": 2}, "max_instances: must be at least min_instances (3), got 2"),
        ({"min_instances": -1}, "min_instances: must be at least 0, got -1"),
        ({"cooldown_down": -1}, "cooldown_down: must be at least 0 seconds, got -1.0"),
        ({"policy": "static"}, "static.count: the policy static needs a count of at least 0, got None"),
        ({"max_step_up": 0}, "max_step_up: must be at least 1, got 0"),
        ({"quota": {"name": "site", "instances": 0}}, "quota.instances: 1 or more is expected, got 0"),
        ({"quota": {"name": "", "instances": 9}}, "quota.name: the name that all who share it have in common is"),
        ({"approval": {"above_step": -1}}, "approval.above_step: 0 or more is expected, got -1"),
        ({"approval": {"above_step": 5, "period": "inf"}}, "approval.period: 0 or more seconds are expected, got inf"),
    ],
)
def test_nonsense_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as refused:
        settings(**given)
    assert str(refused.value).startswith(message)
