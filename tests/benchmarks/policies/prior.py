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
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._learner import Learner
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._tables import EVERYWHERE, Tables
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies.shadow_q import learner_settings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Service
from policies.contenders import OURS, cluster_settings, named
from policies.sets import INTERVAL, Day, training

#: None that is tuned on or scored.
SEEDS = (70, 71, 72)
START = 1.8e9  # unix seconds of the first tick


def lived(day: Day) -> Tables:
    """What the modes cost on these two days, nothing forgotten. The cheapest one's mean is 1, or busy days would count
    more than others."""
    settings = cluster_settings(*named([OURS])).policy_settings
    learner = Learner(learner_settings(settings, Service().service_rate))
    learner.tables = Tables(math.inf)
    for tick, rate in enumerate(day.arrivals.mean(axis=1).tolist()):
        learner.live_through(START + INTERVAL * tick, rate)
    tables = learner.tables
    tables.sums /= tables.sums[EVERYWHERE].sum(axis=0).min() / tables.ticks
    return tables


def main() -> int:
    """Live through all days, and write."""
    with multiprocessing.Pool() as pool:
        all_tables = pool.map(lived, training(SEEDS), chunksize=1)
    sums = np.sum([tables.sums for tables in all_tables], axis=0, dtype=float)
    counts = np.sum([tables.counts for tables in all_tables], axis=0)
    ticks = sum(tables.ticks for tables in all_tables)
    unit = float(sums[EVERYWHERE].sum(axis=0).min() / ticks)
    costs = sums / unit / np.maximum(counts, 1.0)[:, None]
    plain = _prior.written(costs.tolist(), (counts / ticks).tolist())
    _prior.FILE.write_text(json.dumps(plain, separators=(",", ":")).replace("],", "],\n") + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
