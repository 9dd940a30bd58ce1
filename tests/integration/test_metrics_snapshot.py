# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""metrics_snapshot through real ansible-playbook runs: options, secrets, hostile text, other hosts."""

from __future__ import annotations

import json
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.tests.conftest import PlaybookRun
from ansible_collections.rlops.autoscale.tests.tools.metrics_server import (
    Answer,
    MetricsServer,
    make_certificates,
    page,
)
from ansible_collections.rlops.autoscale.tests.tools.ports import free_port
from ansible_collections.rlops.autoscale.tests.tools.ssh_server import ssh_server

pytestmark = pytest.mark.core

SECRETS = {"password": "pa55-word-value", "token": "t0ken-value", "header": "h3ader-value", "query": "qu3ry-value"}
PLAYBOOK = """\
- name: Observe
  hosts: chat
  gather_facts: false
  tasks:
    - name: Observe
      rlops.autoscale.metrics_snapshot: "{{ arguments }}"
      register: observed
    - name: Keep it literal
      ansible.builtin.debug:
        msg: "RESULT {{ observed.snapshot | to_json | b64encode }}"
"""
Serve = Callable[[Answer], MetricsServer]
Play = Callable[..., PlaybookRun]


def metrics(count: int, queue: float = 2) -> Answer:
    return page(
        f"""\
process_start_time_seconds 1000
app_eventloop_lag_seconds 0.003
app_message_queue_depth {queue}
app_p99_latency_seconds_bucket{{le="0.1"}} {count}
app_p99_latency_seconds_bucket{{le="+Inf"}} {count}
app_p99_latency_seconds_count {count}
app_p99_latency_seconds_sum {count * 0.05}
"""
    )


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(MetricsServer(answer))


@pytest.fixture
def observe(ansible_playbook: Play) -> Play:
    """Function: observe(arguments, variables of the cluster, further hosts=..., **for ansible_playbook)."""

    def run(
        arguments: dict[str, Any],
        variables: dict[str, Any] | None = None,
        hosts: dict[str, Any] | None = None,
        **options: Any,
    ) -> PlaybookRun:
        cluster = {"ansible_connection": "local"} | (variables or {})
        inventory = json.dumps({"all": {"hosts": {"chat": cluster} | (hosts or {})}}, indent=1)
        return ansible_playbook(PLAYBOOK, inventory, extra_vars={"arguments": arguments}, **options)

    return run


def result_of(run: PlaybookRun) -> Any:
    assert run.rc == 0, run.output
    encoded = run.stdout.partition("RESULT ")[2].split('"')[0]
    return json.loads(b64decode(encoded))


def failure_of(run: PlaybookRun) -> str:
    """The one message that the task failed with."""
    assert run.rc == 2, run.output
    [line] = [line for line in run.output.splitlines() if line.startswith("fatal: [chat]")]
    return str(json.loads(line.partition("=> ")[2])["msg"])


def test_observes_in_process(serve: Serve, observe: Play) -> None:
    servers = {"a": serve(metrics(100, queue=4)), "b": serve(metrics(300, queue=8))}
    instances = [{"name": name, "metrics_url": server.url} for name, server in servers.items()]
    snapshot = result_of(observe({"instances": instances, "prime_delay": 0.2}))
    assert snapshot["cluster"] == "chat"
    assert snapshot["valid"] is True
    assert (snapshot["answered"], snapshot["queue_depth"], snapshot["completion_rate"]) == (2, 6, 0)
    assert snapshot["reasons"]["p99_latency_s"] == "nothing was completed between the two scrapes"
    assert all(len(server.requests) == 2 for server in servers.values())


def test_options_come_from_the_hosts_variables(serve: Serve, observe: Play) -> None:
    server = serve(page("depth 5\n"))
    variables = {
        "autoscale_http": {"headers": {"X-From": "{{ inventory_hostname }}"}, "timeout": "2"},
        "autoscale_metrics": {"queue_depth": {"name": "depth"}},
        "autoscale_prime_delay": "0.1",
    }
    arguments = {"instances": [{"name": "a", "metrics_url": server.url}]}
    snapshot = result_of(observe(arguments, variables, check=True))
    assert snapshot["queue_depth"] == 5
    assert server.requests[0][1]["X-From"] == "chat"


