# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The past for a policy that learns from arrival rates, before its first tick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._http import same_origin
from ansible_collections.rlops.autoscale.plugins.module_utils._source_prometheus import queries_of
from ansible_collections.rlops.autoscale.plugins.plugin_utils._agent import ClusterSettings, Memory
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._traces import ticks
from ansible_collections.rlops.autoscale.plugins.plugin_utils._traffic._recorded import check_recorded, recorded

#: Options of `recorded` that the option `history` does not have.
_UNUSED = {"utilisation_query": None, "instances_query": None, "latency_query": None}

#: Options of HTTP_SPEC that are secrets between Ansible and whoever gives the metrics.
_CREDENTIALS = ("username", "password", "token", "headers", "client_cert", "client_key")


def source_of(options: Mapping[str, Any], observing: Mapping[str, Any], days: float) -> dict[str, Any] | None:
    """Where the past is to be had: as the option `history` says, else where the metrics come from, if that remembers.

    `observing` are options as in SNAPSHOT_SPEC; so many `days` are asked for where nobody says how many. A server that
    only another host reaches (`scrape_via`) is not asked. `credentials` says whether the server may have those that
    are meant for the metrics. Raises OptionError.
    """
    asked = (observing["prometheus"]["url"] or "") if observing["source"] == "prometheus" else ""
    if options["history"]:
        given = options["history"]
        found = {**given, "days": days if given["days"] is None else given["days"]}
        check_recorded(found, "history.")
        return {**found, "credentials": same_origin(found["prometheus_url"] or "", asked)}
    if observing["source"] != "prometheus" or observing["scrape_via"]:
        return None
    settings = observing["prometheus"]
    query = queries_of(observing).get("arrival_rate")
    query = query and f"sum({query})"
    return {"trace": None, "prometheus_url": settings["url"], "query": query, "days": days, "credentials": True}


def http_for(source: Mapping[str, Any], http: Mapping[str, Any]) -> dict[str, Any]:
    """The options `http` for that source: without credentials where they are meant for another server."""
    return dict(http) if source["credentials"] else {**http, **dict.fromkeys(_CREDENTIALS)}


def backfill(
    settings: ClusterSettings, source: Mapping[str, Any], http: Mapping[str, Any], now: float
) -> tuple[Memory, Sequence[str]]:
    """What the policy remembers of that past, and what a person has to know of it. Raises AutoscaleError.

    A file is taken to end now.
    """
    service = settings.policy_settings
    interval = service.interval
    found = recorded(
        {**_UNUSED, **source},
        http_for(source, http),
        now,
        step=interval,
        servers_per_instance=service.servers_per_instance,
        queueing=service.queueing,
    )
    rates = ticks(found.trace, interval, 1)[:, 0]
    if found.missing:
        rates[np.array(found.missing)] = np.nan  # one for each tick, as the step asked for is the interval
    end = found.start + len(rates) * interval if found.start else now
    return settings.policy.prefilled(rates.tolist(), end, service), found.notes
