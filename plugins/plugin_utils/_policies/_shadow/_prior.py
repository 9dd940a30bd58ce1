# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modes cost before anything is known of a service: the prior.

`prior.json` has what they have cost, in each situation, on synthetic days of many kinds, as a multiple of what the mode
cost that was cheapest on the whole. `tests/benchmarks/policies/prior.py` makes it.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._modes import MODES
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._tables import CONTEXTS, Prior

FILE = Path(__file__).with_name("prior.json")


@lru_cache(maxsize=1)
def prior() -> Prior:
    """The prior of all services."""
    return read(json.loads(FILE.read_text(encoding="utf-8")))


def read(plain: dict[str, dict[str, list[float]]]) -> Prior:
    """Context -> cell -> its share of all ticks and, after it, the cost of each mode there."""
    rows = np.array([plain[context.name][cell] for context in CONTEXTS for cell in context.cells])
    shares, costs = rows[:, 0], rows[:, 1:].reshape(-1, len(MODES))
    return Prior(costs * shares[:, None], shares)


def written(costs: list[list[float]], shares: list[float]) -> dict[str, dict[str, list[float]]]:
    """The reverse of `read`, of the costs and the share of each cell."""
    rows = iter(zip(shares, costs, strict=True))
    return {
        context.name: {
            cell: [round(share, 5), *(round(cost, 3) for cost in each)]
            for cell, (share, each) in zip(context.cells, rows, strict=False)
        }
        for context in CONTEXTS
    }
