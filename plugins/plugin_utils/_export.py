# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells a decision as Prometheus metrics, for others to follow."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import quote

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, quoted
from ansible_collections.rlops.autoscale.plugins.module_utils._http import check_url
from ansible_collections.rlops.autoscale.plugins.plugin_utils._agent import Decision

try:
    import prometheus_client
except ImportError:
    prometheus_client = None

JOB = "rlops_autoscale"
#: s that a Pushgateway has to answer.
TIMEOUT_S = 5.0
#: Metric -> its help text and the field of a decision.
GAUGES = {
    "autoscale_desired_instances": ("Instances that the agent wants.", "target"),
    "autoscale_ordered_instances": ("Instances that were ordered when it decided, booting ones included.", "current"),
    "autoscale_ready_instances": ("Instances that were ready when it decided.", "ready"),
    "autoscale_last_decision_timestamp_seconds": ("When it decided, in unix time.", "at"),
}


def export(options: Mapping[str, Any], decision: Decision) -> None:
    """Write or push the metrics, as the options `directory` and `pushgateway` say. Raises AutoscaleError."""
    if prometheus_client is None:
        raise AutoscaleError("export needs the Python package prometheus-client: pip install prometheus-client")
    registry = prometheus_client.CollectorRegistry()
    for name, (text, field) in GAUGES.items():
        gauge = prometheus_client.Gauge(name, text, ["cluster"], registry=registry)
        gauge.labels(decision.cluster).set(getattr(decision, field))
    if options["directory"]:
        path = Path(options["directory"]) / f"autoscale_{quote(decision.cluster, safe='')}.prom"
        try:
            prometheus_client.write_to_textfile(str(path), registry)
        except OSError as error:
            raise AutoscaleError(f"export.directory: {quoted(path)} cannot be written: {error.strerror}") from error
    if options["pushgateway"]:
        gateway = check_url("export.pushgateway", options["pushgateway"])
        try:
            prometheus_client.push_to_gateway(
                gateway, JOB, registry, grouping_key={"cluster": decision.cluster}, timeout=TIMEOUT_S
            )
        except (URLError, HTTPException, OSError, ValueError) as error:
            raise AutoscaleError(f"export.pushgateway: {quoted(getattr(error, 'reason', error))}") from error
