# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says which instances a cluster has. See the module of the same name for its documentation."""

from __future__ import annotations

from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils._action import ClusterAction
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._cluster import Cluster
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._spec import SCALING_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._status import status_of


class ActionModule(ClusterAction):
    """See the documentation of the module of the same name."""

    SPEC = SCALING_SPEC

    def perform(self, options: dict[str, Any]) -> dict[str, Any]:
        """Ask the pools and the instances."""
        return {
            "changed": False,
            **status_of(Cluster.from_options(options, self.modules.run), self.open_store(options)),
        }
