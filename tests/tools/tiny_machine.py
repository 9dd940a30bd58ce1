# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A virtual machine as small as can be: Debian's cloud kernel and one busybox, in 128 MiB, without a disk.

It is emulated, not run by KVM: not every machine whose KVM device is there can boot a kernel with it.
"""

from __future__ import annotations

import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.rlops.autoscale.tests.tools.libvirt_daemon import LibvirtDaemon
from ansible_collections.rlops.autoscale.tests.tools.skipping import UnavailableError

CACHE = Path(__file__).resolve().parents[2] / ".build" / "tiny_machine"
DOWNLOAD = ("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3", "download")

#: Modules of the kernel, each after those that it needs: the network card, then the power button.
MODULES = (
    *("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci"),
    *("failover", "net_failover", "virtio_net", "button", "evdev"),
)

INIT = f"""\
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs none /dev
mount -t proc none /proc
mount -t sysfs none /sys
for module in {" ".join(MODULES)}; do insmod /lib/$module.ko; done
ip address add 10.0.2.15/24 dev eth0
ip link set eth0 up
nc -ll -p 80 -e /bin/answer &
acpid -d
"""

POWER_BUTTON = """\
#!/bin/sh
poweroff -f
"""

ANSWER = """\
#!/bin/sh
# As tests/integration/files/service.py. The host's files come by TFTP.
read -r method path version
while read -r header && [ "$header" != $'\\r' ]; do :; done
status='200 OK' body=
unhealthy() { [ -e /tmp/draining ] || tftp -g -r unhealthy -l /dev/null 10.0.2.2 2> /dev/null; }
case "$method $path" in
  'GET /metrics') body='app_message_queue_depth 0' ;;
  'GET /healthz') ! unhealthy || status='503 Service Unavailable' ;;
  'POST /drain') touch /tmp/draining; body=0 ;;
  'DELETE /drain') rm -f /tmp/draining ;;
  *) status='404 Not Found' ;;
esac
printf 'HTTP/1.0 %s\\r\\nContent-Type: text/plain\\r\\n\\r\\n%s\\n' "$status" "$body"
"""

#: Domain with places for what belongs to one machine. FOLDER is filled in here.
DOMAIN = """\
<domain type="qemu" xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0">
  <name>{name}</name>
  <title>machine {index}</title>
  <memory unit="MiB">128</memory>
  <os>
    <type arch="x86_64" machine="pc">hvm</type>
    <kernel>FOLDER/vmlinuz</kernel>
    <initrd>FOLDER/initramfs</initrd>
    <cmdline>console=ttyS0 quiet panic=1</cmdline>
  </os>
  <features>
    <acpi/>
    <tcg><tb-cache unit="MiB">32</tb-cache></tcg>
  </features>
  <on_reboot>destroy</on_reboot>
  <devices>
    <controller type="usb" model="none"/>
    <memballoon model="none"/>
    <serial type="file"><source path="FOLDER/{name}.log"/></serial>
  </devices>
  <qemu:commandline>
    <qemu:arg value="-netdev"/>
    <qemu:arg value="user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:80,tftp=FOLDER/shared"/>
    <qemu:arg value="-device"/>
    <qemu:arg value="virtio-net-pci,netdev=net,addr=0x10"/>
  </qemu:commandline>
</domain>
"""


@dataclass(frozen=True)
class TinyMachine:
    """A kind of machine that serves HTTP at 127.0.0.1:{port} a few seconds after its start, as files/service.py does.

    It ends within a second of its power button, `virsh shutdown`, if the kernel is up already; else nobody hears it.
    """

    folder: Path

    @property
    def template(self) -> str:
        """Domain XML with the places {name}, {port} and {index}."""
        return DOMAIN.replace("FOLDER", str(self.folder))

    @property
    def unhealthy(self) -> Path:
        """New and old machines are unhealthy while this file exists."""
        return self.folder / "shared" / "unhealthy"

    def console(self, name: str) -> str:
        """What the kernel of a machine said."""
        return (self.folder / f"{name}.log").read_text(errors="replace")


def tiny_machine(daemon: LibvirtDaemon) -> TinyMachine:
    """Put the files of a kind of its own where the daemon's machines find them. Raises UnavailableError."""
    parts = _parts()
    machine = TinyMachine(daemon.new_folder())
    machine.unhealthy.parent.mkdir()
    shutil.copyfile(parts / "vmlinuz", machine.folder / "vmlinuz")
    files = {f"lib/{name}.ko": (parts / f"{name}.ko").read_bytes() for name in MODULES}
    files |= {"bin/busybox": (parts / "busybox").read_bytes(), "init": INIT.encode(), "bin/answer": ANSWER.encode()}
    files |= {"etc/acpi/PWRF/00000080": POWER_BUTTON.encode()}
    (machine.folder / "initramfs").write_bytes(_archive(files))
    return machine


def _parts() -> Path:
    """Folder of `vmlinuz`, `busybox` and the modules, out of Debian's packages; filled once."""
    if not CACHE.exists():
        CACHE.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE.parent) as name:
            folder, parts = Path(name), Path(name, "parts")
            for package in (_kernel_package(), "busybox-static"):
                _run(folder, *DOWNLOAD, package)
                (archive,) = folder.glob(f"{package}_*.deb")
                _run(folder, "dpkg-deb", "-x", archive.name, ".")
            parts.mkdir()
            (kernel,) = folder.glob("boot/vmlinuz-*")
            kernel.rename(parts / "vmlinuz")
            (folder / "bin" / "busybox").rename(parts / "busybox")
            for module in MODULES:
                (path,) = folder.glob(f"lib/modules/*/kernel/**/{module}.ko")
                path.rename(parts / path.name)
            try:
                parts.rename(CACHE)
            except OSError:
                if not CACHE.exists():  # else somebody was faster
                    raise
    return CACHE


def _kernel_package() -> str:
    """The package that the newest cloud kernel is in: linux-image-cloud-amd64 itself is empty and depends on it."""
    for line in _run(Path.cwd(), "apt-cache", "depends", "linux-image-cloud-amd64").splitlines():
        kind, _colon, package = line.strip().partition(": ")
        if kind == "Depends":
            return package
    raise UnavailableError("apt knows no kernel for linux-image-cloud-amd64")


def _run(folder: Path, *command: str) -> str:
    """What a command prints."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    except FileNotFoundError:
        raise UnavailableError(f"{command[0]} is not installed") from None
    if done.returncode != 0:
        raise UnavailableError(f"{' '.join(command)}: {done.stderr.strip().rpartition(chr(10))[2]}")
    return done.stdout


def _archive(files: Mapping[str, bytes]) -> bytes:
    """A cpio archive, as the kernel unpacks it into its first file system: the files, executable, and their folders."""
    folders = {str(parent) for name in files for parent in Path(name).parents} | {"dev", "proc", "sys", "tmp"}
    entries = [(name, stat.S_IFDIR, b"") for name in sorted(folders - {"."})]
    entries += [(name, stat.S_IFREG, content) for name, content in files.items()]
    archive = b"".join(_entry(name, kind | 0o755, content) for name, kind, content in entries)
    return archive + _entry("TRAILER!!!", 0, b"")


def _entry(name: str, mode: int, content: bytes) -> bytes:
    """One file of the archive, in the format `newc`: head, name and content, each filled up to a multiple of four."""
    # inode, mode, user, group, links, time, size, device (2), its own device (2), length of the name, checksum
    numbers = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    head = "070701" + "".join(f"{number:08x}" for number in numbers) + name + "\0"
    return _filled(head.encode()) + _filled(content)


def _filled(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
