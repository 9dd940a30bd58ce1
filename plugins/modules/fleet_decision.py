#!/usr/bin/python

# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_decision
short_description: Observe many clusters, learn, and decide how many instances each shall have
version_added: 0.1.0
description:
  - Does for all hosts of the play in one task what M(rlops.autoscale.rl_scale_decision) does in a task for each, with
    the same settings, the same state and the same decisions. A fleet of hundreds of clusters loses most of its time to
    tasks otherwise. Run it with C(run_once), as in the playbook C(rlops.autoscale.fleet).
  - Settings are variables of the hosts. Variables of the play are none, nor are arguments.
  - What goes wrong with one cluster is told in RV(failures), and keeps no other from its tick.
  - Figures from Prometheus are asked for once for all clusters of a server, where
    O(rlops.autoscale.metrics_snapshot#module:prometheus.cluster_label) tells them apart.
  - Each cluster ticks once, and is passed over where its last tick was less than half an interval ago. Clusters whose
    pools or load balancers only tasks can ask, of backend V(custom), fail.
author:
  - rlops.autoscale contributors (@rlops)
requirements:
  - requests and prometheus-client
attributes:
  check_mode:
    support: full
    description: Decides and says so; remembers nothing and takes no lease.
  diff_mode:
    support: none
    description: There is nothing to show.
  idempotent:
    support: none
    description: Each run is a tick of its own, as time goes on between two of them.
options:
  processes:
    description:
      - In how many processes the clusters are worked on.
      - The default is one for each processor that Ansible may use, with at least 40 clusters each.
    type: int
seealso:
  - module: rlops.autoscale.rl_scale_decision
"""

EXAMPLES = r"""
- name: Observe and decide
  rlops.autoscale.fleet_decision:
  run_once: true
  register: fleet

- name: Say who changes
  ansible.builtin.debug:
    msg: "{{ fleet.acting }}"
  run_once: true
"""

RETURN = r"""
acting:
  description: What is to be carried out, by host.
  returned: always
  type: dict
  contains:
    target:
      description: Instances to order.
      returned: always
      type: int
      sample: 9
    fence:
      description: The number of the lease, for O(rlops.autoscale.cluster_converge#module:fence).
      returned: always
      type: int
      sample: 42
  sample: {chat: {target: 9, fence: 42}}
failures:
  description: Why clusters could not tick, by host.
  returned: always
  type: dict
  sample: {blog: "pools: needed to find the instances, unless snapshot and status are given"}
message:
  description: All clusters in one line.
  returned: always
  type: str
  sample: "500 clusters: 12 grow, 3 shrink, 484 keep what they have, 1 failed"
ansible_stats:
  description: What is handed on of each cluster, see RV(rlops.autoscale.rl_scale_decision#module:ansible_stats).
  returned: always
  type: dict
"""
