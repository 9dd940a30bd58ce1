# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the action `backtest`, and what is simulated with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot_spec import HTTP_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._agent import ACT
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._replay import Traffic
from ansible_collections.rlops.autoscale.plugins.plugin_utils._decision_spec import (
    DECISION_SPEC,
    GUARD_SPEC,
    check_service,
    slo_of,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import Slo
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._registry import POLICIES, get
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._environment import EnvironmentSettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Service, Weights
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._traces import noisy, ticks
from ansible_collections.rlops.autoscale.plugins.plugin_utils._traffic._recorded import (
    DAY_S,
    RECORDED_SPEC,
    Recorded,
)

#: Steps that a tick is simulated in.
INNER_STEPS = 3
#: Where nothing tells the service rate, it is such that this quantile of the traffic keeps so many instances busy.
PEAK, PEAK_ERLANGS = 0.995, 8.0
#: ... but so many times what would make the SLO on p99 the mean time of service, or the SLO could not be kept.
FAST = 10.0
#: Instances times ticks that the optimum is found for, in some GB: 500 instances for two weeks at four ticks a minute.
LARGEST = 40e6
#: messages/s that no service gets; with more, the numbers of messages in a step cannot be drawn.
MOST_TRAFFIC = 1e12
#: Where no largest count is given, there is room for so many times the highest rate.
ROOM = 2.0
#: What competes where nothing is said.
CONTENDERS: tuple[Any, ...] = (
    "shadow_q",
    "erlang",
    "target_tracking",
    {
        "name": "HPA, 80 % busy",
        "policy": "hpa",
        "hpa": {"metrics": [{"field": "utilisation", "target": 0.8}]},
    },
    {
        "name": "HPA, 55 % busy",
        "policy": "hpa",
        "hpa": {"metrics": [{"field": "utilisation", "target": 0.55}]},
    },
)
#: Options of a decision that describe the service: they are the same for all contenders.
SERVICE_OPTIONS = ("interval", "boot_time", "service_rate", "servers_per_instance", "queueing", "slo", "min_instances")

#: Settings of a cluster that are of today, and nothing to do with how a policy does.
OF_NOW: dict[str, Any] = {
    "mode": ACT,
    **dict.fromkeys(("pin", "approval", "quota", "expected_rate", "history", "export")),
}

#: What a contender may have of its own; the rest is the service's.
CONTENDER_OPTIONS = {"name", "policy", *POLICIES, *GUARD_SPEC} - {"pin"}

BACKTEST_SPEC: dict[str, Any] = {
    **RECORDED_SPEC,
    "http": HTTP_SPEC,
    "policies": {"type": "list", "elements": "raw", "default": list(CONTENDERS)},
    **{name: DECISION_SPEC[name] for name in SERVICE_OPTIONS},
    "max_instances": {"type": "int"},
    "connection_life": {"type": "float"},
    "retry_share": {"type": "float", "default": 0.0},
    "missing": {"type": "float", "default": 0.0},
    "warmup": {"type": "float"},
    "seed": {"type": "int", "default": 0},
    "report": {"type": "path"},
}


class Experiment(NamedTuple):
    """What all contenders meet."""

    traffic: Traffic
    environment: EnvironmentSettings
    notes: list[str]


def experiment(options: Mapping[str, Any], recorded: Recorded) -> Experiment:
    """What the validated options (see BACKTEST_SPEC) make of recorded traffic. Raises OptionError."""
    check_service(options)
    if options["seed"] < 0:
        raise OptionError("seed", f"0 or more is expected, got {options['seed']}")
    notes = list(recorded.notes)
    servers, slo = options["servers_per_instance"], slo_of(options)
    _refuse_absurd(options, float(recorded.trace.rates.max()))
    arrivals = ticks(recorded.trace, options["interval"], INNER_STEPS)
    rate, factor, note = _service_rate(options, recorded, arrivals, slo)
    notes += note
    _refuse_absurd(options, factor * float(arrivals.max()))
    arrivals = factor * arrivals
    _most_instances(options, arrivals, rate * servers)  # raises before anything is drawn, which may take long
    arrivals = _drawn(arrivals, recorded.trace.step, options["interval"] / INNER_STEPS, options["seed"])
    service = Service(
        service_rate=rate,
        servers_per_instance=servers,
        queueing=options["queueing"],
        max_instances=_most_instances(options, arrivals, rate * servers),
        slo_p99=slo.p99_latency,
        slo_queue=slo.queue_depth,
        patience=slo.patience,
    )
    environment = EnvironmentSettings(
        service=service,
        weights=Weights.of(service),
        interval=options["interval"],
        boot_time=options["boot_time"],
        min_instances=max(1, options["min_instances"]),
        connection_life=options["connection_life"],
        retry_share=options["retry_share"],
        missing=options["missing"],
    )
    traffic = Traffic(arrivals, recorded.start, _warmup(options, len(arrivals)))
    if not traffic.warmup:
        notes.append("there is no time to learn in before what is scored: every policy starts cold")
    return Experiment(traffic, environment, notes)


def contenders(given: list[Any]) -> list[tuple[str, dict[str, Any]]]:
    """Name and options of rl_scale_decision of each contender. Raises OptionError."""
    found: list[tuple[str, dict[str, Any]]] = []
    for place, each in enumerate(given):
        options = {"policy": each} if isinstance(each, str) else each
        if not isinstance(options, Mapping) or not options.get("policy"):
            expected = "the name of a policy, or {name: ..., policy: ...} with its options"
            raise OptionError(f"policies[{place}]", f"expected {expected}, got {quoted(each)}")
        for option in options:
            if option not in CONTENDER_OPTIONS:
                known = ", ".join(sorted(CONTENDER_OPTIONS - set(POLICIES)))
                raise OptionError(
                    f"policies[{place}].{quoted(option)}", f"expected options of a policy, or one of {known}"
                )
        name = str(options.get("name", options["policy"]))
        if name in dict(found):
            raise OptionError(f"policies[{place}]", f"there are two of the name {quoted(name)}; give one a `name`")
        imitation = options["policy"] in POLICIES and get(options["policy"]).imitation
        held = {"cooldown_down": 0.0} if imitation else {}
        found.append((name, held | {option: value for option, value in options.items() if option != "name"}))
    if not found:
        raise OptionError("policies", "at least one policy is expected")
    return found


def decision_options(options: Mapping[str, Any], setup: Experiment) -> dict[str, Any]:
    """The options of rl_scale_decision that are the same for all contenders."""
    service = setup.environment.service
    # The simulator has no event loop.
    slo = {"p99_latency": service.slo_p99, "queue_depth": service.slo_queue, "eventloop_lag": None}
    return {
        "cluster": "backtest",
        "interval": options["interval"],
        "boot_time": options["boot_time"],
        "service_rate": service.service_rate,
        "servers_per_instance": service.servers_per_instance,
        "queueing": service.queueing,
        "min_instances": setup.environment.min_instances,
        "max_instances": service.max_instances,
        "slo": slo,
        "seed": options["seed"],
        **OF_NOW,
    }


def _refuse_absurd(options: Mapping[str, Any], highest: float) -> None:
    """Raise OptionError for traffic whose highest rate (messages/s) cannot be simulated."""
    if not highest <= MOST_TRAFFIC:
        source = "query" if options["trace"] is None and options["prometheus_url"] else "trace"
        raise OptionError(
            source, f"its highest rate, {highest:g} messages/s, is more than can be simulated, {MOST_TRAFFIC:g}"
        )


def _most_instances(options: Mapping[str, Any], arrivals: Floats, capacity: float) -> int:
    """The most instances, of `capacity` messages/s each. Raises OptionError where no optimum could be found of them."""
    most: int | None = options["max_instances"]
    if most is None:
        most = max(options["min_instances"], math.ceil(ROOM * float(arrivals.max()) / capacity), 2)
    if most * len(arrivals) > LARGEST:
        raise OptionError(
            "max_instances",
            f"{most} instances over {len(arrivals)} ticks are too many to find the optimum of: take less traffic, a "
            "longer interval, or a larger service_rate where that is what is wrong",
        )
    return most


def _drawn(arrivals: Floats, recorded_step: float, seconds: float, seed: int) -> Floats:
    """Rates of steps of `seconds`. What is finer than the recording is drawn: Poisson arrivals of its rate."""
    if recorded_step <= seconds:
        return arrivals
    return noisy(arrivals, np.random.default_rng(seed), seconds, jitter=0.0)


def _service_rate(
    options: Mapping[str, Any], recorded: Recorded, arrivals: Floats, slo: Slo
) -> tuple[float, float, list[str]]:
    """messages/s of one server, given, shown or assumed; a factor on the traffic; and what to say about it."""
    if options["service_rate"] is not None:
        return options["service_rate"], 1.0, []
    if recorded.service_rate is not None:
        how = {
            "utilisation": "calibrated from utilisation",
            "sojourn": "calibrated from the mean time in the service",
            "shown": "the highest that was shown; it may be faster",
        }
        return recorded.service_rate, 1.0, [f"service rate {recorded.service_rate:.3g} msg/s: {how[recorded.source]}"]
    peak = float(np.quantile(arrivals.mean(axis=1), PEAK))
    if peak <= 0.0:
        raise OptionError("trace", "there is hardly any traffic in it: give service_rate, or take another time")
    least = peak / PEAK_ERLANGS / options["servers_per_instance"]
    rate = least if slo.p99_latency is None else max(least, FAST / slo.p99_latency)
    peaks = f"a peak that keeps {PEAK_ERLANGS:g} instances busy"
    note = f"service_rate is not given: {rate:.3g} msg/s is assumed, and {peaks}"
    if rate > least:
        note += f", for which the traffic is multiplied by {rate / least:.3g}"
    return rate, rate / least, [f"{note}; give your own for figures of your service"]


def _warmup(options: Mapping[str, Any], count: int) -> int:
    """Ticks that are not scored: a day, at most half of the time."""
    given = options["warmup"]
    if given is None:
        return min(round(DAY_S / options["interval"]), count // 2)
    found = round(given / options["interval"]) if 0.0 <= given < math.inf else -1
    if not 0 <= found < count:
        most = count * options["interval"]
        raise OptionError("warmup", f"from 0 to less than {most:g} s are expected, got {given:g}")
    return int(found)
