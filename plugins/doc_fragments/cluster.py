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
    description: Where the agent keeps what it remembers. The same for all tasks on a cluster.
    type: dict
    suboptions:
      backend:
        description:
          - V(cache) keeps it with Ansible's cache plugin, under a prefix of its own and without expiry, so that neither
            C(--flush-cache) nor C(clear_facts) touch it.
          - V(directory) keeps it in files.
          - V(auto) is V(directory) where O(state_store.directory) or E(RL_STATE_DIR) names one; else V(cache) where the
            configured cache plugin outlives the run; else V(directory).
        type: str
        choices: [auto, cache, directory]
        default: auto
      directory:
        description:
          - Directory of the files, and of the locks.
          - The default is the value of the environment variable E(RL_STATE_DIR), else C(rlops.autoscale) below
            E(XDG_STATE_HOME), which is C(~/.local/state) where it is not set.
        type: path
"""
