# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The learner of one cluster: every mode runs a fleet of its own on the arrivals that were measured.

Arrivals do not depend on what is ordered, so what every mode would have cost can be computed, and nothing has to be
tried in production.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, Ints, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._history import History
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._modes import MODES, loads
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._signals import Signals, Times, Watch
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._tables import Tables, cells_of
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._fleet import Fleet
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import (
    Service,
    Weights,
    cost,
    most_load,
)


@dataclass(frozen=True)
class Settings:
    """What the learner assumes. Times in s."""

    service: Service
    times: Times
    boot: int  # ticks
    min_instances: int
    weights: Weights
    memory: float  # ticks after which what was seen weighs 1/e
    peak: float  # rate within an interval at its worst / mean rate
    drain_time: float  # a backlog is to be worked off in this time


class Learner:
    """History, fleets and tables of one cluster."""

    def __init__(self, settings: Settings, history: History | None = None) -> None:
        self.settings = settings
        self.history = history or History(settings.times.interval, settings.times.memory)
        self.watch = Watch(self.history, settings.times, settings.service.capacity)
        self.tables = Tables(settings.memory)
        start = np.full(len(MODES), max(settings.min_instances, 1))
        self.fleet = Fleet(settings.service, settings.boot, start)
        self.cells: deque[tuple[int, ...]] = deque(maxlen=settings.times.lead)
        self.signals: Signals | None = None
        self.loads: Floats = np.zeros(len(MODES))

    def advance(self, rate: float, *, scheduled: float = 0.0) -> None:
        """One more tick has passed, with this mean arrival rate: what has each mode cost, what does it order now?"""
        settings = self.settings
        interval = settings.times.interval
        felt = self.fleet.work((np.array(settings.peak * rate),), interval)
        if len(self.cells) == settings.times.lead:
            costs = cost(settings.service, settings.weights, felt, self.fleet.ordered)
            self.tables.learn(costs, self.cells[0])
        self.history.append(rate)
        self.signals = self.watch.read(scheduled)
        self.cells.append(cells_of(self.signals))
        self.loads = loads(self.signals)
        self.fleet.order(self.needed(self.loads + self.fleet.backlog / settings.drain_time))

    def needed(self, rates: Floats) -> Ints:
        """The fewest instances that keep the SLO at each of these rates, within the bounds."""
        settings = self.settings
        counts = np.searchsorted(most_load(settings.service), rates)
        return np.asarray(np.minimum(np.maximum(counts, settings.min_instances), settings.service.max_instances))

    def rate(self) -> tuple[float, Floats]:
        """The rate to staff for, and the weight of each mode in it."""
        weights = self.tables.weights(self.cells[-1])
        return float(weights @ self.loads), weights
