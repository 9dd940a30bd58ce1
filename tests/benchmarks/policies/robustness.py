# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What services do that are not as the simulator has them: rows of conditions, nothing tuned for any of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._environment import EnvironmentSettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Service
from policies.arena import Job, played
from policies.contenders import Contender
from policies.sets import Day

DAYS = 9
USUAL_RATE = Service().service_rate
#: Who is shown; all others are in the tables of the nominal service.
SHOWN = ("hpa", "hpa_tuned", "hpa_p99_tuned", "erlang_tuned", "seasonal_tuned", "shadow_q")


class Condition(NamedTuple):
    """A service that is not as usual."""

    name: str
    environment: EnvironmentSettings
    told_rate: float | None = None  # see Job


NOMINAL = EnvironmentSettings()
CONDITIONS = (
    Condition("as usual", NOMINAL),
    Condition("boots take 120 s", replace(NOMINAL, boot_time=120.0)),
    Condition("service rate 20 % lower", replace(NOMINAL, service=Service(service_rate=0.8 * USUAL_RATE))),
    Condition("service rate 20 % higher", replace(NOMINAL, service=Service(service_rate=1.2 * USUAL_RATE))),
    Condition(
        "service rate 20 % lower than was told",
        replace(NOMINAL, service=Service(service_rate=0.8 * USUAL_RATE)),
        told_rate=USUAL_RATE,
    ),
    Condition("10 % of the scrapes are missing", replace(NOMINAL, missing=0.1)),
    Condition("rates are measured 5 % too high or low", replace(NOMINAL, rate_noise=0.05)),
    Condition("80 % of those who gave up come back at once", replace(NOMINAL, retry_share=0.8)),
    Condition(
        "connections stick for 5 minutes",
        replace(NOMINAL, connection_life=300.0, service=Service(queueing="per_instance")),
    ),
)


def spread(days: Sequence[Day], count: int = DAYS) -> list[Day]:
    """So many of the days, evenly from all traces."""
    return [days[int(place)] for place in np.linspace(0, len(days) - 1, min(count, len(days)))]


def jobs(condition: Condition, days: Sequence[Day], contenders: Sequence[Contender]) -> list[Job]:
    """The work of one row."""
    return [Job(day, contenders, condition.environment, condition.told_rate) for day in days]


def explores(contender: Contender, day: Day) -> bool:
    """Whether chance decides: with metrics that are exact, another seed must change nothing."""
    exact = replace(NOMINAL, measurement_noise=0.0)
    one, other = (played(Job(day._replace(seed=seed), [contender], exact)) for seed in (0, 1))
    return not np.array_equal(one.ordered, other.ordered)
