# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is learned, with a real state store: the past before the first tick; shown, edited and reset by a person."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.rlops.autoscale.tests.tools.metrics_server import MetricsServer, page
from ansible_collections.rlops.autoscale.tests.tools.unwrapped import unwrapped

TICK = """
- hosts: autoscaled
  gather_facts: false
  connection: local
  tasks:
    - rlops.autoscale.rl_scale_decision:
        snapshot: "{{ seen }}"
        status: "{{ found }}"
      register: decided
    - ansible.builtin.debug:
        msg: "learned {{ decided.decision.proposal.details.ticks_learned | default(-1) }} {{ decided.decision.target }}"
"""


class Cluster:
    """A cluster that is given its snapshots."""

    def __init__(self, home: Path, ansible_playbook: Callable[..., Any]) -> None:
        self.home, self.ansible_playbook = home, ansible_playbook
        self.settings: dict[str, Any] = {"autoscale_service_rate": 50, "autoscale_max_instances": 20}

    def inventory(self) -> str:
        store = {"autoscale_state_store": {"directory": str(self.home / "state")}, "ansible_connection": "local"}
        return json.dumps({"autoscaled": {"hosts": {"chat": {**store, **self.settings}}}}, indent=1)

    def tick(self, rate: float = 100.0, *, fails: bool = False, **arguments: Any) -> Any:
        """One decision at this arrival rate; `fails` says that it is to be refused."""
        now = time.time()
        seen = {
            "valid": True,
            "at": now,
            "source": "scrape",
            "reasons": {},
            "expected": 4,
            "answered": 4,
            "age_s": 0.0,
            "interval_s": 15.0,
            "arrival_rate": rate,
            "completion_rate": rate,
            "p99_latency_s": 0.1,
            "queue_depth": 0.0,
            "queue_total": 0.0,
            "eventloop_lag_s": 0.001,
        }
        instances = [{"name": f"chat-{n}", "state": "ready"} for n in range(1, 5)]
        given = {"seen": seen, "found": {"instances": instances, "unfinished": False, "at": now}}
        run = self.ansible_playbook(TICK, self.inventory(), extra_vars=given, **arguments)
        assert (run.rc != 0) == fails, run.output
        return run

    def learned(self, **extra: Any) -> Any:
        return self.ansible_playbook("rlops.autoscale.learned", self.inventory(), extra_vars=extra, args=["--diff"])

    def memory(self) -> dict[str, Any]:
        documents = [json.loads(path.read_text()) for path in self.home.glob("state/chat.[eo]*.json")]
        newest = max(documents, key=lambda document: document["generation"], default={"data": {}})
        return dict(newest["data"].get("policies", {}))


@pytest.fixture
def cluster(tmp_path: Path, ansible_playbook: Callable[..., Any]) -> Cluster:
    return Cluster(tmp_path, ansible_playbook)


def rate_at(moment: float) -> float:
    return 150.0 + 100.0 * math.sin(2 * math.pi * moment / 86400)


def ticks_learned(run: Any) -> float:
    found = re.search(r"learned (-?[0-9.]+) ", run.output)
    assert found, run.output
    return float(found[1])


def test_without_a_past_it_learns_from_now_on(cluster: Cluster) -> None:
    assert ticks_learned(cluster.tick()) == 0
    assert cluster.memory()["shadow_q"]["learner"]["history"]


