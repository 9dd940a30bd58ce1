# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of cluster_status and cluster_converge says what their specs and results do."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible_collections.rlops.autoscale.plugins.action import cluster_converge as converge_action
from ansible_collections.rlops.autoscale.plugins.action import cluster_status as status_action
from ansible_collections.rlops.autoscale.plugins.doc_fragments.scaling import ModuleDocFragment
from ansible_collections.rlops.autoscale.plugins.modules import cluster_converge, cluster_status

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


@pytest.mark.parametrize(("module", "action"), [(cluster_status, status_action), (cluster_converge, converge_action)])
def test_documented_options_are_the_specs(module: ModuleType, action: ModuleType) -> None:
    own = yaml.safe_load(module.DOCUMENTATION).get("options") or {}
    shared = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    assert flat(shared | own, "suboptions") == flat(action.ActionModule.SPEC, "options")


@pytest.mark.parametrize("module", [cluster_status, cluster_converge])
def test_examples_and_results_are_yaml(module: ModuleType) -> None:
    assert len(yaml.safe_load(module.EXAMPLES)) >= 2
    returned = yaml.safe_load(module.RETURN)
    assert {"instances", "ordered", "ready", "unfinished", "message"} <= returned.keys()
    assert "state" in returned["instances"]["contains"]
