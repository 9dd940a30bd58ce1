# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an inventory says of clusters: their group, and the settings that their variables are."""

from __future__ import annotations

from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot_spec import SNAPSHOT_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._common_spec import COMMON_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._decision_spec import DECISION_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._spec import SCALING_SPEC

#: The group of the hosts that are clusters.
GROUP = "autoscaled"

#: Every option of the actions that the loop runs: whatever else begins with `autoscale_` is a slip of the pen.
SETTINGS = frozenset(COMMON_SPEC) | frozenset(DECISION_SPEC) | frozenset(SNAPSHOT_SPEC) | frozenset(SCALING_SPEC)
