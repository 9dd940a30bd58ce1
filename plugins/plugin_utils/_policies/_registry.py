# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policies by name."""

from __future__ import annotations

from difflib import get_close_matches

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import Policy
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies.erlang import Erlang
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies.hpa import Hpa
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies.q_learning import QLearning
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies.static import Static
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies.target_tracking import TargetTracking

#: In alphabetical order, please.
POLICIES: dict[str, Policy] = {
    policy.name: policy
    for policy in (
        Erlang(),
        Hpa(),
        QLearning(),
        Static(),
        TargetTracking(),
    )
}


def get(name: str) -> Policy:
    """The policy of that name; raises OptionError that lists the known ones and the likely meant one."""
    if name in POLICIES:
        return POLICIES[name]
    close = get_close_matches(str(name), POLICIES, n=1)
    meant = f"; did you mean {close[0]}?" if close else ""
    raise OptionError("policy", f"unknown policy {quoted(name)!r}, known are {', '.join(POLICIES)}{meant}")
