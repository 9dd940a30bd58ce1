# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters of a real, tiny service, one kind per driver: a new driver joins by a Scenario of its own in DRIVERS."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.tests.tools.waiting import example_processes, runs

ROOT = Path(__file__).resolve().parents[3]
SERVICE = ROOT / "tests" / "integration" / "files" / "service.py"

PLAYBOOK = """\
- hosts: autoscaled
  gather_facts: false
  tasks:
    - ansible.builtin.import_role:
        name: rlops.autoscale.cluster_scale
        tasks_from: "{{ entry }}"
    - ansible.builtin.copy:
        content: "{{ (cluster_scale_status if entry == 'status' else cluster_scale_outcome) | to_json }}"
        dest: "{{ result_file }}"
        mode: "0600"
      check_mode: false
"""


@dataclass
class Run:
    """One ansible-playbook run."""

    ok: bool
    output: str
    result: dict[str, Any]


@dataclass
class Scenario:
    """A cluster named chat, whose files are all in ``home``."""

    ansible_playbook: Callable[..., Any]  # the fixture
    home: Path
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.unhealthy = self.home / "unhealthy"  # new and old instances are unhealthy while this file exists
        (self.home / "scale.yml").write_text(PLAYBOOK)
        self.settings = {
            "autoscale_min_instances": 0,
            "autoscale_max_instances": 6,
            "autoscale_boot_timeout": 30,
            "autoscale_stop_timeout": 5,
            "autoscale_state_store": {"backend": "directory", "directory": str(self.home / "state")},
            **self.driver_settings(),
            **self.settings,
        }

    def driver_settings(self) -> dict[str, Any]:
        """Host variables that are this driver's own."""
        raise NotImplementedError

    def pids(self) -> dict[str, int]:
        """The processes that are there, as the system knows them: instance -> pid."""
        raise NotImplementedError

    def clean_up(self) -> None:
        """End all processes, whatever state the test left them in."""
        for pid in self.pids().values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def play(self, playbook: str, *arguments: str, **variables: Any) -> Run:
        """Run a playbook on the cluster."""
        host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, **self.settings}
        inventory = self.home / "inventory.json"
        inventory.write_text(json.dumps({"autoscaled": {"hosts": {"chat": host}}}))
        result_file = self.home / "result.json"
        result_file.unlink(missing_ok=True)
        variables = {"result_file": str(result_file), **variables}
        done = self.ansible_playbook(playbook, inventory, extra_vars=variables, args=arguments)
        result = json.loads(result_file.read_text()) if result_file.exists() else {}
        return Run(done.rc == 0, done.output, result)

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
        return self._role("wait", cluster_scale_target=target, cluster_scale_timeout=30, **variables)

    def status(self) -> dict[str, Any]:
        run = self._role("status")
        assert run.ok, run.output
        return run.result

    def _role(self, entry: str, *arguments: str, **variables: Any) -> Run:
        return self.play(str(self.home / "scale.yml"), *arguments, entry=entry, **variables)


class LocalScenario(Scenario):
    """Backend local."""

    def driver_settings(self) -> dict[str, Any]:
        pool = {
            "backend": "local",
            "command": [sys.executable, str(SERVICE), "{port}"],
            "environment": {"UNHEALTHY": str(self.unhealthy)},
            "directory": str(self.home / "local"),
        }
        return {"autoscale_pools": [pool]}

    def pids(self) -> dict[str, int]:
        records = [json.loads(path.read_text()) for path in self.home.glob("local/chat/local/instances/*.json")]
        return {record["name"]: record["pid"] for record in records if record["pid"] and runs(record["pid"])}

    def supervisord(self) -> int | None:
        """Its pid; None if it does not run."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.home / "local/chat/local/supervisord.pid").read_text())
            return pid if runs(pid) else None
        return None

    def clean_up(self) -> None:
        pid = self.supervisord()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        super().clean_up()


class CustomScenario(Scenario):
    """Backend custom, with the example of the docs."""

    def driver_settings(self) -> dict[str, Any]:
        example = shutil.copytree(ROOT / "docs" / "examples" / "custom", self.home / "example")
        launcher = self.home / "service.sh"
        launcher.write_text(f'#!/bin/sh\nUNHEALTHY="{self.unhealthy}" exec "{sys.executable}" "{SERVICE}" "$1"\n')
        launcher.chmod(0o755)
        return {
            "autoscale_pools": [{"backend": "custom", "tasks": str(example / "pool.yml")}],
            "example_tool": str(example / "processes"),
            "example_directory": str(self.home / "run"),
            # Below the ports that the system gives out; at random, for runs at the same time must not meet.
            "example_first_port": random.randrange(30000, 32700, 10),
            "example_command": [str(launcher)],
        }

    def pids(self) -> dict[str, int]:
        return example_processes(self.home / "run")


DRIVERS: dict[str, type[Scenario]] = {
    "custom": CustomScenario,
    "local": LocalScenario,
}


@pytest.fixture
def local(ansible_playbook: Callable[..., Any], tmp_path: Path) -> Iterator[LocalScenario]:
    """A cluster of backend local."""
    scenario = LocalScenario(ansible_playbook, tmp_path / "cluster")
    yield scenario
    scenario.clean_up()


@pytest.fixture(params=DRIVERS)
def scenario(
    request: pytest.FixtureRequest, ansible_playbook: Callable[..., Any], tmp_path: Path
) -> Iterator[Scenario]:
    """A cluster of each backend."""
    made = DRIVERS[request.param](ansible_playbook, tmp_path / "cluster")
    yield made
    made.clean_up()
