# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbooks that ansible-rulebook runs, each in a folder of its own that goes with it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .remembering import Wanderers, in_directory, ticks_in

RULEBOOK = """
- name: Two events
  hosts: all
  sources:
    - eda.builtin.range:
        limit: 2
  rules:
    - name: Each
      condition: event.i is defined
      action:
        run_playbook:
          name: rlops.autoscale.autoscale
"""


@pytest.mark.slow
def test_two_events(
    clusters: Wanderers, ansible_env: dict[str, str], tmp_path: Path, require_binary: Callable[[str], str]
) -> None:
    require_binary("java")
    pytest.importorskip("ansible_rulebook")
    (tmp_path / "rulebook.yml").write_text(RULEBOOK)
    (tmp_path / "inventory.yml").write_text(clusters.inventory())
    done = subprocess.run(
        [sys.executable, "-m", "ansible_rulebook", "-r", "rulebook.yml", "-i", "inventory.yml"],
        cwd=tmp_path,
        env=ansible_env,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert ticks_in(done.stdout) == 2, done.stdout + done.stderr
    kept = in_directory(tmp_path / "home/.local/state/rlops.autoscale")
    assert (kept.tick, kept.generation) == (2, 2), done.stdout
