# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real processes: living, ended, ended and not yet waited for, and where there is no /proc."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils import _processes


def test_a_process_is_known_by_more_than_its_pid() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True) as child:
        known = _processes.start_of(child.pid)
        assert known
        assert known == _processes.start_of(child.pid)
        assert known != _processes.start_of(1)
        assert _processes.lives(child.pid, known)
        assert not _processes.lives(child.pid, "other")
        _processes.send(child.pid, signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert _processes.start_of(child.pid) == _processes.ENDED
        assert not _processes.lives(child.pid, _processes.ENDED)
    assert _processes.start_of(child.pid) is None
    assert not _processes.lives(child.pid, None)
    assert _processes.age_of(child.pid) == math.inf
    _processes.send(child.pid, signal.SIGTERM)


def test_a_process_grows_old() -> None:
    born = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        first = _processes.age_of(child.pid)
        time.sleep(0.1)
        age, at_most = _processes.age_of(child.pid), time.monotonic() - born
        child.kill()
    tick = 1 / os.sysconf("SC_CLK_TCK")
    assert first + 0.1 <= age <= at_most + tick


ORPHAN = """
import multiprocessing, os, time
from ansible_collections.rlops.autoscale.plugins.plugin_utils import _processes

def work(parent):
    while os.getppid() == parent:
        time.sleep(0.01)
    print(parent, _processes.forked_by(), flush=True)

if _processes.forked_by() == os.getpid():
    multiprocessing.get_context("fork").Process(target=work, args=(os.getpid(),)).start()
    os._exit(0)
"""


def test_an_orphan_knows_who_has_forked_it(collections_path: Path) -> None:
    command = [sys.executable, "-c", ORPHAN]
    environment = os.environ | {"PYTHONPATH": str(collections_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    parent, known = done.stdout.split()
    assert parent == known


def test_without_proc_ps_tells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_processes, "PROC", tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        known = _processes.start_of(child.pid)
        assert known
        assert _processes.lives(child.pid, known)
        assert _processes.age_of(child.pid) == math.inf
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert _processes.start_of(child.pid) == _processes.ENDED
    assert _processes.start_of(child.pid) is None


def test_without_proc_and_ps_nothing_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(*_unused: object, **_options: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(_processes, "PROC", tmp_path)
    monkeypatch.setattr("subprocess.run", missing)
    assert _processes.start_of(os.getpid()) is None


def test_a_process_hidden_in_proc_is_not_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    monkeypatch.setattr(_processes, "PROC", tmp_path)
    assert _processes.start_of(os.getpid()) is None
