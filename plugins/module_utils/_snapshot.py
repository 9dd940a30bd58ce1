# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A snapshot: the load of one cluster at one moment, as plain data. What is missing is None and has a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._counters import Scrape, decode, encode, remember
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.module_utils._http import check_http
from ansible_collections.rlops.autoscale.plugins.module_utils._load import (
    NOT_COMPARABLE,
    Answer,
    Figure,
    Load,
    measure,
    number,
)
from ansible_collections.rlops.autoscale.plugins.module_utils._reading import Reading
from ansible_collections.rlops.autoscale.plugins.module_utils._source_scrape import scraper

#: Counters older than this many ticks are not compared with.
OLDEST_TICKS = 3
#: A page or a sample older than this many ticks says nothing of now.
STALE_TICKS = 2.5
MAX_WARNINGS = 10
#: Load and age of the figures, of a cluster with these instances and options.
AskPrometheus = Callable[[Sequence[Mapping[str, Any]], Mapping[str, Any]], tuple[Load, Figure]]
WORKING_STATES = ("ready", "draining")


def take_snapshot(
    options: Mapping[str, Any],
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    ask_prometheus: AskPrometheus | None = None,
) -> dict[str, Any]:
    """Observe a cluster.

    `options` are those of the module, defaults filled in; `clock` gives unix seconds. Raises OptionError for a setting
    that cannot work. Instances that do not answer are no error, but part of the snapshot. `ask_prometheus` is for those
    who look at many clusters, see `_source_prometheus.Together`.
    """
    check_options(options)
    instances = [instance for instance in _instances(options) if instance["state"] in WORKING_STATES]
    # Imported where it is used: most clusters are scraped, and would lose the time at every run.
    if options["source"] == "prometheus":
        from ansible_collections.rlops.autoscale.plugins.module_utils import _source_prometheus  # noqa: PLC0415

        load, age = (ask_prometheus or _source_prometheus.ask_prometheus)(instances, options)
        snapshot = _snapshot(options, load, clock(), interval=options["prometheus"]["window"], age=age)
        snapshot["warnings"] = _absent(_source_prometheus.unsampled(load, options), options["metrics"], "in Prometheus")
        return snapshot

    warnings = []
    earlier = decode(options["previous"]) if options["previous"] else None
    if options["previous"] and earlier is None:
        warnings.append("the previous counters are not of this version's format: not used")
    keep = OLDEST_TICKS * options["interval"]
    if earlier and not 0 < clock() - earlier.at <= keep:
        earlier = None

    scrapes = options["source"] == "scrape"
    ask = _asker(instances, options, clock)
    at, answers = clock(), ask()
    if scrapes and earlier is None and options["prime_delay"] and _readings(answers):
        earlier = Scrape(at, _readings(answers))
        sleep(options["prime_delay"])
        at, answers = clock(), ask()

    load = measure(earlier, answers, options["metrics"])
    now = Scrape(at, _readings(answers))
    snapshot = _snapshot(
        options,
        load,
        at,
        interval=at - earlier.at if earlier else None,
        age=max((max(0.0, at - reading.at) for reading in now.readings.values()), default=0.0),
    )
    snapshot["counters"] = encode(remember(now, earlier, {answer.name for answer in answers}, keep))
    snapshot["warnings"] = _shortened(
        warnings + _problems(answers) + _missing(answers, options["metrics"]) + _doubts(load, options["metrics"])
    )
    return snapshot


def _asker(
    instances: Sequence[Mapping[str, Any]], options: Mapping[str, Any], clock: Callable[[], float]
) -> Callable[[], list[Answer]]:
    """A function that asks the source once."""
    if options["source"] == "file":
        from ansible_collections.rlops.autoscale.plugins.module_utils._source_file import file_reader  # noqa: PLC0415

        return file_reader(instances, options)
    return scraper(instances, options, clock)


def check_options(options: Mapping[str, Any]) -> None:
    """The rules that the spec cannot express."""
    positive = {
        "interval": options["interval"],
        "prometheus.window": options["prometheus"]["window"],
        **{f"metrics.{field}.scale": metric.get("scale", 1) for field, metric in options["metrics"].items()},
    }
    for option, value in positive.items():
        if not value > 0:
            raise OptionError(option, f"a number above 0 is expected, got {value:g}")
    check_http(options["http"])
    if not 0 <= options["prime_delay"] < inf:
        raise OptionError("prime_delay", f"0 or more seconds are expected, got {options['prime_delay']:g}")
    if not 0 < options["min_answered"] <= 1:
        raise OptionError("min_answered", f"a part of 1 is expected (0.5: half), got {options['min_answered']:g}")
    if not any(metric["name"] for field, metric in options["metrics"].items() if field != "start_time"):
        raise OptionError("metrics", "at least one metric has to be named")


