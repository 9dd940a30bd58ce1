#!/usr/bin/env python
# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo: the agent scales services through a short day, then the same day is replayed with fixed counts.

First `rlops.autoscale.autoscale` scales the clusters of demo.yml, one for each policy, while load generators replay the
day to all of them at the same time. The learner knows the days before. Then fixed counts get the same arrivals: the one
that costs what the first policy cost, and larger ones up to the smallest that breaks the objective no more often. All
are judged alike, by the latencies that clients saw and the processes that ran. A table ends the demo; `result.json` in
its directory holds the figures, the other files how they came about.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import contest
import processes
import rates
import report
import yaml
from contest import Demo, say
from watching import NotReadyError

PEAK_INSTANCES = 8  # instances that the busiest half hour needs
DAYS_BEFORE = 2  # that are known at most, to those who learn
POLICIES = ("shadow_q", "erlang", "hpa")


async def play(demo: Demo, options: argparse.Namespace, least: int) -> None:
    """The whole demo."""
    processes.end(demo.directory)  # of a demo that was killed
    policies = options.policies
    say(f"The agent scales by {', '.join(policies)}, at the same time ({demo.day:g} s); {policies[0]} says:")
    agents = await contest.with_agent(demo, policies, least)
    ours = agents[0]
    equal = report.equal_cost(ours, demo.day)
    fixed: dict[int, report.Verdict] = {}
    while counts := report.next_counts(ours, fixed, equal, options.concurrent, contest.MOST_INSTANCES):
        say(f"The same day with fixed counts of {', '.join(map(str, counts))}, at the same time ({demo.day:g} s):")
        fixed |= await contest.with_fixed(demo, counts)
    say("\n" + report.summary(agents, fixed, equal, demo.day / demo.objective.tick))
    result = {
        "agents": {verdict.name: asdict(verdict) for verdict in agents},
        "fixed": {count: asdict(fixed[count]) for count in sorted(fixed)},
        "day_s": demo.day,
        "ticks": demo.day / demo.objective.tick,
        "equal_cost": equal,
        "smallest_as_good": report.smallest_as_good(ours, fixed),
    }
    demo.file("result", "json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


async def main(options: argparse.Namespace) -> None:
    """Fit the trace, play the demo, and leave no process behind."""
    settings = yaml.safe_load(contest.INVENTORY.read_text(encoding="utf-8"))["all"]["vars"]
    slo, interval = settings["autoscale_slo"]["p99_latency"], settings["autoscale_interval"]
    service_rate = settings["autoscale_pools"][0]["environment"]["SERVICE_RATE"]
    demo = Demo(options.directory.resolve(), options.seed, options.day, report.Objective(latency=slo, tick=interval))
    at_most = service_rate - math.log(100) / slo  # messages/s of an instance that just keeps the objective (M/M/1)
    whole = rates.busiest(rates.read(options.trace)) if options.trace else rates.synthetic_days(demo.seed, DAYS_BEFORE)
    short = rates.fit(whole, demo.day, PEAK_INSTANCES * at_most)
    today = short.part(0.0, demo.day)
    demo.directory.mkdir(parents=True, exist_ok=True)
    rates.write(rates.led_in(today, demo.lead), demo.rates)
    known = write_history(demo, short, interval)
    say(
        f"A day in {demo.day:g} s: {options.trace or 'made up'}, seed {demo.seed}, "
        f"{today.mean(0, demo.day):.0f} messages/s on average, {max(today.values):.0f} at most.\n"
        f"An instance does {service_rate}/s, and keeps p99 within {slo:g} s up to {at_most:.0f}/s.\n"
        f"{known:.1f} days before are known to those who learn."
    )
    this = asyncio.current_task()
    assert this
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    try:
        await play(demo, options, settings["autoscale_min_instances"])
    finally:
        processes.end(demo.directory)


def write_history(demo: Demo, short: rates.Rates, interval: float) -> float:
    """Write what was counted before the agent's first tick, if it is worth an hour; how many days that is."""
    demo.history.unlink(missing_ok=True)
    start = max(short.start, -DAYS_BEFORE * demo.day)
    days = (-demo.ahead - start) / demo.day
    if days < 1 / 24:
        return 0.0
    rates.write(rates.counted(short.part(start, -demo.ahead), interval, demo.seed + 1), demo.history)
    return days


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line; an option not given is looked for in the environment (`make demo SEED=2`)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)

    def option(name: str, kind: Callable[[str], Any], default: Any, text: str) -> None:
        parser.add_argument(f"--{name}", type=kind, default=os.environ.get(name.upper(), default), help=text)

    option(
        "trace", Path, None, "rate trace (CSV: t_seconds,rate) whose busiest day is replayed (default: a made-up day)"
    )
    option("seed", int, 1, "seed of the made-up days and of the arrivals (default 1)")
    option("day", float, 360.0, "length of the day in seconds (default 360)")
    option(
        "policies", _policies, ",".join(POLICIES), f"policies that scale, the first one is shown ({','.join(POLICIES)})"
    )
    option(
        "concurrent", int, 2 * (os.cpu_count() or 1), "fixed counts replayed at the same time (default: two per CPU)"
    )
    parser.add_argument(
        "--directory", type=Path, default=".build/demo", help="where files are kept (default %(default)s)"
    )
    return parser.parse_args(argv)


def _policies(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if not set(names) <= set(POLICIES):
        raise argparse.ArgumentTypeError(f"expected some of {','.join(POLICIES)}, got {text}")
    return names


def causes(error: BaseException) -> Iterator[BaseException]:
    """The exceptions of a group, and of groups in it."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from causes(each)
    else:
        yield error


if __name__ == "__main__":
    try:
        asyncio.run(main(arguments()))
    except* (contest.DemoError, NotReadyError, rates.TraceError) as errors:
        sys.exit("\n".join(map(str, causes(errors))))
    except* (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)
