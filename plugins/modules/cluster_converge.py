#!/usr/bin/python

# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_converge
short_description: Bring a cluster nearer to its target
version_added: 0.1.0
description:
  - One pass of a reconciling controller. It starts what is missing, asks to end what is surplus, replaces what has
    failed, and does not wait for any of it. Boots, drains and stops go on at the next passes.
  - Growing first takes back instances that are draining. What leaves goes in this order, the unhealthy, the booting,
    the ready; of these the last pool's first.
  - An instance that does not come up is removed and reported; the others stay.
  - What leaves is taken out of load balancers first, and is not stopped while they may send to it. What joins gets
    traffic once it is healthy.
  - What is intended is stored before it is done. A run that is cut off is gone on with by the next pass.
  - An error of one pool or load balancer keeps no other from its work; the task fails at the end, and says all.
author:
  - rlops.autoscale contributors (@rlops)
extends_documentation_fragment:
  - rlops.autoscale.cluster
  - rlops.autoscale.http_options
  - rlops.autoscale.scaling
attributes:
  check_mode:
    support: full
    description: Nothing is changed, and the plan says what would be done.
  diff_mode:
    support: full
    description: Shows the instances and their states before and after the first pass.
  idempotent:
    support: full
    description: A cluster that has its target is left as it is.
options:
  target:
    description: How many instances are wanted, from O(min_instances) to O(max_instances). Zero is a count.
    type: int
    required: true
  wait:
    description:
      - Go on, pass after pass, for at most so many seconds, and say in one line what changes.
      - Ends early when the target is reached, when instances did not come up and nothing else is on its way, and when
        there is something to do for the tasks of a V(custom) pool.
    type: float
    default: 0.0
  retry_now:
    description: Start what is missing at once, even if instances have failed lately, see O(retry_delay).
    type: bool
    default: false
  fence:
    description:
      - The number of the lease under which O(target) was decided, as M(rlops.autoscale.rl_scale_decision) returns it.
      - If another run has taken the lease over since then, or somebody has pinned or unpinned the cluster, nothing is
        changed, and the task fails.
      - The default is not to look, which is right for a person.
    type: int
requirements:
  - requests
  - supervisor (for pools of backend V(local))
"""

EXAMPLES = r"""
- name: Ask for five instances
  rlops.autoscale.cluster_converge:
    target: 5
  register: outcome

- name: Ask for two and wait until it is so
  rlops.autoscale.cluster_converge:
    target: 2
    wait: 120
"""

RETURN = r"""
desired:
  description: The target.
  type: int
  returned: success
  sample: 5
ordered:
  description: How many boot or are ready after this pass; under check mode, now.
  type: int
  returned: success
  sample: 5
ready:
  description: How many are ready.
  type: int
  returned: success
  sample: 3
added:
  description: Names of those that were started or taken back.
  type: list
  elements: str
  returned: success
  sample: [chat-4, chat-5]
removed:
  description: Names of those that were surplus or had failed, and were asked to end or cleared away.
  type: list
  elements: str
  returned: success
  sample: [chat-2]
failed_instances:
  description: Those that were found to have failed.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Its name.
      type: str
      returned: always
      sample: chat-2
    reason:
      description: Why, in words.
      type: str
      returned: always
      sample: "not healthy within 120 s: HTTP 503"
    was_ready:
      description: Whether it had been ready before. If not, it failed the health gate.
      type: bool
      returned: always
      sample: false
instances:
  description: All instances, by pool and index.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description:
        - Its name, made of the cluster and the index, or that which its backend has given it. One that is ordered and
          has none yet is called as C(chat#3).
      type: str
      returned: always
      sample: chat-3
    index:
      description: Its number, the lowest that was free.
      type: int
      returned: always
      sample: 3
    pool:
      description: The pool it runs in.
      type: str
      returned: always
      sample: local
    state:
      description: One of C(booting), C(ready), C(draining), C(warm) and C(failed).
      type: str
      returned: always
      sample: ready
    address:
      description: Where it is reached; null if that is not known.
      type: str
      returned: always
      sample: 127.0.0.1
    port:
      description: The port it listens on; null if that is not known.
      type: int
      returned: always
      sample: 20003
    metrics_url:
      description: Where its metrics are; null if it has none.
      type: str
      returned: always
      sample: http://127.0.0.1:20003/metrics
    created_at:
      description: When it was started, in unix seconds; null if that is not known.
      type: float
      returned: always
      sample: 1764000000.5
    connections:
      description: How many it has, as far as its load balancers, its pool or its drain URL can tell; null if they
        cannot.
      type: int
      returned: always
      sample: 42
    reason:
      description: Why it is not ready, or not well, in words.
      type: str
      returned: always
      sample: "unhealthy for 12 s: HTTP 503"
    outdated:
      description:
        - Whether the settings of its pool have changed since it was started, as far as its backend can tell.
        - It is left alone; those that are started from now on have the new ones.
      type: bool
      returned: always
      sample: false
plan:
  description: What was done, or under check mode would be, one sentence each.
  type: list
  elements: str
  returned: success
  sample: ["start chat-4 in pool local: wanted"]
todo:
  description: What is left to the tasks of V(custom) pools and load balancers, in order. The role does it.
  type: list
  elements: dict
  returned: success
  contains:
    pool:
      description: Name of the pool.
      type: str
      returned: for a pool
      sample: cloud
    balancer:
      description: Name of the load balancer.
      type: str
      returned: for a load balancer
      sample: edge
    tasks:
      description: The task file.
      type: str
      returned: always
      sample: tasks/cloud.yml
    operation:
      description: >-
        One of C(undrain), C(start), C(stop), C(kill) and C(drain) for a pool, C(register), C(drain) and C(deregister)
        for a load balancer.
      type: str
      returned: always
      sample: start
    instances:
      description: Name and index of each; address and port where they are known.
      type: list
      elements: dict
      returned: always
      sample: [{name: chat-4, index: 4}]
unfinished:
  description: Whether another pass is needed.
  type: bool
  returned: success
  sample: true
stuck:
  description: Whether nothing is on its way, and what is missing is held back because instances have failed.
  type: bool
  returned: success
  sample: false
message:
  description: The counts in words, for how long the cluster has not had its target, and what has failed.
  type: str
  returned: success
  sample: "chat: 3 of 5 ready, 2 booting (12 s)"
"""
