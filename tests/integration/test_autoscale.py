# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The loop as a user runs it: `ansible-playbook rlops.autoscale.autoscale`, with real processes and a real state store.

The instances are real; their metrics pages are served by the test, so that it can say what the load is.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._lock import exclusive
from ansible_collections.rlops.autoscale.tests.tools.waiting import example_processes, wait_for

pytestmark = pytest.mark.core

SERVICE = Path(__file__).parent / "files" / "service.py"
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


@pytest.fixture
def service() -> Iterator[tuple[Service, str]]:
    """A Service and the URL of its page."""
    state = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = state.page().encode()
            self.send_response(200)
            self.send_header("Content-Type", state.content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_unused: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield state, f"http://127.0.0.1:{server.server_port}/metrics"
    server.shutdown()
    server.server_close()


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
            "command": [sys.executable, str(SERVICE), "{port}", str(self.home), "{name}"],
            "directory": str(self.home / "pools"),
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


@pytest.fixture
def clusters(tmp_path: Path, service: tuple[Service, str], ansible_playbook: Callable[..., Any]) -> Iterator[Clusters]:
    """One cluster, `chat`; more can be added."""
    made = Clusters(tmp_path, service[1], ansible_playbook)
    yield made
    made.clean_up()


def test_orders_the_minimum_first_and_learns_over_several_runs(clusters: Clusters) -> None:
    clusters.settings = {"autoscale_min_instances": 2, "autoscale_deadline": 3}
    first = clusters.run()
    assert first.rc == 0, first.output
    assert "0 ready, order 2" in first.output
    clusters.started(2)
    ticks = clusters.state()["tick"]
    assert ticks >= 2

    second = clusters.run()
    assert second.rc == 0, second.output
    assert "2 ready, keep 2" in second.output, second.output
    assert clusters.state()["tick"] > ticks
    assert clusters.state()["calibration"]["lessons"] > 0
    assert clusters.state()["lease"]["expires_at"] < time.time() + 1, "the lease would keep the next run waiting"


def test_the_article_s_agent_goes_on_where_it_was(clusters: Clusters) -> None:
    clusters.settings = {"autoscale_policy": "q_learning", "autoscale_deadline": 3, "autoscale_seed": 1}
    clusters.run()
    epsilon = clusters.state()["policies"]["q_learning"]["epsilon"]
    time.sleep(1)
    run = clusters.run()
    assert run.rc == 0, run.output
    memory = clusters.state()["policies"]["q_learning"]
    assert memory["epsilon"] < epsilon < 1.0
    assert memory["q_table"]


def test_recommends_without_scaling(clusters: Clusters, service: tuple[Service, str]) -> None:
    clusters.settings = {"autoscale_min_instances": 1}
    clusters.run()
    service[0].backlog = 340.0
    clusters.settings = {"autoscale_mode": "recommend", "autoscale_service_rate": 50, "autoscale_deadline": 2}
    run = clusters.run()
    assert run.rc == 0, run.output
    wanted = [int(count) for count in re.findall(r"would order (\d+)", run.output)]
    assert max(wanted) >= 8, run.output
    clusters.started(1)
    assert clusters.state()["guards"].get("down_at") is None


def test_check_mode_is_a_dry_run(clusters: Clusters) -> None:
    clusters.settings = {"autoscale_min_instances": 3}
    fresh = clusters.run(check=True)
    assert fresh.rc == 0, fresh.output
    assert "order 3" in fresh.output
    assert clusters.files() == {}
    assert clusters.pids() == {}

    clusters.settings = {}
    clusters.run()
    before, pids = clusters.files(), clusters.started(1)
    time.sleep(1)
    clusters.settings = {"autoscale_pin": {"count": 4}}
    dry = clusters.run(check=True, args=["--diff"])
    assert dry.rc == 0, dry.output
    assert "+ordered: 4" in dry.output
    assert (clusters.files(), clusters.pids()) == (before, pids)


def test_repairs_what_was_killed(clusters: Clusters) -> None:
    clusters.settings = {"autoscale_min_instances": 2, "autoscale_deadline": 2}
    clusters.run()
    before = clusters.started(2)
    os.kill(before["chat-1"], signal.SIGKILL)
    run = clusters.run()
    assert run.rc == 0, run.output
    after = clusters.started(2)
    assert before["chat-1"] not in after.values()
    assert before["chat-2"] in after.values()


def test_one_of_six_runs_ticks(clusters: Clusters, tmp_path: Path, ansible_env: dict[str, str]) -> None:
    clusters.settings = {"autoscale_deadline": 12, "autoscale_interval": 2}
    inventory = tmp_path / "six.yml"
    inventory.write_text(clusters.inventory())
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), PLAYBOOK]
    runs = [
        subprocess.Popen(command, env=ansible_env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _unused in range(6)
    ]
    outputs = [run.communicate(timeout=120)[0] for run in runs]
    assert [run.returncode for run in runs] == [0] * 6, outputs
    ticks = [len(re.findall(r"\| \d+ ready", output)) for output in outputs]
    busy = [output for output in outputs if "chat: busy, " in output]
    assert (sum(count > 0 for count in ticks), len(busy)) == (1, 5), outputs
    assert clusters.state()["tick"] == sum(ticks)
    clusters.started(1)


def test_a_killed_run_is_followed_at_once(clusters: Clusters, tmp_path: Path, ansible_env: dict[str, str]) -> None:
    clusters.settings = {"autoscale_deadline": 60}
    inventory = tmp_path / "long.yml"
    inventory.write_text(clusters.inventory())
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), PLAYBOOK]
    with subprocess.Popen(command, env=ansible_env, stdout=subprocess.DEVNULL, start_new_session=True) as run:
        deadline = time.monotonic() + 60
        while clusters.state().get("tick", 0) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        os.killpg(run.pid, signal.SIGKILL)
    ticks = clusters.state()["tick"]
    assert "expires_at" in clusters.state()["lease"], "the run ended before it could be killed"
    clusters.settings = {"autoscale_deadline": 2}
    after = clusters.run()
    assert after.rc == 0, after.output
    assert "busy" not in after.output
    assert clusters.state()["tick"] > ticks


