# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the actions says what their specs and results do."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible_collections.rlops.autoscale.plugins.action import cluster_converge as converge_action
from ansible_collections.rlops.autoscale.plugins.action import cluster_status as status_action
from ansible_collections.rlops.autoscale.plugins.action import rl_scale_decision as decision_action
from ansible_collections.rlops.autoscale.plugins.doc_fragments import cluster, policies, scaling
from ansible_collections.rlops.autoscale.plugins.modules import cluster_converge, cluster_status, rl_scale_decision
from ansible_collections.rlops.autoscale.plugins.plugin_utils._action import COMMON_SPEC

#: What both tell of an option; documentation leaves out what is not set.
SHARED = ("type", "elements", "choices", "default", "required")


def flat(options: dict[str, Any], inner: str) -> dict[str, Any]:
    """Options by dotted name, from documentation (`inner` is suboptions) or a spec (options)."""
    found = {}
    for name, option in options.items():
        found[name] = {key: option[key] for key in SHARED if option.get(key) is not None}
        for suboption, entry in flat(option.get(inner) or {}, inner).items():
            found[f"{name}.{suboption}"] = entry
    return found


@pytest.mark.parametrize(
    ("module", "action", "fragment"),
    [
        (cluster_status, status_action, scaling),
        (cluster_converge, converge_action, scaling),
        (rl_scale_decision, decision_action, policies),
    ],
)
def test_documented_options_are_the_specs(module: ModuleType, action: ModuleType, fragment: ModuleType) -> None:
    own = yaml.safe_load(module.DOCUMENTATION).get("options") or {}
    common, shared = (yaml.safe_load(each.ModuleDocFragment.DOCUMENTATION)["options"] for each in (cluster, fragment))
    assert flat(common | shared | own, "suboptions") == flat(COMMON_SPEC | action.ActionModule.SPEC, "options")


@pytest.mark.parametrize(
    ("module", "keys"),
    [
        (cluster_status, {"instances", "ordered", "ready", "unfinished", "message"}),
        (cluster_converge, {"instances", "ordered", "ready", "unfinished", "message"}),
        (rl_scale_decision, {"decision", "act", "busy", "due_at", "fence", "message"}),
    ],
)
def test_examples_and_results_are_yaml(module: ModuleType, keys: set[str]) -> None:
    assert len(yaml.safe_load(module.EXAMPLES)) >= 2
    assert keys <= yaml.safe_load(module.RETURN).keys()
