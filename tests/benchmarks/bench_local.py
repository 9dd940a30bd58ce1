# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cost of scaling: a local cluster from 1 to 5 instances, until they are ready, in ping tasks.

Run: PYTHONPATH=<directory of ansible_collections> python tests/benchmarks/bench_local.py
Prints the ratio of CPU times (user + system) of this run; exits with 1 if it misses its goal.

Counted are ansible-playbook with all it waits for, and supervisord; not counted are the services themselves. An empty
play is subtracted, so what remains is what scaling adds. A ping task is what one more of them adds to a play.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SERVICE = ROOT / "tests" / "integration" / "files" / "service.py"
REPEATS = 5
PINGS = 5
GOAL = 8.0

#: Always last: Ansible does not wait for its very last worker, whose CPU is therefore not seen.
LAST = {"ansible.builtin.debug": {"msg": "end"}}
PING = {"ansible.builtin.ping": {}}


def scale(target: int) -> dict[str, Any]:
    role = {"name": "rlops.autoscale.cluster_scale", "tasks_from": "wait"}
    return {"ansible.builtin.import_role": role, "vars": {"cluster_scale_target": target}}


def cpu_of(home: Path, *tasks: dict[str, Any]) -> float:
    """CPU seconds of a play with these tasks."""
    play = {"hosts": "autoscaled", "gather_facts": False, "tasks": [*tasks, LAST]}
    playbook = home / "play.json"
    playbook.write_text(json.dumps([play]))
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(home / "inventory.json"), str(playbook)]
    before = supervisord_cpu(home)
    with (home / "output").open("w+") as output:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment(home))
        _pid, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        assert child.returncode == 0, output.read()
    return usage.ru_utime + usage.ru_stime + supervisord_cpu(home) - before


def supervisord_cpu(home: Path) -> float:
    """CPU seconds of supervisord so far; 0 if it does not run."""
    try:
        pid = int((home / "local/chat/local/supervisord.pid").read_text())
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def environment(home: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    collections = os.environ.get("ANSIBLE_COLLECTIONS_PATH", os.environ.get("PYTHONPATH", ""))
    return kept | {"HOME": str(home), "ANSIBLE_COLLECTIONS_PATH": collections, "LC_ALL": "C.UTF-8"}


def write_inventory(home: Path) -> None:
    pool = {
        "backend": "local",
        "command": [sys.executable, str(SERVICE), "{port}"],
        "directory": str(home / "local"),
    }
    host = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "autoscale_min_instances": 0,
        "autoscale_pools": [pool],
        "autoscale_state_store": {"backend": "directory", "directory": str(home / "state")},
    }
    (home / "inventory.json").write_text(json.dumps({"autoscaled": {"hosts": {"chat": host}}}))


def main() -> int:
    home = Path(tempfile.mkdtemp(prefix="bench-"))
    write_inventory(home)
    ratios = []
    try:
        cpu_of(home)  # warms caches
        for _repeat in range(REPEATS):
            empty, control = cpu_of(home), cpu_of(home)
            ping = (cpu_of(home, *[PING] * (1 + PINGS)) - cpu_of(home, PING)) / PINGS
            cpu_of(home, scale(1))
            scaled = cpu_of(home, scale(5)) - empty
            cpu_of(home, scale(0))
            ratios.append(scaled / ping)
            print(
                f"ping task {ping * 1000:.0f} ms, 1 -> 5 {scaled * 1000:.0f} ms: {ratios[-1]:.2f} ping tasks "
                f"(noise: two empty plays differ by {abs(control - empty) / ping:.2f})",
                flush=True,
            )
    finally:
        cpu_of(home, scale(0))
        shutil.rmtree(home)
    met = median(ratios) <= GOAL
    print(f"local 1 -> 5: {median(ratios):.2f} ping tasks, goal <= {GOAL:g}: {'met' if met else 'MISSED'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
