# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the module says what its spec does."""

from __future__ import annotations

from typing import Any

import yaml
from ansible_collections.rlops.autoscale.plugins.doc_fragments.cluster import ModuleDocFragment
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot_spec import SNAPSHOT_SPEC
from ansible_collections.rlops.autoscale.plugins.modules import metrics_snapshot

#: What both tell of an option; documentation leaves out what is not set.
SHARED = ("type", "elements", "choices", "default", "required")


def documented(options: dict[str, Any], inner: str) -> dict[str, Any]:
    """Options by dotted name, from documentation (`inner` is suboptions) or a spec (options)."""
    flat = {}
    for name, option in options.items():
        flat[name] = {key: option[key] for key in SHARED if option.get(key) is not None}
        for suboption, entry in documented(option.get(inner) or {}, inner).items():
            flat[f"{name}.{suboption}"] = entry
    return flat


def test_documented_options_are_the_specs() -> None:
    documentation = yaml.safe_load(metrics_snapshot.DOCUMENTATION)["options"]
    fragment = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    assert documented(documentation | fragment, "suboptions") == documented(SNAPSHOT_SPEC, "options")


def test_examples_use_documented_options_only() -> None:
    tasks = yaml.safe_load(metrics_snapshot.EXAMPLES)
    used = {option for task in tasks for option in task.get("rlops.autoscale.metrics_snapshot", {})}
    assert len(used) > 5
    assert used <= SNAPSHOT_SPEC.keys()
