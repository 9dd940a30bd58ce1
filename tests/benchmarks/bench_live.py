# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Live beside simulated: the demo with several seeds, on real processes, and what the simulator makes of the same days.

Run: PYTHONPATH=<directory of ansible_collections> python tests/benchmarks/bench_live.py [--seeds 1,2,3,4,5] [--write]
A demo takes a quarter of an hour; those that this very code has played, in .build/live, are not played again. Prints
medians over the seeds; --write makes docs/live.md of them. Exits with 1 where another than shadow_q is the cheapest
that keeps the objective, or where live and simulated differ by more than they may.

The simulator gets the very arrivals of each demo and the settings of its inventory. It is told the service rate that
instances really have; what the agent has found out by itself is shown beside.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from live import tables
from live.simulated import DEMO, Day, simulate
from policies import revision

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/live.md"
RESULTS = ROOT / ".build/live"
OURS = "shadow_q"


def main() -> int:
    """Play, simulate, compare."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", default="1,2,3,4,5", help="of the demos")
    parser.add_argument("--write", action="store_true", help="make docs/live.md")
    options = parser.parse_args()
    live, simulated, rates = defaultdict(list), defaultdict(list), []
    for demo in [played(int(seed)) for seed in options.seeds.split(",")]:
        result = json.loads((demo / "result.json").read_text())
        for verdict in (*result["agents"].values(), *result["fixed"].values()):
            day = Day(verdict["ticks_over"] / result["ticks"], verdict["instance_s"], verdict["decisions"])
            live[verdict["name"]].append(day)
        for name in result["agents"]:
            simulated[name].append(simulate(demo, name, result["day_s"]))
        rates += found_rates(demo / "agent.log")
    everywhere = tables.of_all(live)
    shown = (tables.live_table(everywhere), tables.beside_table(live, simulated), tables.rate_line(rates))
    print("\n\n".join(shown))
    if options.write:
        PAGE.write_text(tables.page(shown, options.seeds))
    return 0 if tables.cheapest(everywhere) == OURS and tables.alike(live, simulated) else 1


def played(seed: int) -> Path:
    """The directory of the demo with this seed; plays it where this code has not done so yet."""
    folder = RESULTS / revision.revision(*revision.DEMO) / f"seed-{seed}"
    if not (folder / "result.json").exists():
        print(f"playing the demo with seed {seed}, a quarter of an hour", file=sys.stderr, flush=True)
        command = [sys.executable, str(DEMO / "replay.py"), f"--seed={seed}", f"--directory={folder}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


def found_rates(log: Path) -> list[float]:
    """The service rates (messages/s) that the learner has found out by itself, at each tick."""
    found = [float(rate) for rate in re.findall(r"at (\d+(?:\.\d+)?) an instance:", log.read_text())]
    if not found:
        sys.exit(f"{log} tells no service rate: has the sentence of shadow_q another form?")
    return found


if __name__ == "__main__":
    sys.exit(main())
