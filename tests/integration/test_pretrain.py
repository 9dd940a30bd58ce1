# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Training as a user runs it, with a real state store, and rl_scale_decision with what was trained."""

from __future__ import annotations

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

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state import _lease
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._open import open_store
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

#: As little as can be: one episode of four services.
TINY = "environments: 4, steps: 1, save_every: 0, wait: 0"


@dataclass
class Clusters:
    """One cluster, `chat`, without instances; what is trained for it."""

    home: Path
    ansible_playbook: Callable[..., Any]
    settings: dict[str, Any] = field(default_factory=dict)

    def inventory(self) -> str:
        common = {
            "autoscale_state_store": {"directory": str(self.home / "state")},
            "autoscale_service_rate": 50,
            "autoscale_max_instances": 12,
            "autoscale_policy": "dqn",
        }
        return json.dumps({"autoscaled": {"hosts": {"chat": common | self.settings}}}, indent=1)

    def play(self, tasks: str, **arguments: Any) -> Any:
        """A playbook of these tasks (YAML, a list)."""
        head = "- hosts: autoscaled\n  gather_facts: false\n  connection: local\n  tasks:\n"
        text = head + textwrap.indent(textwrap.dedent(tasks), "    ")
        return self.ansible_playbook(text, self.inventory(), **arguments)

    def pretrain(self, options: str = TINY, **arguments: Any) -> Any:
        return self.play(f"- rlops.autoscale.pretrain: {{{options}}}\n", **arguments)

    @property
    def store(self) -> Any:
        return open_store("directory", str(self.home / "state"))

    def state(self, key: str = "chat") -> dict[str, Any]:
        data: dict[str, Any] = self.store.read(key).data
        return data


@pytest.fixture
def clusters(tmp_path: Path, ansible_playbook: Callable[..., Any]) -> Clusters:
    return Clusters(tmp_path, ansible_playbook)


DECIDE = """
    - rlops.autoscale.rl_scale_decision:
        snapshot: {valid: true, at: %(now)s, age_s: 0, source: scrape, reasons: {}, arrival_rate: 240.0,
                   p99_latency_s: 0.1, queue_depth: 0.0, queue_total: 0.0, eventloop_lag_s: 0.001,
                   answered: 7, expected: 7, interval_s: 15.0}
        status: {at: %(now)s, unfinished: [], instances: [%(instances)s]}
"""


def decide(clusters: Clusters) -> Any:
    """One tick with seven instances."""
    instances = ", ".join(f"{{name: chat-{place}, state: ready}}" for place in range(7))
    return clusters.play(DECIDE % {"now": time.time(), "instances": instances})


@pytest.mark.slow
def test_the_playbook_trains_and_the_agent_uses_it(clusters: Clusters) -> None:
    untrained = decide(clusters)
    assert "no network has been trained, so the rule decides" in untrained.output
    run = clusters.ansible_playbook(
        "rlops.autoscale.pretrain", clusters.inventory(), extra_vars={"pretrain_steps": 1, "pretrain_seed": 3}
    )
    assert run.rc == 0, run.output
    assert "chat: training dqn for 1 steps" in run.output
    assert "on days like those it was trained on, cost " in run.output
    assert "chat: dqn is installed" in run.output
    found = clusters.state()["pretrained"]["dqn"]
    assert found["plan"]["seed"] == 3
    assert found["validation"]["ratio"] <= 1.05
    assert clusters.state()["policies"]["dqn"]["network"]["weights"]
    assert clusters.state("chat.pretrain.dqn") == {}

    trained = decide(clusters)
    assert trained.rc == 0, trained.output
    assert "the network is on probation" in trained.output, trained.output
    assert clusters.state()["pretrained"]["dqn"] == found, "ticks keep where it comes from"

    again = clusters.ansible_playbook(
        "rlops.autoscale.pretrain", clusters.inventory(), extra_vars={"pretrain_steps": 1, "pretrain_seed": 3}
    )
    assert "changed=0" in again.output, again.output
    assert "dqn is trained so already" in again.output
    other = clusters.ansible_playbook(
        "rlops.autoscale.pretrain", clusters.inventory(), extra_vars={"pretrain_steps": 1, "pretrain_seed": 4}
    )
    assert "replace: dqn has learned something here already" in other.output, other.output
    assert clusters.state()["pretrained"]["dqn"] == found


