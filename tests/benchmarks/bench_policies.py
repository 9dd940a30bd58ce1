# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How all scaling policies do: on synthetic and real days, in the yardstick, and where services are not as usual.

Run: PYTHONPATH=<directory of ansible_collections> python tests/benchmarks/bench_policies.py [--full] [--write]
Without --full a few contenders on a few days, in some minutes; with it everything, in most of an hour on two cores.
--write makes docs/benchmark.md of full runs. Parts may run one by one: each is kept until it is run again. Exits with 1
where a goal is missed.

The pieces are in policies/: `contenders` compete on the days of `sets` in the `arena`; `figures` and `tables` sum up;
`tune` has set the baselines; `yardstick` asks another simulator; `robustness` makes things go wrong; `goals` judges.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence

from policies import contenders, document, goals, robustness, sets, tables, yardstick
from policies.arena import Job, Score, run_all
from policies.yardstick import COLD, MISSING, NOMINAL, SLOW_BOOT, SLOW_SERVICE

#: Who competes, and on which days of the yardstick, where there is little time.
FEW = ("hpa", "hpa_tuned", "erlang_tuned", "seasonal_tuned", contenders.OURS)
FEW_DAYS = (0, 6, 12, 18)
#: Seeds of level and noise that real days are drawn with.
REAL_SEEDS = (0, 1)


class Bench:
    """One run; each part returns its tables and its goals."""

    def __init__(self, *, full: bool, jobs: int, pick: tuple[int, ...]) -> None:
        """All contenders, or few; so many processes; these days of the yardstick, where it is not all of them."""
        self.full, self.jobs, self.pick = full, jobs, pick
        self.contenders = contenders.everyone() if full else contenders.named(FEW)
        self.names = [each.name for each in self.contenders]
        self.shown = [name for name in robustness.SHOWN if name in self.names]

    def synthetic(self) -> document.Part:
        """Families that were tuned on, with other seeds, and families that were not."""
        return self._days(sets.held_out(sets.SCORING_SEEDS if self.full else sets.SCORING_SEEDS[:1]))

    def real(self) -> document.Part:
        """Days of real traces."""
        days = sets.real(REAL_SEEDS if self.full else REAL_SEEDS[:1])
        if not days:
            return document.skipped("there are no traces in ../shared or AUTOSCALE_SHARED")
        return self._days(days if self.full else days[::3])

    def yardstick(self) -> document.Part:
        """Another simulator."""
        why = yardstick.missing()
        if why:
            return document.skipped(why)
        judged = goals.anchors(yardstick.anchors())
        ours = contenders.OURS
        wanted = [(ours, variant) for variant in (NOMINAL, COLD, MISSING, SLOW_SERVICE, SLOW_BOOT)]
        wanted += [(name, NOMINAL) for name in self.names if name != ours]
        wanted += [(name, SLOW_BOOT) for name in self.names if name.endswith("_tuned")]
        found = yardstick.run_all(wanted, self.pick, self.jobs, _progress("runs"))
        judged += goals.on_any_days(found)
        if not self.pick:
            judged += goals.on_all_days(found)
        shown = (
            tables.yardstick_table(found),
            tables.half_table(found, self.shown),
            tables.variant_table(found),
            tables.day_table(found, self.shown),
        )
        return document.Part(shown, judged)

    def robustness(self) -> document.Part:
        """Services that are not as usual."""
        days = robustness.spread(sets.real() or sets.held_out(), robustness.DAYS if self.full else 2)
        shown = contenders.named(self.shown)
        found = {}
        for condition in robustness.CONDITIONS:
            print(f"{time.strftime('%H:%M:%S')} {condition.name}", file=sys.stderr, flush=True)
            found[condition.name] = run_all(robustness.jobs(condition, days, shown), self.jobs)
        (ours,) = contenders.named([contenders.OURS])
        explored = robustness.explores(ours, days[0])
        return document.Part((tables.robustness_table(found, self.shown),), [goals.no_exploration(explored)])

    def _days(self, days: Sequence[sets.Day]) -> document.Part:
        scores: list[Score] = run_all([Job(day, self.contenders) for day in days], self.jobs, _progress("days"))
        return document.Part((tables.score_table(scores), tables.trace_table(scores, self.shown)), [])


def _progress(what: str) -> Callable[[int, int], None]:
    def show(done: int, of: int) -> None:
        print(f"{time.strftime('%H:%M:%S')} {done} of {of} {what}", file=sys.stderr, flush=True)

    return show


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


def main() -> int:
    """Run the parts, show them, and say what is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--full", action="store_true", help="all contenders, all days")
    parser.add_argument(
        "--parts", nargs="*", choices=document.PARTS, default=document.PARTS, help="which, all by default"
    )
    parser.add_argument("--pick", type=_numbers, help="days of the yardstick, such as 0,2,4")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--write", action="store_true", help="make docs/benchmark.md of all full runs that are kept")
    options = parser.parse_args()
    pick = options.pick or (() if options.full else FEW_DAYS)
    bench, missed = Bench(full=options.full, jobs=options.jobs, pick=pick), 0
    for name in options.parts:
        started = time.monotonic()
        part = getattr(bench, name)()._replace(minutes=(time.monotonic() - started) / 60.0)
        print(
            f"=== {name}, {part.minutes:.1f} min", *part.tables, tables.goal_table(part.goals), sep="\n\n", flush=True
        )
        missed += sum(not goal.met for goal in part.goals)
        if options.full and not options.pick:
            document.keep(name, part)
    if options.write:
        document.write()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
