# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a run ticks, and the line that tells of a tick."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import DRAINING, WARM

#: A lease outlives this many ticks of its holder.
LEASE_TICKS = 4
#: ... and at least this many seconds, for actions that take long.
LEASE_MIN_S = 60.0
#: Ticks that a loop lays out at once.
BATCH = 40
_TICK = re.compile(r"(\d{1,12}\.\d{3})\+(\d{1,9})")


class Tick(NamedTuple):
    """One tick of a run. As text it travels from task to task, at a third of the memory that a dict would take."""

    due_at: float  # unix seconds
    further: int  # how many the run makes after it

    def __str__(self) -> str:
        return f"{self.due_at:.3f}+{self.further}"

    @classmethod
    def from_text(cls, text: str) -> Tick:
        """Read what `str` gives. Raises OptionError."""
        match = _TICK.fullmatch(text)
        if match is None:
            raise OptionError(
                "tick", f"one of the ticks that the first of a run returned is expected, got {quoted(text)}"
            )
        return cls(float(match[1]), int(match[2]))


def ticks_of_run(now: float, last_at: float | None, interval: float, deadline: float) -> list[Tick]:
    """The ticks of a run that begins `now` and starts no tick later than `deadline` seconds from now.

    The first is due at once, or one interval after the last tick of the run before: a run that is started every minute
    goes on in the step of the one before.
    """
    first = now
    if last_at is not None and now - interval < last_at <= now:
        first = last_at + interval
    if now + deadline < first <= now + interval / 2:
        # Nearly due: a run that makes one tick, and is started each interval, shall not miss each second one.
        first = now
    count = int((now + deadline - first) / interval + 1e-9) + 1 if first <= now + deadline else 0
    return [Tick(first + k * interval, count - 1 - k) for k in range(count)]


def why_no_tick(now: float, last_at: float, interval: float, *, waits: bool) -> str:
    """Why a run for which `ticks_of_run` has no tick makes none, and how to have one if it can be made to wait."""
    left = math.ceil(last_at + interval - now)
    due = f"the last tick was {now - last_at:.0f} s ago, the next is due in {left} s, after the deadline: nothing to do"
    return f"{due}; -e autoscale_deadline={left} waits for it" if waits else due


def batches(ticks: Sequence[Tick]) -> list[list[str]]:
    """The ticks as text, in batches of at most BATCH."""
    texts = [str(tick) for tick in ticks]
    return [texts[begin : begin + BATCH] for begin in range(0, len(texts), BATCH)]


def wait_until(
    due_at: float, interval: float, clock: Callable[[], float], sleep: Callable[[float], None]
) -> str | None:
    """Wait until `due_at` (unix seconds), but at most one interval.

    Returns None, or why the tick has to be left out: the next one is due already, so that ticks which were held up do
    not follow each other at once, with nothing to measure in between.
    """
    late = clock() - due_at
    if late >= interval:
        return f"the tick is {late:.0f} s late, with an interval of {interval:g} s: left out"
    sleep(min(max(0.0, -late), interval))
    return None


def lease_seconds(interval: float, further: int) -> float:
    """How long the lease holds that a run takes or renews at a tick.

    At its last tick it is for half an interval: so nothing has to be given back, and the first tick of the next run,
    which is due an interval later, is not kept waiting by clocks that differ a little.
    """
    return max(LEASE_MIN_S, LEASE_TICKS * interval) if further else interval / 2


def tick_line(decision: Mapping[str, Any], snapshot: Mapping[str, Any], instances: Sequence[Mapping[str, Any]]) -> str:
    """One tick for people: what was seen, what is ordered, why."""
    seen = [
        _figure("p99", snapshot.get("p99_latency_s"), "s", scale=1.0),
        _figure("queue", snapshot.get("queue_depth"), ""),
        _figure("lag", snapshot.get("eventloop_lag_s"), "ms", scale=1000.0),
        _figure("", snapshot.get("arrival_rate"), "/s"),
    ]
    current, target, booting = decision["current"], decision["target"], decision["booting"]
    lost = current - decision["ready"] - booting
    have = f"{decision['ready']} ready" + (f" + {booting} booting" if booting else "")
    have += _others(instances) + (f", {lost} to be replaced" if lost > 0 else "")
    verb = "would order" if decision["mode"] == "recommend" else "order"
    what = f"keep {current}" if target == current else f"{verb} {target}"
    clock = time.strftime("%H:%M:%S", time.localtime(decision["at"]))
    return f"{clock} {decision['cluster']}: {', '.join(filter(None, seen))} | {have}, {what} | {decision['reason']}"


def first_unready(instances: Sequence[Mapping[str, Any]]) -> str | None:
    """Why the first of the instances that should be ready is not; None where all are, or boot without complaint."""
    for instance in instances:
        if instance["state"] in ("booting", "failed") and instance.get("reason"):
            return f"{instance['name']} is not ready: {instance['reason']}"
    return None


def _others(instances: Sequence[Mapping[str, Any]]) -> str:
    """Those that are not ordered, such as " + 1 draining (7 connections) + 1 warm"."""
    said = ""
    for state in (DRAINING, WARM):
        those = [instance for instance in instances if instance["state"] == state]
        left = [each["connections"] for each in those if state == DRAINING and each.get("connections") is not None]
        open_ones = f" ({sum(left)} connection{'' if sum(left) == 1 else 's'})" if left else ""
        said += f" + {len(those)} {state}{open_ones}" if those else ""
    return said


def _figure(name: str, value: float | None, unit: str, scale: float = 1.0) -> str:
    if value is None:
        return f"{name} ?" if name else ""
    return f"{name} {value * scale:.3g}{' ' + unit if unit[:1].isalpha() else unit}".strip()
