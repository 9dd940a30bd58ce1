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
  - Shows only what the autoscaler says of each tick and of what it does, warnings, failures and unreachable hosts.
  - Each warning comes once a run, on stderr. With C(--diff), what changed is shown, too.
  - Choose it with C(ANSIBLE_STDOUT_CALLBACK=rlops.autoscale.lines), for a terminal or for a log that cron writes.
author:
  - rlops.autoscale contributors (@rlops)
options: {}  # ansible-runner, and so AWX and ansible-rulebook, cannot use a callback that says nothing of them
"""

from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Prints the messages of failed tasks, and warnings; the ticks' own lines come from the actions themselves."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "rlops.autoscale.lines"

    def __init__(self) -> None:
        super().__init__()
        self._had_hosts = False

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002 - as in the base
        self._had_hosts = True

    def v2_playbook_on_stats(self, stats: Any) -> None:  # noqa: ARG002 - as in the base
        if not self._had_hosts:
            nobody = "no cluster: no host of the inventory is in the group autoscaled, or -l leaves none of them"
            self._display.display(nobody, color="red")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._handle_warnings(result._result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        self._handle_warnings(result._result)

    def v2_on_file_diff(self, result: Any) -> None:
        for each in result._result.get("results") or [result._result]:
            if each.get("changed") and each.get("diff"):
                self._display.display(self._get_diff(each["diff"]).rstrip("\n"))

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._say(result, "ignored" if ignore_errors else "failed")

    def v2_runner_item_on_failed(self, result: Any) -> None:
        self._say(result, "failed")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._say(result, "unreachable")

    def _say(self, result: Any, what: str) -> None:
        # Since ansible-core 2.19 a task's warnings come with its result, and are lost where nobody shows them.
        self._handle_warnings(result._result)
        message = result._result.get("msg") or "no message; run with the default callback to see the task's result"
        self._display.display(f"{result._host.get_name()}: {result._task.get_name()} {what}: {message}", color="red")