def test_a_run_that_was_held_up_does_nothing(clusters: Clusters) -> None:
    """Another run decided meanwhile, and took the lease: what this one has seen and decided must change nothing."""
    tasks = """
        - rlops.autoscale.metrics_snapshot:
          register: observed
        - rlops.autoscale.rl_scale_decision:
          register: first
        - rlops.autoscale.rl_scale_decision:
            status: "{{ observed.status }}"
            snapshot: "{{ observed.snapshot }}"
          register: late
        - ansible.builtin.assert:
            that: [not first.busy, first.act, late.busy, not late.act, "'since the instances' in late.message"]
        - rlops.autoscale.cluster_converge:
            target: "{{ first.decision.target }}"
            fence: "{{ first.fence - 1 }}"
          register: outcome
          failed_when: outcome is not failed or 'taken over' not in outcome.msg
    """
    run = clusters.play(tasks)
    assert run.rc == 0, run.output
    assert clusters.state()["tick"] == 1
    assert clusters.pids() == {}


def test_what_was_decided_before_a_pin_is_not_carried_out(clusters: Clusters) -> None:
    tasks = """
        - rlops.autoscale.rl_scale_decision:
          register: decided
        - rlops.autoscale.rl_scale_decision:
            operation: pin
            pin: {count: 2}
        - rlops.autoscale.cluster_converge:
            target: "{{ decided.decision.target }}"
            fence: "{{ decided.fence }}"
          register: outcome
          failed_when: outcome is not failed or 'somebody has pinned' not in outcome.msg
    """
    run = clusters.play(tasks)
    assert run.rc == 0, run.output
    assert clusters.pids() == {}
    assert "order 2" in clusters.run().output


TASK_ERRORS = {
    "half of what was observed": (
        "{snapshot: {valid: false}}",
        "status: expected beside the other of status and snapshot",
    ),
    "something else": ("{snapshot: {}, status: {instances: []}}", "status: expected what the action returns, got"),
    "a pin beside the setting": (
        "{operation: pin, pin: {count: 3}}",
        "pin: autoscale_pin, which goes first, keeps 2; change that instead",
    ),
    "a pin out of the task's own bounds": (
        "{operation: pin, pin: {count: 2}, max_instances: 1}",
        "target: expected a count from min_instances (1) to max_instances (1), got 2",
    ),
}


@pytest.mark.parametrize("case", TASK_ERRORS)
def test_one_clear_error_for_a_task_that_cannot_be(clusters: Clusters, case: str) -> None:
    arguments, expected = TASK_ERRORS[case]
    clusters.settings = {"autoscale_pin": {"count": 2}}
    run = clusters.play(f"- rlops.autoscale.rl_scale_decision: {arguments}\n")
    assert run.rc != 0, run.output
    assert expected in run.output
    assert "Traceback" not in run.output
    assert clusters.files() == {}


