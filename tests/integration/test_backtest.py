# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook backtest as a user runs it: without an inventory, on a file and on a real Prometheus."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.tests.tools.metrics_server import METRICS_TYPE, MetricsServer, page
from ansible_collections.rlops.autoscale.tests.tools.prometheus_server import prometheus
from ansible_collections.rlops.autoscale.tests.tools.unwrapped import unwrapped

PLAYBOOK = "rlops.autoscale.backtest"


def trace(folder: Path, ticks: int = 400, step: float = 15.0) -> Path:
    """A wave of 100 to 300 messages/s."""
    file = folder / "load.csv"
    rows = [f"{tick * step:g},{200 + 100 * math.sin(tick / 30):.3f}" for tick in range(ticks)]
    file.write_text("t_seconds,rate\n" + "\n".join(rows) + "\n")
    return file


def test_a_file_is_enough(ansible_playbook: Callable[..., Any], tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    given = ["-e", f"trace={trace(tmp_path)}", "-e", f"report={report}", "-e", "service_rate=50"]
    run = ansible_playbook(PLAYBOOK, args=given)
    assert run.rc == 0, run.output
    assert "optimum*" in run.output
    for name in ("shadow_q", "erlang", "target_tracking", "HPA, 80 % busy", "HPA, 55 % busy"):
        assert name in run.output
        assert name in report.read_text()
    assert "changed=1" in run.output
    again = ansible_playbook(PLAYBOOK, args=given)
    assert "changed=0" in again.output, "the same page"


def test_check_mode_replays_and_writes_nothing(ansible_playbook: Callable[..., Any], tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    given = ["-e", f"trace={trace(tmp_path)}", "-e", f"report={report}"]
    run = ansible_playbook(PLAYBOOK, args=given, check=True)
    assert run.rc == 0, run.output
    assert "optimum*" in run.output
    assert not report.exists()


def test_what_a_cluster_has_of_today_says_nothing_of_its_past(
    ansible_playbook: Callable[..., Any], tmp_path: Path
) -> None:
    """A pin, a calendar, or that it only recommends."""
    today = {"autoscale_mode": "recommend", "autoscale_pin": {"count": 9}, "autoscale_expected_rate": 5000}
    tables = []
    for own in ({}, today):
        host = {"ansible_connection": "local", "autoscale_service_rate": 50, "autoscale_max_instances": 12, **own}
        given = ["-e", "cluster=chat", "-e", f"trace={trace(tmp_path)}", "-e", "report="]
        run = ansible_playbook(PLAYBOOK, json.dumps({"autoscaled": {"hosts": {"chat": host}}}, indent=1), args=given)
        assert run.rc == 0, run.output
        tables.append([line for line in run.stdout.splitlines() if line.startswith(("shadow_q ", "erlang "))])
    assert len(tables[0]) >= 2
    assert tables[0] == tables[1]


def test_a_cluster_brings_its_settings_and_contenders_their_options(
    ansible_playbook: Callable[..., Any], tmp_path: Path
) -> None:
    settings = {
        "ansible_connection": "local",
        "autoscale_service_rate": 100,
        "autoscale_max_instances": 7,
        "autoscale_slo": {"p99_latency": "0.1"},
    }
    inventory = json.dumps({"autoscaled": {"hosts": {"chat": settings}}}, indent=1)
    policies = {"policies": ["erlang", {"name": "six", "policy": "static", "static": {"count": 6}}]}
    run = ansible_playbook(
        PLAYBOOK,
        inventory,
        args=["-e", "cluster=chat", "-e", f"trace={trace(tmp_path)}", "-e", "report=", "-e", json.dumps(policies)],
    )
    assert run.rc == 0, run.output
    assert "six" in run.output
    flat = unwrapped(run.output)
    assert "service_rate 100" in flat
    assert "max_instances 7" in flat
    assert "slo_p99_latency 0.1" in flat


ERRORS = {
    "nothing": ([], "trace: expected a CSV file, or else prometheus_url and query"),
    "both": (["trace=load.csv", "prometheus_url=http://127.0.0.1:1"], "trace: expected a CSV file, or else"),
    "no such file": (["trace=/nowhere/load.csv"], "cannot read the trace /nowhere/load.csv: No such file"),
    "no server": (["prometheus_url=http://127.0.0.1:1", "query=up"], "query: Connection refused"),
    "no query": (["prometheus_url=http://127.0.0.1:1"], "query: PromQL of the arrivals per second is expected"),
    "an unknown policy": (["trace={trace}", '{{"policies": ["erlnag"]}}'], "policies[0].policy: unknown policy"),
    "an unknown option": (
        ["trace={trace}", '{{"policies": [{{"policy": "erlang", "haedroom": 1}}]}}'],
        "policies[0].haedroom: expected options of a policy, or one of",
    ),
    "a bad option": (
        ["trace={trace}", '{{"policies": [{{"policy": "erlang", "erlang": {{"headroom": -1}}}}]}}'],
        "policies[0].erlang.headroom: must be from",
    ),
    "an option that is the service's": (
        ["trace={trace}", '{{"policies": [{{"policy": "erlang", "interval": 60}}]}}'],
        "policies[0].interval: expected options of a policy",
    ),
    "no servers": (
        ["trace={trace}", "autoscale_servers_per_instance=0"],
        "servers_per_instance: 1 or more is expected",
    ),
    "a bad SLO": (
        ["trace={trace}", '{{"autoscale_slo": {{"p99_latency": "fast"}}}}'],
        "slo.p99_latency: a number above 0",
    ),
    "a bad seed": (["trace={trace}", "autoscale_seed=-1"], "seed: 0 or more is expected"),
    "far too many": (["trace={trace}", "service_rate=0.00001"], "max_instances: "),
    "a rate beyond all measure": (["trace={absurd}", "max_instances=20"], "trace: its highest rate, 1e+20"),
    "a bad rate": (["trace={trace}", "service_rate=-3"], "service_rate: a number above 0 is expected, got -3"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_one_clear_error(ansible_playbook: Callable[..., Any], tmp_path: Path, case: str) -> None:
    given, expected = ERRORS[case]
    file = trace(tmp_path)
    absurd = tmp_path / "absurd.csv"
    absurd.write_text("t_seconds,rate\n0,5\n60,1e20\n120,1e20\n")
    args = [word for each in given for word in ("-e", each.format(trace=file, absurd=absurd))]
    run = ansible_playbook(PLAYBOOK, args=[*args, "-e", f"report={tmp_path / 'report.html'}"])
    assert run.rc != 0, run.output
    assert expected in unwrapped(run.output), run.output
    assert "Traceback" not in run.output
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ("nowhere/report.html", "report: {folder}/nowhere/report.html cannot be written: there is no such directory"),
        ("", "report: {folder} cannot be written: it is a directory"),
        ("load.csv/report.html", "report: {folder}/load.csv/report.html cannot be written: there is no such directory"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_before_the_replay(
    ansible_playbook: Callable[..., Any], tmp_path: Path, report: str, expected: str
) -> None:
    given = ["-e", f"trace={trace(tmp_path)}", "-e", f"report={tmp_path / report}"]
    run = ansible_playbook(PLAYBOOK, args=given)
    assert run.rc != 0, run.output
    assert expected.format(folder=tmp_path) in unwrapped(run.output), run.output
    assert "optimum*" not in run.output, "the replay took its time in vain"


@pytest.mark.slow
def test_the_traffic_and_the_service_rate_of_a_real_prometheus(
    ansible_playbook: Callable[..., Any], tmp_path: Path, require_binary: Callable[[str], str]
) -> None:
    """A service that completes 120 messages/s and is 40 % busy with two instances: 150 each."""
    begin = time.time()

    def answer(request: BaseHTTPRequestHandler) -> None:
        done = 120.0 * (time.time() - begin)
        page(f"requests_total {done}\nbusy 0.4\ncount 2\n", METRICS_TYPE)(request)

    with (
        MetricsServer(answer) as server,
        prometheus(require_binary("prometheus"), tmp_path, [f"127.0.0.1:{server.port}"]) as real,
    ):
        time.sleep(25)
        options = {
            "prometheus_url": real.url,
            "query": "sum(rate(requests_total[5s]))",
            "instances_query": "count",
            "utilisation_query": "busy",
            "days": 1,
            "autoscale_interval": 1,
            "policies": ["erlang"],
            "report": str(tmp_path / "report.html"),
        }
        run = ansible_playbook(PLAYBOOK, args=["-e", json.dumps(options)])
    assert run.rc == 0, run.output
    flat = unwrapped(run.output)
    assert "calibrated from utilisation" in flat
    rate = float(flat.partition("service rate ")[2].split()[0])
    assert rate == pytest.approx(150.0, rel=0.1)
    assert "of 1 days" in flat
    assert "UTC" in flat
