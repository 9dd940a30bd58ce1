# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The learner of one cluster: every mode runs a fleet of its own on the arrivals that were measured.

Arrivals do not depend on what is ordered, so what every mode would have cost can be computed, and nothing has to be
tried in production.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, Ints, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._assumed import settled
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._packing import pack, unpack
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._modes import MODES, loads
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._past import Past
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._prior import prior
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._signals import Watch
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._tables import (
    CELLS,
    Tables,
    cells_of,
    describe,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._times import Times
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._fleet import Fleet
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import (
    Service,
    Weights,
    cost,
    needed,
)

#: Seconds of a day after which what was seen weighs 1/e.
MEMORY_S = 43200.0
#: Seconds of a day that the prior counts as.
PRIOR_S = 10800.0
#: So many leads without a measurement, and what the fleets did meanwhile is not worth guessing.
UNSEEN_LEADS = 4
#: Tables that were learned with a service rate that differs by more than this share are learned again.
LARGE_CHANGE = 0.1
#: Seconds of a day for which nothing shrinks after traffic broke off.
DROP_HOLD_S = 600.0


@dataclass(frozen=True)
class Settings:
    """What the learner assumes."""

    service: Service
    times: Times
    min_instances: int
    weights: Weights
    peak: float  # arrival rate at the worst moment of an interval / its mean
    scheduled: float = 0.0  # largest arrival rate that a person expects until the end of the lead; 0: nothing

    @property
    def shape(self) -> dict[str, Any]:
        """Where this is another, fleets and tables do not fit, or what things cost is another matter."""
        service = self.service
        return {
            **asdict(self.times),
            "modes": len(MODES),
            "cells": CELLS,
            "servers_per_instance": service.servers_per_instance,
            "queueing": service.queueing,
            "slo": [service.slo_p99, service.slo_queue],
            "weights": list(self.weights),
            "peak": self.peak,
        }


class Learner:
    """History, fleets and tables of one cluster."""

    def __init__(self, settings: Settings, history: Past | None = None) -> None:
        """A learner that has seen nothing but perhaps a history, and knows what all services have in common."""
        times, service = settings.times, settings.service
        self.settings = settings
        self.learned_rate = service.service_rate  # what the tables were learned with
        self.history = Past(times) if history is None else history
        self.watch = Watch(self.history, times, service.capacity)
        self.tables = Tables(times.ticks(MEMORY_S), prior(), times.ticks(PRIOR_S))
        self.fleet = Fleet(service, times.lead - 1, np.full(len(MODES), settings.min_instances))
        self.cells: deque[tuple[int, ...]] = deque(maxlen=times.lead)
        self.held = 0  # ticks for which nothing shrinks, as traffic broke off
        self.loads: Floats = np.zeros(len(MODES))

    def live_through(self, now: float, rate: float, guessed: bool = False) -> None:
        """It is `now` (unix seconds); this was the mean arrival rate of the last interval, measured or `guessed`."""
        rates = self.history.until(now, rate)
        if not len(self.history) or len(rates) > UNSEEN_LEADS * self.settings.times.lead:
            self._skip(rates, guessed)
            return
        for place, each in enumerate(rates, start=1):
            self._advance(each, guessed or place < len(rates))

    def _advance(self, rate: float, guessed: bool) -> None:
        """One tick has passed: what has each mode cost, and what does it order now? A guessed rate teaches nothing."""
        settings = self.settings
        self.history.append(rate, guessed)
        felt = self.fleet.work((settings.peak * self.history.last(1),), settings.times.interval)
        if not guessed and len(self.cells) == settings.times.lead:
            costs = cost(settings.service, settings.weights, felt, self.fleet.ordered)
            self.tables.learn(costs, self.cells[0])
        self._look()
        self.fleet.order(self.needed(self.loads + self.fleet.backlog / settings.service.patience))

    def _skip(self, rates: Sequence[float], guessed: bool) -> None:
        """Ticks have passed unseen, with about these rates. What the fleets did meanwhile is not known either."""
        self.history.extend(rates, guessed)
        settings = self.settings
        scores, self.watch = self.watch.scores, Watch(self.history, settings.times, settings.service.capacity)
        self.watch.scores = scores
        self.cells.clear()
        self._look()
        self.fleet = Fleet(settings.service, settings.times.lead - 1, self.needed(self.loads))

    def _look(self) -> None:
        self.watch.advance(self.settings.scheduled)
        signals = self.watch.signals()
        self.cells.append(cells_of(signals))
        self.loads = loads(signals)
        self.held = self.settings.times.ticks(DROP_HOLD_S) if signals.broke_off else max(self.held - 1, 0)

    def situation(self) -> str:
        """The situation in words."""
        return describe(self.cells[-1])

    def needed(self, rates: Floats) -> Ints:
        """The fewest instances that keep the SLO at each of these rates, within the bounds."""
        return needed(self.settings.service, rates, self.settings.min_instances)

    def weights(self) -> Floats:
        """How much each mode counts now; sum 1."""
        return self.tables.weights(self.cells[-1])

    def adapted(self, settings: Settings) -> Learner:
        """This learner with other settings; one that lived through the same history with them, if they differ much."""
        known, given = self.settings, replace(settings, service=settled(settings.service, self.settings.service))
        if given == known:
            return self
        learned_with = given.service.service_rate / self.learned_rate
        if given.shape != known.shape or abs(learned_with - 1.0) > LARGE_CHANGE:
            return self.replayed(given)
        self.settings = given
        self.fleet.service = given.service
        self.watch.capacity = given.service.capacity
        self._fit()
        return self

    def _fit(self) -> None:
        """Send home what is more than the bounds allow now."""
        np.minimum(self.fleet.counts, self.settings.service.max_instances, out=self.fleet.counts)

    def replayed(self, settings: Settings) -> Learner:
        """A learner with these settings that has lived through the same history."""
        # What somebody expects now says nothing of the past.
        learner = Learner(replace(settings, scheduled=0.0), self.history.before(settings.times))
        count, interval = settings.times.memory, settings.times.interval
        rates, guessed = self.history.last(count).tolist(), self.history.guessed.last(count).tolist()
        for ago, *known in zip(range(len(rates) - 1, -1, -1), rates, guessed, strict=True):
            learner.live_through(self.history.ended - ago * interval, *known)
        learner.settings = settings
        return learner

    def to_plain(self) -> dict[str, Any]:
        """All of it as plain data, about 20 kB with a day of history at four ticks a minute."""
        return {
            **self.settings.shape,
            "service_rate": self.settings.service.service_rate,
            "learned_rate": self.learned_rate,
            "history": self.history.to_plain(),
            "watch": self.watch.to_plain(),
            "sums": pack(self.tables.sums, "<f4"),
            "counts": self.tables.counts.tolist(),
            "fleet": pack(self.fleet.counts, "<u4"),
            "backlog": pack(self.fleet.backlog, "<f8"),
            "held": self.held,
            "situations": [list(cells) for cells in self.cells],
        }

    @classmethod
    def restored(cls, plain: Mapping[str, Any], settings: Settings) -> tuple[Learner, bool]:
        """Read what `to_plain` wrote, and whether it is all there: what is damaged is learned anew, from the history
        if that can be read."""
        for part in (plain, {"history": plain.get("history")}):
            try:
                return cls.from_plain(part, settings), part is plain
            except (AutoscaleError, AttributeError, IndexError, KeyError, TypeError, ValueError):
                continue
        return cls(settings), False

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], settings: Settings) -> Learner:
        """Read what `to_plain` wrote; what does not fit the settings any more is learned again from the history.

        Raises AutoscaleError, or what Python raises for values of other kinds, where it is damaged.
        """
        history = Past(settings.times).read(plain["history"])
        if any(plain.get(name) != value for name, value in settings.shape.items()):
            return cls(settings, history).replayed(settings)
        known = replace(settings.service, service_rate=plain["service_rate"])
        learner = cls(replace(settings, service=known), history)
        learner.watch.learn_from(plain["watch"])
        learner.learned_rate, learner.held = plain["learned_rate"], plain["held"]
        learner.tables.sums = unpack(plain["sums"], "<f4", learner.tables.sums.shape)
        learner.tables.counts = np.array(plain["counts"], dtype=float).reshape(CELLS)
        learner.fleet.counts = unpack(plain["fleet"], "<u4", learner.fleet.counts.shape).astype(np.int64)
        learner._fit()
        learner.fleet.backlog = unpack(plain["backlog"], "<f8", learner.fleet.backlog.shape)
        learner.cells.extend(tuple(cells) for cells in plain["situations"])
        learner.loads = loads(learner.watch.signals())
        return learner
