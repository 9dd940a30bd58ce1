# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several clusters under one roof: a quota that they share, and a person who has to approve."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._directory import DirectoryMedium
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import Store
from ansible_collections.rlops.autoscale.tests.tools.unwrapped import unwrapped
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

from .clusters import PLAYBOOK, QUIET, Clusters

APPROVE = "rlops.autoscale.approve"
QUOTA = {"autoscale_quota": {"name": "site", "instances": 6}}


def wants(count: int, **settings: Any) -> dict[str, Any]:
    """The settings of a cluster that wants so many instances."""
    return {"autoscale_policy": "static", "autoscale_static": {"count": count}} | settings


def quota(at: Clusters, **changes: Any) -> dict[str, Any]:
    """The document of the quota, after these changes of it, which the agent is not asked about."""
    store = Store(DirectoryMedium(at.home / "state"))
    if changes:
        with store.transaction("quota.site") as transaction:
            transaction.write({"since": 0.0, "clusters": {}} | transaction.record.data | changes)
    return store.read("quota.site").data


def held(clusters: Clusters) -> dict[str, int]:
    return {name: entry["held"] for name, entry in quota(clusters)["clusters"].items()}


def silenced(clusters: Clusters, name: str) -> None:
    """Let it be ten minutes since this cluster ticked."""
    entries = quota(clusters)["clusters"]
    quota(clusters, clusters=entries | {name: entries[name] | {"at": time.time() - 600}})


def grown(clusters: Clusters, **counts: int) -> None:
    """Let them order what they want, which takes two ticks: of nothing, there is nothing to measure."""
    before = clusters.settings
    clusters.settings = before | {"autoscale_deadline": 2}

    def have_grown() -> bool:
        run = clusters.run()
        assert run.rc == 0, run.output
        return len(clusters.pids()) == sum(counts.values())

    wait_for(have_grown, 60)  # more than one run where the machine has no time for two ticks in it
    clusters.settings = before
    names = [name.rpartition("-")[0] for name in clusters.started(sum(counts.values()))]
    assert {name: names.count(name) for name in counts} == counts


def line(output: str, cluster: str) -> str:
    """The last tick of a cluster."""
    found: list[str] = re.findall(rf"^\d\d:\d\d:\d\d {cluster}: .*$", output, re.M)
    assert found, output
    return found[-1]


