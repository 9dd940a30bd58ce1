# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The environment in which policies are trained and compared, in the manner of Gymnasium's vector environments."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, Ints, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._fleet import Fleet, boot_ticks
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import (
    SERVICE_P99,
    Felt,
    Service,
    Weights,
    cost,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._sticky import StickyFleet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]

#: True values of a tick by name; see ScalingEnv.
Info = Mapping[str, Any]


@dataclass(frozen=True)
class EnvironmentSettings:
    """What is simulated; see ScalingEnv. Raises OptionError where a value makes no sense."""

    service: Service = field(default_factory=Service)
    weights: Weights = field(default_factory=Weights)
    interval: float = 15.0
    boot_time: float = 45.0
    min_instances: int = 1
    initial_instances: int | None = None
    measurement_noise: float = 0.1
    rate_noise: float = 0.0
    missing: float = 0.0
    connection_life: float | None = None
    retry_share: float = 0.0

    def __post_init__(self) -> None:
        """Check each value."""
        lowest, highest = self.min_instances, self.service.max_instances
        if not 1 <= lowest <= highest:
            raise OptionError("min_instances", f"must be from 1 to max_instances ({highest}), got {lowest}")
        if self.initial_instances is not None and not lowest <= self.initial_instances <= highest:
            raise OptionError(
                "initial_instances", f"must be from {lowest} to {highest} or None, got {self.initial_instances}"
            )
        if not self.interval > 0.0:
            raise OptionError("interval", f"must be more than 0 seconds, got {self.interval}")
        if not 0.0 <= self.boot_time < math.inf:
            raise OptionError("boot_time", f"must be at least 0 seconds, got {self.boot_time}")
        if self.connection_life is not None and not self.connection_life > 0.0:
            raise OptionError("connection_life", f"must be more than 0 seconds or None, got {self.connection_life}")
        for name in ("measurement_noise", "rate_noise", "missing", "retry_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise OptionError(name, f"must be from 0 to 1, got {getattr(self, name)}")


class Observations(NamedTuple):
    """What is known after a tick: one value an environment. Metrics are NaN where the scrape is missing."""

    arrival_rate: Floats  # messages/s, mean of the tick
    completion_rate: Floats  # messages/s, mean of the tick
    p99: Floats  # s
    queue: Floats  # messages per instance
    utilisation: Floats  # 0..1
    ready: Ints  # instances that will serve in the next tick
    ordered: Ints  # ready and booting


#: Observations that come by a scrape.
METRICS = ("arrival_rate", "completion_rate", "p99", "queue", "utilisation")


class ScalingEnv:
    """Horizontally scaled services under given load, side by side.

    Description
        Messages arrive as given, whatever the policy does, and are served by a fluid model with the waiting of M/M/c
        (`_model`). Each tick the policy says how many instances are wanted. More of them boot for a while, though they
        cost from the start; fewer leave at once, those that boot first.

    Action space
        `targets`, (E,) integers: the count wanted in each environment. Clipped to min_instances..max_instances.

    Observation space
        `Observations`, (E,) each. Counts are always known, as who scales knows them.

    Reward
        Minus the cost of the tick (`_model.cost`), (E,): of what users felt, not of what was measured.

    Starting state
        `initial_instances` serve, none boots, no backlog. The first observation is of an idle tick at the first rate.

    Episode end
        Truncated after the last tick of the arrivals, for all environments at once; never terminated.

    Info
        `p99` (s), `violation` (p99 above the SLO), `given_up` (messages), `backlog` (messages), `ordered`: true values
        of the tick, (E,) each.

    Arguments
        arrivals: (E, T, K) rates in messages/s of E environments, T ticks and K equal steps in each; not copied.
        settings: EnvironmentSettings:

        ================== ======= ==========================================================================
        option             default unit, meaning and source
        ================== ======= ==========================================================================
        service            Service what is scaled, see there
        weights            Weights costs; the article's
        interval           15      s between decisions; the HPA's sync period and a usual scrape interval
        boot_time          45      s from order to service; readiness lags about 40 s behind in Kubernetes
        min_instances      1       instances; the article's
        initial_instances  None    instances; None: for 1.4 times the first rate, half an instance more, rounded up
        measurement_noise  0.1     p99 and queue are observed up to this share too high or low; p99s are estimated
                                   from histogram buckets and few messages (a guess)
        rate_noise         0       the same of both rates, by one factor: scrapes are not quite on time
        missing            0       probability that a scrape is missing
        connection_life    None    s, mean life of a connection (see StickyFleet); None: load is always balanced
        retry_share        0       share of the messages given up that come back evenly over the next tick
        ================== ======= ==========================================================================
    """

    def __init__(self, arrivals: Floats, settings: EnvironmentSettings) -> None:
        """Raise OptionError where arrivals are no rates, or do not have three dimensions, none of them empty."""
        if arrivals.ndim != 3 or not arrivals.size:
            raise OptionError("arrivals", f"must be (environments, ticks, inner steps), got shape {arrivals.shape}")
        if not (arrivals.min() >= 0.0 and arrivals.max() < math.inf):
            raise OptionError("arrivals", f"must be from 0 on, got {arrivals.min()} to {arrivals.max()} messages/s")
        self.settings = settings
        self.num_envs, self.ticks, inner_steps = arrivals.shape
        self.tick = self.ticks  # no episode runs
        self._rates = np.moveaxis(arrivals, 0, 2)
        self._seconds = settings.interval / inner_steps
        self._noise: Floats = np.array(
            [[settings.measurement_noise], [settings.measurement_noise], [settings.rate_noise]], dtype=np.float32
        )

    def reset(self, seed: int) -> tuple[Observations, Info]:
        """Begin an episode. The seed decides on all that is measured, and on nothing that happens."""
        service = self.settings.service
        rate = self._rates[0].mean(0, dtype=np.float64)
        serving = self._initial(rate)
        boot = boot_ticks(self.settings.boot_time, self.settings.interval)
        self._fleet = (
            Fleet(service, boot, serving)
            if self.settings.connection_life is None
            else StickyFleet(service, boot, serving, self.settings.connection_life)
        )
        self._random = np.random.default_rng(seed)
        self._given_up: Floats = np.zeros(self.num_envs)
        self.tick = 0
        capacity = serving * service.capacity
        idle = Felt(
            p99=np.full(self.num_envs, SERVICE_P99 / service.service_rate),
            queue=np.zeros(self.num_envs),
            backlog=np.zeros(self.num_envs),
            utilisation=np.minimum(rate / capacity, 1.0),
            given_up=self._given_up,
        )
        return self._observed(idle, rate, np.minimum(rate, capacity)), self._true(idle)

    def step(self, targets: Ints) -> tuple[Observations, Floats, Bools, Bools, Info]:
        """Order, let a tick pass, and give observation, reward, terminated, truncated and info.

        Raises AutoscaleError where no episode runs.
        """
        if self.tick == self.ticks:
            raise AutoscaleError("no episode runs: call reset() before the first step() and after a truncated one")
        settings, fleet = self.settings, self._fleet
        fleet.order(np.minimum(np.maximum(targets, settings.min_instances), settings.service.max_instances))
        capacity = fleet.serving * settings.service.capacity
        rates = np.ascontiguousarray(self._rates[self.tick], dtype=np.float64)
        if settings.retry_share:
            rates = rates + self._given_up * (settings.retry_share / settings.interval)
        felt = fleet.work(list(rates), self._seconds)
        self._given_up = felt.given_up
        self.tick += 1
        reward = -cost(settings.service, settings.weights, felt, fleet.ordered)
        observations = self._observed(felt, rates.sum(0) / len(rates), felt.utilisation * capacity)
        never = np.zeros(self.num_envs, dtype=bool)
        ended = np.full(self.num_envs, self.tick == self.ticks)
        return observations, reward, never, ended, self._true(felt)

    def _initial(self, rate: Floats) -> Ints:
        if self.settings.initial_instances is not None:
            return np.full(self.num_envs, self.settings.initial_instances)
        return initial_instances(self.settings.service, rate, self.settings.min_instances)

    def _observed(self, felt: Felt, arrival_rate: Floats, completion_rate: Floats) -> Observations:
        # Always as many draws, so that the same seed means the same luck under other settings.
        draws = self._random.random((4, self.num_envs), dtype=np.float32)
        p99, queue, rates = 1.0 + self._noise * (2.0 * draws[:3] - 1.0)
        seen = Observations(
            arrival_rate=arrival_rate * rates,
            completion_rate=completion_rate * rates,
            p99=felt.p99 * p99,
            queue=felt.queue * queue,
            utilisation=felt.utilisation,
            ready=self._fleet.serving.copy(),
            ordered=self._fleet.ordered.copy(),
        )
        if self.settings.missing:
            lost = draws[3] < self.settings.missing
            seen = seen._replace(**{name: np.where(lost, np.nan, getattr(seen, name)) for name in METRICS})
        return seen

    def _true(self, felt: Felt) -> Info:
        slo = self.settings.service.slo_p99
        return {
            "p99": felt.p99,
            "violation": felt.p99 > (math.inf if slo is None else slo),
            "given_up": felt.given_up,
            "backlog": felt.backlog,
            "ordered": self._fleet.ordered.copy(),
        }


def initial_instances(service: Service, rate: Floats, lowest: int = 1) -> Ints:
    """A count that is comfortable at this rate (messages/s), as a fleet would have come to before an episode."""
    wanted = np.ceil(1.4 * rate / service.capacity + 0.5)
    return np.asarray(np.clip(wanted, lowest, service.max_instances).astype(np.int64))
