# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Event filter: of an alert, what names a cluster and cannot be mistaken for a template."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from typing import Any

DOCUMENTATION = r"""
---
short_description: Keep of an alert only what is safe, and the cluster that it names.
description:
  - An ansible-rulebook event filter for alerts, as C(rlops.autoscale.alertmanager) gives them.
  - ansible-rulebook hands an event on to what a rule runs, as extra vars, and Ansible templates these. So text that
    somebody else may have written must not be in it. The event that this filter gives is a new one. It has the fields
    that are listed below, each only if its value has the form that is expected, and nothing else of the alert.
  - The alert names the cluster, by a label. The event gets C(meta.hosts) with that one name, which ansible-rulebook
    makes the C(--limit) of what a rule runs.
  - An alert that names no cluster gives an event without C(cluster) and without C(meta.hosts), and a line in the log.
    Rules should ask for C(event.cluster is defined).
version_added: 0.1.0
options:
  cluster_label:
    description:
      - The label whose value is the cluster, that is its host in the inventory.
      - A name begins with a letter or digit, goes on with these and C(_.-), and has at most 100 characters. The names
        of the groups C(all), C(ungrouped) and C(autoscaled) are not accepted, since they would mean all clusters.
      - ansible-rulebook does not fill in variables here.
    type: str
    default: cluster
"""

EXAMPLES = r"""
- rlops.autoscale.alertmanager:
  filters:
    - rlops.autoscale.normalise:
        cluster_label: service
"""

RETURN = r"""
cluster:
  description: The cluster.
  type: str
  sample: chat
alert:
  description: The alert's name, of letters, digits and C(_.:-).
  type: str
  sample: ClusterQueueGrows
status:
  description: C(firing) or C(resolved).
  type: str
severity:
  description: The label of that name, of letters, digits and C(_-).
  type: str
  sample: critical
starts_at:
  description: When the alert began to fire (UTC, ISO 8601).
  type: str
  sample: "2026-11-30T09:20:15.123Z"
received_at:
  description: When the alert was received; when it was filtered, if the source did not say it. Always there.
  type: str
  sample: "2026-11-30T09:20:45.123Z"
fingerprint:
  description: Alertmanager's identity of the alert, of hexadecimal digits.
  type: str
  sample: 9a1f0c2b3d4e5f60
"""

_CLUSTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_ALERT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,99}")
_STATUS = re.compile(r"firing|resolved")
_SEVERITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_FINGERPRINT = re.compile(r"[0-9a-f]{1,64}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})")
#: As a limit, each of them is all clusters.
_GROUPS = frozenset({"all", "ungrouped", "autoscaled"})

logger = logging.getLogger("rlops.autoscale.normalise")


def main(event: dict[str, Any], cluster_label: str = "cluster") -> dict[str, Any]:
    """The event that rules see."""
    if not isinstance(cluster_label, str) or not cluster_label:
        raise ValueError(f"cluster_label: the name of a label is expected, got {ascii(cluster_label)[:50]}")
    alert = _dict(_dict(event).get("alert"))
    labels = _dict(alert.get("labels"))
    found = {
        "cluster": _fitting(_CLUSTER, labels.get(cluster_label)),
        "alert": _fitting(_ALERT, labels.get("alertname")),
        "status": _fitting(_STATUS, alert.get("status")),
        "severity": _fitting(_SEVERITY, labels.get("severity")),
        "starts_at": _time(alert.get("startsAt")),
        "received_at": _time(_dict(_dict(event).get("meta")).get("received_at")) or _utc(datetime.now(UTC)),
        "fingerprint": _fitting(_FINGERPRINT, alert.get("fingerprint")),
    }
    if found["cluster"] in _GROUPS:
        found["cluster"] = None
    normal: dict[str, Any] = {name: value for name, value in found.items() if value is not None}
    if "cluster" in normal:
        normal["meta"] = {"hosts": [normal["cluster"]]}
    else:
        label = ascii(cluster_label)[:50], ascii(labels.get(cluster_label))[:120]
        logger.warning("alert %s starts nothing: its label %s names no cluster: %s", normal.get("alert", "?"), *label)
    return normal


def _dict(value: object) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _fitting(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def _time(value: object) -> str | None:
    """The time as UTC, written anew."""
    if (text := _fitting(_TIME, value)) is None:
        return None
    try:
        return _utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