@pytest.mark.slow
def test_the_higher_priority_gets_what_it_wants_and_there_is_never_more_than_the_quota(
    clusters: Clusters, tmp_path: Path, ansible_env: dict[str, str]
) -> None:
    """Each in a run of its own, as with a cron line for each."""
    quota(clusters, since=0.0)
    clusters.settings = QUOTA
    clusters.hosts = {"blog": wants(5), "mail": wants(1)}
    grown(clusters, blog=5, mail=1)

    clusters.hosts |= {"shop": wants(4, autoscale_priority=10)}
    clusters.settings = QUOTA | {"autoscale_deadline": 12}
    inventory = tmp_path / "shared.yml"
    inventory.write_text(clusters.inventory())
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), PLAYBOOK]
    runs = [
        subprocess.Popen(
            [*command, "-l", name], env=ansible_env | QUIET, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for name in clusters.hosts
    ]
    counts, ordered = [], []
    while any(each.poll() is None for each in runs):
        counts.append(len(clusters.pids()))
        ordered.append(sum(held(clusters).values()))
        time.sleep(0.1)
    outputs = {name: each.communicate(timeout=60)[0] for name, each in zip(clusters.hosts, runs, strict=True)}
    assert [each.returncode for each in runs] == [0, 0, 0], outputs
    # The minimum of shop, which nobody had heard of before, is the one that goes beyond.
    assert max(ordered) <= 7, ordered
    assert max(counts) <= 7, counts
    assert ordered[-1] == 6
    assert held(clusters) == {"blog": 1, "mail": 1, "shop": 4}
    assert sorted(name[:4] for name in clusters.started(6)) == ["blog", "mail", *["shop"] * 4]
    assert "keep 4 | static count 4" in line(outputs["shop"], "shop")
    assert (
        "5 proposed, 1 by quota: site has 6 instances, shop (priority 10) needs 4 of them, mail (priority 0)"
        in line(outputs["blog"], "blog")
    )


def test_nobody_grows_where_it_is_not_known_what_others_have(clusters: Clusters) -> None:
    clusters.hosts = {"shop": wants(4)}
    clusters.settings = QUOTA
    grown(clusters, shop=1)
    run = clusters.run(env=QUIET)
    assert re.search(r"keep 1 .* 4 proposed, 1 by quota: site is new, so until .* nobody grows: at most 1", run.output)
    quota(clusters, since=time.time() - 600)
    assert "order 4 | static count 4" in line(clusters.run(env=QUIET).output, "shop")


def test_who_is_not_heard_of_keeps_what_it_had_until_a_person_takes_it_out(clusters: Clusters) -> None:
    quota(clusters, since=0.0)
    clusters.hosts = {"blog": wants(5)}
    clusters.settings = QUOTA
    grown(clusters, blog=5)
    clusters.hosts = {"shop": wants(4, autoscale_priority=10)}
    clusters.run()
    leave = "- rlops.autoscale.rl_scale_decision: {operation: leave_quota, cluster: blog}\n"
    refused = clusters.play(leave)
    assert refused.rc != 0
    assert "cluster: blog ticked" in refused.output
    silenced(clusters, "blog")
    run = clusters.run(env=QUIET)
    assert "1 by quota: site has 6 instances, blog (priority 0) has not ticked for 10 min and keeps 5" in run.output
    dry = clusters.ansible_playbook(
        f"- hosts: autoscaled\n  gather_facts: false\n  tasks:\n    {leave}", clusters.inventory(), check=True
    )
    assert "changed=1" in dry.output
    assert held(clusters) == {"blog": 5, "shop": 1}
    left = clusters.play(leave)
    assert "blog: out of the quota site, where it held 5" in left.output
    assert "changed=0" in clusters.play(leave).output
    assert "order 4 | static count 4" in line(clusters.run(env=QUIET).output, "shop")


@pytest.mark.parametrize("how", ["check", "recommend"])
def test_who_only_says_what_would_be_reads_the_quota_and_records_nothing(clusters: Clusters, how: str) -> None:
    quota(clusters, since=0.0)
    clusters.settings = QUOTA
    clusters.hosts = {"blog": wants(4), "shop": wants(1)}
    grown(clusters, blog=4, shop=1)
    before = quota(clusters)
    clusters.hosts = {"shop": wants(3, autoscale_approval={"above_step": 1})}
    if how == "recommend":
        clusters.settings = QUOTA | {"autoscale_mode": "recommend"}
    run = clusters.run(env=QUIET, check=how == "check")
    assert run.rc == 0, run.output
    said = "1 to 3 is more than 1 within 10 min and would have to be approved"
    assert f"order 2 | static count 3 - 3 proposed, 2 by approval: {said}" in line(run.output, "shop")
    clusters.hosts = {"shop": wants(3)}
    run = clusters.run(env=QUIET, check=how == "check")
    said = "site has 6 instances, blog (priority 0) gets 3 of the 4 it wants and still has 4: at most 2"
    assert f"order 2 | static count 3 - 3 proposed, 2 by quota: {said}" in line(run.output, "shop")
    assert quota(clusters) == before
    assert not clusters.state("shop").get("approval")


def test_a_cluster_that_shares_no_quota_any_more_has_left_it(clusters: Clusters) -> None:
    quota(clusters, since=0.0)
    clusters.settings = QUOTA
    clusters.run()
    assert held(clusters) == {"chat": 1}
    assert clusters.state()["quota"] == "site"
    clusters.settings = {}
    clusters.run()
    assert held(clusters) == {}


def test_a_pin_outranks_the_quota_and_others_give_back_for_it(clusters: Clusters) -> None:
    quota(clusters, since=0.0)
    clusters.settings = QUOTA
    clusters.hosts = {"blog": wants(5), "shop": wants(1)}
    grown(clusters, blog=5, shop=1)
    scale = clusters.ansible_playbook(
        "rlops.autoscale.scale", clusters.inventory(), args=["-e", "cluster=shop", "-e", "instance_count=3"]
    )
    assert scale.rc == 0, scale.output
    assert held(clusters) == {"blog": 5, "shop": 3}
    run = clusters.run(env=QUIET)
    assert "order 3 | static count 5 - 5 proposed, 3 by quota" in line(run.output, "blog")
    assert "keep 3 | static count 1 - 1 proposed, 3 by pin" in line(run.output, "shop")


def test_a_quota_that_clusters_do_not_agree_on_is_told(clusters: Clusters) -> None:
    quota(clusters, since=0.0)
    small = {"autoscale_quota": {"name": "site", "instances": 3}}
    clusters.hosts = {"blog": wants(2, **QUOTA), "shop": wants(2, autoscale_min_instances=2, **small)}
    run = clusters.run()
    assert run.rc == 0, run.output
    said = unwrapped(run.stderr)
    assert re.search(
        r"quota site: its clusters do not agree on how many instances it has \(blog 6, shop 3\); the fewest count: 3",
        said,
    ), run.output


BAD = {
    "no instances": ({"autoscale_quota": {"name": "site", "instances": 0}}, "quota.instances: 1 or more is expected"),
    "no name": ({"autoscale_quota": {"instances": 3}}, "missing required arguments: name found in quota"),
    "no step": ({"autoscale_approval": {"period": 60}}, "missing required arguments: above_step found in approval"),
    "a negative step": ({"autoscale_approval": {"above_step": -1}}, "approval.above_step: 0 or more is expected"),
    "no number": ({"autoscale_priority": "high"}, "priority"),
}


@pytest.mark.parametrize("case", BAD)
def test_one_clear_error_for_bad_settings(clusters: Clusters, case: str) -> None:
    clusters.settings, expected = BAD[case]
    run = clusters.run(env=QUIET)
    assert run.rc != 0, run.output
    failed = [each for each in run.stdout.splitlines() if "failed" in each]
    assert len(failed) == 1, run.output
    assert expected in failed[0], run.output
    assert clusters.files() == {}


PROTECTED = wants(5, autoscale_approval={"above_step": 2})


def answer(clusters: Clusters, *arguments: str, check: bool = False) -> Any:
    """The playbook `approve`, with these as extra variables."""
    extra = [part for argument in ("cluster=chat", *arguments) for part in ("-e", argument)]
    return clusters.ansible_playbook(APPROVE, clusters.inventory(), args=extra, check=check)


@pytest.mark.core
def test_what_waits_is_ordered_once_a_person_approves(clusters: Clusters) -> None:
    clusters.hosts = {"chat": PROTECTED}
    assert "nothing waits for approval" in answer(clusters).output
    command = f"ansible-playbook {APPROVE} -i inventory.yml -e cluster=chat -e instance_count=5"
    grown(clusters, chat=3)
    run = clusters.run(env=QUIET)
    waits = f"1 to 5 is more than 2 within 10 min and waits for approval: {command}"
    assert f"keep 3 | static count 5 - 5 proposed, 3 by approval: {waits}" in line(run.output, "chat")

    dry = answer(clusters, "approved_by=alice", check=True)
    assert re.search(r"chat: alice would have approved 1 to 5 until \d{4}-", dry.output), dry.output
    assert not clusters.state()["approval"]["answer"]

    done = answer(clusters, "instance_count=5", "approved_by=alice", "approval_minutes=30")
    assert done.rc == 0, done.output
    assert re.search(r"chat: alice has approved 1 to 5 until \d{4}-", done.output), done.output
    assert "changed=1" in done.output
    record = clusters.state()["approval"]["answer"]
    assert record["by"] == "alice"
    assert record["to"] == 5
    assert 1700 < record["until"] - record["at"] <= 1800
    assert "changed=0" in answer(clusters).output, "nothing waits now"

    run = clusters.run(env=QUIET)
    assert re.search(r"order 5 \| static count 5 - alice has approved 5 until \d{4}-", run.output), run.output
    clusters.started(5)


def test_what_is_refused_expired_or_beyond_what_was_approved_is_not_ordered(clusters: Clusters) -> None:
    clusters.hosts = {"chat": PROTECTED}
    grown(clusters, chat=3)
    refused = answer(clusters, "operation=refuse", "approved_by=bob")
    assert refused.rc == 0, refused.output
    run = clusters.run(env=QUIET)
    assert re.search(r"3 by approval: 1 to 5 is more than 2 within 10 min, which bob has refused until", run.output)

    assert answer(clusters, "instance_count=4", "approval_minutes=0.001").rc == 0, "somebody else thinks better of it"
    time.sleep(0.1)
    run = clusters.run(env=QUIET)
    assert "keep 3" in line(run.output, "chat")
    assert "waits for approval" in line(run.output, "chat")

    assert answer(clusters, "instance_count=4").rc == 0
    run = clusters.run(env=QUIET)
    assert "order 4 | static count 5 - 5 proposed, 4 by approval: 1 to 5 is more than 2" in line(run.output, "chat")
    clusters.started(4)


@pytest.mark.core
def test_the_name_of_who_runs_it_is_recorded_where_none_is_given(clusters: Clusters) -> None:
    clusters.hosts = {"chat": PROTECTED}
    grown(clusters, chat=3)
    inventory = clusters.inventory()
    for environment, name in (({"LOGNAME": "carol"}, "carol"), ({}, "dave")):
        arguments = ["-e", "cluster=chat"] + (["-e", "awx_user_name=dave"] if name == "dave" else [])
        run = clusters.ansible_playbook(
            APPROVE, inventory, env=environment, args=[*arguments, "-e", "operation=refuse"]
        )
        assert run.rc == 0, run.output
        assert clusters.state()["approval"]["answer"]["by"] == name


ANSWERS = {
    "a slip of the pen": (["operation=refuze"], "operation: expected approve or refuse, got 'refuze'"),
    "no number": (["instance_count=many"], "approval_count"),
    "too little": (["instance_count=3"], "approval_count: expected 4 or more, since 1 to 5 waits, got 3"),
    "no time": (["approval_minutes=0"], "approval_minutes: a number of minutes above 0 is expected, got 0"),
    "another cluster": (["cluster=chatt"], "cluster: expected one of chat, got 'chatt'"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_that_cannot_be_approves_nothing(clusters: Clusters, case: str) -> None:
    arguments, expected = ANSWERS[case]
    clusters.hosts = {"chat": PROTECTED}
    grown(clusters, chat=3)
    run = answer(clusters, *arguments)
    assert run.rc != 0, run.output
    assert expected in run.output
    assert run.output.count("fatal: ") + run.output.count("[ERROR]") >= 1
    assert not clusters.state()["approval"]["answer"]


@pytest.mark.core
def test_one_of_several_clusters_has_to_be_named_and_be_protected(clusters: Clusters) -> None:
    clusters.hosts = {"chat": {}, "shop": {}}
    run = clusters.ansible_playbook(APPROVE, clusters.inventory())
    assert "cluster: there are several, say which: -e cluster=chat or shop" in run.output
    run = answer(clusters)
    assert run.rc != 0
    assert "approval: expected, such as {above_step: 5}; without it nothing waits for approval" in run.output
    assert clusters.files() == {}


def test_a_count_by_hand_is_a_person_s_word_and_needs_no_approval(clusters: Clusters) -> None:
    clusters.hosts = {"chat": PROTECTED}
    scale = clusters.ansible_playbook("rlops.autoscale.scale", clusters.inventory(), args=["-e", "instance_count=7"])
    assert scale.rc == 0, scale.output
    run = clusters.run(env=QUIET)
    assert "7 ready, keep 7" in line(run.output, "chat")
    assert "approval" not in line(run.output, "chat")


def test_a_refusal_stops_what_was_decided_under_an_approval(clusters: Clusters) -> None:
    clusters.hosts = {"chat": PROTECTED}
    grown(clusters, chat=3)
    tasks = """
        - rlops.autoscale.rl_scale_decision: {operation: approve, approved_by: alice}
        - rlops.autoscale.rl_scale_decision:
          register: decided
        - rlops.autoscale.rl_scale_decision: {operation: refuse, approved_by: bob}
        - rlops.autoscale.cluster_converge:
            target: "{{ decided.decision.target }}"
            fence: "{{ decided.fence }}"
          register: outcome
          failed_when: decided.decision.target != 5 or outcome is not failed or 'taken over since' not in outcome.msg
    """
    run = clusters.play(tasks)
    assert run.rc == 0, run.output
    clusters.started(3)
    assert "which bob has refused until" in line(clusters.run(env=QUIET).output, "chat")
