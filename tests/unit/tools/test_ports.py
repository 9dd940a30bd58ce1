# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ports for servers of tests: what runs side by side does not meet at one."""

from __future__ import annotations

import socket
from itertools import cycle, islice

import pytest
from ansible_collections.rlops.autoscale.tests.tools import ports


def test_each_worker_has_its_own() -> None:
    shares = [set(islice(ports._blocks(worker, 3), 90)) for worker in range(3)]
    assert [len(share) for share in shares] == [90, 90, 90]
    assert set.union(*shares) == set(range(30000, 32700, ports.BLOCK))


def test_no_port_comes_again_before_all_others_have_been_given() -> None:
    given = [ports.free_port() // ports.BLOCK for _unused in range(20)]
    assert len(set(given)) == 20


def test_what_somebody_listens_at_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = ports.free_block(), ports.free_block()
    mine = cycle((first, second))
    monkeypatch.setattr(ports, "_blocks", lambda *_worker: mine)
    with socket.create_server(("127.0.0.1", first + 3)):
        assert [ports.free_block(), ports.free_block()] == [second, second]
        with socket.create_server(("127.0.0.1", second)), pytest.raises(OSError, match="taken"):
            ports.free_block()
