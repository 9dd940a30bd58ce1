# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWX asks people who start a job. Nothing but these variables gets through, unless a template says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._spec import WORKFLOW

Survey = dict[str, Any]


def _survey(*questions: dict[str, Any]) -> Survey:
    return {"name": "", "description": "", "spec": list(questions)}


def _question(variable: str, name: str, kind: str, description: str = "", **more: Any) -> dict[str, Any]:
    """All that AWX would add by itself is said, so that what it has is what was sent."""
    return {
        "variable": variable,
        "question_name": name,
        "question_description": description,
        "type": kind,
        "required": False,
        **more,
    }


def _which(clusters: Sequence[str], **more: Any) -> dict[str, Any]:
    return _question("cluster", "Which cluster?", "multiplechoice", choices="\n".join(clusters), **more)


def _triggered() -> dict[str, Any]:
    """For what starts a job in answer to an event: a run that comes too late leaves it be."""
    description = "Unix seconds, or such as 2026-01-31T06:00:00Z. Leave it empty unless an event has started this."
    return _question("autoscale_triggered_at", "When did it happen?", "text", description, max=64)


def _loop(_clusters: Sequence[str], longest: int) -> Survey:
    description = "0 is for one tick. Leave it empty for what the cluster is set to."
    deadline = _question("autoscale_deadline", "For how many seconds?", "float", description, min=0, max=longest)
    return _survey(_triggered(), deadline)


def _once(_clusters: Sequence[str], _longest: int) -> Survey:
    return _survey(_triggered())


def _scale(clusters: Sequence[str], _longest: int) -> Survey:
    return _survey(
        _which(clusters, required=True),
        _question("instance_count", "How many instances?", "integer", required=True, min=0, max=999999),
        _question("pin_minutes", "For how many minutes?", "integer", min=1, max=9999999, default=60),
    )


def _approve(clusters: Sequence[str], _longest: int) -> Survey:
    up_to = "Leave it empty for all that waits at this moment."
    return _survey(
        _which(clusters, required=True),
        _question("operation", "Approve or refuse?", "multiplechoice", choices="approve\nrefuse", default="approve"),
        _question("instance_count", "Up to how many instances?", "integer", up_to, min=0, max=999999),
        _question("approval_minutes", "For how many minutes?", "integer", min=1, max=9999999, default=60),
    )


def _backtest(clusters: Sequence[str], _longest: int) -> Survey:
    return _survey(
        # Not required: a schedule answers no questions.
        _which(clusters, default=clusters[0]),
        _question("days", "How many days of the past?", "integer", min=1, max=365, default=14),
    )


#: By what is started: functions of the clusters and of the longest autoscale_deadline that a job can have, in s.
SURVEYS: dict[str, Callable[[Sequence[str], int], Survey]] = {
    "autoscale": _loop,
    "recommend": _loop,
    "decide": _once,
    WORKFLOW: _once,
    "scale": _scale,
    "approve": _approve,
    "backtest": _backtest,
}
