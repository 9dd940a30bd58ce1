# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traffic that a service has had: from a file or from Prometheus, with what the latter knows of the service."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._queueing import service_rate_of
from ansible_collections.rlops.autoscale.plugins.plugin_utils._service_rate import UTILISATION_DOMAIN
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._traces import Trace, read_csv
from ansible_collections.rlops.autoscale.plugins.plugin_utils._traffic._prometheus_range import Span, fetch

DAY_S = 86400.0
#: Options with PromQL of figures that show the service rate.
FIGURES = ("utilisation_query", "instances_query", "latency_query")
#: Those that are means, which cannot be added up.
MEANS = ("utilisation_query", "latency_query")
#: Moments that a service rate is taken from, spread over the whole time.
SAMPLES = 500
#: The highest load of an instance that is no freak.
HIGH = 0.999
#: Range queries may take so many times what a scrape may.
PATIENCE = 12.0


RECORDED_SPEC: dict[str, Any] = {
    "trace": {"type": "path"},
    "prometheus_url": {"type": "str"},
    "query": {"type": "str"},
    "days": {"type": "float", "default": 14.0},
    **{name: {"type": "str"} for name in FIGURES},
}


@dataclass(frozen=True)
class Recorded:
    """Arrival rates of the past, and how fast one server was."""

    trace: Trace
    start: float  # unix seconds; 0 where only the course of time is known
    notes: Sequence[str] = ()
    service_rate: float | None = None  # messages/s of one server; None: it does not show
    source: str = "none"  # utilisation, sojourn, or shown: one server is at least so fast
    missing: Sequence[bool] = ()  # of each rate of the trace, whether it is interpolated; empty: none is


def recorded(
    options: Mapping[str, Any],
    http: Mapping[str, Any],
    now: float,
    *,
    step: float,
    servers_per_instance: int,
    queueing: str,
) -> Recorded:
    """What the options (see RECORDED_SPEC) name: the traffic of a CSV file, or that of the last days in Prometheus.

    From Prometheus there is one rate each `step` seconds until `now`. `http` is as in HTTP_SPEC. Raises OptionError.
    """
    check_recorded(options)
    if options["trace"] is not None:
        return Recorded(read_csv(options["trace"]), 0.0)
    count = max(1, round(options["days"] * DAY_S / step))
    span = Span(math.floor(now / step) * step - (count - 1) * step, step, count)
    queries = {name: options[name] for name in ("query", *FIGURES) if options[name]}
    patient = {**http, "timeout": PATIENCE * http["timeout"]}
    figures = fetch(options["prometheus_url"], queries, span, patient, means=MEANS)
    return _from_prometheus(figures, span, servers_per_instance, queueing)


def check_recorded(options: Mapping[str, Any], within: str = "") -> None:
    """Raise OptionError where options as in RECORDED_SPEC contradict each other; `within` precedes their names."""
    if (options["trace"] is None) == (options["prometheus_url"] is None):
        raise OptionError(f"{within}trace", "expected a CSV file, or else prometheus_url and query")
    if options["trace"] is None and not options["query"]:
        raise OptionError(f"{within}query", "PromQL of the arrivals per second is expected beside prometheus_url")
    if not 0 < options["days"] < math.inf:
        raise OptionError(f"{within}days", f"a number above 0 is expected, got {options['days']:g}")


def _from_prometheus(figures: Mapping[str, Floats], span: Span, servers_per_instance: int, queueing: str) -> Recorded:
    """The traffic of that span. What is missing in between is interpolated, and said in the notes."""
    rates = figures["query"]
    known = np.flatnonzero(~np.isnan(rates))
    days = span.moments * span.step / DAY_S
    if not known.size:
        raise OptionError("query", f"Prometheus has no sample of it in the last {days:g} days")
    first, last = int(known[0]), int(known[-1]) + 1
    rate, source = _service_rate(rates, figures, servers_per_instance, queueing)
    gaps = 1.0 - known.size / (last - first)
    notes = [f"{100 * gaps:.1f} % of the time has no sample and is interpolated"] if gaps > 0.0005 else []
    kept = (last - first) * span.step / DAY_S
    if kept < 0.99 * days:
        notes.append(f"Prometheus has samples of {kept:.1f} of {days:g} days")
    filled = np.maximum(np.interp(np.arange(first, last), known, rates[known]), 0.0)
    # A sample tells of the time before it.
    start = span.start + (first - 1) * span.step
    missing = np.isnan(rates[first:last]).tolist()
    return Recorded(Trace("prometheus", span.step, filled), start, notes, rate, source, missing)


def _service_rate(
    rates: Floats, figures: Mapping[str, Floats], servers_per_instance: int, queueing: str
) -> tuple[float | None, str]:
    """How fast one server is, by the best that the figures show, as `_service_rate` does it at each tick."""
    instances = figures.get("instances_query")
    if instances is None:
        return None, "none"
    servers = instances * servers_per_instance
    with np.errstate(divide="ignore", invalid="ignore"):
        per_server = np.where(servers > 0, rates / servers, np.nan)
    utilisation, latency = figures.get("utilisation_query"), figures.get("latency_query")
    if utilisation is not None:
        low, high = UTILISATION_DOMAIN
        usable = (utilisation > low) & (utilisation < high) & (per_server > 0.0)
        if usable.any():
            return float(np.median(per_server[usable] / utilisation[usable])), "utilisation"
    if latency is not None:
        alone = queueing == "per_instance"
        throughput = per_server * servers_per_instance if alone else rates
        at_work = np.full_like(servers, servers_per_instance) if alone else servers
        known = np.flatnonzero((latency > 0.0) & (per_server > 0.0) & (servers >= 1.0))
        chosen = known[np.linspace(0, known.size - 1, min(SAMPLES, known.size)).astype(int)] if known.size else []
        found = [service_rate_of(float(latency[i]), float(throughput[i]), round(float(at_work[i]))) for i in chosen]
        if found:
            return float(np.median(found)), "sojourn"
    busiest = per_server[~np.isnan(per_server)]
    return (float(np.quantile(busiest, HIGH)), "shown") if busiest.size and busiest.max() > 0.0 else (None, "none")
