# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action metrics_snapshot: observes in process, or runs the module of the same name on a bastion."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot import take_snapshot
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot_spec import SNAPSHOT_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._action import ClusterAction


class ActionModule(ClusterAction):
    SPEC = SNAPSHOT_SPEC

    def perform(self, options: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        if options["previous"] is None:
            options["previous"] = self.open_store(options).read(options["cluster"]).data.get("counters")
        return {"changed": False, "snapshot": take_snapshot(options, time.time, time.sleep)}
