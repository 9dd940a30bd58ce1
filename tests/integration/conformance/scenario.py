# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a driver is tried with: a cluster of a tiny service that runs on its backend."""

from __future__ import annotations

import json
import sys
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

ROOT = Path(__file__).resolve().parents[3]
SERVICE = ROOT / "tests" / "integration" / "files" / "service.py"

PLAYBOOK = """\
- hosts: autoscaled
  gather_facts: false
  tasks:
    - ansible.builtin.import_role:
        name: rlops.autoscale.cluster_scale
        tasks_from: "{{ entry }}"
"""


@dataclass
class Run:
    """One ansible-playbook run."""

    ok: bool
    output: str
    result: dict[str, Any]


@dataclass
class Scenario:
    """A cluster named chat, whose files are all in ``home``. Each driver has one of its own."""

    ansible_playbook: Callable[..., Any]  # the fixture
    home: Path
    request: pytest.FixtureRequest  # for fixtures that only this driver needs
    settings: dict[str, Any] = field(default_factory=dict)

    #: How long, in seconds, a boot or a stop may take on a busy machine.
    patience: ClassVar[int] = 30
    #: Whether names are given by the backend.
    gives_names: ClassVar[bool] = False
    #: Whether its instances can be kept warm.
    pauses: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.unhealthy = self.home / "unhealthy"  # new and old instances are unhealthy while this file exists
        (self.home / "scale.yml").write_text(PLAYBOOK)
        self.settings = {
            "autoscale_min_instances": 0,
            "autoscale_max_instances": 6,
            "autoscale_boot_timeout": self.patience,
            "autoscale_stop_timeout": 5,
            "autoscale_state_store": {"backend": "directory", "directory": str(self.home / "state")},
            **self.driver_settings(),
            **self.settings,
        }

    def driver_settings(self) -> dict[str, Any]:
        """Host variables that are this driver's own."""
        raise NotImplementedError

    def running(self) -> dict[str, Any]:
        """What runs, as the backend itself tells without the driver: instance -> what names this very one for good."""
        raise NotImplementedError

    def serves(self, instance: dict[str, Any]) -> bool:
        """Whether an instance, as status gives it, answers its users."""
        try:
            with urllib.request.urlopen(
                f"http://{instance['address']}:{instance['port']}/healthz", timeout=2
            ) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self, name: str) -> None:
        """End an instance from outside, at once."""
        raise NotImplementedError

    def clean_up(self) -> None:
        """End all of them, whatever state the test left them in."""
        for name in self.running():
            self.kill(name)

    def environment(self) -> dict[str, str]:
        """Environment variables that its modules need."""
        return {}

    def other_hosts(self) -> dict[str, Any]:
        """Hosts of the inventory beside the cluster's own: name -> variables."""
        return {}

    def inventory(self) -> Path:
        """The inventory file, with the settings as they are now."""
        host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, **self.settings}
        inventory = self.home / "inventory.json"
        new = self.home / f"inventory.{threading.get_ident()}"  # another run may be reading the old one
        groups = {"autoscaled": {"hosts": {"chat": host}}, "ungrouped": {"hosts": self.other_hosts()}}
        new.write_text(json.dumps(groups))
        return new.replace(inventory)

    def play(self, playbook: str, *arguments: str, **variables: Any) -> Run:
        """Run a playbook on the cluster."""
        inventory = self.inventory()
        done = self.ansible_playbook(
            playbook, inventory, extra_vars=variables, args=arguments, env=self.environment(), timeout=4 * self.patience
        )
        kept = done.registered
        return Run(done.rc == 0, done.output, kept.get("cluster_scale_outcome") or kept.get("cluster_scale_status", {}))

    def converge(self, target: int, *arguments: str) -> Run:
        """One pass."""
        return self._role("main", *arguments, cluster_scale_target=target)

    def reach(self, target: int) -> Run:
        """Pass after pass; fails the test if that does not get there."""
        run = self.try_to_reach(target)
        assert run.ok, run.output
        return run

    def try_to_reach(self, target: int, **variables: Any) -> Run:
        """Pass after pass."""
        return self._role("wait", cluster_scale_target=target, cluster_scale_timeout=3 * self.patience, **variables)

    def status(self) -> dict[str, Any]:
        run = self._role("status")
        assert run.ok, run.output
        return run.result

    def _role(self, entry: str, *arguments: str, **variables: Any) -> Run:
        return self.play(str(self.home / "scale.yml"), *arguments, entry=entry, **variables)
