# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users of the demo's service, in a thread of their own: WebSockets that stay open, and single requests."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

import aiohttp

GOING_AWAY = aiohttp.WSCloseCode.GOING_AWAY
PAUSE_S = 0.2  # between two messages of a user
ANSWER_S = 30.0  # that an answer may take on a busy machine


@dataclass
class Found:
    """What the users have seen."""

    sent: int = 0
    answered: int = 0
    closes: list[tuple[float, int | None]] = field(default_factory=list)  # unix seconds, code; None: without one
    refused: Counter[str] = field(default_factory=Counter)  # connections and requests that were not taken: why


class Users:
    """So many users of ws://.../ws or, with `requests`, of http://.../work; until the block ends."""

    def __init__(self, port: int, count: int, *, requests: bool = False) -> None:
        self.found = Found()
        self._port = port
        self._count = count
        self._use = self._request if requests else self._chat
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()))

    def __enter__(self) -> Users:
        self._thread.start()
        return self

    def __exit__(self, *_unused: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.end()

    def end(self) -> Found:
        """Send nothing more, and wait for what is still to be answered."""
        self._over.set()
        self._thread.join(2 * ANSWER_S)
        assert not self._thread.is_alive()
        return self.found

    async def _main(self) -> None:
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as tasks:
            for _user in range(self._count):
                tasks.create_task(self._use(session))

    async def _chat(self, session: aiohttp.ClientSession) -> None:
        """Send a message, wait for its answer, and so on. Connect again when told to go, and send again."""
        unanswered = False
        while unanswered or not self._over.is_set():
            try:
                async with session.ws_connect(f"http://127.0.0.1:{self._port}/ws") as connection:
                    while unanswered or not self._over.is_set():
                        self.found.sent += not unanswered
                        unanswered = True
                        with suppress(ConnectionError):  # it is just being closed
                            await connection.send_str("hello")
                        if not await self._heard(connection, ANSWER_S):
                            break
                        self.found.answered += 1
                        unanswered = False
                        with suppress(TimeoutError):
                            await self._heard(connection, PAUSE_S)
                            break
            except aiohttp.ClientError as error:
                self._refuse(error)
                await asyncio.sleep(PAUSE_S)

    async def _heard(self, connection: aiohttp.ClientWebSocketResponse, seconds: float) -> bool:
        """Whether that was an answer; else the connection was closed. Raises TimeoutError."""
        message = await connection.receive(seconds)
        if message.type is aiohttp.WSMsgType.TEXT:
            return True
        code = message.data if message.type is aiohttp.WSMsgType.CLOSE else None
        self.found.closes.append((time.time(), code))
        return False

    async def _request(self, session: aiohttp.ClientSession) -> None:
        """Request after request, each over a connection of its own."""
        while not self._over.is_set():
            self.found.sent += 1
            try:
                url, headers = f"http://127.0.0.1:{self._port}/work", {"Connection": "close"}
                async with session.post(url, data=b"hello", headers=headers) as answer:
                    text = await answer.text()
                    if answer.status == 200:
                        self.found.answered += 1
                    else:
                        self.found.refused[f"{answer.status} {text.strip()[:80]}"] += 1
            except (aiohttp.ClientError, TimeoutError) as error:
                self._refuse(error)
            await asyncio.sleep(0)

    def _refuse(self, error: BaseException) -> None:
        status = getattr(error, "status", "")
        self.found.refused[f"{type(error).__name__} {status}"] += 1
