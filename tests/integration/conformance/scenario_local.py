# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backend local: processes of this machine."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from typing import Any

from ansible_collections.rlops.autoscale.tests.tools.ports import own_range
from ansible_collections.rlops.autoscale.tests.tools.waiting import runs

from .scenario import SERVICE, Scenario


class LocalScenario(Scenario):
    """Backend local."""

    pauses = True

    def driver_settings(self) -> dict[str, Any]:
        pool = {
            "backend": "local",
            "command": [sys.executable, str(SERVICE), "{port}"],
            "environment": {"UNHEALTHY": str(self.unhealthy)},
            "directory": str(self.home / "local"),
            "port_range": own_range(),
        }
        return {"autoscale_pools": [pool]}

    def running(self) -> dict[str, int]:
        """Name -> pid."""
        records = [json.loads(path.read_text()) for path in self.home.glob("local/chat/local/instances/*.json")]
        return {record["name"]: record["pid"] for record in records if record["pid"] and runs(record["pid"])}

    def supervisord(self) -> int | None:
        """Its pid; None if it does not run."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.home / "local/chat/local/supervisord.pid").read_text())
            return pid if runs(pid) else None
        return None

    def clean_up(self) -> None:
        pid = self.supervisord()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        super().clean_up()

    def kill(self, name: str) -> None:
        with contextlib.suppress(ProcessLookupError, KeyError):
            os.kill(self.running()[name], signal.SIGKILL)
