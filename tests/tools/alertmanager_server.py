# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real Alertmanager of a test's own: free port, own data, no peers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from ansible_collections.rlops.autoscale.tests.tools.ports import free_port
from ansible_collections.rlops.autoscale.tests.tools.waiting import answers, wait_for


class Alertmanager:
    def __init__(self, address: str) -> None:
        self.address = address  # host:port

    def send(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        """Alerts as Prometheus sends them: labels, annotations, startsAt, ..."""
        headers = {"Content-Type": "application/json"}
        request = Request(f"http://{self.address}/api/v2/alerts", json.dumps(list(alerts)).encode(), headers)
        with urlopen(request, timeout=10):
            pass


@contextmanager
def alertmanager(binary: str, folder: Path, config: Mapping[str, Any]) -> Iterator[Alertmanager]:
    """One with this configuration, until the block ends."""
    address = f"127.0.0.1:{free_port()}"
    path = folder / "alertmanager.yml"
    path.write_text(json.dumps(config))
    command = [binary, f"--config.file={path}", f"--storage.path={folder / 'alertmanager'}"]
    command += [f"--web.listen-address={address}", "--cluster.listen-address="]
    with (folder / "alertmanager.log").open("w") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_for(lambda: answers(f"http://{address}/-/ready", process))
            yield Alertmanager(address)
        finally:
            process.kill()
            process.wait()
