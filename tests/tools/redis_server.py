# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real Redis servers and sentinels of a test's own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.rlops.autoscale.tests.tools.ports import free_port
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError


@dataclass
class RedisServer:
    """One that runs; `client` talks to it without the code that is tested."""

    port: int
    process: subprocess.Popen[bytes]
    client: Redis


@contextmanager
def redis_server(
    program: str, folder: Path, settings: Mapping[str, str | int] | None = None, *, arguments: tuple[str, ...] = ()
) -> Iterator[RedisServer]:
    """A server (or a sentinel, with the argument `--sentinel`) with these settings of redis.conf, in this folder.

    With `tls-port: 0` in the settings, its port speaks TLS, and no other is open.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port, given = free_port(), dict(settings or {})
    tls = given.pop("tls-port", None) is not None
    ports = {"port": 0, "tls-port": port} if tls else {"port": port}
    lines = {"bind": "127.0.0.1", "dir": str(folder), **ports, **given}
    config = folder / "redis.conf"
    config.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
    with (folder / "redis.log").open("w") as log:
        process = subprocess.Popen([program, str(config), *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    password = given.get("requirepass")
    client = Redis(
        "127.0.0.1",
        port,
        password=str(password) if password else None,
        ssl=tls,
        ssl_ca_certs=str(given["tls-ca-cert-file"]) if tls else None,
    )

    def answers() -> bool:
        assert process.poll() is None, (folder / "redis.log").read_text()
        try:
            return bool(client.ping())
        except RedisConnectionError:
            return False

    try:
        wait_for(answers)
        yield RedisServer(port, process, client)
    finally:
        client.close()
        process.kill()
        process.wait()
