# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two controllers that share nothing but a Redis server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.rlops.autoscale.tests.integration.autoscale.clusters import PLAYBOOK
from ansible_collections.rlops.autoscale.tests.tools.redis_server import RedisServer, redis_server

from .remembering import Wanderers, check_continued, in_redis, ticks_in

PASSWORD = "s3cret-of-the-state"


@pytest.fixture
def server(require_binary: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    folder = tmp_path_factory.mktemp("redis")
    with redis_server(require_binary("redis-server"), folder, {"requirepass": PASSWORD}) as running:
        yield running


def controller(name: str, folder: Path) -> dict[str, str]:
    """The environment of a controller, with a home and a cache of facts of its own."""
    home = folder / name
    home.mkdir()
    return {
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "ANSIBLE_HOME": str(home / ".ansible"),
        "ANSIBLE_CACHE_PLUGIN": "jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(home / "facts"),
    }


def test_what_one_has_learned_another_knows(
    server: RedisServer, clusters: Wanderers, ansible_env: dict[str, str], tmp_path: Path
) -> None:
    uri = f"redis://:{PASSWORD}@127.0.0.1:{server.port}/0"
    one, other = controller("one", tmp_path), controller("other", tmp_path)
    outputs = []

    def run(home: dict[str, str]) -> str:
        outputs.append(clusters.output(env=home | {"RL_STATE_URI": uri}, args=["-vvv"]))
        return outputs[-1]

    second = clusters.check_goes_on(lambda: run(one), lambda: in_redis(server.client), lambda: run(other))
    alone = len(outputs)

    # Both at once
    clusters.settings["autoscale_deadline"] = 8
    (tmp_path / "both.yml").write_text(clusters.inventory())
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "ansible", "playbook", PLAYBOOK, "-i", str(tmp_path / "both.yml"), "-vvv"],
            env=ansible_env | home | {"RL_STATE_URI": uri},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for home in (one, other)
    ]
    outputs += [each.communicate(timeout=120)[0] for each in both]
    assert [each.returncode for each in both] == [0, 0], outputs
    assert ["chat: busy, another run has the lease" in output for output in outputs[alone:]].count(True) == 1, outputs
    third = in_redis(server.client)
    check_continued(second, third)
    assert third.tick == second.tick + sum(ticks_in(output) for output in outputs[alone:])

    # As a setting, on another machine yet, and once the server is away
    clusters.settings = {"autoscale_state_store": {"uri": uri}}
    outputs.append(clusters.output(args=["-vvv"]))
    check_continued(third, in_redis(server.client), outputs[-1])
    server.process.kill()
    server.process.wait()
    failed = clusters.run(args=["-vvv"])
    assert failed.rc != 0
    assert f"state cannot be read in redis redis://127.0.0.1:{server.port}/0" in failed.output
    outputs.append(failed.output)

    assert not [output for output in outputs if PASSWORD in output]
    files = [path for path in tmp_path.rglob("*") if path.is_file() and PASSWORD in path.read_text(errors="replace")]
    assert [path.name for path in files] == ["inventory.yml"], "where the user has written it"
    assert not list(tmp_path.glob("*/state")), "nothing is kept here"
    assert not list(tmp_path.glob("*/facts/rlops_autoscale_*"))
