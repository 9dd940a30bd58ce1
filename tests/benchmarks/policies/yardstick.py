# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The yardstick: another simulator, by other people, with 24 real days of its own. Our figures count if it agrees.

It is not part of the project: it lies in ../shared/evaluator, or where AUTOSCALE_SHARED says. Its own evaluate.py runs,
in a process of its own for each contender, and only calls `adapter.py`. First come anchors, figures that it is known to
give: where this run does not reproduce them, something is wrong with the run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Service, Weights
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._optimum import optimum
from policies.adapter import Variant
from policies.sets import DAY, INTERVAL, SHARED

FOLDER = SHARED / "evaluator"
ADAPTER = Path(__file__).with_name("adapter.py")
#: Rewards a tick that it gives on all its days (its README).
ANCHORS = {"clairvoyant": -6.44, "its HPA": -37.2, "Erlang C": -11.39}
ANCHOR_TOLERANCE = 0.05
#: Half of its days, to develop with.
EVEN = tuple(range(0, 24, 2))
NOMINAL, COLD = Variant(), Variant(cold=True)
SLOW_BOOT, SLOW_SERVICE, MISSING = Variant(boot=8), Variant(mu=40.0), Variant(drop=0.1)


class Result(NamedTuple):
    """What evaluate.py says of one contender; the last three are known only of the nominal service."""

    contender: str
    reward: float  # a tick
    over_slo: float  # share of ticks
    severe: float  # share of ticks
    changes: float  # an hour
    stale_shrinks: int
    regret: float | None = None  # geometric mean of cost / clairvoyant - 1
    instances: float | None = None  # instance-hours / the clairvoyant's
    days: dict[str, float] | None = None  # cost / clairvoyant of each


def missing() -> str:
    """Why it cannot be used; empty where it can."""
    return "" if (FOLDER / "evaluate.py").is_file() else "there is no yardstick in ../shared or AUTOSCALE_SHARED"


def run_all(
    wanted: Sequence[tuple[str, Variant]],
    pick: Sequence[int],
    processes: int,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> dict[tuple[str, Variant], Result]:
    """The results of these contenders in these variants, on the days `pick` of its 24 (all where it is empty)."""
    found = {}
    with ThreadPoolExecutor(processes) as pool:
        futures = {each: pool.submit(run, f"{ADAPTER}:{each[0]}", each[0], each[1], pick) for each in wanted}
        for done, (each, future) in enumerate(futures.items(), start=1):
            found[each] = future.result()
            progress(done, len(wanted))
    return found


def run(policy: str, name: str, variant: Variant = NOMINAL, pick: Sequence[int] = ()) -> Result:
    """What it makes of a policy, FILE.py:NAME."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result.json"
        arguments = ["--boot", str(variant.boot), "--mu", str(variant.mu), "--drop", str(variant.drop)]
        if pick:
            arguments += ["--pick", ",".join(map(str, pick))]
        paths = [str(ADAPTER.parents[1]), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        done = subprocess.run(
            [sys.executable, str(FOLDER / "evaluate.py"), "--policy", policy, "--out", str(out), *arguments],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(paths),
                "PYTHONDONTWRITEBYTECODE": "1",
                "OMP_NUM_THREADS": "1",
                "AUTOSCALE_YARDSTICK": json.dumps(variant._asdict()),
            },
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"the yardstick failed with {name}: {done.stderr}")
        # Anchors are not counted: they are no agents.
        shrinks = stale_shrinks(name, done.stderr) if policy == f"{ADAPTER}:{name}" else 0
        return _result(name, json.loads(out.read_text()), shrinks)


def anchors() -> dict[str, float]:
    """Rewards a tick of what has to come out as in its README, on all its days."""
    data = np.load(FOLDER / "arrivals_real.npz")
    costs = [
        optimum(arrivals.astype(float), Service(), Weights(), INTERVAL, 3).cost[DAY:].mean()
        for arrivals in data["arrivals"]
    ]
    return {
        "clairvoyant": -float(np.mean(costs)),
        "its HPA": run(f"{FOLDER / 'example_policy.py'}:hpa", "its HPA").reward,
        "Erlang C": run(f"{ADAPTER}:erlang_c", "Erlang C").reward,
    }


def stale_shrinks(name: str, said: str) -> int:
    """What the adapter says at its end, in the last line on stderr; there may be warnings before it."""
    try:
        return int(json.loads(said.strip().rpartition("\n")[2])["stale_shrinks"])
    except (KeyError, TypeError, ValueError) as error:
        raise RuntimeError(f"the adapter of {name} did not say how often it shrank, but: {said}") from error


def _result(name: str, said: dict[str, Any], shrinks: int) -> Result:
    nominal = "geo_regret_pct" in said
    return Result(
        contender=name,
        reward=said["reward_per_tick"],
        over_slo=said["slo_violation_pct"] / 100.0,
        severe=said["severe_pct"] / 100.0,
        changes=said["changes_per_hour"],
        stale_shrinks=shrinks,
        regret=said["geo_regret_pct"] / 100.0 if nominal else None,
        instances=said["instances_vs_clairvoyant"] if nominal else None,
        days={day: 1.0 + regret / 100.0 for day, regret in said["per_trace"].items()} if nominal else None,
    )
