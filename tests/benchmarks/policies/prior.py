# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the prior of shadow_q: what its modes cost on days of the training families.

Run: PYTHONPATH=<directory of ansible_collections> python tests/benchmarks/policies/prior.py
Writes plugins/plugin_utils/_policies/_shadow/prior.json. To be run again where modes, situations or costs change.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow import _prior
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._learner import Learner, Settings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._tables import CONTEXTS, Tables
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._times import Times
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies.shadow_q import POLICY
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Service, Weights
from policies.sets import DAY, INTERVAL, Day, training

#: None that is tuned on or scored.
SEEDS = (70, 71, 72)
#: Ticks from a measurement until what is ordered on it serves, with the boot time of the benchmark.
LEAD = 4
START = 1.8e9  # unix seconds of the first tick


def lived(day: Day) -> Tables:
    """What the modes cost on these two days, nothing forgotten. The cheapest one's mean is 1, or busy days would count
    more than others."""
    service, option = Service(), {name: spec["default"] for name, spec in POLICY.options.items()}
    learner = Learner(
        Settings(
            service=service,
            times=Times(interval=INTERVAL, lead=LEAD, season=DAY),
            min_instances=1,
            weights=Weights.of(service, option["violation_cost"]),
            peak=option["peak"],
        )
    )
    learner.tables = Tables(math.inf)
    for tick, rate in enumerate(day.arrivals.mean(axis=1).tolist()):
        learner.live_through(START + INTERVAL * tick, rate)
    tables = learner.tables
    tables.sums /= tables.sums[: len(CONTEXTS[0].cells)].sum(axis=0).min() / tables.ticks
    return tables


def main() -> int:
    """Live through all days, and write."""
    with multiprocessing.Pool() as pool:
        all_tables = pool.map(lived, training(SEEDS), chunksize=1)
    sums = np.sum([tables.sums for tables in all_tables], axis=0, dtype=float)
    counts = np.sum([tables.counts for tables in all_tables], axis=0)
    ticks = sum(tables.ticks for tables in all_tables)
    unit = float(sums[: len(CONTEXTS[0].cells)].sum(axis=0).min() / ticks)
    costs = sums / unit / np.maximum(counts, 1.0)[:, None]
    plain = _prior.written(costs.tolist(), (counts / ticks).tolist())
    _prior.FILE.write_text(json.dumps(plain, separators=(",", ":")).replace("],", "],\n") + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
