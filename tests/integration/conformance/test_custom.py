# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only the backend custom has to show: tasks that fail."""

from __future__ import annotations

import pytest

from .scenario_local import LocalScenario

pytestmark = pytest.mark.slow

FAILING_STATUS = """\
- ansible.builtin.fail:
    msg: the cloud is away
"""
FAILING_START = """\
- ansible.builtin.set_fact:
    cluster_scale_reported: []
  when: cluster_scale_operation == 'status'
- ansible.builtin.fail:
    msg: "{{ item.name }}: no {{ '{{' }} quota {{ '}}' }}"
  loop: "{{ cluster_scale_instances | default([]) }}"
  when: cluster_scale_operation == 'start'
"""
NOTING = """\
- ansible.builtin.set_fact:
    cluster_scale_reported: []
  when: cluster_scale_operation == 'status'
- ansible.builtin.copy:
    content: "{{ cluster_scale_instances | map(attribute='name') | join(' ') }}"
    dest: "{{ note }}"
    mode: "0600"
  when: cluster_scale_operation == 'start'
"""


def test_a_pool_whose_tasks_fail_keeps_no_other_from_its_work(local: LocalScenario) -> None:
    (local.home / "cloud.yml").write_text(FAILING_STATUS)
    (pool,) = local.settings["autoscale_pools"]
    local.settings["autoscale_pools"] = [{"name": "cloud", "backend": "custom", "tasks": str(local.home / "cloud.yml")}]
    local.settings["autoscale_pools"].append(pool)
    run = local.converge(2)
    assert run.ok, run.output
    assert "pool cloud does not answer: reported: the tasks of pool cloud have to set" in run.output
    assert sorted(local.running()) == ["chat-1", "chat-2"]


def test_tasks_that_fail_keep_no_others_from_theirs_and_are_told(local: LocalScenario) -> None:
    (local.home / "failing.yml").write_text(FAILING_START)
    (local.home / "noting.yml").write_text(NOTING)
    local.settings["autoscale_pools"] = [
        {"name": "first", "backend": "custom", "tasks": str(local.home / "failing.yml"), "max": 1},
        {"name": "second", "backend": "custom", "tasks": str(local.home / "noting.yml")},
    ]
    note = local.home / "note"
    run = local.play(str(local.home / "scale.yml"), entry="main", cluster_scale_target=3, note=str(note))
    assert not run.ok
    assert "start by failing.yml: " in run.output
    assert note.read_text() == "chat-2 chat-3"
