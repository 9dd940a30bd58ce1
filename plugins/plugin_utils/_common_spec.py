# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of every action: which cluster, and where its state is."""

from __future__ import annotations

from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._open import AUTO, BACKENDS

COMMON_SPEC: dict[str, Any] = {
    "cluster": {"type": "str"},
    "state_store": {
        "type": "dict",
        "options": {
            "backend": {"type": "str", "choices": list(BACKENDS), "default": AUTO},
            "directory": {"type": "path"},
            "uri": {"type": "str", "no_log": True},
        },
        "apply_defaults": True,
    },
}
