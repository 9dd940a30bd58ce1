# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backend custom, with the example of the docs."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from typing import Any

from ansible_collections.rlops.autoscale.tests.tools.ports import free_block
from ansible_collections.rlops.autoscale.tests.tools.waiting import example_processes

from .scenario import ROOT, SERVICE, Scenario


class CustomScenario(Scenario):
    """Backend custom, with the example of the docs."""

    def driver_settings(self) -> dict[str, Any]:
        example = shutil.copytree(ROOT / "docs" / "examples" / "custom", self.home / "example")
        launcher = self.home / "service.sh"
        launcher.write_text(f'#!/bin/sh\nUNHEALTHY="{self.unhealthy}" exec "{sys.executable}" "{SERVICE}" "$1"\n')
        launcher.chmod(0o755)
        return {
            "autoscale_pools": [{"backend": "custom", "tasks": str(example / "pool.yml")}],
            "example_tool": str(example / "processes"),
            "example_directory": str(self.home / "run"),
            "example_first_port": free_block(),
            "example_command": [str(launcher)],
        }

    def running(self) -> dict[str, int]:
        """Name -> pid."""
        return example_processes(self.home / "run")

    def kill(self, name: str) -> None:
        with contextlib.suppress(ProcessLookupError, KeyError):
            os.kill(self.running()[name], signal.SIGKILL)
