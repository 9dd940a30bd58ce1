# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every environment, whatever it simulates: for tests, and for who changes the simulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, Ints, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._environment import (
    EnvironmentSettings,
    Info,
    Observations,
    ScalingEnv,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._fleet import boot_ticks
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Felt, Service, cost

ENVIRONMENTS, TICKS, INNER_STEPS = 4, 60, 3
#: Relative errors up to this are rounding.
ROUNDING = 1e-9

Factory = Callable[[Floats, EnvironmentSettings], ScalingEnv]


class Episode(NamedTuple):
    """All that an episode gave: (T, E) arrays, those of observations and info with a row for reset before."""

    observations: Observations
    rewards: Floats
    terminated: Floats
    truncated: Floats
    info: Info


def check(make: Factory) -> None:
    """Raise AutoscaleError with the rule that environments of `make(arrivals, settings)` break."""
    for settings in _worlds():
        for rule in RULES:
            rule(make, settings)


def shapes_and_types(make: Factory, settings: EnvironmentSettings) -> None:
    """One value an environment: numbers, counts as integers, flags as booleans."""
    env = make(_load(settings), settings)
    observations, info = env.reset(0)
    _shaped(observations, info)
    observations, reward, terminated, truncated, info = env.step(_targets(settings)[0])
    _shaped(observations, info)
    _require(reward.shape == (ENVIRONMENTS,) and reward.dtype.kind == "f", "rewards are (E,) floats")
    for flags in (terminated, truncated):
        _require(flags.shape == (ENVIRONMENTS,) and flags.dtype == bool, "terminated and truncated are (E,) booleans")


def same_seed_same_episode(make: Factory, settings: EnvironmentSettings) -> None:
    """The seed decides on all that is measured, and on nothing that happens."""
    arrivals, targets = _load(settings), _targets(settings)
    env = make(arrivals, settings)
    first, again, other = (_play(env, targets, seed) for seed in (1, 1, 2))
    _require(_equal(first, again), "the same seed gives the same episode")
    _require(_equal(first.rewards, other.rewards), "rewards do not depend on the seed")


def messages_are_conserved(make: Factory, settings: EnvironmentSettings) -> None:
    """What arrives is served, waits, or is given up; nothing is served by what does not serve."""
    settings = _quiet(settings)
    arrivals, targets = _load(settings), _targets(settings)
    seen, _rewards, _terminated, _truncated, info = _play(make(arrivals, settings), targets)
    arrived, completed = (rate[1:] * settings.interval for rate in (seen.arrival_rate, seen.completion_rate))
    given = arrivals.mean(2).T * settings.interval
    _require(_near(arrived, given + settings.retry_share * info["given_up"][:-1]), "what is given arrives")
    waits, waited = info["backlog"][1:], info["backlog"][:-1]
    _require(
        _near(waited + arrived, completed + waits + info["given_up"][1:]),
        "what arrives is completed, waits in the backlog, or is given up",
    )
    _require(all((part >= 0.0).all() for part in (completed, waits, info["given_up"])), "no count is negative")
    ordered = info["ordered"][1:]
    serving = np.minimum(seen.ready[:-1], ordered) if settings.boot_time else ordered
    most = serving * settings.service.capacity * settings.interval
    _require(bool((completed <= most * (1.0 + ROUNDING)).all()), "instances complete no more than their capacity")


def neighbours_do_not_matter(make: Factory, settings: EnvironmentSettings) -> None:
    """Each environment alone does as it does in company."""
    settings = _quiet(settings)
    arrivals, targets = _load(settings), _targets(settings)
    together = _play(make(arrivals, settings), targets)
    for one in range(ENVIRONMENTS):
        alone = _play(make(arrivals[[one]], settings), targets[:, [one]])
        same = _near(alone.rewards, together.rewards[:, [one]]) and all(
            _near(mine, shared[:, [one]])
            for mine, shared in zip(alone.observations, together.observations, strict=True)
        )
        _require(same, "an environment does not depend on its neighbours")


def targets_are_clipped(make: Factory, settings: EnvironmentSettings) -> None:
    """No order is below min_instances or above max_instances."""
    lowest, highest = settings.min_instances, settings.service.max_instances
    env = make(_load(settings), settings)
    env.reset(0)
    for target in (lowest - 10, highest + 10, 0, 10**9):
        observations, *_unused, info = env.step(np.full(ENVIRONMENTS, target))
        within = np.full(ENVIRONMENTS, min(max(target, lowest), highest))
        _require(
            _equal(info["ordered"], within) and _equal(observations.ordered, within),
            "targets are clipped to the bounds",
        )


def growth_serves_after_its_boot(make: Factory, settings: EnvironmentSettings) -> None:
    """What is ordered in a tick serves from boot_ticks later on, and not before; what is too much leaves at once."""
    settings = replace(_quiet(settings), initial_instances=settings.min_instances)
    few, many = settings.min_instances, settings.service.max_instances
    boot = boot_ticks(settings.boot_time, settings.interval)
    env = make(_load(settings), settings)
    env.reset(0)
    for tick in range(boot + 3):
        observations = env.step(np.full(ENVIRONMENTS, many))[0]
        # After a tick is known what will serve in the next.
        expected = many if tick + 1 >= boot else few
        _require(bool((observations.ready == expected).all()), "growth serves after boot_ticks, and not before")
    observations = env.step(np.full(ENVIRONMENTS, few))[0]
    _require(bool((observations.ready == few).all()), "what is too much leaves at once")


