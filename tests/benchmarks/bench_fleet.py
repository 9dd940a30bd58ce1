# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cost of a fleet: a tick of 500 clusters, which learn with shadow_q and keep their state, against an empty play.

Run: PYTHONPATH=<directory of ansible_collections> python tests/benchmarks/bench_fleet.py [CLUSTERS]
Prints the ratio of CPU times (user + system) of this run, and clusters a minute; exits with 1 where one misses its
goal.

The empty play has one task that does nothing, for as many hosts. The clusters have two instances each, whose figures
come from a server that answers as Prometheus does; it runs in this process, and is not counted. They have learned from
a day of traffic before. State is in files, which are synced to the disk at each tick.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import parse_qs, urlsplit

import whole_runs
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._open import open_store

REPEATS = 3
CPU_GOAL = 3.0  # times an empty play
RATE_GOAL = 3000.0  # clusters a minute
FIGURES = 7  # p99, mean, completions, arrivals, queue, lag, age: one query each, however many clusters there are
EMPTY = "- hosts: autoscaled\n  gather_facts: false\n  tasks: [ansible.builtin.debug: {msg: nothing}]\n"


class Server(ThreadingHTTPServer):
    """Answers PromQL that asks for figures of all clusters."""

    daemon_threads = True

    def __init__(self, clusters: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.clusters = clusters
        self.queries = 0


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)["query"][0]
        labels = re.findall(r"by \(([^)]*)\)", query)[0].split(", ")
        instances = ["127.0.0.1:9000", "127.0.0.1:9001"] if "instance" in labels else [""]
        self.server.queries += 1
        samples = [
            {"metric": {"cluster": cluster, "instance": instance}, "value": [time.time(), figure(query)]}
            for cluster in self.server.clusters
            for instance in instances
        ]
        result = {"status": "success", "data": {"resultType": "vector", "result": samples}}
        body = json.dumps(result).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_unused: object) -> None:
        pass


def figure(query: str) -> str:
    """A quiet service with 60 messages/s an instance."""
    if "histogram_quantile" in query:
        return "0.05"
    if "timestamp" in query:
        return "1"
    if "eventloop" in query:
        return "0.001"
    if "_sum" in query:
        return "0.02"
    return "60" if "rate(" in query else "1"


def inventory(home: Path, clusters: list[str], port: int) -> None:
    settings = {
        "ansible_connection": "local",
        "autoscale_mode": "recommend",
        "autoscale_interval": 0.1,
        "autoscale_service_rate": 50,
        "autoscale_health_url": "",
        "autoscale_source": "prometheus",
        "autoscale_prometheus": {"url": f"http://127.0.0.1:{port}", "cluster_label": "cluster"},
        "autoscale_pools": [{"backend": "static", "endpoints": ["127.0.0.1:9000", "127.0.0.1:9001"]}],
        "autoscale_state_store": {"directory": str(home / "state")},
        "autoscale_history": {"trace": str(home / "trace.csv")},
    }
    rates = "".join(f"{60 * minute},{100 + 20 * (minute % 7)}\n" for minute in range(1500))
    (home / "trace.csv").write_text("t_seconds,rate\n" + rates)
    groups = {"autoscaled": {"vars": settings, "hosts": {cluster: {} for cluster in clusters}}}
    (home / "inventory.json").write_text(json.dumps(groups))


def run(home: Path, *arguments: str) -> whole_runs.Used:
    own = {"ANSIBLE_HOME": str(home / "ansible"), "ANSIBLE_STDOUT_CALLBACK": "rlops.autoscale.lines"}
    return whole_runs.run(home, {**os.environ, **own}, *arguments)


def let_all_know_what_one_has_learned(home: Path, clusters: list[str]) -> None:
    """Reading the past takes seconds for each, once in its life."""
    run(home, "rlops.autoscale.fleet", "-l", clusters[0])
    store = open_store("directory", str(home / "state"))
    learned: dict[str, Any] = store.read(clusters[0]).data
    for cluster in clusters[1:]:
        with store.transaction(cluster) as transaction:
            transaction.write({name: value for name, value in learned.items() if name != "lease"})


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    whole_runs.adopt_workers()
    clusters = [f"c{number:04}" for number in range(count)]
    with tempfile.TemporaryDirectory() as folder, Server(clusters) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        home = Path(folder)
        inventory(home, clusters, server.server_address[1])
        (home / "empty.yml").write_text(EMPTY)
        let_all_know_what_one_has_learned(home, clusters)
        asked = server.queries
        pairs = [(run(home, str(home / "empty.yml")), run(home, "rlops.autoscale.fleet")) for _unused in range(REPEATS)]
        queries = (server.queries - asked) / REPEATS
        server.shutdown()
    cpu = median(fleet.cpu / empty.cpu for empty, fleet in pairs)
    rate = median(60 * count / fleet.wall for _empty, fleet in pairs)
    print(f"{count} clusters: {cpu:.2f} times the CPU of an empty play (goal: at most {CPU_GOAL:g})")
    print(f"{rate:.0f} clusters a minute (goal: at least {RATE_GOAL:.0f}), {queries:g} queries a tick")
    return 0 if cpu <= CPU_GOAL and rate >= RATE_GOAL and queries <= FIGURES else 1


if __name__ == "__main__":
    sys.exit(main())