def test_the_past_in_a_file_is_learned_from_before_the_first_decision(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "load.csv"
    file.write_text("t_seconds,rate\n" + "".join(f"{t},{rate_at(t):.2f}\n" for t in range(0, 86400, 300)))
    cluster.settings["autoscale_history"] = {"trace": str(file)}
    first = cluster.tick()
    assert 2000 < ticks_learned(first) < 2880, "5,760 ticks, the older ones counting less"
    size = len(json.dumps(cluster.memory()))
    assert size <= 40_000
    file.unlink()
    assert ticks_learned(cluster.tick()) > 2000, "once is enough"


@pytest.mark.core
def test_check_mode_learns_from_the_past_and_keeps_nothing(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "load.csv"
    file.write_text("t_seconds,rate\n" + "".join(f"{t},{rate_at(t):.2f}\n" for t in range(0, 43200, 300)))
    cluster.settings["autoscale_history"] = {"trace": str(file)}
    assert ticks_learned(cluster.tick(check=True)) > 1000
    assert cluster.memory() == {}


def test_the_past_in_prometheus_is_learned_from(cluster: Cluster) -> None:
    """Also where only the source is said; the query is then that of the arrival rate."""
    asked: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        given = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        asked.append(given["query"])
        start, end, step = (float(given[name]) for name in ("start", "end", "step"))
        moments = [start + place * step for place in range(round((end - start) / step) + 1)]
        series = [{"metric": {}, "values": [[moment, f"{rate_at(moment):.3f}"] for moment in moments]}]
        data = {"status": "success", "data": {"resultType": "matrix", "result": series}}
        page(json.dumps(data), "application/json")(request)

    with MetricsServer(answer) as server:
        url = f"http://127.0.0.1:{server.port}"
        cluster.settings |= {"autoscale_source": "prometheus", "autoscale_prometheus": {"url": url}}
        assert ticks_learned(cluster.tick()) > 2000
    assert len(asked) == 1
    assert asked[0].startswith("sum(")
    assert "app_p99_latency_seconds_count" in asked[0]


@pytest.mark.parametrize("same", [True, False])
def test_credentials_are_for_the_server_that_the_metrics_come_from_alone(cluster: Cluster, same: bool) -> None:
    seen: list[dict[str, str]] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.append({name.lower(): value for name, value in request.headers.items()})
        page(json.dumps({"status": "success", "data": {"resultType": "matrix", "result": []}}))(request)

    with MetricsServer(answer) as server, MetricsServer(answer) as other:
        cluster.settings |= {
            "autoscale_source": "prometheus",
            "autoscale_prometheus": {"url": f"http://127.0.0.1:{server.port}/metrics"},
            "autoscale_history": {
                "prometheus_url": f"http://127.0.0.1:{(server if same else other).port}/past",
                "query": "up",
            },
            "autoscale_http": {"token": "s3cret", "headers": {"X-Scope-OrgID": "us"}},
        }
        cluster.tick()
    assert len(seen) == 1
    assert (seen[0].get("authorization"), seen[0].get("x-scope-orgid")) == (
        ("Bearer s3cret", "us") if same else (None, None)
    )


def test_a_past_that_cannot_be_had_is_told_and_holds_nothing_up(cluster: Cluster) -> None:
    cluster.settings["autoscale_history"] = {"prometheus_url": "http://127.0.0.1:1", "query": "up"}
    run = cluster.tick()
    assert "chat: history: query: Connection refused; it learns from now on" in unwrapped(run.output)
    assert ticks_learned(run) == 0


@pytest.mark.parametrize(
    ("history", "option"),
    [
        ({"trace": "load.csv", "prometheus_url": "http://127.0.0.1:1", "query": "up"}, "history.trace"),
        ({"prometheus_url": "http://127.0.0.1:1"}, "history.query"),
    ],
)
def test_a_past_that_makes_no_sense_is_refused(cluster: Cluster, history: dict[str, str], option: str) -> None:
    cluster.settings["autoscale_history"] = history
    run = cluster.tick(fails=True)
    assert f"{option}: " in run.output
    assert cluster.memory() == {}


@pytest.mark.core
def test_a_person_reads_writes_and_resets_the_table(cluster: Cluster, tmp_path: Path) -> None:
    nothing = cluster.learned()
    assert nothing.rc == 0, nothing.output
    assert "policy shadow_q has learned nothing yet that could be shown" in nothing.output

    file = tmp_path / "load.csv"
    file.write_text("t_seconds,rate\n" + "".join(f"{t},{rate_at(t):.2f}\n" for t in range(0, 86400, 300)))
    cluster.settings["autoscale_history"] = {"trace": str(file)}
    cluster.tick()
    shown = cluster.learned()
    assert "policy shadow_q, cost a tick, cheapest first" in shown.output
    assert re.search(r"^steady +\d+ ticks  .+ \d", shown.stdout, re.MULTILINE), shown.output
    assert "changed=0" in shown.output

    entry = {"situation": "steady", "choice": "1.8 x rate, no hold", "value": 0.25}
    before = cluster.memory()
    edited = cluster.learned(cluster="chat", operation="edit", entries=[entry])
    assert "changed=1" in edited.output, edited.output
    assert "+steady: 1.8 x rate, no hold: 0.25" in edited.stdout, edited.output
    assert cluster.memory()["shadow_q"]["learner"]["sums"] != before["shadow_q"]["learner"]["sums"]
    assert "1.8 x rate, no hold 0.25" in cluster.learned().output
    assert "changed=0" in cluster.learned(cluster="chat", operation="edit", entries=[entry]).output

    wrong = cluster.learned(cluster="chat", operation="edit", entries=[{**entry, "situation": "stedy"}])
    assert wrong.rc != 0
    assert "entries[0].situation: there is no 'stedy'; did you mean 'steady'?" in wrong.output

    reset = cluster.learned(cluster="chat", operation="reset")
    assert "changed=1" in reset.output
    assert cluster.memory() == {}
    assert "changed=0" in cluster.learned(cluster="chat", operation="reset").output


def test_the_article_s_table_can_be_written_too(cluster: Cluster) -> None:
    cluster.settings["autoscale_policy"] = "q_learning"
    written = cluster.learned(
        cluster="chat", operation="edit", entries=[{"situation": "1_0_4", "choice": "+1", "value": 5.0}]
    )
    assert "changed=1" in written.output, written.output
    assert cluster.memory()["q_learning"]["q_table"] == {"1_0_4": {"1": 5.0}}
    cluster.settings |= {"autoscale_q_learning": {"epsilon": 0.0}}
    run = cluster.tick()
    assert re.search(r"learned -1 5\b", run.output), run.output


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"operation": "reset"}, "cluster: operation=reset is for one, expected one of chat, got none"),
        (
            {"operation": "edit", "entries": [{"situation": "1_0_4", "choice": "+1", "value": 5.0}]},
            "cluster: operation=edit is for one, expected one of chat, got none",
        ),
        ({"operation": "reset", "cluster": "autoscaled"}, "cluster: expected one of chat, got 'autoscaled'"),
    ],
)
def test_only_what_is_shown_may_be_that_of_all_clusters(cluster: Cluster, given: dict[str, Any], expected: str) -> None:
    cluster.settings["autoscale_policy"] = "q_learning"
    written = cluster.learned(
        cluster="chat", operation="edit", entries=[{"situation": "1_0_4", "choice": "+0", "value": 1.0}]
    )
    assert "changed=1" in written.output, written.output
    before = cluster.memory()
    refused = cluster.learned(**given)
    assert refused.rc != 0, refused.output
    assert expected in refused.output, refused.output
    assert cluster.memory() == before
    assert "1_0_4" in cluster.learned().output


@pytest.mark.parametrize("playbook", ["learned", "backtest"])
def test_a_cluster_that_no_inventory_knows_is_an_error(cluster: Cluster, playbook: str) -> None:
    run = cluster.ansible_playbook(f"rlops.autoscale.{playbook}", extra_vars={"cluster": "chat", "operation": "reset"})
    assert run.rc != 0
    assert "cluster: expected one of , got 'chat'" in run.output
