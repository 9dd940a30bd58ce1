#!/usr/bin/python

# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: learned
short_description: Show, edit or reset what a policy has learned of a cluster
version_added: 0.1.0
description:
  - Shows the table of a policy that learns, one line a situation with the choices that are best there.
  - A person may write entries of it, or have the policy forget everything. Instances stay as they are.
author:
  - rlops.autoscale contributors (@rlops)
requirements:
  - numpy, for the policy V(shadow_q)
extends_documentation_fragment:
  - rlops.autoscale.cluster
attributes:
  check_mode:
    support: full
    description: Shows what would be there, and writes nothing.
  diff_mode:
    support: full
    description: Shows the entries before and after.
  idempotent:
    support: full
    description: Entries that are there already, and a reset where nothing was learned, change nothing.
options:
  operation:
    description:
      - V(show) prints the table.
      - V(edit) writes O(entries).
      - V(reset) forgets all that the policy has learned of the cluster, its history of rates included.
    type: str
    choices: [show, edit, reset]
    default: show
  policy:
    description: Whose table. V(shadow_q) and V(q_learning) have one; any policy can be reset.
    type: str
    default: shadow_q
  entries:
    description:
      - What to write, for V(edit). What the policy learns afterwards changes it again. With V(shadow_q) it is lost
        where the past is learned from anew, such as for another service rate or another SLO.
    type: list
    elements: dict
    default: []
    suboptions:
      situation:
        description: As RV(table) has it, such as V(after a peak, low), or for V(q_learning) a state such as V(0_2_5).
        type: str
        required: true
      choice:
        description: As RV(table) has it, such as V(1.1 x rate, held 20 min); for V(q_learning) V(-1), V(+0) or V(+1).
        type: str
        required: true
      value:
        description:
          - What the choice is worth. For V(shadow_q) what it costs a tick, where an instance is 1.5; for V(q_learning)
            the value, where more is better.
        type: float
        required: true
seealso:
  - module: rlops.autoscale.rl_scale_decision
"""

EXAMPLES = r"""
- name: Show what has been learned
  rlops.autoscale.learned:

# Each tick is in four situations, one of each kind, and a rule weighs the mean of what they say. Named in one of them,
# it keeps three quarters of its weight; to forbid a rule, name it in all.
- name: Have it think little of a rule after a peak, at low traffic
  rlops.autoscale.learned:
    operation: edit
    entries:
      - {situation: "after a peak, low", choice: "1.0 x rate, held 240 min", value: 100}

- name: Begin anew after the service has become another one
  rlops.autoscale.learned:
    operation: reset
"""

RETURN = r"""
table:
  description: All entries, after the operation.
  returned: success
  type: list
  elements: dict
  contains:
    situation:
      description: When it holds.
      returned: always
      type: str
      sample: after a peak, low
    choice:
      description: What may be done then.
      returned: always
      type: str
      sample: 1.1 x rate, held 20 min
    value:
      description: How good it is; see O(entries[].value).
      returned: always
      type: float
      sample: 4.25
    seen:
      description: From how many ticks the situation has been learned, older ones counting less; null if not counted.
      returned: always
      type: float
      sample: 312.5
"""
