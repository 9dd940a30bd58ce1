# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images without a registry: made of this machine's own Python."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

SERVICE = Path(__file__).resolve().parents[1] / "integration" / "files" / "service.py"
SERVICE_IMAGE = "autoscale-test-service:1"

NOT_NEEDED = {"dist-packages", "ensurepip", "idlelib", "lib2to3", "site-packages", "test", "tkinter", "turtledemo"}


def build_service_image(host: str) -> str:
    """Name of an image of files/service.py, made in the daemon at `host`. 50 to 100 MB, made in 1 to 2 s.

    A container's command is what service.py is told, by default `8080 0.0.0.0`. Its process 1 is an init, which hands
    SIGTERM on however early it comes: Linux keeps it from a process 1 that has not set a handler yet. The only other
    program is `python3`; there is no shell.
    """
    init = shutil.which("docker-init")  # comes with the daemon; a static program
    assert init
    python, library = Path(sys.executable).resolve(), Path(sysconfig.get_path("stdlib")).resolve()
    entrypoint = ["/docker-init", "-s", "--", str(python), "/service.py"]
    settings = [f"ENTRYPOINT {json.dumps(entrypoint)}", 'CMD ["8080", "0.0.0.0"]']
    command = ["docker", "-H", host, "import", *(f"--change={setting}" for setting in settings), "-", SERVICE_IMAGE]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process,
        tarfile.open(fileobj=process.stdin, mode="w|") as image,
    ):
        image.add(Path(init).resolve(), "docker-init")
        image.add(SERVICE, "service.py")
        image.add(python)
        image.add(library, filter=_needed)
        for path in _shared_libraries(python, *library.glob("lib-dynload/*.so")):
            image.add(path.resolve(), path)
        shortcut = tarfile.TarInfo("usr/bin/python3")
        shortcut.type, shortcut.linkname = tarfile.SYMTYPE, str(python)
        image.addfile(shortcut)
    assert process.returncode == 0
    return SERVICE_IMAGE


def _needed(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    name = Path(member.name).name
    return None if name in NOT_NEEDED or name.startswith("config-") else member


def _shared_libraries(*binaries: Path) -> set[Path]:
    """What these load, and what loads it: the lines ` NAME => PATH (ADDRESS)` and ` PATH (ADDRESS)` of ldd."""
    output = subprocess.run(["ldd", *binaries], capture_output=True, text=True, check=True).stdout
    return {Path(path) for path in re.findall(r"^\t(?:\S+ => )?(/\S+) \(", output, re.MULTILINE)}
