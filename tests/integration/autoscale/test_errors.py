# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One clear error for what cannot be, and no tick is lost for what may be better at the next one."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable

import pytest
from ansible_collections.rlops.autoscale.tests.tools.unwrapped import unwrapped

from .clusters import PLAYBOOK, QUIET, Clusters, Service

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


@pytest.mark.core
@pytest.mark.parametrize("case", TASK_ERRORS)
def test_one_clear_error_for_a_task_that_cannot_be(clusters: Clusters, case: str) -> None:
    arguments, expected = TASK_ERRORS[case]
    clusters.settings = {"autoscale_pin": {"count": 2}}
    run = clusters.play(f"- rlops.autoscale.rl_scale_decision: {arguments}\n")
    assert run.rc != 0, run.output
    assert expected in run.output
    assert "Traceback" not in run.output
    assert clusters.files() == {}


BAD_SETTINGS = {
    "unknown policy": ({"autoscale_policy": "q-learning"}, "policy", "did you mean q_learning"),
    "bounds": ({"autoscale_min_instances": 5, "autoscale_max_instances": 3}, "max_instances", "at least"),
    "type": ({"autoscale_interval": "often"}, "interval", "float"),
    "not positive": ({"autoscale_interval": 0}, "interval", "above 0"),
    "slip of the pen": ({"autoscale_polcy": "hpa"}, "autoscale_polcy", "did you mean autoscale_policy"),
    "suboption": (
        {"autoscale_slo": {"p99": 0.2}},
        "slo.p99",
        "there is no such option; there are eventloop_lag, p99_l",
    ),
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


#: Of these, Ansible has the first word.
OF_ANSIBLE = ("type", "suboption", "pin")


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.core if case in OF_ANSIBLE else ()) for case in BAD_SETTINGS]
)
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


@pytest.mark.core
def test_a_failed_tick_is_told_and_the_next_goes_on(
    clusters: Clusters, service: tuple[Service, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the last tick says how the run ended."""
    clusters.settings = {"autoscale_deadline": 2}
    clusters.run()
    clusters.started(1)
    good, asked = service[0].page, iter(range(1000))
    monkeypatch.setattr(service[0], "page", lambda: good() if next(asked) >= 3 else "<html>busy</html>")
    clusters.settings = {"autoscale_interval": 2, "autoscale_deadline": 8}
    run = clusters.run(env=QUIET)
    assert run.rc == 0, run.output
    lines = run.stdout.splitlines()
    failed = [line for line in lines if line.startswith("chat: this tick failed: metrics_url: no instance")]
    assert 1 <= len(failed) <= 3, run.output
    assert " ready, keep 1" in lines[-1], run.output


@pytest.mark.core
@pytest.mark.parametrize("playbook", ["autoscale", "decide", "act", "fleet"])
def test_an_inventory_without_clusters_is_told(playbook: str, clusters: Clusters) -> None:
    run = clusters.ansible_playbook(f"rlops.autoscale.{playbook}", "localhost,", env=QUIET)
    assert "no cluster: no host of the inventory is in the group autoscaled" in run.stdout
    assert run.rc != 0, "cron would say that all is well"


@pytest.mark.core
def test_an_inventory_that_is_not_there_is_told(clusters: Clusters) -> None:
    nowhere = clusters.ansible_playbook(PLAYBOOK, "nowhere.yml", env=QUIET)
    assert "no cluster: no host of the inventory is in the group autoscaled" in nowhere.stdout
    assert nowhere.rc != 0


@pytest.mark.core
def test_warnings_are_shown_once_a_run(clusters: Clusters) -> None:
    """By the quiet callback, too, and whatever the ansible-core."""
    clusters.settings = {
        "autoscale_deadline": 2,
        "autoscale_metrics": {"completions": {"name": "chat_messages_total"}},
        "autoscale_rebalance": {"url": "http://{address}:{port}/shed?count={count}"},
    }
    clusters.run()
    run = clusters.run(env=QUIET)
    assert run.rc == 0, run.output
    said = unwrapped(run.output)
    assert said.count("chat: no chat_messages_total (autoscale_metrics.completions.name) on any page") == 1, run.output
    assert said.count("chat: rebalance: it does nothing without balancers") == 1, run.output
    assert run.stdout.count(" ready, keep 1") > 1, run.output


@pytest.mark.core
def test_what_is_done_is_told_by_the_quiet_callback(clusters: Clusters) -> None:
    clusters.settings = {"autoscale_min_instances": 2}
    run = clusters.run(env=QUIET, args=["--diff"])
    assert "chat: start chat-1 chat-2 (0 ready, 2 wanted)" in run.stdout.splitlines(), run.output
    assert "+ordered: 2" in run.stdout.splitlines(), run.output


@pytest.mark.core
def test_a_run_that_makes_no_tick_says_how_to_have_one(clusters: Clusters) -> None:
    clusters.settings = {"autoscale_interval": 60}
    clusters.run()
    run = clusters.run(env=QUIET)
    assert run.rc == 0, run.output
    told = re.search(
        r"chat: the last tick was \d+ s ago, .* nothing to do; -e autoscale_deadline=\d+ waits", run.stdout
    )
    assert told, run.output


@pytest.mark.core
def test_an_unreachable_host_of_a_custom_pool_ends_no_run(
    clusters: Clusters, require_binary: Callable[[str], str]
) -> None:
    require_binary("ssh")
    (clusters.home / "pool.yml").write_text(
        "- ansible.builtin.command: 'true'\n  delegate_to: jump\n  register: there\n"
        "- ansible.builtin.set_fact:\n    cluster_scale_reported: []\n  when: there is reachable\n"
    )
    clusters.settings = {
        "autoscale_deadline": 18,
        "autoscale_interval": 6,
        "autoscale_pools": [{"backend": "custom", "tasks": str(clusters.home / "pool.yml")}],
    }
    inventory = json.loads(clusters.inventory())
    unreachable = {"ansible_host": "127.0.0.1", "ansible_port": 9, "ansible_connection": "ssh"}
    inventory["elsewhere"] = {"hosts": {"jump": unreachable}}
    run = clusters.ansible_playbook(PLAYBOOK, json.dumps(inventory, indent=1))
    assert run.rc != 0, "the last tick failed, too\n" + run.output
    assert "UNREACHABLE" in run.output
    said = "this tick failed: pool custom does not answer: reported: the tasks of pool custom have to set"
    assert run.output.count(said) >= 2, run.output
