# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""State outlives what empties Ansible's fact cache: real ansible-playbook runs, an action that counts in the store."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.core

COUNT_ACTION = """
from ansible.plugins.action import ActionBase
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._ansible_cache import configured_cache
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import open_store


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        store = open_store(cache=configured_cache())
        with store.transaction(task_vars["inventory_hostname"]) as transaction:
            # An option's value carries tags since core 2.19; they must not get into the state.
            transaction.write({"n": transaction.record.data.get("n", 0) + 1, "note": self._task.args["note"]})
        return {
            **super().run(tmp, task_vars),
            "ansible_facts": {"counted": transaction.record.data["n"]},
            "generation": transaction.record.generation,
            "notes": transaction.record.notes,
            "location": store.location,
        }
"""

PLAYBOOK = """
- hosts: all
  connection: local
  gather_facts: false
  tasks:
    - count: {note: first}
    - meta: clear_facts
    - count: {note: second}
      register: second
    - copy:
        content: "{{ {'result': second, 'facts': ansible_facts} | to_json }}"
        dest: "{{ playbook_dir }}/{{ inventory_hostname }}.json"
"""

Counted = Callable[..., dict[str, Any]]


@pytest.fixture
def counted(ansible_playbook: Callable[..., Any], tmp_path: Path) -> Counted:
    """counted(env, args): run the playbook (two counts a run, facts cleared between); what the second one gave."""
    (tmp_path / "action_plugins").mkdir()
    (tmp_path / "action_plugins" / "count.py").write_text(COUNT_ACTION)

    def run(env: dict[str, str], args: tuple[str, ...] = ()) -> dict[str, Any]:
        done = ansible_playbook(PLAYBOOK, env=env, args=args)
        assert done.rc == 0, done.output
        result: dict[str, Any] = json.loads((tmp_path / "localhost.json").read_text())
        return result

    return run


def test_state_outlives_cleared_flushed_and_expired_facts(counted: Counted, tmp_path: Path) -> None:
    env = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "facts")}
    first = counted(env)
    assert first["result"]["generation"] == 2, "meta: clear_facts came between"
    assert first["result"]["location"] == f"cache jsonfile in {tmp_path}/facts"
    assert first["facts"] == {"counted": 2}, "state is no fact"

    assert counted(env, ("--flush-cache",))["result"]["generation"] == 4

    for path in (tmp_path / "facts").iterdir():
        os.utime(path, (time.time() - 3 * 86400,) * 2)
    assert counted(env)["result"]["generation"] == 6, "fact_caching_timeout is a day by default"

    (newest,) = (tmp_path / "facts").glob("rlops_autoscale_*localhost.even")
    newest.write_text("{cut")
    damaged = counted(env)
    assert damaged["facts"] == {"counted": 7}, "generation 5 was used: one generation lost"
    assert damaged["result"]["notes"] == [], "told by the first count, healed for the second"


def test_without_a_persistent_cache_state_goes_to_the_directory(counted: Counted, tmp_path: Path) -> None:
    for generation in (2, 4):
        result = counted({})["result"]
        assert result["generation"] == generation
        assert result["location"].startswith(f"directory {tmp_path}/home/")
    named = counted({"RL_STATE_DIR": str(tmp_path / "named")})["result"]
    assert (named["generation"], named["location"]) == (2, f"directory {tmp_path}/named")
    document = json.loads((tmp_path / "named" / "localhost.even.json").read_text())
    assert document["data"] == {"n": 2, "note": "second"}
