# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges the replays of the demo, all in the same way: by what clients felt and by the processes that ran."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

#: The load generator's own lateness (s, 99th percentile) beyond which latencies tell too much of the machine.
HONEST_LATENESS = 0.02
#: Who breaks the objective in more than this share of the ticks does not keep it.
MOST_OVER = 0.02


class Sent(NamedTuple):
    """One message of the load generator."""

    due: float  # s from the start
    latency: float  # s; infinite without an answer


class Sample(NamedTuple):
    """The cluster at one moment."""

    time: float  # s from the start
    running: int  # instances, whatever state they are in: all of them cost


@dataclass(frozen=True)
class Objective:
    """What users may feel: at most 1 % of the messages sent in a tick may take longer than `latency`."""

    latency: float = 0.2  # s
    tick: float = 2.0  # s


@dataclass(frozen=True)
class Verdict:
    """What a replay showed."""

    name: str
    ticks_over: int
    time_over_s: float
    instance_s: float
    p50_s: float | None  # None: so many were not answered
    p99_s: float | None
    lateness_p99_s: float  # of the load generator
    decisions: int = 0  # that changed the count


def read_messages(path: Path, begin: float) -> list[Sent]:
    """Read the load generator's output from `begin` (s) on, which is 0 from then on."""
    with path.open(encoding="utf-8", newline="") as file:
        messages = (
            Sent(float(row["due_s"]) - begin, float(row["latency_s"] or math.inf)) for row in csv.DictReader(file)
        )
        return [message for message in messages if message.due >= 0]


def write_samples(samples: Sequence[Sample], path: Path) -> None:
    """Keep what was seen of a cluster, for those who want to look closer."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(Sample._fields)
        rows.writerows((f"{sample.time:.2f}", sample.running) for sample in samples)


def judge(
    name: str,
    messages: Sequence[Sent],
    samples: Sequence[Sample],
    *,
    duration: float,
    objective: Objective,
    lateness: float,
) -> Verdict:
    """Sum up one replay of `duration` seconds; `lateness` is the 99th percentile of the load generator's own (s)."""
    over = ticks_over(messages, objective)
    latencies = sorted(message.latency for message in messages)
    return Verdict(
        name=name,
        ticks_over=over,
        time_over_s=over * objective.tick,
        instance_s=instance_seconds(samples, duration),
        p50_s=nearest_rank(latencies, 0.50),
        p99_s=nearest_rank(latencies, 0.99),
        lateness_p99_s=lateness,
    )


