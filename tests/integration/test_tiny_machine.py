# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tests' own libvirtd and virtual machine: it boots, serves, ends when told to, and nothing is left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest
from ansible_collections.rlops.autoscale.tests.tools.libvirt_daemon import PROGRAMS, LibvirtDaemon, libvirt_daemon
from ansible_collections.rlops.autoscale.tests.tools.ports import free_block
from ansible_collections.rlops.autoscale.tests.tools.skipping import UnavailableError, skip_or_fail
from ansible_collections.rlops.autoscale.tests.tools.tiny_machine import TinyMachine, tiny_machine
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

pytestmark = pytest.mark.slow
BOOT_S = 180  # on an emulated processor of a busy machine


@pytest.fixture
def machine(libvirt: LibvirtDaemon) -> Iterator[TinyMachine]:
    try:
        kind = tiny_machine(libvirt)
    except UnavailableError as reason:
        skip_or_fail(reason)
    yield kind
    libvirt.remove_all()
    for log in sorted(kind.folder.glob("*.log")):
        print(f"{log.stem}: {kind.console(log.stem)}")  # seen where the test failed


def start(libvirt: LibvirtDaemon, machine: TinyMachine, *names: str) -> list[int]:
    """Define and start machines. Returns their ports."""
    first = free_block()
    ports = list(range(first, first + len(names)))
    for index, (name, port) in enumerate(zip(names, ports, strict=True), 1):
        domain = machine.folder / f"{name}.xml"
        domain.write_text(machine.template.format(name=name, port=port, index=index))
        libvirt.virsh("define", str(domain))
        libvirt.virsh("start", name)
    return ports


def boot(libvirt: LibvirtDaemon, machine: TinyMachine, *names: str) -> list[int]:
    """Start machines and wait until they serve. Returns their ports."""
    ports = start(libvirt, machine, *names)
    wait_for(lambda: all(ask(port, "/metrics", timeout=2) for port in ports), BOOT_S)
    return ports


def ask(port: int, path: str, method: str = "GET", timeout: float = 15) -> tuple[int, str] | None:
    """Status and body; None where nobody answers.

    QEMU takes the connection before the machine is up, and may never get it through: better a new one than to wait.
    """
    with closing(HTTPConnection("127.0.0.1", port, timeout=timeout)) as connection:
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, HTTPException):
            return None


def test_serves_until_its_power_button_is_pressed(libvirt: LibvirtDaemon, machine: TinyMachine) -> None:
    (port,) = boot(libvirt, machine, "chat-1")
    assert ask(port, "/metrics") == (200, "app_message_queue_depth 0\n")
    assert libvirt.running().keys() == {"chat-1"}
    libvirt.virsh("shutdown", "chat-1")
    wait_for(lambda: not libvirt.running())
    assert libvirt.virsh("domstate", "chat-1", "--reason") == "shut off (shutdown)"
    assert "Power down" in machine.console("chat-1")
    assert ask(port, "/metrics") is None
    libvirt.virsh("undefine", "chat-1")
    assert libvirt.virsh("list", "--all", "--name") == ""


def test_is_healthy_but_while_the_file_exists_or_it_drains(libvirt: LibvirtDaemon, machine: TinyMachine) -> None:
    ports = boot(libvirt, machine, "chat-1", "chat-2")
    assert [ask(port, "/healthz") for port in ports] == [(200, "\n"), (200, "\n")]
    machine.unhealthy.touch()
    assert [ask(port, "/healthz") for port in ports] == [(503, "\n"), (503, "\n")]
    machine.unhealthy.unlink()
    assert [ask(port, "/healthz") for port in ports] == [(200, "\n"), (200, "\n")]
    assert ask(ports[0], "/drain", "POST") == (200, "0\n")
    assert [ask(port, "/healthz") for port in ports] == [(503, "\n"), (200, "\n")]
    assert ask(ports[0], "/drain", "DELETE") == (200, "\n")
    assert ask(ports[0], "/healthz") == (200, "\n")
    assert ask(ports[0], "/nothing") == (404, "\n")


def test_a_suspended_machine_serves_when_resumed(libvirt: LibvirtDaemon, machine: TinyMachine) -> None:
    (port,) = boot(libvirt, machine, "chat-1")
    before = libvirt.running()
    libvirt.virsh("suspend", "chat-1")
    assert ask(port, "/metrics", timeout=2) is None
    libvirt.virsh("resume", "chat-1")
    wait_for(lambda: ask(port, "/healthz", timeout=2) == (200, "\n"))
    assert libvirt.running() == before


def test_a_guest_that_fails_is_seen_to_be_off(libvirt: LibvirtDaemon, machine: TinyMachine) -> None:
    (machine.folder / "initramfs").write_bytes(b"")
    start(libvirt, machine, "chat-1")
    wait_for(lambda: not libvirt.running(), BOOT_S)
    assert "Kernel panic" in machine.console("chat-1")


def test_leaves_nothing_behind(machine: TinyMachine) -> None:
    with libvirt_daemon() as daemon:
        boot(daemon, tiny_machine(daemon), "chat-1")
        assert processes(daemon.folder) == {"unshare", "tini", "libvirtd", "qemu-system-x86"}
    assert processes(daemon.folder) == set()
    assert not daemon.folder.exists()


def test_ends_even_if_the_tests_are_killed(libvirt: LibvirtDaemon, collections_path: Path) -> None:
    script = f"""\
import signal
from {libvirt_daemon.__module__} import libvirt_daemon
with libvirt_daemon() as daemon:
    print(daemon.folder, flush=True)
    signal.pause()
"""
    command, env = [sys.executable, "-c", script], os.environ | {"PYTHONPATH": str(collections_path)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout
        folder = Path(tests.stdout.readline().strip())
        assert "libvirtd" in processes(folder)
        tests.kill()
    wait_for(lambda: not processes(folder))
    shutil.rmtree(folder)


def processes(folder: Path) -> set[str]:
    """Names of those that know of this folder from their environment."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            if str(folder).encode() in (process / "environ").read_bytes():
                found.add((process / "comm").read_text().strip())
    return found


@pytest.mark.parametrize("program", PROGRAMS)
def test_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path: None if name == program else name)
    with pytest.raises(UnavailableError, match=f"^{program} is not installed$"), libvirt_daemon():
        pass
