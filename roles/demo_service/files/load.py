#!/usr/bin/env python
# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Open-loop load for the demo's service: replays a rate trace as Poisson arrivals over WebSocket connections.

Open loop: a message is sent when it is due, whether or not earlier ones were answered, and its latency counts from the
moment it was due. So a slow service gets no less load, and a late load generator shows as latency instead of hiding it.
The arrivals depend on the trace and the seed alone: two clusters under the same ones get the same load.

Connections are as many as the load asks for, live for a few seconds, and are opened to the instance with the fewest of
them among those that are ready in the instances file, which is read again every second:

    {"instances": [{"name": "chat-1", "state": "ready", "address": "127.0.0.1", "port": 20001}, ...]}

Nothing is lost when an instance goes away: what it did not answer is sent again over another connection, and counts
from when it was due at first.

The output is a CSV file with one line per message, `due_s,latency_s,instance`: seconds from the start, seconds until
its answer (empty if there was none), name of the instance that answered. A summary is printed as one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import csv
import json
import math
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import rates
from aiohttp import ClientError, ClientSession, ClientTimeout, ClientWebSocketResponse, ClientWSTimeout, WSMsgType

CONNECT_TIMEOUT = 2.0  # s
CLOSE_TIMEOUT = ClientWSTimeout(ws_close=1.0)  # s
REREAD_PERIOD = 1.0  # s between two looks at the instances file
RETRY_PERIOD = 0.1  # s until a connection is tried again, and between two counts of the connections


@dataclass(frozen=True)
class Settings:
    """How the load is made up."""

    instances: Path  # file that says where the service is
    connection_rate: float = 4.0  # messages/s of one connection
    connection_life: float = 2.0  # s, mean
    grace: float = 5.0  # s after the end of the trace that answers are waited for
    seed: int = 1


class Instance(NamedTuple):
    """Where to connect to."""

    name: str
    url: str


@dataclass
class Message:
    """What became of one message."""

    due: float  # s from the start
    latency: float | None = None  # s; None: not answered
    instance: str = ""  # that answered


@dataclass(eq=False)
class Connection:
    """An open connection, and the messages (numbers) sent over it that are not answered yet."""

    instance: Instance
    socket: ClientWebSocketResponse
    unanswered: set[int] = field(default_factory=set)


