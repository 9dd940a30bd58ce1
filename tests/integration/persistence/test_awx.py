# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs of AWX, as tests/tools/awx_facts.py stands in for it: nothing but the facts of hosts outlives a job."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._document import Document, encode
from ansible_collections.rlops.autoscale.tests.integration.autoscale.clusters import Service
from ansible_collections.rlops.autoscale.tests.tools.awx_facts import Awx, Container, Job
from ansible_collections.rlops.autoscale.tests.tools.redis_server import redis_server
from ansible_collections.rlops.autoscale.tests.tools.unwrapped import unwrapped

from .remembering import Kept, Wanderers, check_continued, in_facts, in_redis

OLD_CORE = tuple(int(part) for part in version("ansible-core").split(".")[:2]) < (2, 19)
PROJECT = "- import_playbook: rlops.autoscale.autoscale\n"
#: Before ansible-core 2.19, core writes the file that the agent has written, from what it knows itself.
THEN_A_FACT = """
- hosts: chat
  gather_facts: false
  tasks:
    - ansible.builtin.set_fact: {cacheable: true, colour: blue}
"""
PASSWORD = "s3cret-of-the-state"
EAST, WEST = "Asia/Tokyo", "America/New_York"
OTHERS = {"ansible_os_family": "Debian", "site": {"rack": [7, None, "ü"]}}


@pytest.fixture
def awx(ansible_env: dict[str, str], tmp_path: Path) -> Awx:
    """One that has facts of the cluster's host from elsewhere, and of another host."""
    return Awx(tmp_path / "awx", ansible_env, {"chat": dict(OTHERS), "mail": {"ansible_os_family": "Suse"}})


def kept_by(awx: Awx) -> Kept:
    return in_facts(awx.facts["chat"])


def begin_at_the_worst_moment() -> None:
    """Just after an even second: what core writes before the next one seems to be older than this."""
    time.sleep(-time.time() % 2)


#: It takes two seconds: facts that core writes sooner look as old to AWX as those that it has given.
COUNT = """
- hosts: all
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.pause:
        seconds: 2
    - ansible.builtin.set_fact:
        n: "{{ ansible_facts.n | default(0) | int + 1 }}"
        cacheable: true
"""
SPOIL = """
- hosts: chat
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.copy:
        content: "{cut"
        dest: "{{ lookup('ansible.builtin.env', 'ANSIBLE_CACHE_PLUGIN_CONNECTION') }}/{{ item }}"
      loop: [chat, lunch]
"""


@pytest.mark.core
def test_the_stand_in_does_what_was_measured(ansible_env: dict[str, str], tmp_path: Path) -> None:
    """Facts that any task sets come back before ansible-core 2.19, and are lost from then on."""
    awx = Awx(tmp_path / "awx", ansible_env, {"chat": None})
    inventory = json.dumps({"all": {"hosts": {"chat": {}, "lunch": {}}}})
    for _unused in (1, 2):
        begin_at_the_worst_moment()
        assert awx.job(COUNT, inventory).status == "successful"
    assert awx.facts == {"chat": {"n": "2"} if OLD_CORE else {}}

    awx.facts["chat"] = {"n": 5}
    spoilt = awx.job(SPOIL, inventory)
    assert (spoilt.status, spoilt.replaced) == ("successful", [])
    assert awx.facts == {"chat": {"n": 5}}


@pytest.mark.core
@pytest.mark.parametrize("zone", [EAST, WEST])
def test_time_zones(awx: Awx, clusters: Wanderers, zone: str) -> None:
    """On its way to AWX a file seems to be nine hours older, or five hours newer, than it is."""

    def run() -> str:
        return awx.job(PROJECT, clusters.inventory()).output

    awx.zone = zone
    if zone == WEST or not OLD_CORE:
        clusters.check_goes_on(run, lambda: kept_by(awx))
        return
    # Core writes the file after the agent, and AWX takes it for an old one. So all facts are lost; it is said aloud.
    run()
    assert "chat: nothing is remembered of it, which has 1 instances" in unwrapped(run())
    assert awx.facts["chat"] == OTHERS


