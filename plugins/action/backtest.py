# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks how policies would have done on traffic that a service had. See the module of the same name."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._action import ClusterAction
from ansible_collections.rlops.autoscale.plugins.plugin_utils._agent import ClusterSettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest import _spec, _table
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._page import page
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._replay import replay
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._result import Replay
from ansible_collections.rlops.autoscale.plugins.plugin_utils._decision_spec import DECISION_SPEC, cluster_settings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import require_numpy
from ansible_collections.rlops.autoscale.plugins.plugin_utils._traffic._recorded import recorded

#: s between two lines of progress.
PROGRESS_S = 5.0


class ActionModule(ClusterAction):
    """See the documentation of the module of the same name."""

    SPEC = _spec.BACKTEST_SPEC

    def perform(self, options: dict[str, Any]) -> dict[str, Any]:
        """Get the traffic, let all contenders scale, say and write what came of it."""
        require_numpy("a back-test")
        _refuse_unwritable(options["report"])
        traffic = recorded(
            options,
            options["http"],
            time.time(),
            step=options["interval"],
            servers_per_instance=options["servers_per_instance"],
            queueing=options["queueing"],
        )
        setup = _spec.experiment(options, traffic)
        shared = _spec.decision_options(options, setup)
        contenders = [
            (name, self._settings(place, shared | own))
            for place, (name, own) in enumerate(_spec.contenders(options["policies"]))
        ]
        done = replay(
            contenders,
            setup.traffic,
            setup.environment,
            seed=options["seed"],
            notes=setup.notes,
            progress=_Progress(self),
        )
        table = [self.say(line) for line in _table.lines(done)]
        best, *rows = done.figures
        return {
            "changed": self._write(options["report"], done),
            "table": table,
            "optimum": best.to_plain(),
            "policies": [row.to_plain() for row in rows],
            "notes": list(done.notes),
            "assumed": dict(done.assumed),
            "report": options["report"],
        }

    def _settings(self, place: int, options: dict[str, Any]) -> ClusterSettings:
        """The settings of a contender, whose own options go first."""
        try:
            return cluster_settings(self.options(DECISION_SPEC, options))
        except OptionError as error:
            raise OptionError(f"policies[{place}].{error.option}", str(error).partition(": ")[2]) from error

    def _write(self, path: str | None, done: Replay) -> bool:
        """Write the page, if one is wanted; returns whether it differs from what was there."""
        if not path:
            return False
        file, text = Path(path), page(done, "Back-test").encode()
        try:
            if file.exists() and file.read_bytes() == text:
                return False
            if not self.check_mode:
                file.write_bytes(text)
        except OSError as error:
            raise AutoscaleError(f"report: {quoted(path)} cannot be written: {error.strerror}") from error
        return True


def _refuse_unwritable(path: str | None) -> None:
    """Raise OptionError where a report could not be written there, before a replay takes its time."""
    if not path:
        return
    file = Path(path)
    if file.is_dir():
        why = "it is a directory"
    elif not file.parent.is_dir():
        why = "there is no such directory"
    elif not os.access(file if file.exists() else file.parent, os.R_OK | os.W_OK):
        why = "no permission"
    else:
        return
    raise OptionError("report", f"{quoted(path)} cannot be written: {why}")


class _Progress:
    """One line from time to time."""

    def __init__(self, action: ClusterAction) -> None:
        self._action = action
        self._begin = self._said = time.monotonic()

    def __call__(self, done: int, of: int) -> None:
        now = time.monotonic()
        if done and now - self._said >= PROGRESS_S:
            self._said = now
            left = (now - self._begin) / done * (of - done)
            self._action.say(f"simulated {100 * done / of:.0f} %, about {left:.0f} s left")
