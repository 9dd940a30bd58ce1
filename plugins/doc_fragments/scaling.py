# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the actions that scale; see SCALING_SPEC in plugin_utils/_scaling/_spec.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  min_instances:
    description: The smallest count that may be asked for.
    type: int
    default: 1
  max_instances:
    description: The largest count that may be asked for.
    type: int
    default: 10
  pools:
    description:
      - Where instances can run. Pools are filled in this order and emptied in reverse.
      - At least one is needed.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the pool. The default is its backend.
        type: str
      backend:
        description:
          - V(local) runs processes on the machine where Ansible runs, under a supervisord of their own; it needs the
            Python package C(supervisor) there, but no root and no systemd.
          - V(custom) leaves the acting to your own task file, see O(pools[].tasks).
          - V(static) lists instances that something else runs, see O(pools[].endpoints). They can be watched, but not
            scaled.
        type: str
        required: true
      max:
        description: How many instances may exist in this pool at once, those that are still stopping included.
        type: int
      command:
        description:
          - For V(local), which needs it. What an instance runs, as a list of words or as one line, which is split into
            words but not run by a shell.
          - "C({port}), C({name}), C({index}), C({address}) and C({cluster}) are replaced here and in
            O(pools[].environment); any other brace stays as it is."
        type: raw
      working_directory:
        description: For V(local). Where it runs.
        type: path
        default: "~"
      environment:
        description:
          - For V(local). Environment variables, beside E(PORT), E(INSTANCE_NAME) and E(INSTANCE_INDEX).
          - Of Ansible's own environment an instance gets only what every login has, such as E(PATH) and E(HOME).
        type: dict
        default: {}
      port_range:
        description: For V(local). Each instance gets a free port from here, and keeps it for its life.
        type: str
        default: 20000-29999
      address:
        description: For V(local). Where instances are reached.
        type: str
        default: 127.0.0.1
      directory:
        description:
          - For V(local). Directory of its files, made with mode 0700. Clusters that share it never share a port.
          - The default is C(rlops.autoscale/local) below E(XDG_STATE_HOME), which is C(~/.local/state) where it is not
            set.
        type: path
      tasks:
        description:
          - For V(custom), which needs it. A task file that reports, starts, drains and stops; only the role
            P(rlops.autoscale.cluster_scale#role) can include it.
        type: path
      endpoints:
        description: For V(static), which needs it. The instances, as C(address:port).
        type: list
        elements: str
  boot_timeout:
    description: An instance that is not healthy so many seconds after its start has failed.
    type: float
    default: 120.0
  unhealthy_timeout:
    description: An instance that was ready and is unhealthy for longer than so many seconds has failed.
    type: float
    default: 60.0
  health_url:
    description:
      - Where an instance tells whether it is healthy. Any status from 200 to 299 is; redirects are not followed.
      - Empty, an instance is healthy while it runs. So is one whose address or port is not known.
    type: str
    default: http://{address}:{port}/healthz
  health_successes:
    description: How many times in a row, one pass each, an instance has to be healthy before it is ready.
    type: int
    default: 1
  health_timeout:
    description:
      - Seconds that an instance has to answer when it is asked for its health, or to drain. All are asked at once.
      - Here it stands in for O(http.timeout).
    type: float
    default: 2.0
  metrics_url:
    description: Where an instance has its metrics. Empty, it has none.
    type: str
    default: http://{address}:{port}/metrics
  drain_url:
    description:
      - POSTed to when an instance starts to drain, and again at each pass until it is done; sent a DELETE when it is
        wanted again.
      - An answer that is a plain number says how many connections are left; at 0 the drain is over.
    type: str
  drain_timeout:
    description:
      - Seconds that a ready instance may drain before it is asked to stop.
      - At 0 it is asked to stop at once, which is right for services that drain on SIGTERM.
    type: float
    default: 0.0
  stop_timeout:
    description: Seconds from SIGTERM to SIGKILL.
    type: float
    default: 30.0
  retry_delay:
    description:
      - After an instance has failed, nothing is started for so many seconds, twice as long after each further failure,
        but no longer than 300 s. Then one instance is tried; once that is ready, all that are missing are started.
      - The first failure of an instance that had been ready is repaired at once. Failures are forgotten after 10
        minutes without one.
    type: float
    default: 30.0
  victim:
    description: Which of the ready instances goes first. Failed, unhealthy and booting ones go before any ready one.
    type: str
    choices: [newest, oldest]
    default: newest
  reported:
    description: What the tasks of V(custom) pools have reported. The role fills this in.
    type: list
    elements: dict
    default: []
    suboptions:
      pool:
        description: Name of the pool.
        type: str
        required: true
      instances:
        description: All its instances.
        type: list
        elements: dict
        suboptions:
          name:
            description: Its name, as given at its start.
            type: str
            required: true
          index:
            description: Its number. The default is the number at the end of its name.
            type: int
          running:
            description: Whether it runs.
            type: bool
            default: true
          stopping:
            description: Whether it was asked to stop.
            type: bool
            default: false
          address:
            description: Where it is reached.
            type: str
          port:
            description: The port it listens on.
            type: int
          created_at:
            description: When it was started, in unix seconds.
            type: float
          connections:
            description: How many connections it has. At 0 a drain is over.
            type: int
          metrics_url:
            description: Where its metrics are. The default is made from O(metrics_url).
            type: str
          reason:
            description: Why it does not run.
            type: str
"""
