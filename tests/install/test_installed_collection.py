# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What users get: the tarball, installed into an empty path, runs the agent from an empty directory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

INVENTORY = """
autoscaled:
  hosts:
    chat:
      ansible_connection: local
      autoscale_min_instances: 2
      autoscale_deadline: 0
      autoscale_pools:
        - backend: local
          command: "false"
"""


@pytest.fixture
def installed(tmp_path: Path, ansible_env: dict[str, str]) -> Path:
    """Folder into which this checkout was built and installed."""
    checkout = Path(__file__).resolve().parents[2]
    path = tmp_path / "installed"

    def galaxy(*arguments: str | Path) -> None:
        command = [sys.executable, "-m", "ansible", "galaxy", "collection", *arguments]
        subprocess.run(command, env=ansible_env | {"ANSIBLE_COLLECTIONS_PATH": str(path)}, check=True)

    galaxy("build", checkout, "--output-path", tmp_path)
    galaxy("install", next(tmp_path.glob("rlops-autoscale-*.tar.gz")), "--offline", "-p", path)
    return path


def test_agent_ticks_from_the_installed_collection(installed, ansible_playbook):
    run = ansible_playbook(
        "rlops.autoscale.autoscale", INVENTORY, check=True, env={"ANSIBLE_COLLECTIONS_PATH": str(installed)}
    )
    assert run.rc == 0, run.output
    assert "chat: " in run.stdout
    assert "order 2" in run.stdout
    assert str(installed) in run.stdout  # the tick's tasks come from there
