# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Contenders side by side on one day, in the project's own simulator, and the clairvoyant optimum of that day."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._environment import (
    EnvironmentSettings,
    Observations,
    ScalingEnv,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._fleet import boot_ticks
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._optimum import optimum
from policies.contenders import SLO, Contender, cluster_settings
from policies.pilot import Pilot, Seen
from policies.sets import DAY, INTERVAL, Day

#: Ticks before the scored day in which fleets find their size: an hour. What was before comes as a back-fill.
WARMUP = 240
#: p99 that users call an outage, s.
SEVERE_P99 = 0.5
START = 1.8e9  # unix seconds of the first tick of a day's history
TICKS_PER_HOUR = 3600.0 / INTERVAL


class Job(NamedTuple):
    """One day for all contenders."""

    day: Day
    contenders: Sequence[Contender]
    environment: EnvironmentSettings = EnvironmentSettings()
    told_rate: float | None = None  # messages/s that contenders are told an instance does; None: they calibrate
    ticks: int = DAY  # that are scored
    learned: bool = True  # whether they know the day before


class Score(NamedTuple):
    """What one contender did on one day."""

    day: str
    trace: str
    seed: int
    contender: str
    cost: float  # in the reward's unit, a tick
    optimum: float  # the same of the clairvoyant
    over_slo: float  # share of ticks
    severe: float  # share of ticks
    instances: float  # instance-hours / the clairvoyant's
    changes: float  # an hour

    @property
    def ratio(self) -> float:
        """Cost over the clairvoyant's."""
        return self.cost / self.optimum


class Course(NamedTuple):
    """What happened in the scored ticks; (ticks, contenders) each."""

    ordered: np.ndarray
    p99: np.ndarray  # s
    cost: np.ndarray


def run_all(
    jobs: Sequence[Job], processes: int, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> list[Score]:
    """The scores of all jobs, worked on by so many processes."""
    scores: list[Score] = []
    with multiprocessing.Pool(processes) as pool:
        for done, found in enumerate(pool.imap(scored, jobs), start=1):
            scores += found
            progress(done, len(jobs))
    return scores


def scored(job: Job) -> list[Score]:
    """How each contender did."""
    course, environment, arrivals = played(job), job.environment, _arrivals(job)
    boot = boot_ticks(environment.boot_time, environment.interval)
    best = optimum(arrivals, environment.service, environment.weights, environment.interval, boot)
    warmup = len(arrivals) - job.ticks
    added = np.maximum(np.diff(best.serving, prepend=best.serving[0]), 0)[warmup:].sum()
    paid = best.serving[warmup:].sum() + boot * added
    least = float(best.cost[warmup:].mean())
    return [
        Score(
            day=job.day.name,
            trace=job.day.trace,
            seed=job.day.seed,
            contender=contender.name,
            cost=float(course.cost[:, place].mean()),
            optimum=least,
            over_slo=float((course.p99[:, place] > SLO.p99_latency).mean()),
            severe=float((course.p99[:, place] > SEVERE_P99).mean()),
            instances=float(course.ordered[:, place].sum() / paid),
            changes=float((np.diff(course.ordered[:, place]) != 0).sum()) / job.ticks * TICKS_PER_HOUR,
        )
        for place, contender in enumerate(job.contenders)
    ]


def played(job: Job) -> Course:
    """Let each contender scale a service of its own under the same arrivals."""
    environment, arrivals = job.environment, _arrivals(job)
    first = START + (2 * DAY - len(arrivals)) * environment.interval
    past = job.day.arrivals[: DAY - WARMUP].mean(axis=1).tolist() if job.learned else []
    pilots = [_pilot(contender, job, past, first - environment.interval) for contender in job.contenders]
    ticks, steps = arrivals.shape
    env = ScalingEnv(np.broadcast_to(arrivals, (len(pilots), ticks, steps)), environment)
    seen, _unused = env.reset(job.day.seed)
    ordered, p99, cost = (np.zeros((ticks, len(pilots))) for _unused in range(3))
    for tick in range(ticks):
        now = first + tick * environment.interval
        targets = np.array(
            [
                pilot.decide(now, each, int(seen.ready[place]), int(seen.ordered[place]))
                for place, (pilot, each) in enumerate(zip(pilots, scrapes(seen), strict=True))
            ]
        )
        seen, reward, _terminated, _truncated, info = env.step(targets)
        ordered[tick], p99[tick], cost[tick] = info["ordered"], info["p99"], -reward
    return Course(ordered[-job.ticks :], p99[-job.ticks :], cost[-job.ticks :])


def _pilot(contender: Contender, job: Job, past: Sequence[float], end: float) -> Pilot:
    """An agent that knows the rates of the `past` until `end` (unix seconds), as after a back-fill."""
    settings = cluster_settings(
        contender,
        boot_time=job.environment.boot_time,
        queueing=job.environment.service.queueing,
        service_rate=job.told_rate,
        seed=job.day.seed,
    )
    memory = settings.policy.prefilled(past, end, settings.policy_settings) if past else {}
    return Pilot(settings, {**memory, **contender.memory})


def _arrivals(job: Job) -> np.ndarray:
    """What is simulated: an hour of the day before, unless nothing is known of it, and what is scored."""
    return job.day.arrivals[DAY - WARMUP * job.learned : DAY + job.ticks]


def scrapes(seen: Observations) -> list[Seen | None]:
    """What each environment's scrape says; None where it is missing."""
    columns = (seen.arrival_rate, seen.completion_rate, seen.p99, seen.queue, seen.utilisation)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [None if math.isnan(row[0]) else Seen(*row) for row in rows]
