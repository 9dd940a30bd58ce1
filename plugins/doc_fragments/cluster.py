# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that every action on a cluster has; see COMMON_SPEC in plugin_utils/_action.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
notes:
  - A cluster is a host of the inventory. Each option C(foo) that a task does not give is read from the host's variable
    C(autoscale_foo), so that a playbook needs no arguments and the inventory says it all.
options:
  cluster:
    description:
      - Name of the cluster, under which its state is kept.
      - The default is the name of the host the task runs for.
    type: str
  state_store:
    description:
      - Where the agent keeps what it remembers. The same for all tasks on a cluster.
      - The documents are the same everywhere. Where they are is said by the result of each tick,
        RV(rlops.autoscale.rl_scale_decision#module:state.location).
    type: dict
    suboptions:
      backend:
        description:
          - V(directory) keeps it in files.
          - V(cache) keeps it with Ansible's cache plugin, under a prefix of its own and without expiry, so that neither
            C(--flush-cache) nor C(clear_facts) touch it.
          - V(awx) keeps it among the facts that AWX stores of the cluster's host, in a job whose template has fact
            storage enabled. Jobs on one cluster have to follow each other, and clusters can share nothing there.
          - V(redis) keeps it on a Redis server, which any number of controllers can share. It needs the Python package
            C(redis) where Ansible runs.
          - V(auto) is the first that there is of what O(state_store.uri) or O(state_store.directory) names; what
            E(RL_STATE_URI), else E(RL_STATE_DIR) names; V(awx); V(cache), where the configured cache plugin outlives
            the run; V(directory).
        type: str
        choices: [auto, awx, cache, directory, redis]
        default: auto
      directory:
        description:
          - Directory of the files, and of the locks. Not together with O(state_store.uri).
          - The default is the value of the environment variable E(RL_STATE_DIR), else C(rlops.autoscale) below
            E(XDG_STATE_HOME), which is C(~/.local/state) where it is not set.
        type: path
      uri:
        description:
          - The Redis server, as C(redis://[user:password@]host[:port][/database]), C(rediss://) for TLS, C(unix://) for
            a socket, or C(redis+sentinel://[user:password@]host[:port],.../service[/database]), with the options of
            redis-py after a C(?).
          - The default is the value of the environment variable E(RL_STATE_URI). Its password is in no output.
        type: str
"""
