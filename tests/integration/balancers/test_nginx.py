# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scaling behind a real nginx, whose server is that of docs/balancers.md; and the module nginx_upstream."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.module_utils._nginx import Nginx as Program
from ansible_collections.rlops.autoscale.plugins.module_utils._nginx import Upstream, UpstreamFile
from ansible_collections.rlops.autoscale.plugins.module_utils._servers import Assignment
from ansible_collections.rlops.autoscale.tests.tools.nginx_server import Nginx
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

from .chatting import GOING_AWAY, Users
from .conftest import Cluster

pytestmark = pytest.mark.slow

DRAIN_S = 12.0

PLAYBOOK = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - rlops.autoscale.nginx_upstream: "{{ options }}"
      register: done
"""
ONE = {"address": "127.0.0.1", "port": 9001}
OTHER = {"address": "127.0.0.1", "port": 9002}
NOTHING = ["false"]  # a command that fails


def _assign(web: Nginx, *servers: dict[str, Any], upstream: Upstream | None = None, **changes: Any) -> Assignment:
    """What the module does, without Ansible around it."""
    nginx = Program(web.binary, str(web.config), str(web.pid_file), changes.pop("reload", ()))
    file = UpstreamFile(nginx, upstream or Upstream("chat"), changes.pop("file", str(web.file)))
    return file.assign(servers, **changes)


def _states(assignment: Assignment) -> list[tuple[str, bool]]:
    return [(row["state"], row["up"]) for row in assignment.servers]


def _connections(address: str) -> int:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as page:
        (line,) = [line for line in page.read().decode().splitlines() if line.startswith("app_ws_connections ")]
    return int(float(line.split()[1]))


def test_a_drain_loses_no_message_and_cuts_no_connection(cluster: Cluster, web: Nginx) -> None:
    _assign(web)
    web.start()
    balancer = {"backend": "nginx", "host": "edge", "upstream": "chat", "file": str(web.file)}
    balancer |= {"directives": ["least_conn"], "config": str(web.config), "pid_file": str(web.pid_file)}
    cluster.settings |= {"autoscale_balancers": [balancer], "autoscale_drain_timeout": DRAIN_S}
    cluster.reach(2)
    addresses = cluster.addresses()
    with Users(web.port, 8) as users:
        wait_for(lambda: sum(map(_connections, addresses.values())) == 8)
        leaving = _connections(addresses["chat-2"])
        assert leaving > 0

        began = time.time()
        first = cluster.converge(1)
        assert first.result["plan"] == ["drain chat-2 in pool local: surplus"]
        with Users(web.port, 4):
            wait_for(lambda: sum(map(_connections, addresses.values())) == 12)
            assert _connections(addresses["chat-2"]) == leaving
        cluster.reach(1)
        found = users.end()

    assert found.answered == found.sent > 50
    assert [code for _when, code in found.closes] == [GOING_AWAY] * leaving
    assert min(when for when, _code in found.closes) - began >= DRAIN_S
    assert not found.refused
    assert sorted(cluster.running()) == ["chat-1"]
    assert f"    server {addresses['chat-1']}; # ready\n" in web.file.read_text()
    assert addresses["chat-2"] not in web.file.read_text()


def test_the_module_knows_check_mode_and_says_what_it_changes(
    web: Nginx, ansible_playbook: Callable[..., Any], tmp_path: Path
) -> None:
    _assign(web)
    web.start()
    options = {"file": str(web.file), "upstream": "chat", "config": str(web.config), "pid_file": str(web.pid_file)}
    options |= {"directives": ["least_conn"], "servers": [ONE | {"state": "ready"}, OTHER]}
    before = web.file.read_text()
    results = []
    for check in (True, False):
        run = ansible_playbook(PLAYBOOK, extra_vars={"options": options}, check=check, args=["-c", "local", "--diff"])
        assert run.rc == 0, run.output
        assert "+    server 127.0.0.1:9001; # ready" in run.output
        results.append(run.registered["done"])
        assert (web.file.read_text() == before) is check
    dry, done = results
    assert (dry["changed"], [server["state"] for server in dry["servers"]]) == (True, ["absent", "absent"])
    assert (done["changed"], done["in_force"]) == (True, True)
    assert done["servers"] == [
        ONE | {"server": "127.0.0.1:9001", "state": "ready", "up": True, "sessions": None, "detail": ""},
        OTHER | {"server": None, "state": "absent", "up": False, "sessions": None, "detail": ""},
    ]


def test_a_change_is_loaded_and_a_repeat_changes_nothing(web: Nginx) -> None:
    assert _assign(web).changed is True
    web.start()
    assert _assign(web).changed is False
    upstream = Upstream("chat", ["least_conn", "keepalive 8"], "max_fails=3")
    done = _assign(web, ONE | {"state": "ready"}, OTHER | {"state": "drain"}, upstream=upstream)
    assert (done.changed, done.in_force, _states(done)) == (True, True, [("ready", True), ("absent", False)])
    _assign(web, OTHER | {"state": "ready"}, ONE | {"state": "drain"}, upstream=upstream)
    assert "    server 127.0.0.1:9001 max_fails=3 down; # drain\n" in web.file.read_text()
    assert _assign(web, ONE | {"state": "drain"}, upstream=upstream).changed is False
    looked = _assign(web, ONE, OTHER, {"address": "::1", "port": 9})
    assert looked.changed is False
    assert _states(looked) == [("drain", False), ("ready", True), ("absent", False)]
    assert [path.name for path in web.folder.glob(".*")] == []


def test_what_nginx_refuses_is_taken_back(web: Nginx) -> None:
    with pytest.raises(AutoscaleError, match=r'nginx says: unknown directive "bogus" in .*chat-upstream.conf:3$'):
        _assign(web, upstream=Upstream("chat", ["bogus"]))
    assert not web.file.exists(), "there was none"
    _assign(web)
    web.start()
    _assign(web, ONE | {"state": "ready"})
    before = web.file.read_text()
    with pytest.raises(AutoscaleError, match='nginx says: invalid parameter "bogus"'):
        _assign(web, OTHER | {"state": "ready"}, upstream=Upstream("chat", (), "bogus"))
    assert web.file.read_text() == before
    assert _assign(web, ONE).in_force is True


def test_a_reload_that_came_to_nothing_is_known_and_made_up_for(web: Nginx) -> None:
    _assign(web)
    web.start()
    _assign(web, ONE | {"state": "ready"})
    with pytest.raises(AutoscaleError, match=r"^false says: nothing$"):
        _assign(web, ONE | {"state": "drain"}, reload=NOTHING)
    looked = _assign(web, ONE)
    # It may still get new connections.
    assert (looked.in_force, _states(looked)) == (False, [("ready", False)])
    assert looked.servers[0]["detail"] == "nginx has perhaps not loaded it yet"
    done = _assign(web, ONE | {"state": "drain"})
    assert (done.changed, done.in_force, _states(done)) == (True, True, [("drain", False)])
    assert [path.name for path in web.folder.glob(".*")] == []


def test_a_reload_by_somebody_else_counts(web: Nginx) -> None:
    _assign(web)
    web.start()
    with pytest.raises(AutoscaleError):
        _assign(web, ONE | {"state": "ready"}, reload=NOTHING)
    assert _assign(web, ONE).in_force is False
    web.stop()
    web.start()
    looked = _assign(web, ONE)
    assert (looked.in_force, _states(looked)) == (True, [("ready", True)])


def test_what_cannot_work_is_told(web: Nginx, tmp_path: Path) -> None:
    _assign(web)
    with pytest.raises(AutoscaleError, match=r"^nginx does not run: .*nginx.pid names no master process of it$"):
        _assign(web, ONE)
    web.start()
    with pytest.raises(AutoscaleError, match=r"^the configuration of nginx does not include .*elsewhere.conf"):
        _assign(web, ONE | {"state": "ready"}, file=str(tmp_path / "elsewhere.conf"))
    assert list(tmp_path.glob("*elsewhere*")) == []
    with pytest.raises(AutoscaleError, match=r"cannot be written: No such file or directory$"):
        _assign(web, file=str(tmp_path / "nowhere" / "x.conf"))
    web.binary = "/nonexistent"
    with pytest.raises(AutoscaleError, match=r"^/nonexistent cannot be run: No such file or directory$"):
        _assign(web, ONE | {"state": "ready"})
    web.file.write_text("upstream chat { server 127.0.0.1:80; }\n")
    with pytest.raises(AutoscaleError, match=r"was not written by this module; take it away, or name another file$"):
        _assign(web, ONE)
