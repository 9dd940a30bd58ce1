# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network of one service at work: signals, three simulated fleets, the guard, and what the network says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._assumed import settled
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn import _signals
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._guard import Guard
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._network import Network, from_flat
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._world import (
    ACTIONS,
    RULE,
    SAME_SPEED,
    World,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._history import History
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._packing import pack, unpack
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import cost

#: The rate at the worst moment of an interval / its mean, as fleets are simulated.
PEAK = 1.03
#: So many leads without a measurement, and what the fleets did meanwhile is not worth guessing.
UNSEEN_LEADS = 4
#: A feature may be so far outside of what was seen in training.
OUTSIDE = 0.25
#: The fleets.
OF_RULE, OF_NETWORK, FOLLOWED = range(3)


@dataclass(frozen=True)
class Trained:
    """A network, and what it was trained for."""

    network: Network
    low: Floats  # (features,) smallest seen in training
    high: Floats
    kind: Mapping[str, Any]  # World.kind
    speed: float  # World.speed

    def misfit(self, world: World) -> str:
        """What is another than in training; empty if nothing is."""
        for name, value in world.kind.items():
            if self.kind.get(name) != value:
                return f"{name} {value}, not {self.kind.get(name)}"
        if abs(world.speed / self.speed - 1.0) > SAME_SPEED:
            return f"an SLO of {world.speed:.3g} service times, not {self.speed:.3g}"
        return ""

    def knows(self, features: Floats) -> bool:
        """Whether training has seen features about like these."""
        return bool(((features >= self.low - OUTSIDE) & (features <= self.high + OUTSIDE)).all())

    def to_plain(self) -> dict[str, Any]:
        """Plain data, about 20 kB; see `from_plain`."""
        return {
            "weights": pack(self.network.flat(), "<f4"),
            "low": pack(self.low, "<f4"),
            "high": pack(self.high, "<f4"),
            "kind": dict(self.kind),
            "speed": self.speed,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Trained:
        """Read what `to_plain` wrote. AutoscaleError if it is damaged."""
        network = from_flat(unpack(plain["weights"], "<f4"), len(_signals.FEATURES), len(ACTIONS))
        low, high = unpack(plain["low"], "<f4"), unpack(plain["high"], "<f4")
        return cls(network, low, high, dict(plain["kind"]), float(plain["speed"]))


class Pilot:
    """Signals, fleets, guard and the action in force, of one service.

    The history is what ticks are counted by: it remembers as many as may be missed.
    """

    def __init__(self, world: World, now: float, rate: float) -> None:
        """Begin `now` (unix seconds), with this arrival rate (messages/s)."""
        self.world = world
        self.guard = Guard()
        self.history = History(world.interval, UNSEEN_LEADS * world.lead)
        self.history.ended = now
        self._begin(rate)

    def _begin(self, rate: float) -> None:
        """Begin anew, with all but the guard's memory."""
        self.history.append(rate)
        self.signals = _signals.Signals(self.world, np.array([rate]))
        self.fleet = self.world.fleet(self.world.needed(self.signals.ruled()).repeat(3))
        self.action = RULE
        self.left = 0  # ticks that the action stays in force
        self.familiar = False

    @property
    def rates(self) -> tuple[float, float]:
        """What the rule staffs for, and what arrives, in messages/s."""
        return float(self.signals.ruled()[0]), float(self.signals.smooth[0])

    def adapted(self, world: World) -> bool:
        """Go on in this world; False where it is of another kind, so that nothing of what is known fits."""
        known = self.world
        if world.kind != known.kind:
            return False
        world = replace(world, service=settled(world.service, known.service))
        if world != known:
            self.world = self.signals.world = world
            self.fleet.service = world.service
            self.fleet.counts = np.minimum(self.fleet.counts, world.service.max_instances)
        return True

    def fly(self, trained: Trained | None, now: float, rate: float, margin: float, *, guessed: bool = False) -> bool:
        """It is `now` (unix seconds), with this mean rate of the last interval, measured or `guessed`.

        Returns whether the network is followed.
        """
        rates = self.history.until(now, rate)
        if not len(self.history):
            self._begin(rate)
            rates = []
        for place, each in enumerate(rates, start=1):
            self._tick(trained, each, margin, learn=place == len(rates) and not guessed)
        return self.guard.following and self.familiar and trained is not None

    def _tick(self, trained: Trained | None, rate: float, margin: float, *, learn: bool) -> None:
        """The fleets work through a tick with this rate, and order anew. The guard learns only of measured ones."""
        world, fleet = self.world, self.fleet
        self.history.append(rate)
        felt = fleet.work((np.array(PEAK * rate),), world.interval)
        costs = cost(world.service, world.weights, felt, fleet.ordered).tolist()
        if learn:
            self.guard.learn(*costs, margin=margin, interval=world.interval)
        self.signals.see(np.array([rate]))
        ruled, smooth = self.rates
        self._choose(trained, ruled)
        follow = self.guard.judge(margin=margin, interval=world.interval) and self.familiar
        factor = ACTIONS[self.action]
        factors = np.array([1.0, factor, factor if follow else 1.0])
        orders = world.wanted(factors, np.array(ruled), np.array(smooth), fleet.backlog)
        if not follow:
            orders[FOLLOWED] = max(orders[FOLLOWED], orders[OF_RULE])
        fleet.order(orders)

    def _choose(self, trained: Trained | None, ruled: float) -> None:
        """Ask the network, once a lead."""
        if trained is None:
            self.action, self.left, self.familiar = RULE, 0, False
            self.guard = Guard(account=min(self.guard.account, 0.0))  # no merit without a network; debts stay
            return
        if self.left == 0:
            fleet, row = self.fleet, slice(OF_NETWORK, OF_NETWORK + 1)
            own = _signals.fleet(self.world, fleet.counts[:, row], fleet.backlog[row], np.array([ruled]))
            features = np.concatenate([self.signals.traffic(), own], axis=-1)[0]
            self.familiar = trained.knows(features)
            self.action = int(trained.network.values(features).argmax())
            self.left = self.world.lead
        self.left -= 1

    def to_plain(self) -> dict[str, Any]:
        """Plain data, see `from_plain`."""
        return {
            "kind": self.world.kind,
            "service_rate": self.world.service.service_rate,
            "history": self.history.to_plain(),
            "signals": self.signals.to_plain(),
            "counts": self.fleet.counts.tolist(),
            "backlog": self.fleet.backlog.tolist(),
            "guard": self.guard.to_plain(),
            "action": self.action,
            "left": self.left,
            "familiar": self.familiar,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], world: World) -> Pilot | None:
        """Read what `to_plain` wrote; None where it was of another kind of world.

        Where the history is damaged, all but the guard's memory begins anew with the next tick.
        """
        if plain["kind"] != world.kind:
            return None
        known = replace(world, service=replace(world.service, service_rate=plain["service_rate"]))
        pilot = cls(known, 0.0, 0.0)
        pilot.history = History(known.interval, pilot.history.size).recall(plain.get("history"))
        pilot.signals = _signals.Signals.from_plain(plain["signals"], known)
        pilot.fleet.counts = np.minimum(np.array(plain["counts"]), known.service.max_instances)
        pilot.fleet.backlog = np.array(plain["backlog"])
        pilot.guard = Guard(**plain["guard"])
        pilot.action, pilot.left, pilot.familiar = plain["action"], plain["left"], plain["familiar"]
        return pilot
