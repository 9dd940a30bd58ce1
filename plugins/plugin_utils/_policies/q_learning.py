# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy `q_learning`: the tabular Q-learning agent that this collection started from, kept exactly, as the reference.

State `<latency bucket>_<queue bucket>_<instances>`, actions -1, 0, +1, epsilon-greedy. As an online agent it sees one
observation a tick, which closes the transition of the tick before and opens the next:

1. learn: Q(s, a) += alpha (r + gamma max Q(s', .) - Q(s, a)), where s' and r are of this observation;
2. choose an action for s' and remember both;
3. decay epsilon, so that the first choice is made with the initial one.

The action learned is the one that was taken: guards may have changed what was proposed. Where the driver failed, or
p99 or the queue is missing, the transition is dropped: its outcome was not seen, and the next one that is seen belongs
to a later tick, whatever happened in between.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    Entry,
    Memory,
    Observation,
    PerCluster,
    PolicySettings,
    Proposal,
)

#: In the order in which ties are broken.
ACTIONS = (-1, 0, 1)

_STATE = re.compile(r"\d{1,3}_\d{1,3}_\d{1,6}")

#: state -> action as text -> value; actions never tried are absent and count as 0
QTable = dict[str, dict[str, float]]


class QLearning(PerCluster):
    """Memory: `q_table`, `epsilon`, `pending` {state, action} whose outcome is not seen yet."""

    name = "q_learning"
    options: ClassVar[dict[str, Any]] = {
        "learning_rate": {"type": "float", "default": 0.1},
        "discount_factor": {"type": "float", "default": 0.9},
        "epsilon": {"type": "float", "default": 1.0},
        "epsilon_decay": {"type": "float", "default": 0.995},
        "epsilon_min": {"type": "float", "default": 0.1},
        "latency_thresholds": {"type": "list", "elements": "float", "default": [0.1, 0.2, 0.5]},
        "queue_thresholds": {"type": "list", "elements": "float", "default": [20.0, 50.0, 100.0]},
        "latency_weight": {"type": "float", "default": 100.0},
        "queue_weight": {"type": "float", "default": 10.0},
        "instance_weight": {"type": "float", "default": 1.5},
    }
    limits: ClassVar[dict[str, tuple[float, float]]] = dict.fromkeys(
        ("learning_rate", "discount_factor", "epsilon", "epsilon_decay", "epsilon_min"), (0.0, 1.0)
    )

    def check(self, options: Mapping[str, Any]) -> None:
        """Also, thresholds must rise."""
        super().check(options)
        for name in ("latency_thresholds", "queue_thresholds"):
            if list(options[name]) != sorted(set(options[name])):
                raise OptionError(f"{self.name}.{name}", f"must rise from one to the next, got {options[name]}")

    def table(self, memory: Memory) -> list[Entry]:
        """See Policy.table: the values of the actions tried so far."""
        known: QTable = memory.get("q_table", {})
        return [
            Entry(state, f"{int(action):+d}", value)
            for state, values in sorted(known.items())
            for action, value in values.items()
        ]

    def edited(self, memory: Memory, entries: Sequence[Entry]) -> Memory:
        """See Policy.edited."""
        table: QTable = memory.get("q_table", {})
        for place, entry in enumerate(entries):
            if not _STATE.fullmatch(entry.situation):
                raise OptionError(f"entries[{place}].situation", "expected a state such as 0_2_5")
            if entry.choice not in {f"{action:+d}" for action in ACTIONS}:
                raise OptionError(f"entries[{place}].choice", "expected one of -1, +0, +1")
            if not math.isfinite(entry.value):
                raise OptionError(f"entries[{place}].value", f"a finite number is expected, got {entry.value:g}")
            table = {**table, entry.situation: {**table.get(entry.situation, {}), str(int(entry.choice)): entry.value}}
        return {**memory, "q_table": table}

    def propose(
        self, memory: Memory, observation: Observation, settings: PolicySettings, rng: Random
    ) -> tuple[Proposal, Memory]:
        """Learn from the last action, then choose the next."""
        options, ordered, snapshot = settings.options, observation.ordered, observation.snapshot
        p99, queue = snapshot.get("p99_latency_s"), snapshot.get("queue_depth")
        epsilon: float = memory.get("epsilon", options["epsilon"])
        table: QTable = memory.get("q_table", {})
        if not snapshot.get("valid") or p99 is None or queue is None:
            kept = {"q_table": table, "epsilon": epsilon, "pending": None}
            return Proposal(None, "p99 or queue is missing, the count stays and nothing is learned"), kept

        state = _state(p99, queue, ordered, options)
        pending = memory.get("pending")
        if pending is not None and observation.taken is not None:
            taken = (observation.taken > 0) - (observation.taken < 0)
            reward = _reward(p99, queue, ordered, settings)
            table = _learned(table, pending["state"], taken, reward=reward, next_state=state, options=options)

        explored = False
        allowed = [a for a in ACTIONS if settings.min_instances <= ordered + a <= settings.max_instances]
        if not allowed:
            # outside the bounds by more than one: the only way is back
            action = 1 if ordered < settings.min_instances else -1
        elif observation.explore and rng.random() < epsilon:
            explored = True
            action = allowed[math.floor(rng.random() * len(allowed))]
        else:
            action = max(allowed, key=lambda a: _value(table, state, a))  # the first of the best

        remembered: Memory = {
            "q_table": table,
            "epsilon": _decayed(epsilon, options) if observation.explore else epsilon,
            "pending": {"state": state, "action": action},
        }
        values = {str(a): _value(table, state, a) for a in ACTIONS}
        how = "drawn at random" if explored else "the best known"
        reason = f"state {state}: {action:+d} is {how} (epsilon {epsilon:.3g}, value {values[str(action)]:.4g})"
        details = {"state": state, "action": action, "explored": explored, "epsilon": epsilon, "values": values}
        return Proposal(ordered + action, reason, details), remembered


def _state(p99: float, queue: float, instances: int, options: Mapping[str, Any]) -> str:
    """The key of a state: a value at a threshold belongs to the bucket above it."""
    latency_bucket = bisect_right(options["latency_thresholds"], p99)
    queue_bucket = bisect_right(options["queue_thresholds"], queue)
    return f"{latency_bucket}_{queue_bucket}_{instances}"


def _reward(p99: float, queue: float, instances: int, settings: PolicySettings) -> float:
    """What a tick was worth: 0 at best. p99 in s, queue in messages per instance; an SLO switched off costs nothing."""
    options, slo = settings.options, settings.slo
    late = max(0.0, p99 - slo.p99_latency) if slo.p99_latency is not None else 0.0
    long = max(0.0, queue - slo.queue_depth) if slo.queue_depth is not None else 0.0
    return float(
        -options["latency_weight"] * late - options["queue_weight"] * long - options["instance_weight"] * instances
    )


def _learned(
    table: QTable, state: str, action: int, *, reward: float, next_state: str, options: Mapping[str, Any]
) -> QTable:
    """The table after one transition; the maximum runs over all actions, also those outside the bounds."""
    old = _value(table, state, action)
    best = max(_value(table, next_state, a) for a in ACTIONS)
    new = old + options["learning_rate"] * (reward + options["discount_factor"] * best - old)
    return {**table, state: {**table.get(state, {}), str(action): new}}


def _value(table: QTable, state: str, action: int) -> float:
    return table.get(state, {}).get(str(action), 0.0)


def _decayed(epsilon: float, options: Mapping[str, Any]) -> float:
    """One decay step while above the minimum (the last one may end a little below it)."""
    return float(epsilon * options["epsilon_decay"]) if epsilon > options["epsilon_min"] else epsilon


POLICY = QLearning()