def test_counters_lead_from_one_snapshot_to_the_next(serve: Serve, observe: Play) -> None:
    server = serve(metrics(100))
    arguments = {"instances": [{"name": "a", "metrics_url": server.url}], "prime_delay": 0, "interval": 600}
    first = result_of(observe(arguments))
    assert first["valid"] is False
    server.answer = metrics(160)
    second = result_of(observe(arguments | {"previous": first["counters"]}))
    assert second["completion_rate"] * second["interval_s"] == pytest.approx(60, rel=0.25)


def test_text_of_instances_stays_literal_and_short(serve: Serve, observe: Play) -> None:
    evil = "{{ lookup('pipe', 'touch evil') }}"
    page_text = f"app_message_queue_depth 1\napp_eventloop_lag_seconds {evil} \x1b[31m{'x' * 1000}\n"
    good, bad = serve(page(page_text)), serve(page("", content_type=f"text/{evil}"))
    instances = [{"name": "good", "metrics_url": good.url}, {"name": "bad", "metrics_url": bad.url}]
    run = observe({"instances": instances, "prime_delay": 0})
    snapshot = result_of(run)
    assert "{{ lookup" in snapshot["warnings"][1]
    assert "{{ lookup" in snapshot["instances"][1]["error"]
    assert max(len(warning) for warning in snapshot["warnings"]) < 300
    assert "\x1b" not in json.dumps(snapshot, ensure_ascii=False)


@pytest.mark.slow
@pytest.mark.parametrize("via", [None, "bastion"])
def test_secrets_are_in_no_output(serve: Serve, observe: Play, tmp_path: Path, via: str | None) -> None:
    """Not on success, not on failures of any kind, at no verbosity."""
    server, broken = serve(metrics(1)), serve(page("", status=401))
    dead = f"http://me:{SECRETS['password']}@127.0.0.1:{free_port()}/?key={SECRETS['query']}"
    instances = [
        {"name": "a", "metrics_url": server.url},
        {"name": "b", "metrics_url": broken.url},
        {"name": "c", "metrics_url": dead},
    ]
    http = {"username": "me", "password": SECRETS["password"], "headers": {"X-Key": SECRETS["header"]}}
    variables = {"autoscale_prime_delay": 0}
    hosts = {"bastion": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}
    arguments = {"instances": instances} | ({"scrape_via": via} if via else {})
    wrong = [{"token": SECRETS["token"], "timeout": -1}, http | {"token": SECRETS["token"]}, http | {"timeout": "soon"}]
    runs = [
        observe(arguments, variables | {"autoscale_http": settings}, hosts, args=["-vvv"])
        for settings in [http, *wrong]
    ]
    assert [run.rc for run in runs] == [0, 2, 2, 2], runs[0].output
    sent = server.requests[0][1]
    assert b64decode(sent["Authorization"].removeprefix("Basic ")).decode() == f"me:{SECRETS['password']}"
    assert sent["X-Key"] == SECRETS["header"]
    assert result_of(runs[0])["answered"] == 1
    snapshot = json.dumps(result_of(runs[0]))
    shown = "".join(run.output for run in runs) + snapshot
    for secret in (*SECRETS.values(), b64encode(f"me:{SECRETS['password']}".encode()).decode()):
        assert secret not in shown


WRONG_SETTINGS: list[tuple[dict[str, Any], list[str]]] = [
    ({"source": "telepathy"}, ["source", "telepathy", "scrape"]),
    ({"instances": "many"}, ["instances", "dict"]),
    ({}, ["instances: source=scrape needs"]),
    ({"instances": [{"name": "a"}]}, ["instances: a has no metrics_url"]),
    ({"instances": [{"name": "a", "metrics_url": "file:///etc/passwd"}]}, ["instances: expected a URL like"]),
    ({"instances": [], "metrics": {"lag": {}}}, ["metrics.lag"]),
    ({"instances": [], "http": {"timeout": "soon"}}, ["timeout", "float"]),
    ({"instances": [], "http": {"password": "x"}}, ["username", "password", "http"]),
    ({"instances": [], "http": {"ca_path": "/nowhere.pem"}}, ["http.ca_path: /nowhere.pem does not exist"]),
    ({"source": "file", "file": {"path": "/x"}, "min_answered": 5}, ["min_answered: a part of 1"]),
    ({"source": "prometheus", "prometheus": {"url": "prometheus:9090"}}, ["prometheus.url: expected a URL like"]),
    ({"instances": [], "scrape_via": "nobody"}, ["scrape_via: a host of the inventory is expected, got nobody"]),
]


