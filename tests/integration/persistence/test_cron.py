# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that follow each other as cron starts them, with a cache of facts and without one; and runs that meet."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.rlops.autoscale.tests.integration.autoscale.clusters import PLAYBOOK
from ansible_collections.rlops.autoscale.tests.tools.unwrapped import unwrapped

from .remembering import CACHE_PREFIX, Kept, Wanderers, check_continued, in_cache, in_directory, ticks_in

#: Everything that makes Ansible forget facts, beside --flush-cache.
EMPTYING = f"""
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.meta: clear_facts
- import_playbook: {PLAYBOOK}
"""
WITH_FACTS = f"""
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.set_fact: {{cacheable: true, colour: blue}}
- import_playbook: {PLAYBOOK}
"""


@dataclass(frozen=True)
class Form:
    """What `auto` stands for: where documents are, and how they are read."""

    folder: Path
    read: Callable[[Path, str], Kept]

    def kept(self, key: str = "chat") -> Kept:
        return self.read(self.folder, key)

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir() if not path.name.endswith(".lock")}


@pytest.fixture
def cache(ansible_env: dict[str, str], tmp_path: Path) -> Form:
    """Core's cache of facts, in files."""
    facts = tmp_path / "facts"
    lines = ("[defaults]", "fact_caching = jsonfile", f"fact_caching_connection = {facts}", "")
    Path(ansible_env["ANSIBLE_CONFIG"]).write_text("\n".join(lines))
    return Form(facts, in_cache)


@pytest.fixture
def home(tmp_path: Path) -> Form:
    """The user's home, where nothing is set."""
    return Form(tmp_path / "home/.local/state/rlops.autoscale", in_directory)


@pytest.fixture
def state_home(ansible_env: dict[str, str], tmp_path: Path) -> Form:
    """A home for states."""
    ansible_env["XDG_STATE_HOME"] = str(tmp_path / "states")
    return Form(tmp_path / "states/rlops.autoscale", in_directory)


@pytest.fixture
def named(ansible_env: dict[str, str], tmp_path: Path) -> Form:
    """A directory that is named, beside a cache that is not used then."""
    ansible_env |= {
        "ANSIBLE_CACHE_PLUGIN": "jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "facts"),
        "RL_STATE_DIR": str(tmp_path / "named"),
    }
    return Form(tmp_path / "named", in_directory)


@pytest.mark.parametrize("form_name", ["state_home", "named"])
def test_the_next_run_goes_on(clusters: Wanderers, request: pytest.FixtureRequest, form_name: str) -> None:
    form: Form = request.getfixturevalue(form_name)
    clusters.check_goes_on(clusters.output, form.kept)


@pytest.mark.core
@pytest.mark.parametrize("form_name", ["cache", "home"])
def test_state_outlives_much(
    clusters: Wanderers, request: pytest.FixtureRequest, form_name: str, tmp_path: Path
) -> None:
    form: Form = request.getfixturevalue(form_name)

    def run(playbook: str = PLAYBOOK, *args: str, check: bool = False) -> str:
        done = clusters.ansible_playbook(playbook, clusters.inventory(), args=args, check=check)
        assert done.rc == 0, done.output
        return str(done.output)

    before = clusters.check_goes_on(lambda: run(WITH_FACTS), form.kept)
    assert (tmp_path / "home/.local").exists() == (form_name == "home"), "all of it is in one place"
    files = form.files()
    assert any("blue" in text.decode() for text in files.values()) == (form_name == "cache")

    assert ticks_in(run(check=True)) == 1
    assert form.files() == files, "a dry run changes nothing"

    two_days_ago = time.time() - 2 * 86400
    for name, text in files.items():
        if b"blue" not in text:
            os.utime(form.folder / name, (two_days_ago, two_days_ago))
    clusters.settings |= {"autoscale_interval": 2, "autoscale_deadline": 4}
    output = run(EMPTYING, "--flush-cache")
    clusters.settings |= {"autoscale_interval": 1, "autoscale_deadline": 0}
    check_continued(before, form.kept(), output)
    assert form.kept().table
    assert not any("blue" in text.decode() for text in form.files().values()), "other facts are forgotten"

    run()  # the last that is written is a tick
    last = form.kept()
    (newest,) = form.folder.glob(f"*chat.{'odd' if last.generation % 2 else 'even'}*")
    newest.write_text("{cut")
    assert f"generation {last.generation - 1} is used" in unwrapped(run())
    after = form.kept()
    assert (after.generation, after.tick) == (last.generation, last.tick), "one tick is lost"
    assert after.data["seed"] == last.data["seed"]


@pytest.mark.core
@pytest.mark.slow
def test_six_runs_at_once(clusters: Wanderers, cache: Form, ansible_env: dict[str, str], tmp_path: Path) -> None:
    """With a cluster each, they do not disturb each other; with one for all, one of them ticks."""
    names = [f"chat{number}" for number in range(6)]
    clusters.hosts = {name: {} for name in names}

    def at_once(clusters_of_runs: Sequence[str]) -> list[str]:
        (tmp_path / "six.yml").write_text(clusters.inventory())
        command = [sys.executable, "-m", "ansible", "playbook", "-i", str(tmp_path / "six.yml"), PLAYBOOK, "-l"]
        runs = [
            subprocess.Popen(
                [*command, name], env=ansible_env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            for name in clusters_of_runs
        ]
        outputs = [run.communicate(timeout=120)[0] for run in runs]
        assert [run.returncode for run in runs] == [0] * 6, outputs
        return outputs

    clusters.output(args=["-f", "6"])
    before = {name: cache.kept(name) for name in names}
    outputs = dict(zip(names, at_once(names), strict=True))
    for name in names:
        after = cache.kept(name)
        assert (after.tick, after.generation) == (before[name].tick + 1, before[name].generation + 1), outputs[name]
        assert after.data["seed"] == before[name].data["seed"]

    begun = cache.kept(names[0])
    clusters.settings = {"autoscale_deadline": 20, "autoscale_interval": 2}
    outputs_of_one = at_once(names[:1] * 6)
    ticks = [ticks_in(output) for output in outputs_of_one]
    busy = [output for output in outputs_of_one if f"{names[0]}: busy, " in output]
    assert (sum(count > 0 for count in ticks), len(busy)) == (1, 5), outputs_of_one
    ended = cache.kept(names[0])
    check_continued(begun, ended)
    assert ended.tick == begun.tick + sum(ticks)
    assert {path.name for path in cache.folder.glob("*corrupt*")} == set()
    assert {path.name[: len(CACHE_PREFIX)] for path in cache.folder.glob("[!.]*")} == {CACHE_PREFIX}
    clusters.started(6)
