# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that describe a service, for all who decide or simulate."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  interval:
    description: Seconds from one tick to the next.
    type: float
    default: 15.0
  boot_time:
    description: Seconds from an order until an instance has its share of the load, as far as policies need to know.
    type: float
    default: 45.0
  servers_per_instance:
    description: Messages that one instance works on at the same time, such as its threads or workers.
    type: int
    default: 1
  queueing:
    description:
      - V(shared) is for services where any instance may take the next message, as if there were one queue for all.
      - V(per_instance) is for connections that stick, so that each instance has a queue of its own. The same load then
        needs more instances.
    type: str
    choices: [shared, per_instance]
    default: shared
  slo:
    description: What users may feel at most. A limit that is null does not count, and its metric need not be there.
    type: dict
    suboptions:
      p99_latency:
        description: 99th percentile of the latency, in seconds. A number above 0, or null.
        type: raw
        default: 0.2
      queue_depth:
        description: Messages that wait, mean of the instances. A number above 0, or null.
        type: raw
        default: 50.0
      eventloop_lag:
        description:
          - Lag of the event loop in seconds, the worst of all instances. A number above 0, or null.
          - What is simulated has none.
        type: raw
        default: 0.1
"""
