# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The traffic to train on: synthetic days of many services, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._families import HELD_OUT, TRAINING, generate
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Service
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._traces import noisy, scale, ticks

__all__ = ["HELD_OUT", "TRAINING", "days"]

#: Steps that a tick is simulated in.
INNER_STEPS = 3
#: A day is so high that its peaks keep this share of all instances busy, drawn for each.
LEAST_LOAD, MOST_LOAD = 0.1, 0.7
#: First parts of seeds, so that what is drawn for one use is not drawn for another.
TRAIN, VALIDATE, REPORT, WEIGHTS, EXPLORE = range(1, 6)
#: s of a day.
DAY_S = 86400.0


def days(
    families: Sequence[str], count: int, length: int, *, service: Service, interval: float, seed: Sequence[int]
) -> Floats:
    """Arrival rates of `count` services, the families in turn: (count, `length` ticks, INNER_STEPS), messages/s.

    The same `seed` (what it is for, and any further numbers) gives the same days.
    """
    rng = np.random.default_rng(seed)
    most = service.capacity * service.max_instances
    found = []
    for place in range(count):
        trace_seed = int(rng.integers(2**31))
        load = float(rng.uniform(LEAST_LOAD, MOST_LOAD)) * most
        # One tick more than needed: rounding may leave the last one out.
        trace = generate(
            families[place % len(families)], trace_seed, days=(length + 1) * interval / DAY_S, step=interval
        )
        rates = ticks(trace, interval, INNER_STEPS, "linear")[:length]
        found.append(noisy(rates * scale(rates, load), rng, interval / INNER_STEPS))
    return np.stack(found)
