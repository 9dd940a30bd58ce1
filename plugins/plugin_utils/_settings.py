# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a cluster: host variables ``autoscale_<option>``, each an option of one or more actions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeAlias

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted

#: Ansible argument spec by option. Where an option's depends on what is given for others, it is a function of that.
Spec: TypeAlias = Mapping[str, dict[str, Any] | Callable[[Mapping[str, Any]], dict[str, Any]]]

#: An option ``foo`` that a task does not give is read from the host variable ``autoscale_foo``.
VARIABLE_PREFIX = "autoscale_"

#: What one task is told or passes on to the next. Such options are never read from host variables; `tick` is, from the
#: variable of the loop in playbooks/tasks/ticks.yml.
TASK_OPTIONS = frozenset(
    {
        "approval_count",
        "approval_minutes",
        "approved_by",
        "batches",
        "environments",
        "fence",
        "force",
        "instances",
        "operation",
        "pace",
        "pin_minutes",
        "previous",
        "replace",
        "save_every",
        "snapshot",
        "status",
        "steps",
        "target",
        "wait",
    }
)

#: Variables of the loop that begin like settings, and settings of back-tests, which the loop has no use for.
PLAYBOOK_VARIABLES = frozenset(
    {"acting", "batch", "decided", "fleet", "connection_life", "missing", "retry_share", "warmup"}
)


def resolved(spec: Spec, given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The spec as Ansible knows it, for what is given."""
    return {name: option(given) if callable(option) else option for name, option in spec.items()}


def refuse_unknown(variables: Iterable[str], options: Collection[str]) -> None:
    """Raise OptionError for a host variable that begins like a setting and is none: most likely a slip of the pen."""
    known = set(options) - TASK_OPTIONS
    for variable in variables:
        name = variable.removeprefix(VARIABLE_PREFIX)
        if name == variable or name in known or name in PLAYBOOK_VARIABLES:
            continue
        close = get_close_matches(name, known, n=1)
        meant = f"; did you mean {VARIABLE_PREFIX}{close[0]}?" if close else ""
        raise OptionError(quoted(variable), f"there is no such setting{meant}")
