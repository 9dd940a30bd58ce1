#!/usr/bin/python

# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pretrain
short_description: Train a policy that learns, in the simulator
version_added: 0.1.0
description:
  - Trains the policy V(dqn) or V(q_learning) on many synthetic days of a service like this cluster, compares it with a
    staffing rule on other days, and writes what it has learned into the cluster's state, for
    M(rlops.autoscale.rl_scale_decision).
  - From time to time it keeps a checkpoint in the state store. What is interrupted goes on from there when it is
    started again with the same settings, and comes to the same result as without the interruption.
  - It says how fast it is, how long it will take, and what the policy costs compared with the rule.
author:
  - rlops.autoscale contributors (@rlops)
requirements:
  - numpy
extends_documentation_fragment:
  - rlops.autoscale.cluster
  - rlops.autoscale.policies.dqn
  - rlops.autoscale.policies.q_learning
  - rlops.autoscale.service
attributes:
  check_mode:
    support: full
    description: Trains nothing, and says what it would train.
  diff_mode:
    support: full
    description: Shows where what is learned comes from, before and after; in check mode without the figures.
  idempotent:
    support: partial
    description:
      - What was trained with the same settings is not trained again, unless O(replace=true). With a service rate that
        the agent calibrates, settings differ as soon as it does.
options:
  policy:
    description:
      - What to train. The cluster uses it once its own O(rlops.autoscale.rl_scale_decision#module:policy) says so.
      - V(dqn) is not installed where it costs more than its rule by more than O(dqn.margin), see O(force).
    type: str
    required: true
    choices: [dqn, q_learning]
  steps:
    description:
      - Ticks of simulated services, all together; at least one episode of 2400 ticks of each.
      - The default takes a minute or two.
    type: int
    default: 20000000
  environments:
    description: Services that are simulated side by side.
    type: int
    default: 256
  seed:
    description: Of all that is drawn at random. The same seed and settings give the same result.
    type: int
    default: 0
  save_every:
    description: Seconds between two checkpoints.
    type: float
    default: 60.0
  wait:
    description:
      - Seconds to wait, once it is trained, for a run that works on the cluster. After that the task fails, and the
        next one has only to install what was trained.
    type: float
    default: 120.0
  replace:
    description: Replace what the policy has learned already. Otherwise that is an error.
    type: bool
    default: false
  force:
    description: Install the result even where it is worse than the rule.
    type: bool
    default: false
  service_rate:
    description:
      - Messages per second that one server of one instance completes when it is always busy.
      - The default is what the agent has calibrated.
    type: float
  min_instances:
    description: The fewest instances. The simulator has one at least.
    type: int
    default: 1
  max_instances:
    description: The most instances.
    type: int
    default: 10
seealso:
  - module: rlops.autoscale.rl_scale_decision
"""

EXAMPLES = r"""
# The settings of the service are variables of the host, such as autoscale_service_rate and autoscale_max_instances.
- name: Train the network of policy dqn
  rlops.autoscale.pretrain:
    policy: dqn

- name: Train the article's table anew, for longer
  rlops.autoscale.pretrain:
    policy: q_learning
    steps: 50000000
    replace: true
"""

RETURN = r"""
provenance:
  description: Where what the policy has learned comes from. Null where nothing was trained before, in check mode.
  returned: success
  type: dict
  contains:
    policy:
      description: The O(policy).
      returned: always
      type: str
      sample: dqn
    at:
      description: When it was installed, in unix seconds.
      returned: always
      type: float
      sample: 1764000000.5
    version:
      description: Version of the collection that trained it.
      returned: always
      type: str
      sample: 0.1.0
    plan:
      description: The settings, the seed and the service rate.
      returned: always
      type: dict
      sample: {steps: 20000000, seed: 0, environments: 256, service_rate: 50.0, settings: {}}
    steps:
      description: Ticks that it was trained for, which are O(steps) rounded up to whole episodes.
      returned: always
      type: int
      sample: 20275200
    families:
      description: The kinds of traffic that it was trained on.
      returned: always
      type: list
      elements: str
      sample: [diurnal, flash_crowd, steps, on_off, ou]
    validation:
      description:
        - What it costs on other days of these kinds. C(ratio) is the cost by that of the rule, the geometric mean of
          the services; C(worst) that of the worst one, C(families) that of each kind of traffic; C(violations) and
          C(rule_violations) are shares of ticks over the SLO on p99.
      returned: always
      type: dict
      sample: {ratio: 0.9, worst: 1.1, families: {}, violations: 0.007, rule_violations: 0.009}
    held_out:
      description: The same on days of kinds that it was not trained on.
      returned: always
      type: dict
      sample: {ratio: 0.7, worst: 1.06, families: {}, violations: 0.02, rule_violations: 0.03}
message:
  description: What was done.
  returned: success
  type: str
  sample: "chat: dqn is installed"
wrong_setting:
  description: Whether a setting is wrong, so that it is of no use to try again.
  returned: failure
  type: bool
  sample: true
"""
