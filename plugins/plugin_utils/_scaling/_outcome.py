# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What came of one pass of converge, in data and in one line for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, SettingError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import (
    BOOTING,
    DRAINING,
    FAILED,
    ORDERED,
    READY,
    WARM,
    Instance,
    drift,
    left_to_drain,
    on_their_way,
    ordered,
    ready,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._plan import (
    DRAIN,
    REMOVE,
    RESUME,
    START,
    STOP,
    UNDRAIN,
    Operation,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._rebalance import Shedding

#: So many names of instances are said in a line.
_MAX_NAMES = 5


@dataclass(frozen=True)
class Outcome:
    """One pass. Under check mode ``after`` is what would be."""

    cluster: str
    target: int
    operations: Sequence[Operation]
    holding: str | None  # why fewer were started than are missing
    failed: Mapping[str, tuple[str, bool]]  # name -> why, and whether it had ever been ready
    before: Sequence[Instance]
    after: Sequence[Instance]
    sheddings: Sequence[Shedding] = ()  # connections that instances are asked to let go
    problems: Sequence[str] = ()  # pools and load balancers that do not answer
    errors: Sequence[AutoscaleError] = ()  # what could not be done
    notes: Sequence[str] = ()  # what a person should know, and can wait
    last_failure: str | None = None  # in words, from whichever pass
    elapsed_s: float = 0.0  # since the cluster was last finished, or a person has asked for a count
    todo: list[dict[str, Any]] = field(default_factory=list)  # for the user's own tasks

    @property
    def unfinished(self) -> bool:
        return ordered(self.after) != self.target or not self.settled or bool(self.problems)

    @property
    def settled(self) -> bool:
        """Nothing boots, drains or has failed."""
        return all(instance.state in (READY, WARM) for instance in self.after)

    @property
    def stuck(self) -> bool:
        """Nothing is on its way, and what is missing is held back."""
        return self.settled and self.holding is not None and not self.problems

    def check(self) -> None:
        """Raise what could not be done; SettingError where trying again is of no use."""
        if self.errors:
            kind = SettingError if any(isinstance(error, SettingError) for error in self.errors) else AutoscaleError
            raise kind("; ".join([f"{self.counts()}", *dict.fromkeys(map(str, self.errors))]))

    def added(self) -> list[str]:
        """Those that became ordered."""
        state = {instance.name: instance.state for instance in self.before}
        back = {UNDRAIN: DRAINING, RESUME: WARM}  # else it is asked once more for what it should be already
        grown = [o.name for o in self.operations if o.kind == START or back.get(o.kind) == state.get(o.name, "")]
        return [name for name in grown if name not in self.failed]

    def removed(self) -> list[str]:
        """Those that are no longer wanted or of use: surplus or failed, whether they have ended or not."""
        state = {instance.name: instance.state for instance in self.before}
        leaving = (*ORDERED, FAILED)
        names = [o.name for o in self.operations if o.kind in (DRAIN, STOP, REMOVE) and state[o.name] in leaving]
        return list(dict.fromkeys(names))

    def failures(self) -> list[dict[str, Any]]:
        return [{"name": name, "reason": why, "was_ready": was} for name, (why, was) in sorted(self.failed.items())]

    def counts(self) -> str:
        """Such as "chat: 3 of 5 ready, 2 booting"."""
        head = f"{self.cluster}: {ready(self.after)} of {self.target} ready"
        return ", ".join([head, *on_their_way(self.after), *drift(self.after)])

    def message(self) -> str:
        """The counts, for how long, what went wrong, and what the first that boots lacks."""
        problems = [*left_to_drain(self.after), *self.problems, *self.notes]
        problems += [f"{failure['name']} failed: {failure['reason']}" for failure in self.failures()]
        if self.holding:
            problems += [self.holding] if problems or not self.last_failure else [self.last_failure, self.holding]
        lacking = [i for i in self.after if i.state == BOOTING and i.reason]
        if lacking:
            problems.append(f"{lacking[0].name} is not ready: {quoted(lacking[0].reason)}")
        return "; ".join([f"{self.counts()} ({self.elapsed_s:.0f} s)", *problems])

    def intention(self) -> str:
        """For check mode, such as "chat: would start chat-4 (3 ready, 4 wanted)"."""
        line = f"{self.cluster}: would {self._deeds() or 'change nothing'} {self._reckoning()}"
        return f"{line}; {self.holding}" if self.holding else line

    def deeds(self) -> str | None:
        """What was asked for, such as "chat: start chat-4 (3 ready, 4 wanted)"; None where it was nothing."""
        deeds = self._deeds()
        return f"{self.cluster}: {deeds} {self._reckoning()}" if deeds else None

    def _deeds(self) -> str:
        names: dict[str, list[str]] = {}
        for operation in self.operations:
            names.setdefault(operation.kind, []).append(operation.name)
        deeds = [f"{kind} {_enumerated(those)}" for kind, those in names.items()]
        return ", ".join([*deeds, *map(str, self.sheddings)])

    def _reckoning(self) -> str:
        return f"({ready(self.before)} ready, {self.target} wanted)"

    def diff(self) -> dict[str, str]:
        """For ``--diff``: one line per instance, before and after."""
        return {
            "before_header": f"{self.cluster} now",
            "after_header": f"{self.cluster} after this pass",
            "before": _listing(self.before),
            "after": _listing(self.after),
        }


def _enumerated(names: Sequence[str]) -> str:
    shown = " ".join(names[:_MAX_NAMES])
    return shown if len(names) <= _MAX_NAMES else f"{shown} and {len(names) - _MAX_NAMES} more"


def _listing(instances: Iterable[Instance]) -> str:
    instances = list(instances)
    lines = [f"{instance.pool} {instance.name} {instance.state}" for instance in instances]
    return "\n".join([f"ordered: {ordered(instances)}", *lines, ""])
