# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at the instances of a cluster from outside: what runs, what is ready. As a load balancer's health checks do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import processes
from aiohttp import ClientError, ClientSession, ClientTimeout

LOOK_PERIOD = 0.25  # s between two looks


class NotReadyError(Exception):
    """Instances were not ready in time; the message says which."""


class Watcher:
    """Looks at one cluster again and again."""

    def __init__(self, directory: Path, cluster: str, instances: Path) -> None:
        """`directory` is the demo's; `instances` is the file that the load generator reads."""
        self.samples: list[tuple[float, int]] = []  # unix time, running instances
        self.ready = 0
        self._directory = directory
        self.cluster = cluster
        self._instances = instances

    async def run(self) -> None:
        """Keep the samples and the file up to date."""
        new = self._instances.with_suffix(".new")
        async with ClientSession(timeout=ClientTimeout(total=1.0)) as session:
            while True:
                running = processes.instances(self._directory, self.cluster)
                self.samples.append((time.time(), len(running)))
                healthy = await asyncio.gather(*(_healthy(session, instance.port) for instance in running))
                self.ready = sum(healthy)
                new.write_text(
                    json.dumps({"instances": [_described(*pair) for pair in zip(running, healthy, strict=True)]})
                )
                new.replace(self._instances)
                await asyncio.sleep(LOOK_PERIOD)

    async def wait_for(self, count: int, patience: float) -> None:
        """Wait until so many instances are ready. Raises NotReadyError after so many seconds."""
        deadline = time.monotonic() + patience
        while self.ready < count:
            if time.monotonic() > deadline:
                raise NotReadyError(
                    f"{self.cluster}: {self.ready} of {count} instances were ready after {patience:g} s"
                )
            await asyncio.sleep(LOOK_PERIOD)


def _described(instance: processes.Instance, healthy: bool) -> dict[str, Any]:
    state = "ready" if healthy else "booting"
    return {"name": instance.name, "state": state, "address": "127.0.0.1", "port": instance.port}


async def _healthy(session: ClientSession, port: int) -> bool:
    try:
        async with session.get(f"http://127.0.0.1:{port}/healthz") as response:
            return response.status == 200
    except (ClientError, TimeoutError):
        return False


@contextlib.asynccontextmanager
async def watching(directory: Path, cluster: str, instances: Path) -> AsyncIterator[Watcher]:
    """Watch a cluster for the length of a `with` block."""
    watcher = Watcher(directory, cluster, instances)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(watcher.run())
        yield watcher
        task.cancel()
