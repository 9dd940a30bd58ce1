# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs by ansible-runner, which gives each one a cache of its own unless it is told otherwise."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .remembering import Kept, Wanderers, in_cache, in_directory

RUN = """
import json, sys
from ansible_runner import run
done = run(**json.loads(sys.argv[1]))
sys.exit(done.rc if done.status == "successful" else f"{done.status}, {done.rc}")
"""

Runs = Callable[[], str]


@pytest.fixture
def runner(clusters: Wanderers, ansible_env: dict[str, str], tmp_path: Path) -> Callable[..., Runs]:
    """runner(**settings): a function that runs the loop with these settings of ansible-runner, and what it prints."""

    private = tmp_path / "private"
    private.mkdir()

    def made(**settings: Any) -> Runs:
        def run() -> str:
            given = {"private_data_dir": str(private), "playbook": "rlops.autoscale.autoscale", **settings}
            done = subprocess.run(
                [sys.executable, "-c", RUN, json.dumps(given | {"inventory": json.loads(clusters.inventory())})],
                env=ansible_env,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        return run

    return made


def in_state_home(home: Path) -> Kept:
    return in_directory(home / "home/.local/state/rlops.autoscale")


@pytest.mark.parametrize(
    "settings",
    [{}, {"ident": "same"}, {"fact_cache_type": ""}],
    ids=["each run its cache", "the same ident", "no cache of its own"],
)
def test_what_it_throws_away_is_not_used(
    clusters: Wanderers, runner: Callable[..., Runs], tmp_path: Path, settings: dict[str, Any]
) -> None:
    """Nor is the cache of an ident: whether the next run has the same, this one cannot know."""
    clusters.check_goes_on(runner(**settings), lambda: in_state_home(tmp_path))
    assert not list(tmp_path.glob("private/artifacts/*/fact_cache/rlops_autoscale_*"))


def test_a_cache_elsewhere_is_used(clusters: Wanderers, runner: Callable[..., Runs], tmp_path: Path) -> None:
    run = runner(fact_cache=str(tmp_path / "facts"))
    clusters.check_goes_on(run, lambda: in_cache(tmp_path / "facts"))
    assert in_state_home(tmp_path).generation == 0


def test_a_cache_beside_the_artifacts_is_used(clusters: Wanderers, runner: Callable[..., Runs], tmp_path: Path) -> None:
    (tmp_path / "private/env").mkdir()
    (tmp_path / "private/env/settings").write_text("fact_cache: ../../shared\n")
    clusters.check_goes_on(runner(), lambda: in_cache(tmp_path / "private/shared"))
    assert in_state_home(tmp_path).generation == 0
