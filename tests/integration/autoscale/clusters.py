# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters of real processes, whose metrics pages are served by the test, so that it can say what the load is."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.rlops.autoscale.tests.tools.ports import own_range

SERVICE = Path(__file__).resolve().parents[1] / "files" / "service.py"
PLAYBOOK = "rlops.autoscale.autoscale"
QUIET = {"ANSIBLE_STDOUT_CALLBACK": "rlops.autoscale.lines"}


@dataclass
class Service:
    """What the instances claim to experience: messages arrive and are completed at constant rates since the start."""

    completions: float = 15.0  # 1/s of each instance
    backlog: float = 0.0  # growth of each instance's queue, 1/s
    latency: float = 0.02  # s, of every message
    started: float = field(default_factory=time.time)
    content_type: str = "text/plain; version=0.0.4"

    def page(self) -> str:
        """A metrics page with the article's three metrics."""
        elapsed = time.time() - self.started
        done = 1000 + self.completions * elapsed
        buckets = [(bound, done if self.latency <= bound else 0.0) for bound in (0.1, 0.2, 0.5, 1.0, 5.0)]
        lines = [f'app_p99_latency_seconds_bucket{{le="{bound}"}} {count}' for bound, count in buckets]
        lines += [
            f'app_p99_latency_seconds_bucket{{le="+Inf"}} {done}',
            f"app_p99_latency_seconds_sum {done * self.latency}",
            f"app_p99_latency_seconds_count {done}",
            f"app_message_queue_depth {self.backlog * elapsed}",
            "app_eventloop_lag_seconds 0.001",
            # What is counted here was so before the instances came.
            f"process_start_time_seconds {self.started - 3600}",
        ]
        return "\n".join(lines) + "\n"


@dataclass
class Clusters:
    """Clusters of real processes below `home`; `run` runs the loop on them."""

    home: Path
    url: str
    ansible_playbook: Callable[..., Any]
    hosts: dict[str, dict[str, Any]] = field(default_factory=lambda: {"chat": {}})
    settings: dict[str, Any] = field(default_factory=dict)

    def inventory(self) -> str:
        """All hosts, with the settings that are the same for all of them."""
        pool = {
            "backend": "local",
            "command": [sys.executable, str(SERVICE), "{port}", "{address}", str(self.home), "{name}"],
            "directory": str(self.home / "pools"),
            "port_range": own_range(),
        }
        common = {
            "autoscale_pools": [pool],
            "autoscale_metrics_url": self.url,
            "autoscale_state_store": {"directory": str(self.home / "state")},
            "autoscale_interval": 1,
            "autoscale_deadline": 0,
            "autoscale_prime_delay": 0.5,
        }
        hosts = {name: {**common, **self.settings, **own} for name, own in self.hosts.items()}
        return json.dumps({"autoscaled": {"hosts": hosts}}, indent=1)

    def run(self, **arguments: Any) -> Any:
        """One run of the loop."""
        return self.ansible_playbook(PLAYBOOK, self.inventory(), **arguments)

    def play(self, tasks: str) -> Any:
        """A playbook of these tasks (YAML, a list) on all clusters."""
        head = "- hosts: autoscaled\n  gather_facts: false\n  connection: local\n  tasks:\n"
        return self.ansible_playbook(head + textwrap.indent(textwrap.dedent(tasks), "    "), self.inventory())

    def state(self, key: str = "chat") -> dict[str, Any]:
        """What the agent remembers under a key, its cluster's by default; {} if nothing."""
        documents = [json.loads(path.read_text()) for path in self.home.glob(f"state/{key}.[eo]*.json")]
        newest = max(documents, key=lambda document: document["generation"], default={"data": {}})
        return dict(newest["data"])

    def known_as_ready(self) -> int:
        """How many instances the agent has seen ready; only such are replaced at once."""
        return sum(bool(mark["ready_at"]) for mark in self.state("chat.instances").get("marks", {}).values())

    def files(self) -> dict[str, bytes]:
        """Every file of the state."""
        return {path.name: path.read_bytes() for path in self.home.glob("state/*") if path.suffix == ".json"}

    def pids(self) -> dict[str, int]:
        """The instances' processes, asked from the system: name -> pid."""
        listed = subprocess.run(["ps", "-ewwo", "pid=,stat=,args="], capture_output=True, text=True, check=True).stdout
        rows = [line.split() for line in listed.splitlines() if f"{SERVICE} " in line and f" {self.home} " in line]
        return {row[-1]: int(row[0]) for row in rows if not row[1].startswith("Z")}

    def started(self, count: int) -> dict[str, int]:
        """The processes, once there are `count` of them: supervisord starts them a moment after it was asked."""
        deadline = time.monotonic() + 20
        while len(self.pids()) != count and time.monotonic() < deadline:
            time.sleep(0.1)
        found = self.pids()
        assert len(found) == count, found
        return found

    def clean_up(self) -> None:
        """End everything that was started."""
        daemons = [int(path.read_text()) for path in self.home.glob("pools/*/local/supervisord.pid")]
        for pids in (daemons, self.pids().values()):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
