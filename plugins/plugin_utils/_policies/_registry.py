# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policies by name. Each is loaded when it is asked for: what nobody uses needs no libraries and costs no time.

Who forks for each tick, as Ansible does, is well advised to load the default before, see rl_scale_decision.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import Policy

#: In alphabetical order, please. The policy `foo` is POLICY in `foo.py`.
POLICIES = (
    "dqn",
    "erlang",
    "holt_winters",
    "hpa",
    "kpa",
    "predictive",
    "q_learning",
    "seasonal",
    "shadow_q",
    "square_root",
    "static",
    "target_tracking",
)


def get(name: str) -> Policy:
    """The policy of that name; raises OptionError that lists the known ones and the likely meant one."""
    if name not in POLICIES:
        close = get_close_matches(str(name), POLICIES, n=1)
        meant = f"; did you mean {close[0]}?" if close else ""
        raise OptionError("policy", f"unknown policy {quoted(name)!r}, known are {', '.join(POLICIES)}{meant}")
    policy: Policy = import_module(f"{__package__}.{name}").POLICY
    return policy
