# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traffic that a service has had: from a file or from Prometheus, with what the latter knows of the service."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot_spec import HTTP_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._queueing import service_rate_of
from ansible_collections.rlops.autoscale.plugins.plugin_utils._service_rate import UTILISATION_DOMAIN
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._traces import Trace, read_csv
from ansible_collections.rlops.autoscale.plugins.plugin_utils._traffic._prometheus_range import Span, fetch

DAY_S = 86400.0
#: Figures that show the service rate, as suboptions of `prometheus`.
FIGURES = ("utilisation", "instances", "mean_latency")
#: Moments that a service rate is taken from, spread over the whole time.
SAMPLES = 500
#: The highest load of an instance that is no freak.
HIGH = 0.999
#: A range query takes longer than a scrape.
TIMEOUT_S = 60.0


def http_spec() -> dict[str, Any]:
    """HTTP_SPEC with more time."""
    spec = copy.deepcopy(HTTP_SPEC)
    spec["options"]["timeout"]["default"] = TIMEOUT_S
    return spec


RECORDED_SPEC: dict[str, Any] = {
    "trace": {"type": "path"},
    "prometheus": {
        "type": "dict",
        "options": {
            "url": {"type": "str", "required": True},
            "query": {"type": "str", "required": True},
            "days": {"type": "float", "default": 14.0},
            **{name: {"type": "str"} for name in FIGURES},
        },
    },
}


@dataclass(frozen=True)
class Recorded:
    """Arrival rates of the past, and how fast one server was."""

    trace: Trace
    start: float  # unix seconds; 0 where only the course of time is known
    notes: Sequence[str] = ()
    service_rate: float | None = None  # messages/s of one server; None: it does not show
    source: str = "none"  # utilisation, sojourn, or shown: one server is at least so fast


def from_file(path: str) -> Recorded:
    """The traffic of a CSV file, see `_traces.read_csv`."""
    return Recorded(read_csv(path), 0.0)


def from_prometheus(
    options: Mapping[str, Any], http: Mapping[str, Any], now: float, *, step: float, servers_per_instance: int
) -> Recorded:
    """The traffic of the last days: `options` as in RECORDED_SPEC, one rate each `step` seconds.

    What is missing in between is interpolated, and said in the notes. Raises OptionError where there is nothing.
    """
    if not 0 < options["days"] < math.inf:
        raise OptionError("prometheus.days", f"a number above 0 is expected, got {options['days']:g}")
    count = max(1, round(options["days"] * DAY_S / step))
    span = Span(math.floor(now / step) * step - (count - 1) * step, step, count)
    queries = {"prometheus.query": options["query"]}
    queries |= {f"prometheus.{name}": options[name] for name in FIGURES if options[name]}
    figures = fetch(options["url"], queries, span, http)
    rates = figures["prometheus.query"]
    known = np.flatnonzero(~np.isnan(rates))
    if not known.size:
        raise OptionError("prometheus.query", f"Prometheus has no sample of it in the last {options['days']:g} days")
    first, last = int(known[0]), int(known[-1]) + 1
    seen = {name: figures.get(f"prometheus.{name}") for name in FIGURES}
    rate, source = _service_rate(rates, seen, servers_per_instance)
    gaps = 1.0 - known.size / (last - first)
    notes = [f"{100 * gaps:.1f} % of the time has no sample and is interpolated"] if gaps > 0.0005 else []
    kept = (last - first) * step
    if kept < 0.99 * count * step:
        notes.append(f"Prometheus has samples of {kept / DAY_S:.1f} of {options['days']:g} days")
    places = np.arange(first, last)
    filled = np.maximum(np.interp(places, known, rates[known]), 0.0)
    return Recorded(Trace("prometheus", step, filled), span.start + first * step, notes, rate, source)


def _service_rate(
    rates: Floats, figures: Mapping[str, Floats | None], servers_per_instance: int
) -> tuple[float | None, str]:
    """How fast one server is, by the best that the figures show, as `_service_rate` does it at each tick."""
    instances = figures["instances"]
    if instances is None:
        return None, "none"
    servers = instances * servers_per_instance
    with np.errstate(divide="ignore", invalid="ignore"):
        per_server = np.where(servers > 0, rates / servers, np.nan)
    utilisation, latency = figures["utilisation"], figures["mean_latency"]
    if utilisation is not None:
        low, high = UTILISATION_DOMAIN
        usable = (utilisation > low) & (utilisation < high) & (per_server > 0.0)
        if usable.any():
            return float(np.median(per_server[usable] / utilisation[usable])), "utilisation"
    if latency is not None:
        usable = np.flatnonzero((latency > 0.0) & (per_server > 0.0) & (servers >= 1.0))
        chosen = usable[np.linspace(0, usable.size - 1, min(SAMPLES, usable.size)).astype(int)] if usable.size else []
        found = [service_rate_of(float(latency[i]), float(rates[i]), round(float(servers[i]))) for i in chosen]
        if found:
            return float(np.median(found)), "sojourn"
    busiest = per_server[~np.isnan(per_server)]
    return (float(np.quantile(busiest, HIGH)), "shown") if busiest.size and busiest.max() > 0.0 else (None, "none")
