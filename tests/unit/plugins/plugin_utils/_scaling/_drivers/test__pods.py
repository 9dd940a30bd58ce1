# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the API's record of a pod to what the state machine sees."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._pods import (
    DEPLOYMENT,
    STATEFUL_SET,
    belongs,
    report,
)


def pod(name: str, owner: tuple[str, str] | None = None, template: str = "", **status: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "uid": "6e1a", "creationTimestamp": "2026-11-30T14:00:01Z"}
    if owner:
        other = {"kind": "Team", "name": "chat"}
        metadata["ownerReferences"] = [other, {"kind": owner[0], "name": owner[1], "controller": True}]
    if template:
        metadata["labels"] = {"app": "chat", "pod-template-hash": template}
    return {"metadata": metadata, "status": status}


def container(**state: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "app", "state": state}]}


@pytest.mark.parametrize(
    ("owner", "template", "kind", "ours"),
    [
        (("ReplicaSet", "chat-5d9f"), "5d9f", DEPLOYMENT, True),
        (("ReplicaSet", "chat-canary-5d9f"), "5d9f", DEPLOYMENT, False),  # of the Deployment chat-canary
        (("ReplicaSet", "chat-5d9f"), "", DEPLOYMENT, False),
        (("Job", "chat-5d9f"), "5d9f", DEPLOYMENT, False),
        (None, "5d9f", DEPLOYMENT, False),
        (("StatefulSet", "chat"), "", STATEFUL_SET, True),
        (("StatefulSet", "chat-canary"), "", STATEFUL_SET, False),
        (("StatefulSet", "chat"), "", DEPLOYMENT, False),
        (("ReplicaSet", "chat-5d9f"), "5d9f", STATEFUL_SET, False),
    ],
)
def test_only_pods_that_the_workload_made_are_ours(
    owner: tuple[str, str] | None, template: str, kind: str, ours: bool
) -> None:
    assert belongs(pod("chat-x", owner, template), kind, "chat") is ours


def test_what_runs() -> None:
    found = report(pod("chat-5d9f-x2kqz", phase="Running", podIP="10.1.2.3"), DEPLOYMENT, "k8s", 8080)
    assert (found.name, found.index, found.pool, found.uid) == ("chat-5d9f-x2kqz", 0, "k8s", "6e1a")
    assert (found.address, found.port, found.created_at) == ("10.1.2.3", 8080, 1796047201.0)
    assert (found.running, found.stopping, found.paused, found.reason) == (True, False, False, None)


def test_ordinals_are_counted_from_one() -> None:
    assert report(pod("chat-0", phase="Running"), STATEFUL_SET, "k8s", None).index == 1
    assert report(pod("chat-2-11", phase="Running"), STATEFUL_SET, "k8s", None).index == 12


def test_an_ipv6_address_is_fit_for_a_url() -> None:
    assert report(pod("chat-0", phase="Running", podIP="fd00::7"), STATEFUL_SET, "k8s", 80).address == "[fd00::7]"


def test_what_was_deleted_is_stopping_until_it_has_ended() -> None:
    leaving = pod("chat-0", phase="Running")
    leaving["metadata"]["deletionTimestamp"] = "2026-11-30T14:00:31Z"
    assert report(leaving, STATEFUL_SET, "k8s", 80).stopping is True
    leaving["status"]["phase"] = "Succeeded"
    found = report(leaving, STATEFUL_SET, "k8s", 80)
    assert (found.running, found.stopping) == (False, False)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"phase": "Running"}, None),
        ({"phase": "Pending"}, "it has not started yet"),
        ({"phase": "Pending", **container(waiting={"reason": "ContainerCreating"})}, "it has not started yet"),
        ({"phase": "Running", **container(waiting={"reason": "ContainerCreating"})}, None),
        ({"phase": "Running", **container(running={})}, None),
        (
            {"phase": "Pending", **container(waiting={"reason": "ErrImagePull", "message": "chat:2:\nnot found"})},
            "ErrImagePull: chat:2: not found",
        ),
        ({"phase": "Running", **container(waiting={"reason": "CrashLoopBackOff"})}, "CrashLoopBackOff"),
        (
            {
                "phase": "Pending",
                "initContainerStatuses": [{"name": "init", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
                **container(waiting={"reason": "PodInitializing"}),
            },
            "CrashLoopBackOff",
        ),
        (
            {
                "phase": "Pending",
                "conditions": [
                    {"type": "Ready", "status": "False", "reason": "ContainersNotReady"},
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"},
                ],
            },
            "Unschedulable: 0/3 nodes",
        ),
    ],
)
def test_what_keeps_one_that_runs_from_working(status: dict[str, Any], reason: str | None) -> None:
    found = report(pod("chat-0", **status), STATEFUL_SET, "k8s", 80)
    assert (found.running, found.reason) == (True, reason)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}, "Evicted: low on memory"),
        (
            {"phase": "Failed", **container(terminated={"exitCode": 137, "reason": "OOMKilled"})},
            "container app ended with exit status 137 (OOMKilled)",
        ),
        ({"phase": "Succeeded", **container(terminated={"exitCode": 0})}, "it has ended: Succeeded"),
    ],
)
def test_why_one_has_ended(status: dict[str, Any], reason: str) -> None:
    found = report(pod("chat-0", **status), STATEFUL_SET, "k8s", 80)
    assert (found.running, found.reason) == (False, reason)
