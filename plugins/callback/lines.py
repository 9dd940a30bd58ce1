# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Quiet stdout callback for loops that run for hours."""

from __future__ import annotations

DOCUMENTATION = r"""
name: lines
type: stdout
short_description: One line a tick, and whatever goes wrong
version_added: 0.1.0
description:
  - Shows only what the autoscaler says of each tick, failures and unreachable hosts.
  - Choose it with C(ANSIBLE_STDOUT_CALLBACK=rlops.autoscale.lines), for a terminal or for a log that cron writes.
author:
  - rlops.autoscale contributors (@rlops)
"""

from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Prints the messages of failed tasks; the ticks' own lines come from the actions themselves."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "rlops.autoscale.lines"

    def v2_playbook_on_no_hosts_matched(self) -> None:
        self._display.display(
            "no cluster: no host of the inventory is in the group autoscaled, or -l leaves none of them", color="red"
        )

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._say(result, "ignored" if ignore_errors else "failed")

    def v2_runner_item_on_failed(self, result: Any) -> None:
        self._say(result, "failed")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._say(result, "unreachable")

    def _say(self, result: Any, what: str) -> None:
        message = result._result.get("msg") or "no message; run with the default callback to see the task's result"
        self._display.display(f"{result._host.get_name()}: {result._task.get_name()} {what}: {message}", color="red")
