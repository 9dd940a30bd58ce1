# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real nginx of a test's own: free port, own files, an upstream that is empty at first."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.rlops.autoscale.tests.tools.ports import free_port
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

DOCS = Path(__file__).resolve().parents[2] / "docs" / "balancers.md"
WORKERS = 2
CONFIG = """\
worker_processes {workers};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/chat-upstream.conf;
{server}
}}
"""


class Nginx:
    """The server of docs/balancers.md."""

    def __init__(self, binary: str, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.binary = binary
        self.port = free_port()
        self.folder = folder
        self.file = folder / "chat-upstream.conf"
        self.config = folder / "nginx.conf"
        self.pid_file = folder / "nginx.pid"
        self._process: subprocess.Popen[bytes] | None = None
        (server,) = re.findall(r"```nginx\n(.*?)```", DOCS.read_text(), re.DOTALL)
        server, count = re.subn(r"listen \d+", f"listen 127.0.0.1:{self.port}", server)
        assert count == 1, server
        self.config.write_text(CONFIG.format(workers=WORKERS, folder=folder, server=server))

    def start(self) -> None:
        self._process = subprocess.Popen([self.binary, "-c", str(self.config)], stdin=subprocess.DEVNULL)
        wait_for(self._is_ready)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def _is_ready(self) -> bool:
        """Whether its workers are there, which comes after the file with its pid."""
        assert self._process is not None and self._process.poll() is None, (self.folder / "error.log").read_text()
        command = ["ps", "--ppid", str(self._process.pid), "-o", "args="]
        listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return listed.count("worker process") == WORKERS


@contextmanager
def nginx(binary: str, folder: Path) -> Iterator[Nginx]:
    """One that is stopped at the end of the block. It is not started: somebody has to make the upstream first."""
    server = Nginx(binary, folder)
    try:
        yield server
    finally:
        server.stop()
