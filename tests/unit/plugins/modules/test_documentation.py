# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the actions and modules says what their specs and results do."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible_collections.rlops.autoscale.plugins.action import (
    backtest,
    cluster_converge,
    cluster_status,
    learned,
    metrics_snapshot,
    pretrain,
    rl_scale_decision,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._common_spec import COMMON_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry as policies
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._registry import BALANCERS, DRIVERS
from ansible_collections.rlops.autoscale.plugins.plugin_utils._settings import resolved

COLLECTION = "ansible_collections.rlops.autoscale.plugins"
ACTIONS = [backtest, cluster_converge, cluster_status, learned, metrics_snapshot, pretrain, rl_scale_decision]

#: What both tell of an option; documentation leaves out what is not set.
SHARED = ("type", "elements", "choices", "default", "required")


def module_of(action: ModuleType) -> ModuleType:
    """The module that documents an action."""
    return import_module(f"{COLLECTION}.modules.{action.__name__.rpartition('.')[2]}")


def flat(options: dict[str, Any], inner: str) -> dict[str, Any]:
    """Options by dotted name, from documentation (`inner` is suboptions) or a spec (options)."""
    found = {}
    for name, option in options.items():
        found[name] = {key: option[key] for key in SHARED if option.get(key) is not None}
        for suboption, entry in flat(option.get(inner) or {}, inner).items():
            found[f"{name}.{suboption}"] = entry
    return found


def documented(action: ModuleType) -> dict[str, Any]:
    """The options of an action by its documentation, fragments included."""
    documentation = yaml.safe_load(module_of(action).DOCUMENTATION)
    options = dict(documentation.get("options") or {})
    for name in documentation["extends_documentation_fragment"]:
        module, _dot, part = name.removeprefix("rlops.autoscale.").partition(".")
        fragment = import_module(f"{COLLECTION}.doc_fragments.{module}").ModuleDocFragment
        options |= yaml.safe_load(getattr(fragment, part.upper() or "DOCUMENTATION"))["options"]
    return flat(options, "suboptions")


def specified(action: ModuleType) -> dict[str, Any]:
    """The options of an action by its spec, with all that any backend and any policy adds."""
    pools = [{"backend": backend} for backend in DRIVERS.names]
    balancers = [{"backend": backend} for backend in BALANCERS.names]
    found: dict[str, Any] = {}
    for policy in policies.POLICIES:
        spec = resolved(
            {**COMMON_SPEC, **action.ActionModule.SPEC}, {"pools": pools, "balancers": balancers, "policy": policy}
        )
        found = flat(spec, "options") | found
    return found


@pytest.mark.parametrize("action", ACTIONS)
def test_documented_options_are_the_specs(action: ModuleType) -> None:
    assert documented(action) == specified(action)


@pytest.mark.parametrize(
    ("action", "keys"),
    [
        (cluster_status, {"instances", "ordered", "ready", "unfinished", "only_watched", "failed_at", "message"}),
        (cluster_converge, {"instances", "ordered", "ready", "unfinished", "message"}),
        (
            rl_scale_decision,
            {"decision", "snapshot", "act", "ask", "busy", "over", "tick", "batches", "fence", "message"},
        ),
        (metrics_snapshot, {"snapshot", "status"}),
        (pretrain, {"provenance", "message"}),
        (backtest, {"policies", "optimum", "table", "notes", "assumed", "report"}),
        (learned, {"table"}),
    ],
)
def test_examples_and_results_are_yaml(action: ModuleType, keys: set[str]) -> None:
    module = module_of(action)
    name = action.__name__.rpartition(".")[2]
    tasks = yaml.safe_load(module.EXAMPLES)
    used = {option for task in tasks for option in task.get(f"rlops.autoscale.{name}") or {}}
    assert len(tasks) >= 2
    assert used <= {option.partition(".")[0] for option in documented(action)}
    assert keys <= yaml.safe_load(module.RETURN).keys()