def test_a_wrong_setting_is_one_clear_error(ansible_playbook: Play) -> None:
    playbook = """\
- name: Observe
  hosts: all
  connection: local
  gather_facts: false
  tasks:
    - name: Observe
      rlops.autoscale.metrics_snapshot: "{{ item }}"
      loop: "{{ cases }}"
      register: observed
      ignore_errors: true
    - name: Show
      ansible.builtin.debug:
        msg: "RESULT {{ observed.results | map(attribute='msg') | to_json | b64encode }}"
"""
    cases = [arguments for arguments, _unused in WRONG_SETTINGS]
    messages = result_of(ansible_playbook(playbook, extra_vars={"cases": cases}))
    assert len(messages) == len(cases)
    for (arguments, words), message in zip(WRONG_SETTINGS, messages, strict=True):
        assert [word for word in words if word not in message] == [], (arguments, message)
        assert len(message) < 300
        assert "Traceback" not in message


def test_tls_end_to_end(observe: Play, tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    with MetricsServer(metrics(1), certificates.server_context(ask_client=True)) as server:
        http = {
            "ca_path": str(certificates.ca),
            "client_cert": str(certificates.client),
            "client_key": str(certificates.client_key),
        }
        arguments = {"instances": [{"name": "a", "metrics_url": server.url}], "prime_delay": 0}
        assert result_of(observe(arguments | {"http": http}))["answered"] == 1
        [row] = result_of(observe(arguments))["instances"]
    assert row["error"].startswith("TLS: ")


@pytest.mark.slow
class TestOtherHosts:
    """On another host the module runs, with that host's Python; here a link to it tells that it was used."""

    @pytest.fixture
    def python(self, tmp_path: Path) -> Path:
        """A Python that notes its calls."""
        script = tmp_path / "python-there"
        script.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\nexec {sys.executable} "$@"\n')
        script.chmod(0o755)
        return script

    def test_scrape_via(self, serve: Serve, observe: Play, python: Path) -> None:
        server = serve(metrics(1))
        bastion = {"ansible_connection": "local", "ansible_python_interpreter": str(python)}
        arguments = {"instances": [{"name": "a", "metrics_url": server.url}], "prime_delay": 0}
        here = result_of(observe(arguments, hosts={"bastion": bastion}))
        assert not python.with_name("calls").exists()
        there = result_of(observe(arguments | {"scrape_via": "bastion"}, hosts={"bastion": bastion}))
        assert "AnsiballZ_metrics_snapshot" in python.with_name("calls").read_text()
        assert here["at"] < there["at"]
        assert {field: here[field] for field in here.keys() - {"at", "counters"}} == {
            field: there[field] for field in there.keys() - {"at", "counters"}
        }

    def test_errors_from_there(self, observe: Play, python: Path) -> None:
        bastion = {"ansible_connection": "local", "ansible_python_interpreter": str(python)}
        arguments = {"instances": [{"name": "a"}], "scrape_via": "bastion"}
        message = failure_of(observe(arguments, hosts={"bastion": bastion}))
        assert "instances: a has no metrics_url" in message
        unreachable = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_connection": "ssh"}
        message = failure_of(observe(arguments, hosts={"bastion": unreachable}))
        assert "bastion cannot be reached" in message

    def test_over_ssh(self, serve: Serve, observe: Play, python: Path, tmp_path: Path) -> None:
        """By scrape_via, and as the connection of the cluster itself."""
        server = serve(metrics(1))
        with ssh_server(tmp_path) as variables:
            there = variables | {"ansible_python_interpreter": str(python)}
            arguments = {"instances": [{"name": "a", "metrics_url": server.url}], "prime_delay": 0}
            via = result_of(observe(arguments | {"scrape_via": "bastion"}, hosts={"bastion": there}))
            direct = result_of(observe(arguments, there))
        assert via["answered"] == direct["answered"] == 1
        assert python.with_name("calls").read_text().count("AnsiballZ_metrics_snapshot") == 2
