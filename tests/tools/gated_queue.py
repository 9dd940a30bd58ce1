# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of ansible-rulebook that are busy."""

from __future__ import annotations

import asyncio
from typing import Any


class GatedQueue(asyncio.Queue[Any]):
    """Takes nothing until its gate is set."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def put(self, item: Any) -> None:
        await self.gate.wait()
        await super().put(item)
