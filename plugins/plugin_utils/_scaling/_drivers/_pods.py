# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a pod's own record tells. Pure. Pods are the plain data of the API, in which what is empty may be absent."""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported

DEPLOYMENT = "Deployment"
STATEFUL_SET = "StatefulSet"

Pod = Mapping[str, Any]

#: What a container waits for in the ordinary course of a start.
_ORDINARY = (None, "ContainerCreating", "PodInitializing")


def belongs(pod: Pod, kind: str, workload: str) -> bool:
    """Whether a pod was made by this Deployment or StatefulSet; others may bear the same labels.

    A Deployment owns its pods through a ReplicaSet, which is named after it and after the template of its pods.
    """
    metadata = pod["metadata"]
    owner: Mapping[str, Any] = next((one for one in metadata.get("ownerReferences") or [] if one.get("controller")), {})
    if kind == DEPLOYMENT:
        template = (metadata.get("labels") or {}).get("pod-template-hash")
        return (owner.get("kind"), owner.get("name")) == ("ReplicaSet", f"{workload}-{template}")
    return (owner.get("kind"), owner.get("name")) == (kind, workload)


def report(pod: Pod, kind: str, pool: str, port: int | None) -> Reported:
    """A pod as the state machine sees it. Its number is its ordinal, counted from 1; that of a Deployment has none."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    address = status.get("podIP")
    running = status.get("phase") not in ("Failed", "Succeeded")
    return Reported(
        name=metadata["name"],
        index=int(metadata["name"].rpartition("-")[2]) + 1 if kind == STATEFUL_SET else 0,
        pool=pool,
        running=running,
        stopping=running and metadata.get("deletionTimestamp") is not None,
        address=f"[{address}]" if address and ":" in address else address,
        port=port,
        created_at=_seconds(metadata["creationTimestamp"]),
        reason=_obstacle(status) if running else _why_ended(status),
        uid=metadata["uid"],
    )


def _obstacle(status: Mapping[str, Any]) -> str | None:
    """What keeps a pod from working; None: nothing is known against it."""
    for condition in status.get("conditions") or []:
        if (condition["type"], condition["status"]) == ("PodScheduled", "False"):
            return _told(condition)
    for _name, state in _containers(status):
        waiting = state.get("waiting") or {}
        if waiting.get("reason") not in _ORDINARY:
            return _told(waiting)
    return "it has not started yet" if status.get("phase") == "Pending" else None


def _why_ended(status: Mapping[str, Any]) -> str:
    if status.get("reason"):
        return _told(status)
    for name, state in _containers(status):
        ended = state.get("terminated") or {}
        if ended.get("exitCode"):
            return quoted(f"container {name} ended with exit status {ended['exitCode']} ({ended.get('reason')})")
    return quoted(f"it has ended: {status.get('phase')}")


def _containers(status: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Names and states; those that only prepare come first."""
    for kind in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(kind) or []:
            yield container["name"], container.get("state") or {}


def _told(what: Mapping[str, Any]) -> str:
    """Reason and message in one line."""
    return quoted(": ".join(str(what[key]) for key in ("reason", "message") if what.get(key)))


def _seconds(timestamp: str) -> float:
    return float(calendar.timegm(time.strptime(timestamp, "%Y-%m-%dT%H:%M:%SZ")))