def test_a_person_is_told_when_the_state_is_in_use(clusters: Clusters) -> None:
    """Not `busy`: the count would be ordered without the pin that keeps the agent from undoing it."""
    assert clusters.run().rc == 0
    before = clusters.started(1)
    with exclusive(next(clusters.home.glob("state/chat.lock")), 1.0):
        run = clusters.ansible_playbook("rlops.autoscale.scale", clusters.inventory(), args=["-e", "instance_count=3"])
    assert run.rc != 0, run.output
    assert "the state of chat is in use by another process" in run.output
    assert clusters.pids() == before


@pytest.mark.slow
def test_a_custom_pool_is_asked_scaled_and_repaired_by_one_run_only(
    clusters: Clusters, tmp_path: Path, ansible_env: dict[str, str]
) -> None:
    """The example of the docs, in the loop; where another run has the lease, its tasks are not even asked."""
    example = Path(__file__).parents[2] / "docs" / "examples" / "custom"
    asked, processes = tmp_path / "asked", tmp_path / "run"
    tool = tmp_path / "tool"
    tool.write_text(f'#!/bin/sh\n[ "$2" = list ] && echo asked >> {asked}\nexec {example / "processes"} "$@"\n')
    tool.chmod(0o755)
    clusters.settings = {
        "autoscale_pools": [{"backend": "custom", "tasks": str(example / "pool.yml")}],
        "example_tool": str(tool),
        "example_directory": str(processes),
        "example_first_port": random.randrange(30000, 32700, 10),
        "example_command": ["python3", "-m", "http.server", "--bind", "127.0.0.1"],
        "autoscale_health_url": "http://{address}:{port}/",
        "autoscale_min_instances": 2,
        "autoscale_max_instances": 2,
        "autoscale_interval": 3,
    }

    def known_as_ready() -> bool:
        """Only what was ready once is replaced at once."""
        marks = clusters.state("chat.instances").get("marks", {})
        return len(marks) == 2 and all(mark["ready_at"] for mark in marks.values())

    try:
        dry = clusters.run(check=True)
        assert dry.rc == 0, dry.output
        assert "order 2" in dry.output
        assert "chat: would start chat-1 chat-2" in dry.output
        assert not list(processes.glob("*.pid"))
        asked.unlink()

        clusters.settings["autoscale_deadline"] = 18
        (tmp_path / "inventory.json").write_text(clusters.inventory())
        command = [sys.executable, "-m", "ansible", "playbook", PLAYBOOK, "-i", "inventory.json"]
        environment = ansible_env | {"ANSIBLE_STDOUT_CALLBACK": "rlops.autoscale.lines"}
        with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as first:
            wait_for(lambda: len(example_processes(processes)) == 2, 20)
            second = clusters.run(env=QUIET)
            assert re.search(r"chat: busy, another run has the lease", second.stdout), second.output
            assert len(second.stdout.splitlines()) == 1, "it ends at once"
            wait_for(known_as_ready, 20)
            os.kill(example_processes(processes)["chat-1"], signal.SIGKILL)
            output = first.communicate(timeout=60)[0]
        assert first.returncode == 0, output
        assert len(asked.read_text().split()) == clusters.state()["tick"] >= 3, "once a tick\n" + output
        assert "order 2" in output
        assert "2 ready, keep 2" in output
        assert len(example_processes(processes)) == 2, "what was killed has been replaced\n" + output
    finally:
        for pid in example_processes(processes).values():
            os.kill(pid, signal.SIGKILL)


