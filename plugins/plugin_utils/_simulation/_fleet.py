# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Simulated fleets: instances that boot for some ticks, serve, and leave at once when they are not wanted any more.

Of the booting ones the newest leave first, then those that serve. So how many will serve j ticks from now is the least
of what has been ordered since j ticks before they could be ready: one number for each tick of the boot is all there is
to know of a fleet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, Ints, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Felt, Service, feel


def boot_ticks(boot_time: float, interval: float) -> int:
    """Ticks from an order until it serves; a boot that ends within a tick counts as if it ended with it."""
    return math.ceil(boot_time / interval - 1e-9)


class Fleet:
    """Fleets of one service, side by side: arrays of one shape.

    `counts[j]` are the instances that serve j ticks from now, if nothing else is ordered (boot_ticks + 1 rows; the
    last one is what is ordered). `backlog` are messages that could not be worked off yet.
    """

    def __init__(self, service: Service, boot: int, serving: Ints, backlog: Floats | None = None) -> None:
        """Begin with `serving` instances ready; `boot` is in ticks."""
        self.service = service
        self.counts: Ints = np.repeat(serving[None], boot + 1, axis=0).astype(np.int64)
        self.backlog: Floats = np.zeros(serving.shape) if backlog is None else backlog

    @property
    def serving(self) -> Ints:
        return self.counts[0]

    @property
    def ordered(self) -> Ints:
        return self.counts[-1]

    def order(self, targets: Ints) -> None:
        """Want so many instances from now on. What is too much leaves at once; what is missing boots."""
        np.minimum(self.counts, targets, out=self.counts)
        self.counts[-1] = targets

    def work(self, rates: Sequence[Floats], seconds: float) -> Felt:
        """Serve for one tick: consecutive steps of `seconds` with these arrival rates. Boots go on."""
        felt = feel(self.service, self.counts[0], self.backlog, rates, seconds)
        self.backlog = felt.backlog
        self.counts[:-1] = self.counts[1:]
        return felt
