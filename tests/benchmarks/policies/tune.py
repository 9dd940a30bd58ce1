# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets the baselines, each on a grid of its own, on the training families only. No real trace is ever used.

Run: PYTHONPATH=<directory of ansible_collections> python tests/benchmarks/policies/tune.py [--jobs 2]
Writes tuned.json: for each baseline the cheapest options of the grid, and what all of them cost.

What is compared is the geometric mean of cost / optimum, cost being that of the benchmark's reward. All options meet
the same days. They know the day before, as after a back-fill.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from policies.arena import Job, run_all
from policies.contenders import TUNED, Contender, utilisation
from policies.figures import rows
from policies.sets import DAY, TUNING_SEEDS, training

Options = dict[str, Any]
#: Of each day that are scored: half of it, to save time.
TICKS = DAY // 2


def grid(**axes: Sequence[Any]) -> list[Options]:
    """All combinations of the values of each option."""
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


def hpa(metrics: list[Options], tolerance: float, window: float) -> Options:
    """Both directions with one tolerance; `window` in s, before it shrinks."""
    return {
        "metrics": metrics,
        "scale_up": {"tolerance": tolerance},
        "scale_down": {"tolerance": tolerance, "stabilization_window": window},
    }


def on_p99(target: float) -> list[Options]:
    """The metrics of an hpa that keeps p99 at `target` s."""
    return [{"field": "p99_latency_s", "type": "Value", "target": target}]


#: Headroom, hold and drain of those that staff by Erlang C.
STAFFING = grid(headroom=[0.9, 1.0, 1.1], hold=[600.0, 1200.0, 2400.0, 3600.0], drain_time=[20.0, 60.0])
#: Baseline -> policy and the options that are tried, 16 to 24 each.
GRIDS: Mapping[str, tuple[str, list[Options]]] = {
    "hpa": (
        "hpa",
        [
            hpa(utilisation(target), tolerance, window)
            for target, tolerance, window in product((0.5, 0.55, 0.6, 0.65, 0.7), (0.05, 0.1), (300.0, 600.0))
        ],
    ),
    "hpa_p99": (
        "hpa",
        [
            hpa(on_p99(target), 0.1, window)
            for target, window in product((0.12, 0.13, 0.14, 0.15, 0.16, 0.17), (300.0, 600.0, 900.0))
        ],
    ),
    "target_tracking": (
        "target_tracking",
        grid(
            field=["utilisation"],
            target=[0.55, 0.65, 0.75],
            scale_out_after=[1],
            scale_in_after=[5, 15],
            scale_in_cooldown=[150.0, 300.0, 600.0],
        ),
    ),
    "kpa": (
        "kpa",
        grid(
            target=[1.0],
            target_utilization_percentage=[60.0, 70.0, 80.0, 90.0],
            stable_window=[60.0, 120.0],
            scale_down_delay=[0.0, 150.0],
        ),
    ),
    "predictive": (
        "predictive",
        [
            {"target_utilisation": target, "target_tracking": reactive}
            for target, reactive in product(
                (0.6, 0.7, 0.8, 0.9), grid(field=["utilisation"], target=[0.6, 0.65, 0.7, 0.75], scale_out_after=[1])
            )
        ],
    ),
    "square_root": (
        "square_root",
        grid(beta=[0.25, 0.5, 1.0, 1.5], hold=[150.0, 600.0, 1200.0], drain_time=[10.0, 20.0]),
    ),
    "erlang": ("erlang", STAFFING),
    "holt_winters": ("holt_winters", STAFFING),
    "seasonal": ("seasonal", STAFFING),
}


def tune(names: Sequence[str], processes: int, ticks: int) -> Options:
    """The best options of these baselines and what all of their grids cost."""
    tried = {
        f"{name} {number}": Contender(f"{name} {number}", GRIDS[name][0], options)
        for name in names
        for number, options in enumerate(GRIDS[name][1])
    }
    jobs = [Job(day, list(tried.values()), ticks=ticks) for day in training()]
    cost = {row.contender: 1.0 + row.regret for row in rows(run_all(jobs, processes, _progress))}
    found = {}
    for name in names:
        policy, candidates = GRIDS[name]
        costs = [cost[f"{name} {number}"] for number in range(len(candidates))]
        best = costs.index(min(costs))
        scores = [{"cost": round(each, 3), **options} for each, options in zip(costs, candidates, strict=True)]
        found[name] = {"policy": policy, "options": candidates[best], "cost": round(costs[best], 3), "grid": scores}
    return found


def _progress(done: int, of: int) -> None:
    print(f"{time.strftime('%H:%M:%S')} {done} of {of} days", flush=True)


def main() -> int:
    """Tune, write, and show what was chosen."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--baselines", nargs="+", choices=list(GRIDS), default=list(GRIDS), help="others stay")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    known = json.loads(TUNED.read_text())["tuned"] if TUNED.exists() else {}
    found = {**known, **tune(options.baselines, options.jobs, TICKS)}
    written = {
        "what": "cost / optimum, geometric mean over days; written by tune.py",
        "seeds": list(TUNING_SEEDS),
        "days": [day.name for day in training()],
        "hours_of_each": 24.0 * TICKS / DAY,
        "tuned": {name: found[name] for name in GRIDS},
    }
    TUNED.write_text(json.dumps(written, indent=1) + "\n")
    for name, each in written["tuned"].items():
        print(f"{name:<16} {each['cost']:.3f} {each['options']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
