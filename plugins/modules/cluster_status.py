#!/usr/bin/python

# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_status
short_description: Say which instances a cluster has, and how they are
version_added: 0.1.0
description:
  - Asks the pools which instances there are and the instances whether they are healthy, and changes nothing.
  - It is the only source of endpoints and counts for the other actions.
author:
  - rlops.autoscale contributors (@rlops)
extends_documentation_fragment:
  - rlops.autoscale.cluster
  - rlops.autoscale.http_options
  - rlops.autoscale.scaling
attributes:
  check_mode:
    support: full
    description: It changes nothing anyway.
  diff_mode:
    support: none
    description: It changes nothing.
  idempotent:
    support: full
    description: It changes nothing.
requirements:
  - requests
"""

EXAMPLES = r"""
- name: Ask which instances there are
  rlops.autoscale.cluster_status:
  register: status

- name: Name their metric pages
  ansible.builtin.debug:
    msg: "{{ status.instances | map(attribute='metrics_url') }}"
"""

RETURN = r"""
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
ordered:
  description: How many boot or are ready.
  type: int
  returned: success
  sample: 5
ready:
  description: How many are ready.
  type: int
  returned: success
  sample: 4
desired:
  description: The target of the last pass of M(rlops.autoscale.cluster_converge); null if there was none.
  type: int
  returned: success
  sample: 5
capacity:
  description: How many instances all pools can hold together. Null without a limit.
  type: int
  returned: success
  sample: 24
only_watched:
  description: The pools in which nothing can be started or stopped, those of backend V(static).
  type: list
  elements: str
  returned: success
  sample: []
failed_at:
  description:
    - When a pass of M(rlops.autoscale.cluster_converge) last saw instances fail, in unix seconds; null if never.
    - Now, as long as a pool does not answer.
  type: float
  returned: success
  sample: 1764000000.5
unfinished:
  description: Whether anything boots, drains, has failed, is missing or is new, so that a pass is needed.
  type: bool
  returned: success
  sample: true
problems:
  description: The pools and load balancers that do not answer, and why, in words.
  type: list
  elements: str
  returned: success
  sample: ["pool cloud does not answer: Docker cannot be reached"]
at:
  description: When this was, in unix seconds.
  type: float
  returned: success
  sample: 1764000000.5
message:
  description: The counts in words.
  type: str
  returned: success
  sample: "chat: 4 of 5 ready"
"""