def ticks_over(messages: Sequence[Sent], objective: Objective) -> int:
    """Number of ticks in which more than 1 % of the messages sent were slow or not answered."""
    sent: dict[int, int] = {}
    slow: dict[int, int] = {}
    for message in messages:
        tick = int(message.due // objective.tick)
        sent[tick] = sent.get(tick, 0) + 1
        slow[tick] = slow.get(tick, 0) + (message.latency > objective.latency)
    return sum(slow[tick] > count / 100 for tick, count in sent.items())


def instance_seconds(samples: Sequence[Sample], duration: float) -> float:
    """Integral of the running processes from 0 to `duration`; each sample holds until the next."""
    ends = [*(sample.time for sample in samples[1:]), duration]
    return sum(
        sample.running * max(0.0, min(end, duration) - max(sample.time, 0.0))
        for sample, end in zip(samples, ends, strict=True)
    )


def nearest_rank(ordered: Sequence[float], part: float) -> float | None:
    """The smallest of the sorted values that at least this part (0 to 1) does not exceed; None if there is none."""
    value = ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else math.inf
    return value if math.isfinite(value) else None


def equal_cost(agent: Verdict, duration: float) -> int:
    """The fixed count that costs what the agent cost."""
    return max(1, round(agent.instance_s / duration))


def smallest_as_good(agent: Verdict, fixed: Mapping[int, Verdict]) -> int | None:
    """The smallest of these fixed counts with no more ticks over the objective than the agent; None: none of them."""
    return min((count for count, verdict in fixed.items() if verdict.ticks_over <= agent.ticks_over), default=None)


def next_counts(agent: Verdict, fixed: Mapping[int, Verdict], equal: int, concurrent: int, most: int) -> list[int]:
    """The fixed counts to replay next: up from the one that costs the same, until one is as good as the agent.

    No more where the machine did not keep up with the last ones: of larger counts it would tell even less.
    """
    late = any(verdict.lateness_p99_s > HONEST_LATENESS for verdict in fixed.values())
    if late or smallest_as_good(agent, fixed) is not None:
        return []
    first = max(fixed, default=equal - 1) + 1
    return list(range(first, min(first + concurrent, most + 1)))


def summary(agents: Sequence[Verdict], fixed: Mapping[int, Verdict], equal: int, ticks: float) -> str:
    """The table, what it says, and whether the machine was fast enough to say it. `agents`: the first one is ours."""
    ours = agents[0]
    everyone = [*agents, *(fixed[count] for count in sorted(fixed))]
    lines = [table(everyone), "", _kept(everyone, ticks), _beside_fixed(ours, fixed, equal)]
    lateness = max(verdict.lateness_p99_s for verdict in everyone)
    late = f"the load generators sent 1 % of the messages {milliseconds(lateness)} late or more."
    lines.append(f"The machine kept up: {late}" if lateness <= HONEST_LATENESS else f"DO NOT TRUST THIS: {late}")
    return "\n".join(lines)


def keep_the_objective(verdicts: Sequence[Verdict], ticks: float) -> list[Verdict]:
    """Those who broke it in no more than MOST_OVER of so many ticks, the cheapest first."""
    kept = (verdict for verdict in verdicts if verdict.ticks_over <= MOST_OVER * ticks)
    return sorted(kept, key=lambda verdict: verdict.instance_s)


def _kept(verdicts: Sequence[Verdict], ticks: float) -> str:
    kept = keep_the_objective(verdicts, ticks)
    share = f"the objective in {1 - MOST_OVER:.0%} of the ticks"
    if not kept:
        return f"Nobody kept {share}."
    best, others = kept[0], ", ".join(verdict.name for verdict in kept[1:])
    return f"{best.name} is the cheapest that kept {share}; so did {others or 'nobody else'}."


def _beside_fixed(ours: Verdict, fixed: Mapping[int, Verdict], equal: int) -> str:
    """What our policy saves compared with counts that never change."""
    best, same = smallest_as_good(ours, fixed), fixed[equal]
    text = (
        f"{same.name} costs what {ours.name} cost: it broke the objective in {same.ticks_over} ticks, "
        f"{ours.name} in {ours.ticks_over}{_ratio(ours.ticks_over, same.ticks_over)}.\n"
    )
    if best is None:
        return f"{text}None of the fixed counts up to {max(fixed)} broke it as seldom."
    if best == equal:
        return f"{text}So it is as good; smaller fixed counts were not tried."
    return (
        f"{text}{fixed[best].name} is the smallest that broke it no more often: it cost {fixed[best].instance_s:.0f} "
        f"instance-seconds, {ours.name} {ours.instance_s:.0f}{_ratio(ours.instance_s, fixed[best].instance_s)}."
    )


def table(verdicts: Sequence[Verdict]) -> str:
    """The verdicts side by side."""
    rows = [["", "over SLO", "ticks over", "instance-seconds", "decisions", "p50", "p99"]]
    for verdict in verdicts:
        figures = (f"{verdict.time_over_s:.0f} s", verdict.ticks_over, f"{verdict.instance_s:.0f}", verdict.decisions)
        rows.append([verdict.name, *map(str, figures), milliseconds(verdict.p50_s), milliseconds(verdict.p99_s)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.rjust, row, widths)) for row in rows)


def milliseconds(seconds: float | None) -> str:
    """Seconds as text."""
    return "no answer" if seconds is None else f"{seconds * 1000:.0f} ms"


def _ratio(value: float, reference: float) -> str:
    return f" ({value / reference:.2f} x)" if reference else ""