@pytest.mark.core
def test_the_article_s_table_is_trained_used_and_replaced_on_demand(clusters: Clusters) -> None:
    clusters.settings = {"autoscale_policy": "q_learning", "autoscale_mode": "recommend"}
    run = clusters.pretrain()
    assert run.rc == 0, run.output
    table = clusters.state()["policies"]["q_learning"]["q_table"]
    assert len(table) > 10
    decided = decide(clusters)
    assert "state 1_0_7: " in decided.output, decided.output
    assert clusters.state()["policies"]["q_learning"]["q_table"].keys() >= table.keys()
    assert "replace: " in clusters.pretrain(f"{TINY}, seed: 1").output
    replaced = clusters.pretrain(f"{TINY}, seed: 1, replace: true")
    assert "changed=1" in replaced.output, replaced.output
    assert clusters.state()["pretrained"]["q_learning"]["plan"]["seed"] == 1


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("pretrain_environments", "0", "environments: 1 or more is expected, got 0"),
        ("pretrain_save_every", "-1", "save_every: 0 or more is expected, got -1"),
        ("pretrain_wait", "-1", "wait: 0 or more is expected, got -1"),
        ("pretrain_force", "perhaps", "'force' is of type"),
    ],
)
def test_the_playbook_hands_every_option_on(clusters: Clusters, variable: str, value: str, message: str) -> None:
    extra = {"pretrain_policy": "q_learning", variable: value}
    run = clusters.ansible_playbook("rlops.autoscale.pretrain", clusters.inventory(), extra_vars=extra, check=True)
    assert run.rc != 0, run.output
    assert message in run.output, run.output


@pytest.mark.core
def test_check_mode_trains_nothing_and_diff_shows_where_it_comes_from(clusters: Clusters) -> None:
    clusters.settings = {"autoscale_policy": "q_learning"}
    dry = clusters.pretrain(check=True, args=["--diff"])
    assert dry.rc == 0, dry.output
    assert "changed=1" in dry.output
    assert "would train q_learning for 1 steps at 50 msg/s a server" in dry.output
    assert not (clusters.home / "state").exists()
    run = clusters.pretrain(args=["--diff"])
    assert '+    "families": [' in run.output, run.output


@pytest.mark.slow
def test_what_was_killed_goes_on_and_comes_to_the_same(
    clusters: Clusters, tmp_path: Path, ansible_env: dict[str, str]
) -> None:
    options = "environments: 4, steps: 28800, save_every: 0, wait: 0, force: true"  # three episodes
    straight = Clusters(tmp_path / "straight", clusters.ansible_playbook)
    assert straight.pretrain(options).rc == 0

    inventory, playbook = tmp_path / "killed.yml", tmp_path / "killed_playbook.yml"
    inventory.write_text(clusters.inventory())
    task = f"rlops.autoscale.pretrain: {{{options}}}"
    playbook.write_text(f"- hosts: autoscaled\n  gather_facts: false\n  connection: local\n  tasks:\n    - {task}\n")
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), str(playbook)]
    with subprocess.Popen(command, env=ansible_env, stdout=subprocess.DEVNULL, start_new_session=True) as run:
        wait_for(lambda: clusters.state("chat.pretrain.dqn").get("done"), 120)
        os.killpg(run.pid, signal.SIGKILL)
    assert "policies" not in clusters.state()
    resumed = clusters.pretrain(options)
    assert resumed.rc == 0, resumed.output
    assert " of 3 episodes are done" in resumed.output
    assert clusters.state()["policies"] == straight.state()["policies"]


def test_nothing_is_installed_while_another_run_has_the_lease(clusters: Clusters) -> None:
    clusters.settings = {"autoscale_policy": "q_learning"}
    with clusters.store.transaction("chat") as transaction:
        transaction.write(_lease.acquire({}, _lease.current_owner(os.getpid()), time.time(), 600.0))
    run = clusters.pretrain()
    assert run.rc != 0
    assert "not installed yet, another run has the lease" in run.output, run.output
    assert "policies" not in clusters.state()
    with clusters.store.transaction("chat") as transaction:
        transaction.write({})
    again = clusters.pretrain()
    assert again.rc == 0, again.output
    assert "1 of 1 episodes are done" in again.output
    assert clusters.state()["policies"]["q_learning"]["q_table"]


ERRORS = {
    "no policy that learns": ("policy: erlang", {}, "value of policy must be one of: dqn, q_learning, got: erlang"),
    "a wrong number": ("steps: 0", {}, "steps: 1 or more is expected, got 0"),
    "an unknown rate": ("seed: 1", {"autoscale_service_rate": None}, "service_rate: it is not known yet"),
    "a wrong option of the policy": ("dqn: {margin: -1}", {}, "dqn.margin: must be from 0 to 10, got -1"),
    "a wrong service": ("boot_time: -1", {}, "boot_time: 0 or more seconds is expected, got -1"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_a_wrong_option_gives_one_clear_error(clusters: Clusters, case: str) -> None:
    options, settings, message = ERRORS[case]
    clusters.settings = settings
    run = clusters.pretrain(options)
    assert run.rc != 0
    assert message in run.output, run.output
    assert "Traceback" not in run.output
    assert not (clusters.home / "state").exists()
