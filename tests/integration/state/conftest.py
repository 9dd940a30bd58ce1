# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the state store's tests: all forms over real media, real processes, death at a chosen system call."""

from __future__ import annotations

import ctypes
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._ansible_cache import AnsibleCache
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._awx import AwxMedium
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._open import open_store
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import Store
from ansible_collections.rlops.autoscale.tests.tools.redis_server import redis_server

LOCK_TIMEOUT_S = 60.0  # patience for crowds on a busy machine


@pytest.fixture
def cache_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the `jsonfile` cache of this test keeps its files."""
    directory = tmp_path / "cache"
    directory.mkdir()
    monkeypatch.setenv("ANSIBLE_CACHE_PLUGIN_CONNECTION", str(directory))
    return directory


@pytest.fixture
def cache_store(cache_directory: Path, tmp_path: Path) -> Store:
    """A store in the cache plugin `jsonfile` of the installed ansible-core."""
    return open_store("cache", str(tmp_path / "state"), AnsibleCache("jsonfile"), lock_timeout=LOCK_TIMEOUT_S)


@pytest.fixture
def directory_store(tmp_path: Path) -> Store:
    """A store in a directory."""
    return open_store("directory", str(tmp_path / "state"), lock_timeout=LOCK_TIMEOUT_S)


@pytest.fixture
def awx_store(tmp_path: Path) -> Store:
    """A store among the facts that AWX keeps of a host."""
    return Store(AwxMedium(tmp_path, "web"), LOCK_TIMEOUT_S)


@pytest.fixture
def redis_store(require_binary: Callable[[str], str], tmp_path: Path) -> Iterator[Store]:
    """A store on a real server."""
    with redis_server(require_binary("redis-server"), tmp_path / "redis") as server:
        yield open_store(uri=f"redis://127.0.0.1:{server.port}", lock_timeout=LOCK_TIMEOUT_S)


@pytest.fixture(params=["directory", "cache", "awx"])
def file_store(request: pytest.FixtureRequest) -> Store:
    """Each of the forms that keep files."""
    form: Store = request.getfixturevalue(f"{request.param}_store")
    return form


@pytest.fixture(params=["directory", "cache", "awx", "redis"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each of the forms."""
    form: Store = request.getfixturevalue(f"{request.param}_store")
    return form


@pytest.fixture
def in_processes() -> Callable[[int, Callable[[int], Any]], list[Any]]:
    """in_processes(count, task): what task(0) ... task(count - 1) return, each from a process of its own at the same
    time; an error there fails the test."""

    def run(count: int, task: Callable[[int], Any]) -> list[Any]:
        start, go = os.pipe()
        children = []
        for index in range(count):
            result, answer = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(go)
                os.read(start, 1)  # ends when the parent closes its side: all begin at once
                _answer_and_exit(answer, lambda index=index: task(index))  # type: ignore[misc]
            os.close(answer)
            children.append((pid, result))
        os.close(start)
        os.close(go)
        answers = []
        for pid, result in children:
            with os.fdopen(result, encoding="utf-8") as pipe:
                answers.append(pipe.read())
            _unused, status = os.waitpid(pid, 0)
            assert status == 0, answers[-1]
        return [json.loads(answer) for answer in answers]

    return run


def _answer_and_exit(descriptor: int, task: Callable[[], Any]) -> None:
    status = 1
    try:
        os.write(descriptor, json.dumps(task()).encode())
        status = 0
    except BaseException as error:
        os.write(descriptor, repr(error).encode())
    finally:
        os._exit(status)


PTRACE_TRACEME, PTRACE_SYSCALL, PTRACE_SETOPTIONS = 0, 24, 0x4200
PTRACE_O_TRACESYSGOOD, PTRACE_O_EXITKILL = 0x1, 0x100000
SYSCALL_STOP = signal.SIGTRAP | 0x80


@pytest.fixture(scope="session")
def killed_after() -> Callable[[int, Callable[[], None]], bool]:
    """killed_after(k, action): run the action in a child that is killed (SIGKILL) right after its k-th system call.

    Returns whether it was; False if the action ended before. Done with ptrace(2), which needs no special rights for a
    child of one's own; where a sandbox forbids it, the test is skipped (under AUTOSCALE_REQUIRE_SERVICES=1: fails).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long

    def ptrace(request: int, pid: int, data: int) -> None:
        if libc.ptrace(request, pid, None, data) == -1:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def child(action: Callable[[], None]) -> None:
        try:
            ptrace(PTRACE_TRACEME, 0, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
            action()
            os.kill(os.getpid(), signal.SIGSTOP)
        finally:
            os._exit(1)

    def next_stop(pid: int) -> int:
        _unused, status = os.waitpid(pid, 0)
        assert os.WIFSTOPPED(status), "the action raised an error"
        return os.WSTOPSIG(status)

    def run(k: int, action: Callable[[], None]) -> bool:
        pid = os.fork()
        if pid == 0:
            child(action)
        _unused, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            message = "ptrace is not permitted here"
            if os.environ.get("AUTOSCALE_REQUIRE_SERVICES") == "1":
                pytest.fail(message)
            pytest.skip(message)
        ptrace(PTRACE_SETOPTIONS, pid, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)
        stops = 0
        finished = False
        while stops < 2 * k and not finished:  # each system call stops the child twice: before and after
            ptrace(PTRACE_SYSCALL, pid, 0)
            stop = next_stop(pid)
            stops += stop == SYSCALL_STOP
            finished = stop == signal.SIGSTOP
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return not finished

    return run