@pytest.mark.core
@pytest.mark.slow
def test_nothing_that_was_stored_is_lost(awx: Awx, clusters: Wanderers, service: tuple[Service, str]) -> None:
    def job(meanwhile: Callable[[Container], None] | None = None) -> Job:
        return awx.job(PROJECT, clusters.inventory(), meanwhile=meanwhile)

    def once_it_has_learned(then: Callable[[Container], Any]) -> Callable[[Container], None]:
        def wait(container: Container) -> None:
            container.wait_for(lambda: tick_in(container) > kept.tick)
            then(container)

        return wait

    def job_with_a_fact() -> str:
        return awx.job(PROJECT + THEN_A_FACT, clusters.inventory()).output

    kept = clusters.check_goes_on(job_with_a_fact, lambda: kept_by(awx))
    assert awx.facts["chat"].get("colour") == ("blue" if OLD_CORE else None)

    # A tick that fails after a good one: no instance gives metrics any more.
    clusters.settings |= {"autoscale_interval": 6, "autoscale_deadline": 12}
    failed = job(once_it_has_learned(lambda _container: setattr(service[0], "page", str)))
    del service[0].page
    assert (failed.status, "no instance gives metrics" in failed.output) == ("failed", True), failed.output
    check_continued(kept, kept_by(awx), failed.output)
    kept = kept_by(awx)

    # It takes longer than its template allows.
    clusters.settings |= {"autoscale_interval": 1, "autoscale_deadline": 600}
    stopped = job(once_it_has_learned(Container.stop))
    assert stopped.status == "canceled", stopped
    check_continued(kept, kept_by(awx))
    kept, facts = kept_by(awx), json.dumps(awx.facts)

    # The node is lost, with what this job has learned; not with what others had learned before it.
    lost = job(once_it_has_learned(Container.lose))
    assert (lost.status, json.dumps(awx.facts)) == ("error", facts), lost
    clusters.settings["autoscale_deadline"] = 0
    after = job()
    check_continued(kept, kept_by(awx), after.output)

    # There is nothing to do yet.
    facts = json.dumps(awx.facts)
    clusters.settings["autoscale_interval"] = 600
    early = job()
    assert (early.status, "nothing to do" in early.output) == ("successful", True), early
    assert json.dumps(awx.facts) == facts

    # A job on another node works on the cluster.
    lease_to_another(awx)
    facts = json.dumps(awx.facts)
    clusters.settings["autoscale_interval"] = 1
    busy = job()
    assert (busy.status, "chat: busy, another run has the lease: elsewhere" in busy.output) == ("successful", True), (
        busy
    )
    assert json.dumps(awx.facts) == facts

    assert {name: awx.facts["chat"][name] for name in OTHERS} == OTHERS
    assert awx.facts["mail"] == {"ansible_os_family": "Suse"}


@pytest.mark.core
def test_what_one_job_decides_the_next_one_carries_out(awx: Awx, clusters: Wanderers) -> None:
    begin_at_the_worst_moment()
    decided = awx.job("- import_playbook: rlops.autoscale.decide\n", clusters.inventory())
    assert clusters.pids() == {}
    told = decided.artifacts["rlops_autoscale_chat"]
    assert (told["target"], told["generation"]) == (1, kept_by(awx).generation), decided

    workflow = {"extra_vars": decided.artifacts | {"autoscale_state_required": True}}
    acted = awx.job("- import_playbook: rlops.autoscale.act\n", clusters.inventory(), **workflow)
    assert "chat: order 1, as decided" in acted.output, acted
    clusters.started(1)

    awx.facts["chat"] = dict(OTHERS)
    stopped = awx.job(PROJECT, clusters.inventory(), **workflow)
    lost = "no state of chat came back, though generation 1 was stored in AWX's facts of host chat, so nothing is done"
    assert (stopped.status, lost in unwrapped(stopped.output)) == ("failed", True), stopped.output


def test_without_fact_storage(
    awx: Awx, clusters: Wanderers, require_binary: Callable[[str], str], tmp_path: Path
) -> None:
    """All is forgotten, which is said, unless a credential names a server."""
    awx.fact_storage = False
    output = awx.job(PROJECT, clusters.inventory()).output
    assert "switch on 'Enable Fact Storage' in its template" in unwrapped(output)

    with redis_server(require_binary("redis-server"), tmp_path / "redis", {"requirepass": PASSWORD}) as server:
        credential = {"RL_STATE_URI": f"redis://:{PASSWORD}@127.0.0.1:{server.port}/0"}

        def run() -> str:
            done = awx.job(PROJECT, clusters.inventory(), environment=credential).output
            assert PASSWORD not in done
            return done

        clusters.check_goes_on(run, lambda: in_redis(server.client))
    assert awx.facts["chat"] == OTHERS


def tick_in(container: Container) -> int:
    """How far the job is."""
    with suppress(FileNotFoundError, ValueError):  # until the file has been unpacked
        return in_facts(json.loads((container.facts / "chat").read_text())).tick
    return 0


def lease_to_another(awx: Awx) -> None:
    """Let a run on another machine have the lease."""
    kept = kept_by(awx)
    lease = {**kept.data["lease"], "owner": "elsewhere", "host": "elsewhere", "expires_at": time.time() + 60}
    slot = "odd" if kept.generation % 2 == 0 else "even"
    text = encode(Document("chat", kept.generation + 1, {**kept.data, "lease": lease}))
    awx.facts["chat"]["rlops_autoscale"][f"chat.{slot}"] = text


def test_a_person_is_told_that_a_job_may_undo_their_word(awx: Awx, clusters: Wanderers) -> None:
    """A job that works on the cluster meanwhile has a copy of the facts, without the pin, and is kept whole."""
    assert awx.job(PROJECT, clusters.inventory()).status == "successful"
    scale = "- import_playbook: rlops.autoscale.scale\n"
    done = awx.job(scale, clusters.inventory(), extra_vars={"instance_count": 1})
    assert done.status == "successful", done.output
    warning = "chat: a job that works on it at the same time neither sees this nor keeps it"
    assert warning in unwrapped(done.output), done.output