BAD_SETTINGS = {
    "unknown policy": ({"autoscale_policy": "q-learning"}, "policy", "did you mean q_learning"),
    "bounds": ({"autoscale_min_instances": 5, "autoscale_max_instances": 3}, "max_instances", "at least"),
    "type": ({"autoscale_interval": "often"}, "interval", "float"),
    "not positive": ({"autoscale_interval": 0}, "interval", "above 0"),
    "slip of the pen": ({"autoscale_polcy": "hpa"}, "autoscale_polcy", "did you mean autoscale_policy"),
    "suboption": ({"autoscale_slo": {"p99": 0.2}}, "slo", "p99_latency"),
    "source": ({"autoscale_source": "guess"}, "source", "prometheus"),
    "backend": ({"autoscale_pools": [{"backend": "cloud9"}]}, "backend", "local"),
    "no pools": ({"autoscale_pools": []}, "pools", "expected"),
    "pin": ({"autoscale_pin": {"count": "many"}}, "count", "int"),
    "seconds": ({"autoscale_deadline": -1}, "deadline", "0 or more"),
    "placeholder": ({"autoscale_metrics_url": "http://{addres}:80/"}, "metrics_url", "{addres} is no placeholder"),
    "watched only": (
        {"autoscale_pools": [{"backend": "static", "endpoints": ["127.0.0.1:9"]}]},
        "mode",
        "pool static is static: it can be watched, not scaled; set autoscale_mode: recommend",
    ),
    "http": ({"autoscale_http": {"concurrency": 0}}, "http.concurrency", "above 0"),
    "url": ({"autoscale_metrics_url": "ftp://127.0.0.1/metrics"}, "metrics_url", "http"),
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_one_clear_error_for_bad_input(clusters: Clusters, case: str) -> None:
    settings, option, expected = BAD_SETTINGS[case]
    clusters.settings = {"autoscale_deadline": 3} | settings
    run = clusters.run(env=QUIET)
    assert run.rc != 0, run.output
    lines = [line for line in run.stdout.splitlines() if "failed" in line]
    assert len(lines) == 1, run.output
    assert option in lines[0], run.output
    assert expected in lines[0], run.output
    assert clusters.pids() == {}
    assert "tick" not in clusters.state()


@pytest.mark.parametrize("page", ["not metrics", "unreachable"])
def test_no_metrics_is_an_error_and_teaches_nothing(
    clusters: Clusters, service: tuple[Service, str], page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clusters.settings = {"autoscale_min_instances": 1, "autoscale_deadline": 2}
    clusters.run()
    known = {key: clusters.state()[key] for key in ("tick", "calibration", "policies", "guards")}
    pids = clusters.started(1)
    if page == "unreachable":
        clusters.settings["autoscale_metrics_url"] = "http://127.0.0.1:9/metrics"
    else:
        monkeypatch.setattr(service[0], "page", lambda: "<html><body>It works!</body></html>")
    time.sleep(1)
    clusters.settings["autoscale_deadline"] = 0
    run = clusters.run(env=QUIET)
    assert run.rc != 0, run.output
    assert run.output.count("metrics_url: no instance gives metrics") == 1, run.output
    assert {key: clusters.state()[key] for key in known} == known
    assert clusters.pids() == pids


def test_a_failed_tick_is_told_and_the_next_goes_on(
    clusters: Clusters, service: tuple[Service, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the last tick says how the run ended."""
    clusters.settings = {"autoscale_deadline": 2}
    clusters.run()
    clusters.started(1)
    good, asked = service[0].page, iter(range(1000))
    monkeypatch.setattr(service[0], "page", lambda: good() if next(asked) >= 3 else "<html>busy</html>")
    clusters.settings = {"autoscale_deadline": 5}
    run = clusters.run(env=QUIET)
    assert run.rc == 0, run.output
    lines = run.stdout.splitlines()
    failed = [line for line in lines if line.startswith("chat: this tick failed: metrics_url: no instance")]
    assert 1 <= len(failed) <= 3, run.output
    assert " ready, keep 1" in lines[-1], run.output


def test_an_empty_inventory_is_told(clusters: Clusters) -> None:
    run = clusters.ansible_playbook(PLAYBOOK, "localhost,", env=QUIET)
    assert "no cluster: no host of the inventory is in the group autoscaled" in run.stdout


def test_an_unreachable_host_of_a_custom_pool_ends_no_run(
    clusters: Clusters, require_binary: Callable[[str], str]
) -> None:
    require_binary("ssh")
    (clusters.home / "pool.yml").write_text(
        "- ansible.builtin.command: 'true'\n  delegate_to: jump\n  register: there\n"
        "- ansible.builtin.set_fact:\n    cluster_scale_reported: []\n  when: there is reachable\n"
    )
    clusters.settings = {
        "autoscale_deadline": 8,
        "autoscale_interval": 7,
        "autoscale_pools": [{"backend": "custom", "tasks": str(clusters.home / "pool.yml")}],
    }
    inventory = json.loads(clusters.inventory())
    unreachable = {"ansible_host": "127.0.0.1", "ansible_port": 9, "ansible_connection": "ssh"}
    inventory["elsewhere"] = {"hosts": {"jump": unreachable}}
    run = clusters.ansible_playbook(PLAYBOOK, json.dumps(inventory, indent=1))
    assert run.rc != 0, "the last tick failed, too\n" + run.output
    assert "UNREACHABLE" in run.output
    assert run.output.count("this tick failed: reported: the tasks of pool custom have to set") >= 2, run.output


def test_text_of_a_hostile_service_is_never_templated(
    clusters: Clusters, service: tuple[Service, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither a content type nor a page that fails the tick may run anything on the controller."""
    clusters.settings = {"autoscale_deadline": 0}
    clusters.run()
    clusters.started(1)
    bait = tmp_path / "bait"
    trap = "{{ lookup('pipe', 'touch " + str(bait) + "') }}"
    monkeypatch.setattr(service[0], "page", lambda: f"app_message_queue_depth {trap}\n{trap} 1\n")
    monkeypatch.setattr(service[0], "content_type", f"text/{trap}")
    clusters.settings["autoscale_deadline"] = 2
    time.sleep(1)
    run = clusters.run(args=["-v"])
    assert run.rc != 0, run.output
    assert "no instance gives metrics" in run.output
    assert not bait.exists()


def test_secrets_are_in_no_output(clusters: Clusters, service: tuple[Service, str]) -> None:
    clusters.settings = {
        "autoscale_deadline": 2,
        "autoscale_http": {"username": "agent", "password": "s3cret-pa55", "headers": {"X-Key": "s3cret-key"}},
    }
    good = clusters.run(args=["-vvvv"])
    assert good.rc == 0, good.output
    clusters.settings["autoscale_metrics_url"] = "http://127.0.0.1:9/metrics"
    time.sleep(1)
    unreachable = clusters.run(args=["-vvvv"])
    clusters.settings["autoscale_metrics_url"] = "http://agent:s3cret-url@127.0.0.1:9/metrics"
    refused = clusters.run(args=["-vvvv"])
    assert "metrics_url: expected a URL without user and password" in refused.output
    clusters.settings["autoscale_metrics_url"] = clusters.url
    service[0].content_type = "text/s3cret-pa55"
    time.sleep(1)
    echoed = clusters.run(args=["-vvvv"])
    assert "gave no metrics" in echoed.output, "what the service echoes is shown, without the password in it"
    assert "s3cret" not in good.output + unreachable.output + refused.output + echoed.output
    assert not any(b"s3cret" in content for content in clusters.files().values())


def test_a_slow_and_a_failing_cluster_hold_up_no_other(clusters: Clusters) -> None:
    (clusters.home / "slow.yml").write_text(
        "- ansible.builtin.command: sleep 6\n- ansible.builtin.set_fact:\n    cluster_scale_reported: []\n"
    )
    (clusters.home / "failing.yml").write_text("- ansible.builtin.fail:\n    msg: out of order\n")

    def custom(tasks: str) -> dict[str, Any]:
        return {"autoscale_pools": [{"backend": "custom", "tasks": str(clusters.home / tasks)}]}

    clusters.hosts = {
        "a": {},
        "slow": custom("slow.yml"),
        "b": {},
        "failing": custom("failing.yml"),
        "c": {},
    }
    clusters.settings = {"autoscale_interval": 3, "autoscale_deadline": 18}
    run = clusters.run()
    ticks = {name: clusters.state(name).get("tick", 0) for name in clusters.hosts}
    planned = 7
    assert all(ticks[name] >= planned - 1 for name in "abc"), (ticks, run.output)
    assert 1 <= ticks["slow"] <= planned // 2, ticks
    assert ticks["failing"] == 0
    assert run.rc != 0
    assert "out of order" in run.output
    assert re.search(r"^failing .*failed=[1-9]", run.output, re.M), run.output
    assert all(re.search(rf"^{name} .*failed=0", run.output, re.M) for name in "abc"), run.output


def test_a_pin_of_a_person_holds_until_it_is_taken_back(clusters: Clusters) -> None:
    pin = "- rlops.autoscale.rl_scale_decision: {operation: pin, pin: {count: 2}}\n"
    done = clusters.play(pin)
    assert done.rc == 0, done.output
    assert "changed=1" in done.output
    clusters.settings = {"autoscale_deadline": 1}
    assert "order 2" in clusters.run().output
    again = clusters.play(pin)
    assert "changed=0" in again.output
    clusters.play("- rlops.autoscale.rl_scale_decision: {operation: unpin}\n")
    assert not clusters.state().get("pin")