def _instances(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The option ``instances``; those that state no state are ready."""
    if options["instances"] is None:
        if options["source"] == "scrape":
            raise OptionError("instances", "source=scrape needs the list of instances, each with name and metrics_url")
        return []
    instances = [{"state": "ready"} | instance for instance in options["instances"]]
    names = [instance.get("name") for instance in instances]
    for name in names:
        if not name or not isinstance(name, str):
            raise OptionError("instances", f"each needs a name, got {quoted(name)}")
        if names.count(name) > 1:
            raise OptionError("instances", f"the name {quoted(name)} occurs twice")
    return instances


def _readings(answers: Sequence[Answer]) -> dict[str, Reading]:
    return {answer.name: answer.reading for answer in answers if answer.reading}


def _snapshot(
    options: Mapping[str, Any], load: Load, at: float, *, interval: float | None, age: Figure
) -> dict[str, Any]:
    reasons = {field: figure for field, figure in load.figures.items() if isinstance(figure, str)}
    if isinstance(age, str):
        reasons["age_s"] = age
    invalid = _why_invalid(load, options, number(age))
    if invalid:
        reasons["valid"] = invalid
    return {
        "cluster": options["cluster"],
        "source": options["source"],
        "at": at,
        "interval_s": interval,
        "age_s": number(age),
        "valid": not invalid,
        **{field: number(figure) for field, figure in load.figures.items()},
        "expected": load.expected,
        "answered": load.answered,
        "reasons": reasons,
        "instances": load.instances,
        "counters": {},
        "warnings": [],
    }


def _why_invalid(load: Load, options: Mapping[str, Any], age: float | None) -> str | None:
    if not load.answered:
        return "no ready instance answered" if load.expected else "there is no ready instance"
    if load.answered < options["min_answered"] * load.expected:
        return f"only {load.answered} of {load.expected} ready instances answered (min_answered)"
    if not load.compared:
        return NOT_COMPARABLE
    if age is not None and age > STALE_TICKS * options["interval"]:
        return f"the figures are {age:.0f} s old, with an interval of {options['interval']:g} s"
    return None


def _problems(answers: Sequence[Answer]) -> list[str]:
    """What was wrong with the instances' answers. One that drains may have ended since it was listed."""
    asked = [answer for answer in answers if answer.state == "ready"]
    silent = [f"{quoted(answer.name)} ({answer.error})" for answer in asked if answer.error]
    problems = []
    if silent:
        shown = ", ".join(silent[:3]) + (f" and {len(silent) - 3} more" if len(silent) > 3 else "")
        problems.append(f"{len(silent)} of {len(asked)} ready instances gave no metrics: {shown}")
    for name, reading in _readings(answers).items():
        problems += [f"{quoted(name)}: {problem}" for problem in reading.problems]
    return problems


def _missing(answers: Sequence[Answer], metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What to say of metrics that are on no page."""
    readings = [answer.reading for answer in answers if answer.state == "ready" and answer.reading]
    # Without the start of the process, restarts show in counters that fall.
    fields = [field for field in metrics if field != "start_time" and not any(field in each.found for each in readings)]
    return _absent(fields, metrics, "on any page") if readings else []


def _absent(fields: Iterable[str], metrics: Mapping[str, Mapping[str, Any]], where: str) -> list[str]:
    """What to say of metrics that have a name and are not there: it is wrong most likely, or the service has none."""
    absent = [
        f"{metrics[each]['name']} (autoscale_metrics.{each}.name)" for each in sorted(fields) if metrics[each]["name"]
    ]
    return [f"no {', '.join(absent)} {where}; name what there is, or '' for none"] if absent else []


def _doubts(load: Load, metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is known, but less well than it should be."""
    counted = bool(metrics["arrivals"]["name"])
    if counted or isinstance(load.figures["arrival_rate"], str) or not isinstance(load.figures["queue_total"], str):
        return []
    return ["no queue is known: arrival_rate is the completion rate, which never shows more than the service can do"]


def _shortened(warnings: Sequence[str]) -> list[str]:
    more = len(warnings) - MAX_WARNINGS
    return [*warnings[:MAX_WARNINGS], f"and {more} more"] if more > 0 else list(warnings)
