# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fleets whose clients keep their connections: new instances get load only as connections end and open again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, Ints, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._fleet import Fleet
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Felt, Service, feel

#: An instance that gets less than this part of an even share says nothing about the p99 of all messages.
LEAST_SHARE = 0.01


class StickyFleet(Fleet):
    """Fleets, side by side, in which each instance has a share of the load and a queue of its own (M/M/c).

    Connections live for an exponential time with the mean `connection_life` (s), and new ones are spread evenly over
    what serves then. So shares move towards even ones by 1 - exp(-seconds / connection_life). An instance that starts
    begins with nothing; one that leaves hands its connections and its backlog on to the others evenly. p99 is that of
    the worst instance, the queue the mean over instances.
    """

    def __init__(self, service: Service, boot: int, serving: Ints, connection_life: float) -> None:
        """Begin with even shares."""
        super().__init__(service, boot, serving)
        self._instance = replace(service, max_instances=1, queueing="per_instance")
        self._ones: Ints = np.ones((len(serving), service.max_instances), dtype=np.int64)
        self._slots: Ints = np.arange(service.max_instances)
        self._connection_life = connection_life
        self._shares: Floats = (self._slots < serving[:, None]) / serving[:, None]
        self._backlogs: Floats = np.zeros(self._shares.shape)

    def work(self, rates: Sequence[Floats], seconds: float) -> Felt:
        """Serve for one tick, as in Fleet; connections end and open with its end."""
        serving = self.serving[:, None]
        serves = self._slots < serving
        shares, backlogs = self._handed_on(self._shares), self._handed_on(self._backlogs)
        felt = feel(self._instance, self._ones, backlogs, [rate[:, None] * shares for rate in rates], seconds)
        kept = math.exp(-seconds * len(rates) / self._connection_life)
        self._shares = np.where(serves, kept * shares + (1.0 - kept) / serving, 0.0)
        self._backlogs = felt.backlog
        self.backlog = felt.backlog.sum(1)
        felt = Felt(
            p99=np.where(shares * serving >= LEAST_SHARE, felt.p99, 0.0).max(1),
            queue=felt.queue.sum(1) / self.serving,
            backlog=self.backlog,
            utilisation=felt.utilisation.sum(1) / self.serving,
            given_up=felt.given_up.sum(1),
        )
        self.counts[:-1] = self.counts[1:]
        return felt

    def _handed_on(self, held: Floats) -> Floats:
        """What each instance holds, after those that left gave theirs to the others in even parts."""
        serving = self.serving[:, None]
        serves = self._slots < serving
        kept = np.where(serves, held, 0.0)
        left = (held.sum(1) - kept.sum(1))[:, None]
        return np.where(serves, kept + left / serving, 0.0)
