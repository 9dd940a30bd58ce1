# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cost of ticking, in pings: a first tick, a further tick, and the memory that a thousand of them need.

Run: PYTHONPATH=<directory of ansible_collections> python tests/benchmarks/bench_tick.py [--no-memory]
Prints ratios of CPU times (user + system) of this run; exits with 1 where one misses its goal.

One real instance runs and nothing is to be scaled. Ansible polls its workers a hundred times a second, not a thousand
times as by default, for which see the README. Counted is ansible-playbook with every process it forks; a tick is
the whole of it: status, scrape, decision, state on disk, line.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import whole_runs

ROOT = Path(__file__).resolve().parents[2]
SERVICE = ROOT / "roles" / "demo_service" / "files" / "service.py"
PLAYBOOK = "rlops.autoscale.autoscale"
REPEATS = 7
TICKS = 20
INTERVAL = 0.2  # s, short enough to leave hardly any time in which ansible-playbook only waits
PINGS = 10
MANY_TICKS = 1000


def run(home: Path, *arguments: str) -> whole_runs.Used:
    """Run ansible-playbook to its end."""
    return whole_runs.run(home, environment(home), *arguments)


def environment(home: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    collections = os.environ.get("ANSIBLE_COLLECTIONS_PATH", os.environ.get("PYTHONPATH", ""))
    config = {"ANSIBLE_CONFIG": str(home / "ansible.cfg"), "ANSIBLE_COLLECTIONS_PATH": collections}
    return kept | config | {"HOME": str(home), "LC_ALL": "C.UTF-8"}


def write_files(home: Path) -> None:
    (home / "ansible.cfg").write_text("[defaults]\ninternal_poll_interval = 0.01\n")
    host = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "autoscale_interval": INTERVAL,
        "autoscale_deadline": 0,
        "autoscale_service_rate": 80,
        "autoscale_pools": [
            {"backend": "local", "command": [sys.executable, str(SERVICE)], "directory": str(home / "local")}
        ],
        "autoscale_state_store": {"directory": str(home / "state")},
    }
    (home / "inventory.json").write_text(json.dumps({"autoscaled": {"hosts": {"chat": host}}}))
    task = {"name": "Ping", "ansible.builtin.include_tasks": "ping_tasks.json", "loop": "{{ range(n | int) | list }}"}
    play = {"name": "Ping", "hosts": "autoscaled", "gather_facts": False, "tasks": [task]}
    bare = {"name": "Ping", "hosts": "autoscaled", "gather_facts": False, "tasks": [{"ansible.builtin.ping": {}}]}
    (home / "ping_tasks.json").write_text(json.dumps([{"name": "Ping", "ansible.builtin.ping": {}}]))
    (home / "pings.json").write_text(json.dumps([play]))
    (home / "ping.json").write_text(json.dumps([bare]))


def state(home: Path) -> dict[str, Any]:
    """What the agent remembers."""
    documents = [json.loads(path.read_text()) for path in home.glob("state/chat.[eo]*.json")]
    newest = max(documents, key=lambda document: document["generation"], default={"data": {"tick": 0}})
    return dict(newest["data"])


def one_tick(home: Path) -> whole_runs.Used:
    """A run of one tick, in the middle of the time in which it is due and the counters of the last are still young."""
    before = state(home)
    interval = (time.time() - before["last_at"]) / 2
    used = run(home, PLAYBOOK, "-e", json.dumps({"autoscale_deadline": 0, "autoscale_interval": interval}))
    assert state(home)["tick"] == before["tick"] + 1
    return used


def ticks(home: Path, count: int) -> tuple[whole_runs.Used, int]:
    """A run of so many ticks, and how many it really made: late ones are left out."""
    before = state(home)["tick"]
    deadline = (count - 1) * INTERVAL
    used = run(home, PLAYBOOK, "-e", json.dumps({"autoscale_deadline": deadline, "autoscale_prime_delay": 0}))
    return used, state(home)["tick"] - before


def report(name: str, value: float, goal: float, unit: str) -> bool:
    met = value <= goal
    print(f"{name:<52} {value:8.2f} {unit:<14} goal {goal:5.2f}  {'ok' if met else 'MISSED'}", flush=True)
    return met


def main() -> int:
    home = Path(tempfile.mkdtemp(prefix="bench"))
    try:
        return measure(home, memory="--no-memory" not in sys.argv)
    finally:
        clean_up(home)


def measure(home: Path, *, memory: bool) -> int:
    write_files(home)
    subprocess.run(
        [*whole_runs.PLAY, "-i", str(home / "inventory.json"), PLAYBOOK, "-e", "autoscale_deadline=4"],
        env=environment(home),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    whole_runs.adopt_workers()
    cold, further, control = [], [], []
    for _unused in range(REPEATS):
        bare = run(home, str(home / "ping.json")).cpu
        control.append(run(home, str(home / "ping.json")).cpu / bare)
        cold.append(one_tick(home).cpu / bare)
        (few, few_made), (many, many_made) = ticks(home, 2), ticks(home, TICKS)
        first, all_pings = (run(home, str(home / "pings.json"), "-e", f"n={n}").cpu for n in (1, 1 + PINGS))
        if many_made - few_made >= TICKS / 2:  # else too many were late for a figure to mean something
            further.append((many.cpu - few.cpu) / (many_made - few_made) / ((all_pings - first) / PINGS))
    if not further:
        sys.exit("most of the ticks were left out for being late: run it while nothing else runs")
    noise = f"{min(control):.2f}..{max(control):.2f}"
    print(f"{'a ping play against itself (noise)':<52} {median(control):8.2f} {'':<14} {noise}")
    met = report("a run of one tick", median(cold), 0.75, "ping plays")
    met &= report("a further tick", median(further), 0.35, "ping tasks")
    if memory:
        few, _made = ticks(home, 10)
        many, made = ticks(home, MANY_TICKS)
        assert made >= 0.9 * MANY_TICKS, f"only {made} ticks were made in time"
        met &= report(f"{made} ticks instead of 10", (many.memory - few.memory) / 1024, 15, "MiB more")
    return 0 if met else 1


def clean_up(home: Path) -> None:
    for path in home.glob("local/chat/local/supervisord.pid"):
        with contextlib.suppress(ProcessLookupError, ValueError):
            os.kill(int(path.read_text()), signal.SIGTERM)  # ends its instances, too
    time.sleep(1)
    shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
