# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Callback that hands registered results to the test that runs the playbook, which costs no task and no module."""

from __future__ import annotations

DOCUMENTATION = r"""
name: registered
type: aggregate
short_description: Writes the last result of each registered name to the file AUTOSCALE_TEST_REGISTERED, as JSON
version_added: 0.1.0
description:
  - Writes the last result of each registered name to the file AUTOSCALE_TEST_REGISTERED, as JSON.
author:
  - rlops.autoscale contributors (@rlops)
"""

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Keeps results, whether they are failures or not, and writes them at the end of each task."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "registered"

    def __init__(self) -> None:
        super().__init__()
        self._path = Path(os.environ["AUTOSCALE_TEST_REGISTERED"])
        self._results: dict[str, Any] = {}

    def v2_runner_on_ok(self, result: Any) -> None:
        self._keep(result, failed=False)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._keep(result, failed=True)

    def _keep(self, result: Any, *, failed: bool) -> None:
        name = result._task.register
        if isinstance(name, str):
            self._results[name] = {"changed": False, **result._result, "failed": failed}
            self._path.write_text(json.dumps(self._results, default=str), encoding="utf-8")
