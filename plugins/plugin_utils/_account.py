# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account of an agent that only recommends: what it would have ordered beside what was there, for a week.

What was there is counted. What the agent would have ordered is put into a model with the calibrated service rate, on
the arrivals that were measured: instances that boot, M/M/c waiting, and a backlog where they could not keep up. So it
is an estimate, and for comparison there is the same estimate of what was there. Needs no numpy. Pure: plain data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import PolicySettings, lead_ticks
from ansible_collections.rlops.autoscale.plugins.plugin_utils._queueing import instances_p99

DAY_S = 86400.0
#: Days that are kept.
DAYS = 7
#: A tick stands for the time since the last one, for so many intervals at most: what happened longer ago is not known.
LONGEST_TICKS = 3.0
#: What is counted on each day, in s: of ticks; of those in which it is known what users felt; of instances; of p99
#: above its SLO.
COUNTED = ("time", "known", "theirs", "ours", "theirs_over", "theirs_over_estimate", "ours_over")
#: Where it is known for less of the time, the sentence says for how long.
MOSTLY = 0.9

Memory = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """One tick."""

    now: float  # unix seconds
    snapshot: Mapping[str, Any]
    ordered: int  # what is there
    ready: int
    target: int  # what the agent would order
    service_rate: float | None  # messages/s of one server


def advance(memory: Memory, seen: Seen, settings: PolicySettings) -> Memory:
    """The account after one more tick ({} at first): `days`, the `fleet` that the agent would have, and `at`, unix
    seconds of the last tick. Nothing is counted without a service rate, and without a valid snapshot and an arrival
    rate only that nothing was ready."""
    snapshot = seen.snapshot
    rate = snapshot.get("arrival_rate") if snapshot.get("valid") else None
    outage = not seen.ready and bool(seen.ordered or rate)
    if seen.service_rate is None or not (outage or (seen.ready and rate is not None)):
        return memory
    time = min(max(seen.now - memory.get("at", seen.now), 0.0), LONGEST_TICKS * settings.interval)
    limit = math.inf if settings.slo.p99_latency is None else settings.slo.p99_latency
    measured = math.inf if outage else snapshot.get("p99_latency_s")
    felt = {
        # Where nothing arrives, nobody waits, and there is no p99.
        "known": time * (measured is not None or rate == 0.0),
        "theirs_over": time * (measured is not None and measured > limit),
    }
    if rate is None:
        return {**memory, "at": seen.now, "days": _counted(memory, seen.now, felt)}
    counts, backlog = memory.get("fleet", [[], 0.0])
    lead = lead_ticks(settings)
    if len(counts) != lead:
        counts, backlog = [seen.target] * lead, 0.0
    ours, left = _felt(counts[0], backlog, rate, time, seen.service_rate, settings=settings)
    theirs, _unused = _felt(
        seen.ready, snapshot.get("queue_total") or 0.0, rate, 0.0, seen.service_rate, settings=settings
    )
    today = {
        **felt,
        "time": time,
        "theirs": time * seen.ordered,
        "ours": time * counts[-1],
        "theirs_over_estimate": time * (theirs > limit),
        "ours_over": time * (ours > limit),
    }
    # Of what is too much the newest leave first; what is missing boots. See _simulation/_fleet.
    counts = [min(count, seen.target) for count in counts[:-1]] + [seen.target]
    return {"at": seen.now, "days": _counted(memory, seen.now, today), "fleet": [[*counts[1:], counts[-1]], left]}


def _counted(memory: Memory, now: float, more: Mapping[str, float]) -> list[dict[str, Any]]:
    """The days that are kept, with that much more on the day of `now`."""
    day = math.floor(now / DAY_S)
    days = [each for each in _days(memory) if day - DAYS < each["day"] <= day]
    if not days or days[-1]["day"] != day:
        days = [*days, {"day": day, **dict.fromkeys(COUNTED, 0.0)}]
    return [*days[:-1], {"day": day, **{name: days[-1][name] + more.get(name, 0.0) for name in COUNTED}}]


def _days(memory: Memory) -> list[dict[str, Any]]:
    """The days of the account. Earlier versions counted all the time as known."""
    return [{"known": day["time"], **day} for day in memory.get("days", [])]


def _felt(
    instances: int, backlog: float, rate: float, time: float, service_rate: float, *, settings: PolicySettings
) -> tuple[float, float]:
    """p99 in s of so many instances with this backlog, and the backlog after `time` s; infinite if nothing serves."""
    capacity = instances * settings.servers_per_instance * service_rate
    if not capacity:
        return math.inf, 0.0
    left = min(max(backlog + (rate - capacity) * time, 0.0), settings.slo.patience * capacity)
    # Where it cannot keep up there is no equilibrium: the backlog says how long the wait is.
    sustained = min(rate, 0.985 * capacity)
    p99 = instances_p99(instances, sustained, service_rate, settings.servers_per_instance, settings.queueing)
    return p99 + max(backlog, left) / capacity, left


def summary(memory: Memory) -> dict[str, Any] | None:
    """The last days in figures that people compare; None where nothing was counted."""
    if not memory:
        return None
    total = {name: sum(day[name] for day in _days(memory)) for name in COUNTED}
    if not total["time"]:
        return None
    share = {name: total[name] / total["time"] for name in COUNTED}
    return {
        "estimate": True,
        "hours": total["time"] / 3600.0,
        "measured_hours": total["known"] / 3600.0,
        "instance_hours": total["theirs"] / 3600.0,
        "instance_hours_recommended": total["ours"] / 3600.0,
        "time_over_slo": total["theirs_over"] / total["known"] if total["known"] else None,
        "time_over_slo_estimate": share["theirs_over_estimate"],
        "time_over_slo_recommended": share["ours_over"],
    }


def sentence(account: Mapping[str, Any]) -> str:
    """A summary in words."""
    by_model, recommended = (
        f"{100 * account[name]:.3g} %" for name in ("time_over_slo_estimate", "time_over_slo_recommended")
    )
    hours, known, over = account["hours"], account["measured_hours"], account["time_over_slo"]
    if over is None:
        felt = f"p99 is not known (by the model it was over its SLO {by_model} of the time)"
    else:
        when = "the time" if known >= MOSTLY * hours else f"the {known:.3g} h in which it is known"
        felt = f"p99 was over its SLO {100 * over:.3g} % of {when} (by the model {by_model})"
    return (
        f"in {hours:.3g} h there were {account['instance_hours']:.3g} instance-hours, and {felt}; the agent would have "
        f"had {account['instance_hours_recommended']:.3g}, and {recommended} (estimate)"
    )
