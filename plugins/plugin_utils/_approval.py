# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Approval: a protected cluster changes by no more than a step within a time, until a person says that it may.

    approval = {from, since, request: {from, to, at, by, reason} or null,
                answer: {approved, by, at, from, to, until} or null}

Changes are counted `from` the count that the cluster had; it becomes the present one where that has been another for
`period` seconds and nothing beyond the step was wanted meanwhile. So a change in small steps needs approval as one in
a large step does, and what waits does not come step by step. Fails closed: without an answer that approves, that has
not run out and that reaches as far, nothing beyond the step is ordered. Pure: plain data, see docs/state.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._moments import moment

#: Characters of a person's name and of a policy's reason that are kept.
LONGEST_NAME, LONGEST_REASON = 60, 200

Memory = Mapping[str, Any]


@dataclass(frozen=True)
class ApprovalSettings:
    """Which changes wait for a person. Raises OptionError where that makes no sense."""

    above_step: int  # instances more or fewer, up to which nobody is asked
    period: float = 600.0  # s within which changes are added up

    def __post_init__(self) -> None:
        """Check the options."""
        if self.above_step < 0:
            raise OptionError("approval.above_step", f"0 or more is expected, got {self.above_step}")
        if not 0 <= self.period < math.inf:
            raise OptionError("approval.period", f"0 or more seconds are expected, got {self.period:g}")


def begin(
    memory: Memory, settings: ApprovalSettings, ordered: int, *, reach: tuple[int, int], now: float
) -> dict[str, Any]:
    """The memory ({} at first) at the start of a tick, with the count that changes are counted from.

    `reach` are the fewest and the most instances that bounds and pin allow: what people have set needs no approval.
    """
    count, since = memory.get("from", ordered), min(memory.get("since", now), now)
    waits = memory.get("request") is not None
    if not waits and now - since >= settings.period:
        count = ordered
    count = min(max(count, reach[0]), reach[1])
    return {
        "from": count,
        "since": now if waits or count == ordered else since,
        "request": memory.get("request"),
        "answer": memory.get("answer"),
    }


def allowed(memory: Memory, settings: ApprovalSettings, ordered: int, now: float) -> tuple[int, int]:
    """The fewest and the most instances that may be ordered now; what is ordered already is among them."""
    floor = min(memory["from"] - settings.above_step, ordered)
    ceiling = max(memory["from"] + settings.above_step, ordered)
    answer = valid_answer(memory, now)
    if answer and answer["approved"]:
        floor, ceiling = (floor, max(ceiling, answer["to"])) if _up(answer) else (min(floor, answer["to"]), ceiling)
    return max(0, floor), ceiling


def ask(memory: Memory, beyond: int | None, now: float, *, by: str, reason: str) -> dict[str, Any]:
    """The memory after a tick in which somebody wanted a count `beyond` what is allowed; None: nobody did."""
    if beyond is None:
        return {**memory, "request": None}
    request = {
        "from": memory["from"],
        "to": beyond,
        "at": now,
        "by": by,
        "reason": quoted(reason, LONGEST_REASON),
    }
    before = memory.get("request")
    if before and _up(before) == _up(request):
        request["at"] = before["at"]
    return {**memory, "request": request}


def answered(
    memory: Memory, settings: ApprovalSettings, *, approved: bool, by: str, count: int | None, now: float, until: float
) -> dict[str, Any] | None:
    """The memory after a person has approved or refused what waits, up to `count`, by default all of it.

    A refusal also takes back what was approved before. None where there is nothing to answer. Raises OptionError for a
    count that nobody has to approve.
    """
    request, before = memory.get("request"), valid_answer(memory, now)
    asked = request or (before if before and before["approved"] and not approved else None)
    if asked is None:
        return None
    start, wanted = asked["from"], asked["to"]
    sign = 1 if wanted > start else -1
    if count is not None and (count < 0 or sign * (count - start) <= settings.above_step):
        some = f"{start + sign * (settings.above_step + 1)} or {'more' if sign > 0 else 'fewer'}"
        raise OptionError("approval_count", f"expected {some}, since {start} to {wanted} waits, got {count}")
    answer = {
        "approved": approved,
        "by": quoted(by, LONGEST_NAME),
        "at": now,
        "from": start,
        "to": wanted if count is None else count,
        "until": until,
    }
    # What is approved waits no longer; what is refused is still wanted, and its count does not move on.
    return {**memory, "request": None if approved else request, "answer": answer}


def valid_answer(memory: Memory, now: float) -> Mapping[str, Any] | None:
    """The last answer, if it holds now."""
    answer: Mapping[str, Any] | None = memory.get("answer")
    return answer if answer and answer["at"] <= now < answer["until"] else None


def why_not(memory: Memory, settings: ApprovalSettings, now: float, command: str | None) -> str:
    """Why what is wanted is not ordered; `command` is what a person runs to approve, None where nothing is recorded."""
    start, to = memory["request"]["from"], memory["request"]["to"]
    change = f"{start} to {to} is more than {settings.above_step} within {settings.period / 60:g} min"
    refused_by = _refused_by(memory, now)
    if refused_by is not None:
        return f"{change}, which {refused_by} has refused until {moment(memory['answer']['until'])}"
    if command is None:
        return f"{change} and would have to be approved"
    return f"{change} and waits for approval: {command} -e instance_count={to}"


def by_whom(memory: Memory, settings: ApprovalSettings, target: int, now: float) -> str:
    """Who has approved this target; empty where nobody had to."""
    answer = valid_answer(memory, now)
    beyond = target - memory["from"] if answer and _up(answer) else memory["from"] - target
    if not answer or not answer["approved"] or beyond <= settings.above_step:
        return ""
    return f"{answer['by']} has approved {answer['to']} until {moment(answer['until'])}"


def waiting(memory: Memory | None, now: float) -> dict[str, Any] | None:
    """What waits for a person, and who has refused it (null: nobody); None where nothing waits."""
    if not memory or memory.get("request") is None:
        return None
    return {**memory["request"], "refused_by": _refused_by(memory, now)}


def _refused_by(memory: Memory, now: float) -> str | None:
    """Who has refused what is wanted, or less, if that holds now."""
    request, answer = memory["request"], valid_answer(memory, now)
    if not answer or answer["approved"] or _up(answer) != _up(request):
        return None
    return str(answer["by"])


def _up(change: Mapping[str, Any]) -> bool:
    """Whether a request or an answer is about growth."""
    return bool(change["to"] > change["from"])
