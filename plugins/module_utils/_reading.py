# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one instance says of itself at one moment: the wanted figures of its metrics page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from math import inf, isfinite, isnan, nan
from statistics import fmean
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.module_utils._exposition import Sample, line_selector, read_samples

AGGREGATIONS: dict[str, Callable[[Iterable[float]], float]] = {"sum": sum, "mean": fmean, "max": max}

#: More matching series on one page than this are refused: they would all be kept for the next delta.
MAX_SERIES = 2000
#: No metric that is read here can be larger. A gauge that fell below 0 may be, where it is kept as an unsigned integer.
LARGEST = 2.0**53


class PageError(AutoscaleError):
    """One instance's page is of no use. The message goes into that instance's row; the others are not concerned."""


@dataclass(frozen=True)
class Histogram:
    """One histogram series, cumulative since its process began. A summary has the +Inf bucket only."""

    buckets: dict[float, float]  # upper bound in s -> count at or below it, ascending; the last bound is +Inf
    total: float | None  # s, sum of all observations

    @property
    def count(self) -> float:
        return self.buckets[inf]


@dataclass(frozen=True)
class Reading:
    """One page, reduced to what is wanted of it. Counters are held for each series, under a short key of its labels."""

    at: float  # unix seconds
    started: float | None = None  # unix seconds, when the process began
    queue_depth: float | None = None
    eventloop_lag: float | None = None  # s
    utilisation: float | None = None  # 0..1
    latency: dict[str, Histogram] = field(default_factory=dict)
    arrivals: dict[str, float] = field(default_factory=dict)
    completions: dict[str, float] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    found: frozenset[str] = frozenset()  # which of the metrics were on the page, of use or not; not kept


class PageReader:
    """Reads pages by the option ``metrics``."""

    def __init__(self, metrics: Mapping[str, Mapping[str, Any]]) -> None:
        self._metrics = {field: metric for field, metric in metrics.items() if metric["name"]}
        self._labels = {
            field: _label_patterns(f"metrics.{field}.labels", metric.get("labels") or {})
            for field, metric in self._metrics.items()
        }
        names = {metric["name"] for field, metric in self._metrics.items() if field != "latency"}
        if "latency" in self._metrics:
            names |= {self._metrics["latency"]["name"] + suffix for suffix in ("_bucket", "_count", "_sum")}
        self._selector = line_selector(names)

    def read(self, page: bytes, at: float, created_at: float | None = None) -> Reading:
        """The figures on a page that was taken `at`. `created_at` stands in where it does not tell its process' start.

        Raises PageError where nothing wanted is on the page.
        """
        samples, problems = read_samples(page, self._selector)
        chosen = {field: self._choose(field, samples) for field in self._metrics}
        if not any(series for field, series in chosen.items() if field != "start_time"):
            names = ", ".join(metric["name"] for field, metric in self._metrics.items() if field != "start_time")
            raise PageError("; ".join([f"none of these metrics is on the page: {names}", *problems[:1]]))
        if sum(map(len, chosen.values())) > MAX_SERIES:
            raise PageError(f"more than {MAX_SERIES} series are wanted of the page: narrow them by `metrics.*.labels`")
        started = [sample.value for sample in chosen.get("start_time", ()) if isfinite(sample.value)]
        return Reading(
            at=at,
            started=max(started, default=created_at),
            queue_depth=self._gauge("queue_depth", chosen, problems),
            eventloop_lag=self._gauge("eventloop_lag", chosen, problems),
            utilisation=_fraction(self._gauge("utilisation", chosen, problems), problems),
            latency=self._histograms(chosen.get("latency", ()), problems),
            arrivals=_counters(chosen.get("arrivals", ()), problems),
            completions=_counters(chosen.get("completions", ()), problems),
            problems=tuple(problems),
            found=frozenset(field for field, series in chosen.items() if series),
        )

    def _choose(self, field: str, samples: Iterable[Sample]) -> list[Sample]:
        name, labels = self._metrics[field]["name"], self._labels[field]
        names = {name + suffix for suffix in ("_bucket", "_count", "_sum")} if field == "latency" else {name}
        return [
            sample
            for sample in samples
            if sample.name in names
            and all(pattern.fullmatch(sample.labels.get(label, "")) for label, pattern in labels.items())
        ]

    def _gauge(self, field: str, chosen: Mapping[str, list[Sample]], problems: list[str]) -> float | None:
        values = _usable(chosen.get(field, ()), problems)
        if not values:
            return None
        metric = self._metrics[field]
        return AGGREGATIONS[metric["aggregation"]](sample.value for sample in values) * float(metric["scale"])

    def _histograms(self, samples: Iterable[Sample], problems: list[str]) -> dict[str, Histogram]:
        if "latency" not in self._metrics:
            return {}
        name, scale = self._metrics["latency"]["name"], self._metrics["latency"]["scale"]
        buckets: dict[str, dict[float, float]] = {}
        counts: dict[str, float] = {}
        totals: dict[str, float] = {}
        for sample in _usable(samples, problems):
            key = series_key(sample.labels)
            if sample.name == name + "_bucket":
                bound = _number(sample.labels.get("le", "")) * scale
                if isnan(bound):
                    problems.append(f"{name}_bucket without a number as its label le left out")
                    continue
                series = buckets.setdefault(key, {})
                series[bound] = series.get(bound, 0) + sample.value
            else:
                (counts if sample.name == name + "_count" else totals)[key] = sample.value
        histograms = {}
        for key in buckets.keys() | counts.keys():
            series = buckets.get(key, {})
            if inf not in series and key in counts:
                series[inf] = counts[key]  # equal by the format's definition
            if inf not in series:
                problems.append(f"{name} without a +Inf bucket left out")
                continue
            total = totals[key] * scale if key in totals else None
            histograms[key] = Histogram(dict(sorted(series.items())), total)
        return histograms


def series_key(labels: Mapping[str, str]) -> str:
    """Short name of a series within its metric: empty without labels (``le`` aside), else a digest of them."""
    pairs = sorted(pair for pair in labels.items() if pair[0] != "le")
    return blake2b(repr(pairs).encode(errors="replace"), digest_size=6).hexdigest() if pairs else ""


def _fraction(utilisation: float | None, problems: list[str]) -> float | None:
    """A little above 1 is how a busy server measures itself; far above it is another unit."""
    if utilisation is None or utilisation <= 1:
        return utilisation
    if utilisation <= 1.1:
        return 1.0
    problems.append(f"utilisation is {utilisation:g}, expected 0 to 1: left out; see `metrics.utilisation.scale`")
    return None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return nan


def _counters(samples: Iterable[Sample], problems: list[str]) -> dict[str, float]:
    return {series_key(sample.labels): sample.value for sample in _usable(samples, problems)}


def _usable(samples: Iterable[Sample], problems: list[str]) -> list[Sample]:
    """All of them but NaN, infinite, negative and absurdly large ones: nothing that is read here can be so."""
    usable = []
    for sample in samples:
        if 0 <= sample.value <= LARGEST:
            usable.append(sample)
        else:
            problems.append(f"{sample.name} is {sample.value:g}: left out")
    return usable


def _label_patterns(option: str, labels: Mapping[str, Any]) -> dict[str, re.Pattern[str]]:
    """What each label has to match in full: the text itself, or the expression after a ``~``."""
    patterns = {}
    for label, wanted in labels.items():
        text = str(wanted)
        try:
            patterns[label] = re.compile(text[1:] if text.startswith("~") else re.escape(text))
        except re.error as error:
            raise OptionError(option, f"{text[1:]!r} is not a regular expression ({error})") from error
    return patterns
