# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real libvirtd of the tests' own, without systemd: own socket, own domains, own files.

It is a session daemon of the user `nobody`: it touches nothing of the machine's own libvirt, needs no virtlogd, and
asks QEMU for its capabilities once, not at each definition as the daemon of root does where QEMU may not use KVM.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pwd import getpwnam

from ansible_collections.rlops.autoscale.tests.tools.skipping import UnavailableError
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

USER = "nobody"
PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin"))
PROGRAMS = ("libvirtd", "virsh", "qemu-system-x86_64", "tini", "setpriv", "unshare", "ps")


@dataclass(frozen=True)
class LibvirtDaemon:
    uri: str  # for `virsh -c`, for libvirt.open() and for the modules of community.libvirt
    folder: Path  # of all its files; goes with it

    def virsh(self, *arguments: str) -> str:
        """What a command of virsh prints; fails with what it says."""
        done = subprocess.run(["virsh", "-c", self.uri, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def new_folder(self) -> Path:
        """A folder that machines can read and write."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        shutil.chown(folder, USER)
        return folder

    def running(self) -> dict[str, int]:
        """The domains that run, paused ones included: name -> a number that no other start of a domain has."""
        _titles, _line, *rows = self.virsh("list").splitlines()
        return {name: int(number) for number, name, *_state in map(str.split, rows)}

    def remove(self, name: str) -> None:
        """Kill a domain, if it runs, and forget it."""
        if name in self.running():
            self.virsh("destroy", name)
        self.virsh("undefine", name)

    def remove_all(self) -> None:
        for name in self.virsh("list", "--all", "--name").split():
            self.remove(name)


@contextmanager
def libvirt_daemon() -> Iterator[LibvirtDaemon]:
    """What is in it ends with it. Raises UnavailableError where none can be had."""
    _check_machine()
    # Not in pytest's folder: nobody else may enter it, and the path of a socket has room for 107 characters.
    with tempfile.TemporaryDirectory(prefix="libvirt-", dir="/tmp") as name:
        folder = Path(name)
        config = folder / ".config" / "libvirt"
        config.mkdir(parents=True)
        (config / "qemu.conf").write_text('stdio_handler = "file"\n')  # so that no virtlogd is needed
        for path in (folder, config.parent, config):
            shutil.chown(path, USER)
        daemon = LibvirtDaemon(f"qemu+unix:///session?socket={folder}/libvirt/libvirt-sock", folder)
        # All of its processes, QEMU's too, are in a namespace of their own: they end when the first one does, and that
        # one ends with the tests, even if they are killed. It is tini, for somebody has to wait for orphans: libvirtd
        # takes each try of QEMU for running until then.
        command = ["setpriv", "--pdeathsig=KILL", "unshare", "--pid", "--mount-proc", "--fork"]
        command += ["setpriv", "--pdeathsig=KILL", f"--reuid={USER}", f"--regid={getpwnam(USER).pw_gid}"]
        command += ["--clear-groups", "tini", "--", "libvirtd"]
        environment = {"HOME": name, "XDG_RUNTIME_DIR": name, "PATH": PATH, "LC_ALL": "C"}
        log = folder / "libvirtd.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        try:
            wait_for(lambda: _answers(daemon, process, log), 120)
            yield daemon
        finally:
            _end(process)


def _check_machine() -> None:
    if os.geteuid() != 0:
        raise UnavailableError("the tests' libvirtd needs root, to become somebody else")
    for program in PROGRAMS:
        if not shutil.which(program, path=PATH):
            raise UnavailableError(f"{program} is not installed")


def _answers(daemon: LibvirtDaemon, process: subprocess.Popen[bytes], log: Path) -> bool:
    if process.poll() is not None:
        raise UnavailableError(f"libvirtd ended: {log.read_text().strip().rpartition(chr(10))[2]}")
    return subprocess.run(["virsh", "-c", daemon.uri, "list"], capture_output=True, check=False).returncode == 0


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the first process of the namespace; `unshare` ends when the kernel has ended all others."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, check=False)
    for pid in found.stdout.split():
        os.kill(int(pid), signal.SIGKILL)
    process.wait(30)
