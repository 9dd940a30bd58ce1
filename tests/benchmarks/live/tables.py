# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sums up demos: medians over the seeds, who is the cheapest that keeps the objective, live beside simulated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

import numpy as np
from live.simulated import MOST_OVER, SERVICE_RATE, Day
from policies.tables import table

#: Live and simulated may differ by these: instance-seconds / the simulator's, share of the ticks that are over.
COST_WITHIN, OVER_WITHIN = 0.10, 0.03

HEAD = """# Live: the demo with real processes, and what the simulator makes of it

`make demo` with several seeds: real instances, real WebSocket connections, the whole agent by `ansible-playbook`. The
agent and instances are 20 times as fast as usual (a tick each 0.75 s), the day is 240 times as fast (six minutes), so
traffic changes more between two ticks than it really does. All contestants get the same arrivals. The learner knows two
made-up days before, the others need none. `erlang` and `hpa` (on p99) are as they come. Made by

```console
$ {command}
```

The objective: at most 1 % of the messages of a tick take longer than 0.2 s, as clients saw it. It is kept by those who
break it in at most {most_over} of the ticks, which is about what fixed instances do that are enough for the busiest
half hour.
Instance-seconds are of processes that ran, whatever they did."""

TAIL = """What they differ by, and why:

* Live costs more where there are many changes: what leaves is drained, and runs for some seconds more. In the simulator
  it is gone at once.
* Arrivals come by chance, and the queueing model knows that: it has to be given rates. Given the counts of short steps
  with few messages, it counts chance twice. So here it gets the rates, and short ticks are measured with noise instead.
  (A back-test draws arrivals within a tick where the recording is coarser; for a service of few messages a second that
  makes it look worse than it is.)
* p99s of few messages are uncertain by more than the simulator's usual 10 %: the standard deviation of that of N
  messages is about 2.2 / sqrt(N) of it, which is the most at night. Policies that follow p99 feel that: with the noise
  of the mean tick, `hpa` would be simulated a seventh cheaper than it is.
* A tick in which instances are started or stopped takes longer than such a short interval, and the next one is left
  out. In a day at its real speed there is none.

The demo's day has a flash crowd at a time of its own; it proves nothing about your traffic. Ask a
[back-test](backtest.md).
"""

Days = Mapping[str, Sequence[Day]]


def medians(days: Sequence[Day]) -> Day:
    """Of each figure."""
    return Day(*(median(column) for column in zip(*days, strict=True)))


def of_all(found: Days) -> dict[str, Sequence[Day]]:
    """Those who were in every demo. Which fixed counts are tried depends on the day."""
    most = max(map(len, found.values()))
    return {name: days for name, days in found.items() if len(days) == most}


def cheapest(live: Days) -> str | None:
    """Who is the cheapest that keeps the objective, by the medians."""
    middles = {name: medians(days) for name, days in live.items()}
    kept = [name for name, day in middles.items() if day.over <= MOST_OVER]
    return min(kept, key=lambda name: middles[name].instance_s, default=None)


def alike(live: Days, simulated: Days) -> bool:
    """Whether live and simulated agree, by the medians."""
    pairs = [(medians(live[name]), medians(days)) for name, days in simulated.items()]
    costs = all(abs(real.instance_s / said.instance_s - 1.0) <= COST_WITHIN for real, said in pairs)
    return costs and all(abs(real.over - said.over) <= OVER_WITHIN for real, said in pairs)


def live_table(live: Days) -> str:
    """Medians, the cheapest that keeps the objective first."""
    middles = {name: medians(days) for name, days in live.items()}
    rows = sorted(middles.items(), key=lambda row: (row[1].over > MOST_OVER, row[1].instance_s))
    body = []
    for name, day in rows:
        overs = [each.over for each in live[name]]
        spread, kept = f"{min(overs):.1%} .. {max(overs):.1%}", "yes" if day.over <= MOST_OVER else "no"
        body.append([name, f"{day.over:.1%}", spread, f"{day.instance_s:.0f}", f"{day.decisions:.0f}", kept])
    return table(["Live, median", "Ticks over the SLO", "From .. to", "Instance-seconds", "Changes", "Keeps it"], body)


def beside_table(live: Days, simulated: Days) -> str:
    """Medians of both."""
    body = []
    for name, days in simulated.items():
        real, said = medians(live[name]), medians(days)
        costs = f"{real.instance_s:.0f} / {said.instance_s:.0f}"
        body.append([name, f"{real.over:.1%} / {said.over:.1%}", costs, f"{real.decisions:.0f} / {said.decisions:.0f}"])
    return table(["Live / simulated, median", "Ticks over the SLO", "Instance-seconds", "Changes"], body)


def rate_line(rates: Iterable[float]) -> str:
    """How well the service rate was found out."""
    low, middle, high = np.quantile(list(rates), (0.05, 0.5, 0.95))
    found = f"{middle:.1f} in the median, {low:.1f} to {high:.1f} in nine of ten ticks"
    return f"The service rate is {SERVICE_RATE:g}/s; the agent found {found}."


def page(shown: Sequence[str], seeds: str) -> str:
    """docs/live.md."""
    command = f"python tests/benchmarks/bench_live.py --seeds {seeds} --write"
    return "\n\n".join((HEAD.format(command=command, most_over=f"{MOST_OVER:.0%}"), *shown, TAIL))
