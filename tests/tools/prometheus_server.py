# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real Prometheus of a test's own: free port, own data, its own targets."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from ansible_collections.rlops.autoscale.tests.tools.ports import free_port
from ansible_collections.rlops.autoscale.tests.tools.waiting import answers, wait_for


class Prometheus:
    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each sample of an instant vector."""
        with urlopen(f"{self.url}/api/v1/query?{urlencode({'query': expression})}", timeout=10) as reply:
            result = json.load(reply)["data"]["result"]
        return [(sample["metric"], float(sample["value"][1])) for sample in result]


@contextmanager
def prometheus(
    binary: str, folder: Path, targets: Sequence[str], interval: str = "100ms", **more: Any
) -> Iterator[Prometheus]:
    """Scrape the targets (host:port) until the block ends. More of its configuration: what is to be in it, by key."""
    address = f"127.0.0.1:{free_port()}"
    config = folder / "prometheus.yml"
    intervals = {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval}
    jobs = [{"job_name": "test", "static_configs": [{"targets": list(targets)}]}]
    config.write_text(json.dumps({"global": intervals, "scrape_configs": jobs} | more))
    command = [binary, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen([*command, f"--web.listen-address={address}"], stdout=log, stderr=log)
        try:
            wait_for(lambda: answers(f"http://{address}/-/ready", process))
            yield Prometheus(f"http://{address}")
        finally:
            process.kill()
            process.wait()
