# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the simulator makes of a demo: the rates that it had, with the settings of its inventory.

Rates, not arrivals: that these come by chance is in the queueing model already, and would count twice. What is measured
of so few messages is a matter of chance, too; both noises follow from how many there are in a tick.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rlops.autoscale.plugins.plugin_utils._agent import ClusterSettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._common_spec import COMMON_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._decision_spec import DECISION_SPEC, cluster_settings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._assumed import service_of
from ansible_collections.rlops.autoscale.plugins.plugin_utils._settings import VARIABLE_PREFIX, resolved
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._environment import (
    EnvironmentSettings,
    ScalingEnv,
)
from policies.arena import scrapes
from policies.pilot import Pilot

DEMO = Path(__file__).resolve().parents[3] / "roles/demo_service/files"
sys.path.insert(0, str(DEMO))
import contest
import rates
import report

INVENTORY = yaml.safe_load(contest.INVENTORY.read_text())["all"]
SERVICE_RATE = float(INVENTORY["vars"]["autoscale_pools"][0]["environment"]["SERVICE_RATE"])
CONNECTION_LIFE = 2.0  # s, load.py's
MOST_OVER = report.MOST_OVER  # share of the ticks that the objective may be broken in
#: What only a real cluster, or a real controller, has a use for.
NOT_SIMULATED = ("history", "state_store")


class Day(NamedTuple):
    """What one contestant did on one day."""

    over: float  # share of the ticks
    instance_s: float
    decisions: float


def simulate(demo: Path, name: str, day: float) -> Day:
    """What the simulator says of this policy on the rates of that demo, whose day lasted so many seconds."""
    settings = settings_of(name, day)
    interval = settings.policy_settings.interval
    short = rates.read(demo / "rates.csv")
    lead, count = short.end - day, int(short.end / interval)
    means = np.array([short.mean(tick * interval, (tick + 1) * interval) for tick in range(count)])
    env = ScalingEnv(means.reshape(1, count, 1), environment(settings, means * interval))
    memory = past(demo / "history.csv", settings) if settings.policy.wants_history else {}
    pilot, (seen, _info) = Pilot(settings, memory), env.reset(1)
    over, instance_s, decisions = 0, 0.0, 0
    for tick in range(count):
        (scrape,) = scrapes(seen)
        before = int(seen.ordered[0])
        target = pilot.decide(tick * interval, scrape, int(seen.ready[0]), before)
        seen, _reward, _terminated, _truncated, info = env.step(np.array([target]))
        if tick * interval >= lead:
            over += int(info["violation"][0])
            instance_s += float(info["ordered"][0]) * interval
            decisions += int(info["ordered"][0]) != before
    return Day(over * interval / day, instance_s, decisions)


def settings_of(name: str, day: float) -> ClusterSettings:
    """The settings of one cluster of the demo, told what service rate its instances really have."""
    variables = {**INVENTORY["vars"], **INVENTORY["children"]["autoscaled"]["hosts"][name]}
    spec = {**COMMON_SPEC, **DECISION_SPEC}
    given = {
        option: _filled(variables[VARIABLE_PREFIX + option], day)
        for option in spec.keys() - NOT_SIMULATED
        if VARIABLE_PREFIX + option in variables
    }
    given |= {"cluster": name, "service_rate": SERVICE_RATE}
    given["slo"] = {**given["slo"], "eventloop_lag": None}  # the simulator has no event loop
    checked = ArgumentSpecValidator(resolved(spec, given)).validate(given)
    if checked.error_messages:
        raise ValueError("; ".join(checked.error_messages))
    return cluster_settings(checked.validated_parameters)


def _filled(value: Any, day: float) -> Any:
    """The value of a variable, as the demo fills it in."""
    if isinstance(value, dict):
        return {name: _filled(each, day) for name, each in value.items()}
    return day if value == "{{ demo_day }}" else value


def environment(settings: ClusterSettings, messages: npt.NDArray[np.float64]) -> EnvironmentSettings:
    """The demo as the simulator knows it, with so many messages in each tick.

    A count N of random arrivals has a standard deviation of sqrt(N). The p99 of N exponential times with mean T has one
    of sqrt(0.99 / 0.01 / N) T (that of a quantile: sqrt(q (1 - q) / N) / density), and is ln(100) T itself. The noises
    of the simulator are uniform: their bounds are sqrt(3) standard deviations.

    They are the same for all ticks. A rate staffs for so many instances, so its error counts the most where there is
    the most to do: it is that of the mean N. A p99 is a ratio to its objective, whatever there is to do: its variance
    is the mean one, of 1 / N.
    """
    at_least_one = np.maximum(messages, 1.0)
    policy = settings.policy_settings
    return EnvironmentSettings(
        service=service_of(policy, SERVICE_RATE),
        interval=policy.interval,
        boot_time=policy.boot_time,
        min_instances=policy.min_instances,
        initial_instances=policy.min_instances,
        connection_life=CONNECTION_LIFE,
        rate_noise=math.sqrt(3.0 / messages.mean()),
        measurement_noise=math.sqrt(3.0 * 0.99 / 0.01 * (1.0 / at_least_one).mean()) / math.log(100.0),
    )


def past(history: Path, settings: ClusterSettings) -> Mapping[str, Any]:
    """What the learner remembers of the days before, which ended shortly before the load began."""
    known = np.loadtxt(history, delimiter=",", skiprows=1, usecols=1).tolist()
    return settings.policy.prefilled(known, contest.FIRST_TICK - contest.HEAD_START, settings.policy_settings)
