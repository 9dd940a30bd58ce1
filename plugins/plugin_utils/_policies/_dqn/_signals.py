# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the network sees: a few continuous figures without units, the same for a service of any size.

`Signals` follow the arrival rates of any number of services, side by side, in a few numbers each; nothing of it
depends on what was ordered. `traffic` and `fleet` make features of them and of a fleet.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, Ints, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._world import World
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._history import slope_weights

#: Of weighted means, s in which a value fades to 1/e.
MEANS_S = (22.0, 90.0, 360.0, 3600.0)
#: The same of peaks; before them comes that of the rule.
PEAKS_S = (1200.0, 14400.0)
#: The same of how far the rate rose above its mean within a lead: a mean, and a peak.
SURGE_S, SURGE_PEAK_S = 3600.0, 14400.0
#: The same of the mean distance of the rate from its mean.
NOISE_S = 1200.0
#: Ticks of a trend, and the most that it foretells, as a factor.
TREND, MAX_GROWTH = 4, 1.5
#: Rates are compared with no less than this share of what one instance can serve.
LEAST_SHARE = 0.1
#: Features that describe the traffic, and those that describe the fleet.
TRAFFIC = (
    "load",
    "trend",
    "jump",
    "above minutes",
    "above quarter of an hour",
    "above hours",
    "below held peak",
    "below peak of 20 min",
    "below peak of hours",
    "surges",
    "largest surge",
    "noise",
)
FLEET = ("spare serving", "spare soon", "spare ordered", "backlog")
FEATURES = (*TRAFFIC, *FLEET)
#: No feature is beyond this.
LIMIT = 3.0


class Signals:
    """Figures of services side by side: arrays of shape (E,), or (n, E) where there are several of a kind."""

    def __init__(self, world: World, rates: Floats) -> None:
        """Begin with these rates (messages/s), as if they had lasted."""
        interval = world.interval
        peaks = (max(world.hold, interval), *PEAKS_S)
        self.world = world
        self._mean_weights = _weights(MEANS_S, interval)
        self._peak_keeps = 1.0 - _weights(peaks, interval)
        self._surge_weight, self._surge_keep, self._noise_weight = _weights((SURGE_S, SURGE_PEAK_S, NOISE_S), interval)
        self._surge_keep = 1.0 - self._surge_keep
        self._least = LEAST_SHARE * world.service.capacity
        count = len(rates)
        self.last: Floats = np.repeat(rates[None], TREND, axis=0)  # newest last
        self.means: Floats = np.repeat(rates[None], len(MEANS_S), axis=0)
        self.before: Floats = np.repeat(rates[None], world.lead, axis=0)  # fast mean of the last ticks, newest last
        self.peaks: Floats = np.repeat(rates[None], len(peaks), axis=0)
        self.surges: Floats = np.zeros((2, count))
        self.noise: Floats = np.zeros(count)

    @property
    def smooth(self) -> Floats:
        """The arrival rate without its noise, in messages/s."""
        return self.means[0]

    def see(self, rates: Floats) -> None:
        """A tick has passed with these mean arrival rates (messages/s)."""
        base = np.maximum(self.means[0], self._least)
        self.noise = self.noise + self._noise_weight * (abs(rates - self.means[0]) / base - self.noise)
        risen = np.maximum(rates / np.maximum(self.before[0], self._least) - 1.0, 0.0)
        mean, peak = self.surges
        self.surges = np.stack([mean + self._surge_weight * (risen - mean), np.maximum(risen, self._surge_keep * peak)])
        self.last = np.concatenate([self.last[1:], rates[None]])
        self.means = self.means + self._mean_weights * (rates - self.means)
        smooth = self.means[0]
        self.before = np.concatenate([self.before[1:], smooth[None]])
        self.peaks = smooth + self._peak_keeps * np.maximum(self.peaks - smooth, 0.0)

    def ruled(self) -> Floats:
        """The rates that the rule staffs for, in messages/s."""
        present = np.maximum(self.smooth, self.last[-1])
        trend = np.minimum(present + self.world.lead * np.maximum(self._slope(), 0.0), MAX_GROWTH * present)
        return np.asarray(self.world.headroom * np.maximum(trend, self.peaks[0]))

    def traffic(self) -> Floats:
        """The features TRAFFIC: (E, features)."""
        smooth = np.maximum(self.smooth, self._least)
        _fast, minutes, quarter, hours = self.means
        ratios = np.log(
            np.maximum(np.stack([self.last[-1], minutes, quarter, hours, *self.peaks]), self._least) / smooth
        )
        ratios[1:4] *= -1.0
        load = np.log1p(self.smooth / self.world.service.capacity)
        trend = self.world.lead * self._slope() / smooth
        features = np.stack([load, trend, *ratios, *self.surges, self.noise], axis=-1)
        return np.minimum(np.maximum(features, -LIMIT), LIMIT).astype(np.float32)

    def _slope(self) -> Floats:
        """How fast the rates grow, in messages/s a tick: least squares."""
        return np.asarray(slope_weights(TREND) @ self.last)

    def to_plain(self) -> dict[str, Any]:
        """Plain data, see `from_plain`."""
        return {name: getattr(self, name).tolist() for name in STATE}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], world: World) -> Signals:
        """Read what `to_plain` wrote, of a service with the same lead."""
        signals = cls(world, np.array(plain["noise"]))
        for name in STATE:
            setattr(signals, name, np.array(plain[name]))
        return signals


#: All that signals remember.
STATE = ("last", "means", "before", "peaks", "surges", "noise")


def fleet(world: World, counts: Ints, backlog: Floats, ruled: Floats) -> Floats:
    """The features FLEET of fleets (see Fleet), whose rule staffs for these rates: the shape of `backlog`, one more."""
    capacity = world.service.capacity
    base = np.maximum(ruled, LEAST_SHARE * capacity)
    some = np.stack([counts[0], counts[(world.lead - 1) // 2], counts[-1]])
    spare = np.log(np.maximum(some, 0.5) * capacity / base)
    waits = backlog / (np.maximum(counts[0], 1) * capacity) / (world.service.slo_p99 or 1.0)
    features = np.stack([*spare, np.log1p(waits)], axis=-1)
    return np.minimum(np.maximum(features, -LIMIT), LIMIT).astype(np.float32)


def _weights(seconds: tuple[float, ...], interval: float) -> Floats:
    """The weight of a new value in means that forget in so many seconds: (n, 1)."""
    return np.array([1.0 - math.exp(-interval / each) for each in seconds])[:, None]
