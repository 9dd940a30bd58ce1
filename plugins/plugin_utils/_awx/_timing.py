# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether schedules fit to what they start: a job that outlasts its turn makes the next one late, and the next one."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._spec import WORKFLOW
from ansible_collections.rlops.autoscale.plugins.plugin_utils._decision_spec import DECISION_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._rrule import OPTIONS, Recurrence, recurrence

DEADLINE = "autoscale_deadline"
#: Templates that tick until autoscale_deadline.
LOOPS = ("autoscale", "recommend")
#: Templates that decide.
_DECIDERS = (*LOOPS, WORKFLOW)
#: s that a job may go on after its last tick has begun, before AWX ends it: one tick of a slow backend, and the start.
_GRACE_S = 75
#: s after which AWX ends the other jobs. `scale` waits until instances are ready.
_TIMEOUTS = {"decide": 120, "act": 300, "scale": 900, "approve": 120, "backtest": 3600}


class Timing(NamedTuple):
    """When things are started, and how long they may take."""

    recurrences: list[Recurrence]  # of the schedules, in their order
    timeouts: dict[str, int]  # s after which AWX ends a job, by template
    group_variables: dict[str, Any]  # of all clusters


def timing(options: Mapping[str, Any], clusters: Mapping[str, Mapping[str, Any]], templates: Collection[str]) -> Timing:
    """The timing of the schedules. Raises OptionError where one does not fit to what it starts."""
    overhead = options["start_overhead"]
    if overhead < 0:
        raise OptionError("start_overhead", f"0 or more seconds are expected, got {overhead}")
    recurrences = [_recurrence(place, schedule) for place, schedule in enumerate(options["schedules"])]
    on = [
        (f"schedules[{place}]", schedule["template"], recurrences[place].shortest_gap)
        for place, schedule in enumerate(options["schedules"])
        if schedule["enabled"]
    ]
    _refuse_two_deciders(on)
    group: dict[str, Any] = {}
    gaps = [gap for _where, template, gap in on if template in LOOPS]
    if gaps and DEADLINE not in options["cluster_variables"]:
        group[DEADLINE] = max(0, min(gaps) - overhead)
    common = {**options["cluster_variables"], **group}
    deadlines = {
        template: _deadlines(clusters, common, options["templates"][template]["extra_vars"]) for template in LOOPS
    }
    for where, template, gap in on:
        if template in LOOPS:
            _check_loop(where, template, gap, overhead, deadlines[template])
        elif template == WORKFLOW and options[WORKFLOW]["approval"]:
            _check_approval(where, gap, overhead, options[WORKFLOW]["approval_timeout"])
    timeouts = _TIMEOUTS | {name: math.ceil(max(deadlines[name].values())) + _GRACE_S for name in LOOPS}
    return Timing(recurrences, {name: timeouts[name] for name in templates}, group)


def longest_deadline(timeout: int) -> int:
    """The autoscale_deadline that a job can have, in s, before AWX ends it in the middle of a tick."""
    return max(0, timeout - _GRACE_S)


def in_words(schedule: Mapping[str, Any]) -> str:
    """When it is started, for the name of a schedule."""
    if schedule["rrule"]:
        return "by a rule"
    every, unit = schedule["every"] or 1, schedule["unit"] or "minutes"
    return f"each {unit.removesuffix('s')}" if every == 1 else f"each {every} {unit}"


def _recurrence(place: int, schedule: Mapping[str, Any]) -> Recurrence:
    where = f"schedules[{place}]"
    given = {name: schedule[name] for name in OPTIONS if schedule[name] is not None}
    if schedule["rrule"] is None:
        return recurrence(given, where)
    if given:
        raise OptionError(f"{where}.rrule", f"expected without other options of when, got {', '.join(given)}, too")
    return recurrence(schedule["rrule"], f"{where}.rrule")


def _deadlines(
    clusters: Mapping[str, Mapping[str, Any]], common: Mapping[str, Any], extra: Mapping[str, Any]
) -> dict[str, float]:
    """autoscale_deadline of each cluster, as Ansible weighs variables. Raises OptionError."""
    return {name: _deadline(name, {**common, **own, **extra}) for name, own in clusters.items()}


def _deadline(cluster: str, variables: Mapping[str, Any]) -> float:
    given = variables.get(DEADLINE, DECISION_SPEC["deadline"]["default"])
    try:
        deadline = float(given)
    except (TypeError, ValueError):
        deadline = -1.0
    if not 0 <= deadline < 1e6:
        raise OptionError(
            f"clusters.{quoted(cluster)}.{DEADLINE}", f"a number of seconds is expected, got {quoted(given)}"
        )
    return deadline


def _check_loop(where: str, template: str, gap: int, overhead: int, deadlines: Mapping[str, float]) -> None:
    longest = max(deadlines, key=lambda name: deadlines[name])
    deadline = deadlines[longest]
    if gap < deadline + overhead:
        raise OptionError(
            where,
            f"{template} is started each {gap} s and takes up to {deadline + overhead:g} s, which are {DEADLINE} of "
            f"{quoted(longest)} ({deadline:g}) and start_overhead ({overhead}): jobs would queue up. Expected is an "
            f"{DEADLINE} of at most {max(0, gap - overhead)}, or a longer interval",
        )


def _check_approval(where: str, gap: int, overhead: int, timeout: int) -> None:
    if gap < timeout + overhead:
        raise OptionError(
            where,
            f"the workflow is started each {gap} s and may wait up to {timeout} s for an answer: workflows would queue "
            f"up. Expected is a workflow.approval_timeout of at most {max(1, gap - overhead)}, or a longer interval",
        )


def _refuse_two_deciders(on: Collection[tuple[str, str, int]]) -> None:
    """Each would undo what the other has decided; with state among the facts of AWX, also what it has learned."""
    first: str | None = None
    for where, template, _gap in on:
        if template in _DECIDERS and first not in (None, template):
            raise OptionError(
                where,
                f"{first} and {template} would decide for the same clusters, each against the other. Expected is a "
                "schedule for one of them; others can be there with enabled: false",
            )
        first = template if template in _DECIDERS else first