def episodes_end_with_the_arrivals(make: Factory, settings: EnvironmentSettings) -> None:
    """Truncated after T steps, for all at once, and no step further."""
    env, targets = make(_load(settings), settings), _targets(settings)
    _require(_refused(env, targets[0]), "a step before reset() is refused")
    episode = _play(env, targets)
    expected = np.arange(1, TICKS + 1)[:, None] == np.full(ENVIRONMENTS, TICKS)
    _require(_equal(episode.truncated, expected), "an episode is truncated after T steps")
    _require(not episode.terminated.any(), "an episode is never terminated")
    _require(_refused(env, targets[0]), "a step after the end is refused")


def reward_is_minus_cost(make: Factory, settings: EnvironmentSettings) -> None:
    """Of what was felt: noise does not touch it."""
    arrivals, targets, quiet = _load(settings), _targets(settings), _quiet(settings)
    seen, rewards, _terminated, _truncated, info = _play(make(arrivals, quiet), targets)
    felt = Felt(info["p99"], seen.queue, info["backlog"], seen.utilisation, info["given_up"])
    expected = -cost(settings.service, settings.weights, felt, info["ordered"])[1:]
    _require(_near(rewards, expected), "the reward is minus the cost of what was felt")
    _require(_equal(rewards, _play(make(arrivals, settings), targets).rewards), "noise does not touch the reward")
    violated = info["p99"] > (np.inf if settings.service.slo_p99 is None else settings.service.slo_p99)
    _require(_equal(info["violation"], violated), "a violation is a p99 above the SLO")


RULES: tuple[Callable[[Factory, EnvironmentSettings], None], ...] = (
    shapes_and_types,
    same_seed_same_episode,
    messages_are_conserved,
    neighbours_do_not_matter,
    targets_are_clipped,
    growth_serves_after_its_boot,
    episodes_end_with_the_arrivals,
    reward_is_minus_cost,
)


def _worlds() -> tuple[EnvironmentSettings, ...]:
    noisy = EnvironmentSettings(measurement_noise=0.2, rate_noise=0.1, missing=0.2)
    return (
        EnvironmentSettings(),
        replace(noisy, service=Service(servers_per_instance=4, queueing="per_instance")),
        replace(noisy, boot_time=0.0, min_instances=2, retry_share=0.8),
        replace(noisy, service=Service(slo_p99=None), connection_life=120.0, interval=30.0),
        replace(noisy, service=Service(slo_queue=None), connection_life=60.0, retry_share=0.5, boot_time=100.0),
    )


def _quiet(settings: EnvironmentSettings) -> EnvironmentSettings:
    return replace(settings, measurement_noise=0.0, rate_noise=0.0, missing=0.0)


def _load(settings: EnvironmentSettings) -> Floats:
    """Rates with rest, bursts and overload: (E, T, K)."""
    rng = np.random.default_rng(5)
    most = settings.service.capacity * settings.service.max_instances
    levels = rng.choice([0.0, 0.05, 0.3, 0.6, 1.2], (ENVIRONMENTS, TICKS // 6)).repeat(6, axis=1)
    return np.asarray(most * levels[:, :, None] * rng.uniform(0.8, 1.2, (ENVIRONMENTS, TICKS, INNER_STEPS)))


def _targets(settings: EnvironmentSettings) -> Ints:
    """Counts that hold for some ticks: (T, E)."""
    rng = np.random.default_rng(6)
    counts = rng.integers(settings.min_instances, settings.service.max_instances + 1, (TICKS // 4, ENVIRONMENTS))
    return counts.repeat(4, axis=0)


def _play(env: ScalingEnv, targets: Ints, seed: int = 0) -> Episode:
    observations, info = env.reset(seed)
    steps = [env.step(row) for row in targets]
    seen, rewards, terminated, truncated, true = zip(*steps, strict=True)
    return Episode(
        Observations(*(np.array(column) for column in zip(observations, *seen, strict=True))),
        np.array(rewards),
        np.array(terminated),
        np.array(truncated),
        {name: np.array([info[name], *(later[name] for later in true)]) for name in info},
    )


def _shaped(observations: Observations, info: Info) -> None:
    for name, values in (*observations._asdict().items(), *info.items()):
        kind = {"ready": "i", "ordered": "i", "violation": "b"}.get(name, "f")
        _require(values.shape == (ENVIRONMENTS,) and values.dtype.kind == kind, f"{name} is (E,) of kind {kind}")


def _refused(env: ScalingEnv, targets: Ints) -> bool:
    try:
        env.step(targets)
    except AutoscaleError:
        return True
    return False


def _equal(first: Any, second: Any) -> bool:
    """Bit by bit; NaN equals NaN."""
    if isinstance(first, tuple):
        return all(_equal(one, other) for one, other in zip(first, second, strict=True))
    if isinstance(first, dict):
        return all(_equal(first[name], second[name]) for name in first)
    return np.array_equal(first, second, equal_nan=first.dtype.kind == "f")


def _near(first: Any, second: Any) -> bool:
    return np.allclose(first, second, rtol=ROUNDING, atol=ROUNDING * max(1.0, float(abs(second).max())))


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise AutoscaleError(f"the environment breaks a rule: {rule}")
