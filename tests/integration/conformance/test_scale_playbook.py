# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""playbooks/scale.yml, as a person runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .scenario_local import LocalScenario

pytestmark = pytest.mark.slow

PLAYBOOK = "rlops.autoscale.scale"


@pytest.mark.core
def test_scales_to_a_count_that_arrives_as_text_and_shows_progress(local: LocalScenario) -> None:
    run = local.play(PLAYBOOK, "-e", "instance_count=3")
    assert run.ok, run.output
    assert len(local.running()) == 3
    assert any(line.startswith("chat: 3 of 3 ready (") for line in run.output.splitlines()), run.output

    repeat = local.play(PLAYBOOK, "-e", "instance_count=3")
    assert repeat.ok, repeat.output
    assert "changed=0" in repeat.output


@pytest.mark.parametrize("count", ["five", "-1", "2.5", 2.5, "", None])
def test_refuses_what_is_no_count(local: LocalScenario, count: Any) -> None:
    run = local.play(PLAYBOOK, instance_count=count)
    assert not run.ok
    assert "instance_count: expected a whole number such as 5, got" in run.output
    assert run.output.count("fatal: ") == 1, run.output
    assert not (local.home / "state").exists()
    assert local.running() == {}


@pytest.mark.parametrize("minutes", ["abc", "1h", "-5", "0"])
def test_refuses_what_are_no_minutes(local: LocalScenario, minutes: str) -> None:
    run = local.play(PLAYBOOK, instance_count=1, pin_minutes=minutes)
    assert not run.ok
    assert f"pin_minutes: expected a number of minutes above 0, got '{minutes}'" in run.output
    assert not (local.home / "state").exists()
    assert local.running() == {}


def test_a_dry_run_says_in_one_line_what_it_would_do(local: LocalScenario) -> None:
    run = local.play(PLAYBOOK, "--check", instance_count=2, pin_minutes="1.5")
    assert run.ok, run.output
    said = [line for line in run.output.splitlines() if "would" in line]
    assert said == ["chat: would start chat-1 chat-2 (0 ready, 2 wanted)"]
    assert local.running() == {}


def test_a_count_out_of_bounds_sets_no_pin(local: LocalScenario) -> None:
    run = local.play(PLAYBOOK, instance_count=7)
    assert not run.ok
    assert "target: expected a count from min_instances (0) to max_instances (6), got 7" in run.output
    assert local.running() == {}
    assert "pin" not in "".join(path.read_text() for path in local.home.glob("state/**/*") if path.is_file())


def test_what_can_only_be_watched_gets_no_pin(local: LocalScenario) -> None:
    local.settings["autoscale_pools"] = [{"backend": "static", "endpoints": ["127.0.0.1:9"]}]
    run = local.play(PLAYBOOK, instance_count=1)
    assert not run.ok
    assert "mode: pool static is static: it can be watched, not scaled" in run.output
    assert not (local.home / "state").exists()


def test_one_of_several_clusters_has_to_be_named(local: LocalScenario, ansible_playbook: Callable[..., Any]) -> None:
    inventory = json.dumps({"autoscaled": {"hosts": {"chat": {}, "push": {}}}}, indent=1)
    run = ansible_playbook(PLAYBOOK, inventory, args=["-e", "instance_count=3"])
    assert run.rc != 0
    assert "cluster: there are several, say which: -e cluster=chat or push" in run.output
    assert run.output.count("fatal: ") <= 2, run.output


@pytest.mark.parametrize("cluster", ["chatt", "localhost", "all"])
def test_a_cluster_that_is_none_is_refused(local: LocalScenario, cluster: str) -> None:
    run = local.play(PLAYBOOK, instance_count=1, cluster=cluster)
    assert not run.ok
    assert f"cluster: expected one of chat, got '{cluster}'" in run.output
    assert local.running() == {}
    assert not (local.home / "state").exists()


def test_the_pin_is_set_before_anything_is_ordered(local: LocalScenario) -> None:
    """So that a tick of the agent in between cannot undo it."""
    run = local.play(PLAYBOOK, "-v", instance_count=2)
    assert run.ok, run.output
    assert run.output.index("Pin the count") < run.output.index("cluster_scale : Converge]")
