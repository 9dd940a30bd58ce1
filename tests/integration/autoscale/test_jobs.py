# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs as jobs of a workflow: what one tells the next, triggers that come late, state that did not come back."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.tests.tools.unwrapped import unwrapped

from .clusters import Clusters

pytestmark = pytest.mark.core

DECIDE, ACT = "rlops.autoscale.decide", "rlops.autoscale.act"
SHOW = {"ANSIBLE_SHOW_CUSTOM_STATS": "1"}


def run(clusters: Clusters, playbook: str, **arguments: Any) -> Any:
    return clusters.ansible_playbook(playbook, clusters.inventory(), **arguments)


def told(run: Any) -> dict[str, Any]:
    """What a run hands on, as AWX hands it to the next node."""
    (line,) = [line for line in run.stdout.splitlines() if line.strip().startswith("RUN: ")]
    return dict(json.loads(line.partition("RUN: ")[2]))


def decide(clusters: Clusters) -> dict[str, Any]:
    decided = run(clusters, DECIDE, env=SHOW)
    assert decided.rc == 0, decided.output
    return told(decided)


def test_one_job_decides_and_a_later_one_acts(clusters: Clusters) -> None:
    clusters.settings = {"autoscale_min_instances": 2}
    handed_on = decide(clusters)
    summary = handed_on["rlops_autoscale_chat"]
    assert (summary["current"], summary["target"], summary["act"], summary["tick"]) == (0, 2, True, 1)
    assert clusters.pids() == {}, "nothing was done"

    changed = {"rlops_autoscale_chat": {**summary, "target": 5}}
    assert "what was decided is outdated: 2 was decided, and not 5" in run(clusters, ACT, extra_vars=changed).output
    brakes: list[tuple[dict[str, Any], str]] = [
        ({"autoscale_mode": "recommend"}, "autoscale_mode is recommend"),
        ({"autoscale_pin": {"count": 4}}, "autoscale_pin is 4"),
    ]
    for settings, why in brakes:
        braked = run(clusters, ACT, extra_vars=handed_on | settings)
        assert braked.rc == 0, braked.output
        assert f"chat: 2 is not ordered, as decided: {why}" in braked.output
    assert clusters.pids() == {}

    dry = run(clusters, ACT, extra_vars=handed_on, check=True)
    assert "chat: would order 2, as decided" in dry.output
    assert clusters.pids() == {}
    acted = run(clusters, ACT, extra_vars=handed_on)
    assert acted.rc == 0, acted.output
    assert "chat: order 2, as decided" in acted.output
    clusters.started(2)

    again = run(clusters, ACT, extra_vars=handed_on)
    assert again.rc == 0, again.output
    assert (
        "chat: what was decided is outdated: somebody has decided, pinned, taken over or carried it out since"
        in again.output
    )
    steady = run(clusters, ACT)
    assert steady.rc == 0, steady.output
    assert "chat: no earlier job has set rlops_autoscale_chat" in steady.output
    other = run(clusters, ACT, extra_vars={"rlops_autoscale_chat": {**summary, "cluster": "push"}})
    assert other.rc != 0
    assert "rlops_autoscale_chat: expected what rlops.autoscale.decide hands on for chat: " in other.output


def test_what_a_dry_run_has_decided_is_not_carried_out(clusters: Clusters) -> None:
    dry = run(clusters, DECIDE, env=SHOW, check=True)
    for check in (True, False):
        acted = run(clusters, ACT, extra_vars=told(dry), check=check)
        assert acted.rc == 0, acted.output
        assert "chat: nothing to carry out" in acted.output
    assert clusters.pids() == {}


def test_what_was_decided_before_a_person_s_word_is_not_carried_out(clusters: Clusters) -> None:
    clusters.settings = {"autoscale_min_instances": 1}
    handed_on = decide(clusters)
    pin = run(clusters, "rlops.autoscale.scale", extra_vars={"instance_count": 1})
    assert pin.rc == 0, pin.output
    before = clusters.started(1)
    handed_on["rlops_autoscale_chat"]["target"] = 5
    acted = run(clusters, ACT, extra_vars=handed_on)
    assert "chat: what was decided is outdated" in acted.output
    assert clusters.pids() == before


def test_a_trigger_that_came_too_late_does_nothing(clusters: Clusters) -> None:
    late = clusters.run(extra_vars={"autoscale_triggered_at": time.time() - 3.5})
    assert late.rc == 0, late.output
    assert re.search(r"triggered at .* UTC, \d+ s ago, which is more than 3 ticks of 1 s: nothing to do", late.output)
    assert clusters.files() == {}
    assert clusters.pids() == {}
    wrong = clusters.run(extra_vars={"autoscale_triggered_at": "soon"})
    assert wrong.rc != 0
    assert "triggered_at: unix seconds or an ISO 8601 time are expected, got 'soon'" in wrong.output

    in_time = clusters.run(extra_vars={"autoscale_triggered_at": time.time(), "autoscale_trigger_ticks": 100})
    assert in_time.rc == 0, in_time.output
    clusters.started(1)


def test_without_the_state_that_is_required_nothing_is_done(clusters: Clusters) -> None:
    clusters.settings = {"autoscale_state_required": True}
    first = clusters.run()
    assert first.rc != 0
    assert "state_required: there is no state of chat in directory " in unwrapped(first.output)
    assert "so nothing is done; start a first run with -e autoscale_state_required=false" in unwrapped(first.output)
    assert clusters.files() == {}
    assert clusters.pids() == {}

    begun = clusters.run(extra_vars={"autoscale_state_required": False})
    assert begun.rc == 0, begun.output
    there = clusters.started(1)
    assert clusters.run().rc == 0

    # What an older backup holds is less than an earlier job has told of.
    newer = {"cluster": "chat", "generation": 99, "fence": 1, "target": 5, "act": True, "at": time.time()}
    back = clusters.run(extra_vars={"rlops_autoscale_chat": newer})
    assert back.rc != 0
    assert "of the state of chat came back, though generation 99 was stored" in unwrapped(back.output)
    clusters.settings = {}
    warned = clusters.run(extra_vars={"rlops_autoscale_chat": newer})
    assert warned.rc == 0, warned.output
    assert "though generation 99 was stored" in unwrapped(warned.output)
    assert clusters.pids() == there

    for path in clusters.home.glob("state/chat.[eo]*.json"):
        path.write_text("{cut")
    damaged = clusters.run(extra_vars={"autoscale_state_required": True})
    assert damaged.rc != 0
    assert "there is no state of chat (" in unwrapped(damaged.output)
    assert "is damaged" in damaged.output


def test_a_new_start_beside_running_instances_is_said_aloud(clusters: Clusters) -> None:
    first = clusters.run()
    assert "nothing is remembered" not in unwrapped(first.output)
    there = clusters.started(1)
    for path in clusters.home.glob("state/chat*"):
        path.unlink()
    again = clusters.run()
    assert again.rc == 0, again.output
    assert "chat: nothing is remembered of it, which has 1 instances: it is new to the agent, or " in unwrapped(
        again.output
    )
    assert clusters.pids() == there
    assert "nothing is remembered" not in unwrapped(clusters.run().output)
