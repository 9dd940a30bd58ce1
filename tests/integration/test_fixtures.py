# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fixtures themselves: a playbook run sees this checkout and no setting of the user's."""

from __future__ import annotations

import pytest

SHOW = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.debug:
        msg: "{{ [lookup('ansible.builtin.env', 'HOME'), word | default(none), ansible_check_mode] }}"
"""


@pytest.mark.core
def test_run_has_a_home_of_its_own(ansible_playbook, tmp_path, monkeypatch):
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "no_such_callback")
    run = ansible_playbook(SHOW, extra_vars={"word": "5"}, check=True)
    assert run.rc == 0, run.output
    assert f'"{tmp_path}/home"' in run.stdout
    assert '"5"' in run.stdout
    assert "true" in run.stdout
    assert run.stderr == ""


def test_failure_is_reported(ansible_playbook):
    run = ansible_playbook("rlops.autoscale.no_such_playbook")
    assert run.rc != 0
    assert "no_such_playbook" in run.output