class Load:
    """Sends messages when they are due, over as many connections as the rate asks for."""

    def __init__(self, settings: Settings, session: ClientSession) -> None:
        self.messages: list[Message] = []
        self.lateness: list[float] = []  # s by which the load generator itself was late
        self.connections = 0  # opened so far
        self.resent = 0
        self._settings = settings
        self._session = session
        self._random = random.Random(settings.seed)  # noqa: S311  (not for secrets)
        self._loop = asyncio.get_running_loop()
        self._started = 0.0
        self._unanswered = 0
        self._ready: list[Instance] = []
        self._users: Counter[Instance] = Counter()  # connections of each instance, those being opened or closed too
        self._opening = 0
        self._open: list[Connection] = []  # those that take new messages
        self._waiting: list[int] = []  # messages for which no connection was open

    async def replay(self, trace: rates.Rates) -> None:
        """Replay the trace from now on; returns when all is answered, at the latest `grace` seconds after its end."""
        self._started = self._loop.time()
        async with asyncio.TaskGroup() as tasks:
            background = (
                tasks.create_task(self._watch_instances()),
                tasks.create_task(self._keep_connections(trace)),
            )
            for due in rates.arrivals(trace, self._settings.seed):
                if (early := due - self._now()) > 0:
                    await asyncio.sleep(early)
                self.lateness.append(self._now() - due)
                self.messages.append(Message(due))
                self._unanswered += 1
                await self._send(len(self.messages) - 1)
            await asyncio.sleep(max(0.0, trace.end - self._now()))
            while self._unanswered and self._now() < trace.end + self._settings.grace:
                await asyncio.sleep(RETRY_PERIOD)
            for task in background:
                task.cancel()

    def _now(self) -> float:
        """Seconds since the start of the replay."""
        return self._loop.time() - self._started

    async def _send(self, number: int) -> None:
        """Send a message over any open connection, or as soon as there is one."""
        if not self._open:
            self._waiting.append(number)
            return
        connection = self._random.choice(self._open)
        connection.unanswered.add(number)
        with contextlib.suppress(ConnectionError):  # the connection is ending, and sends it again elsewhere
            await connection.socket.send_str(str(number))

    async def _watch_instances(self) -> None:
        while True:
            self._ready = ready_instances(self._settings.instances)
            await asyncio.sleep(REREAD_PERIOD)

    async def _keep_connections(self, trace: rates.Rates) -> None:
        """Open the connections that are missing; those too many are not replaced at the end of their life."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                wanted = max(1, math.ceil(trace.at(self._now()) / self._settings.connection_rate))
                for _unused in range(wanted - self._opening - len(self._open)):
                    if not self._ready:
                        break
                    instance = self._least_used()
                    self._users[instance] += 1
                    self._opening += 1
                    tasks.create_task(self._connect(instance))
                await asyncio.sleep(RETRY_PERIOD)

    def _least_used(self) -> Instance:
        fewest = min(self._users[instance] for instance in self._ready)
        return self._random.choice([instance for instance in self._ready if self._users[instance] == fewest])

    async def _connect(self, instance: Instance) -> None:
        """One connection, from its opening to its end."""
        opening = True
        try:
            async with self._session.ws_connect(instance.url, timeout=CLOSE_TIMEOUT) as socket:
                opening = False
                self._opening -= 1
                self.connections += 1
                await self._use(Connection(instance, socket))
        except (ClientError, OSError):
            # Leave it alone until the next look at the instances file.
            self._ready = [other for other in self._ready if other != instance]
        finally:
            self._opening -= opening
            self._users[instance] -= 1

    async def _use(self, connection: Connection) -> None:
        """Exchange messages for the connection's life, then wait for its last answers."""
        self._open.append(connection)
        waiting, self._waiting = self._waiting, []
        for number in waiting:
            await self._send(number)
        life = self._settings.connection_life * self._random.uniform(0.5, 1.5)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(life):
                while await self._answered(connection):
                    pass
        self._open.remove(connection)
        while connection.unanswered and await self._answered(connection):
            pass
        self.resent += len(connection.unanswered)
        for number in sorted(connection.unanswered):
            await self._send(number)

    async def _answered(self, connection: Connection) -> bool:
        """Wait for one answer and note it; False when the connection was closed instead."""
        answer = await connection.socket.receive()
        if answer.type is not WSMsgType.TEXT:
            return False
        number = int(answer.data)
        message = self.messages[number]
        message.latency = self._now() - message.due
        message.instance = connection.instance.name
        connection.unanswered.discard(number)
        self._unanswered -= 1
        return True

    def write(self, path: Path) -> None:
        """Write what became of each message."""
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("due_s", "latency_s", "instance"))
            for message in self.messages:
                latency = "" if message.latency is None else f"{message.latency:.4f}"
                rows.writerow((f"{message.due:.4f}", latency, message.instance))

    def summary(self) -> dict[str, float]:
        """Counts, the load generator's own lateness (s) and its CPU time (s)."""
        return {
            "messages": len(self.messages),
            "unanswered": self._unanswered,
            "resent": self.resent,
            "connections": self.connections,
            "lateness_p99_s": round(rates.percentile(self.lateness or [0.0], 99), 4),
            "cpu_s": round(time.process_time(), 2),
        }


def ready_instances(path: Path) -> list[Instance]:
    """The ready instances that the file names; none while it is missing."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["instances"]
    except FileNotFoundError:
        return []
    ready = (each for each in found if each["state"] == "ready")
    return [Instance(each["name"], f"ws://{each['address']}:{each['port']}/ws") for each in ready]


async def run(settings: Settings, trace: rates.Rates, start_at: float, output: Path) -> None:
    """Replay from a moment (unix time) on, and write what was measured."""
    await asyncio.sleep(max(0.0, start_at - time.time()))
    async with ClientSession(timeout=ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT)) as session:
        load = Load(settings, session)
        await load.replay(trace)
    load.write(output)
    print(json.dumps(load.summary()))


def main() -> None:
    """Run the load generator."""
    defaults = Settings(instances=Path())
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=Path, required=True, help="file that says where the service is")
    parser.add_argument("--rates", type=Path, required=True, help="rate trace (CSV: t_seconds,rate)")
    parser.add_argument("--output", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--start-at", type=float, default=0, help="unix time at which to start (default now)")
    parser.add_argument("--seed", type=int, default=defaults.seed, help="seed of the arrivals (default %(default)s)")
    parser.add_argument("--speed", type=float, default=1, help="seconds of the trace per second (default 1)")
    parser.add_argument("--scale", type=float, default=1, help="factor for the rates of the trace (default 1)")
    for name, text in (
        ("connection-rate", "messages/s of one connection"),
        ("connection-life", "mean life of a connection in seconds"),
        ("grace", "seconds that the last answers may take"),
    ):
        default = getattr(defaults, name.replace("-", "_"))
        parser.add_argument(f"--{name}", type=float, default=default, help=f"{text} (default {default:g})")
    options = parser.parse_args()
    settings = Settings(
        instances=options.instances,
        connection_rate=options.connection_rate,
        connection_life=options.connection_life,
        grace=options.grace,
        seed=options.seed,
    )
    try:
        trace = rates.rescale(rates.read(options.rates), options.speed, options.scale)
    except rates.TraceError as error:
        sys.exit(str(error))
    asyncio.run(run(settings, trace, options.start_at, options.output))


if __name__ == "__main__":
    main()
