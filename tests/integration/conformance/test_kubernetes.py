# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only the backend kubernetes has to show, with a stub of its API: who goes, who else scales, which rights."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import pytest
from ansible_collections.rlops.autoscale.tests.tools.kubernetes_stub import SECRET, TOKEN, grants_of
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

from .scenario import Scenario
from .scenario_kubernetes import ROLES, KubernetesScenario

pytestmark = pytest.mark.slow


@pytest.fixture
def deployment(make_scenario: Callable[[str], Scenario]) -> KubernetesScenario:
    """A cluster of pods of a Deployment."""
    return cast(KubernetesScenario, make_scenario("kubernetes"))


@pytest.mark.parametrize("backend", ["kubernetes", "kubernetes_stateful_set"])
def test_a_life_needs_the_rights_of_the_docs_role_and_no_others(
    make_scenario: Callable[[str], Scenario], backend: str
) -> None:
    cluster = cast(KubernetesScenario, make_scenario(backend))
    cluster.reach(3)
    before = cluster.running()

    # One fails, and is replaced in its place; so is one in the middle of a StatefulSet.
    cluster.settings["autoscale_health_url"] = ""  # what Kubernetes says counts
    cluster.settings["autoscale_unhealthy_timeout"] = 0
    ill = sorted(before)[1]
    cluster.stub.change(ill, phase="Pending", waiting=("CrashLoopBackOff", "back-off 5m0s"))
    assert cluster.converge(3).result["plan"] == []
    run = cluster.reach(3)
    assert "CrashLoopBackOff: back-off 5m0s" in run.output
    after = cluster.running()
    assert {name for name, uid in before.items() if after.get(name) != uid} == {ill}
    assert (len(after), cluster.replicas()) == (3, 3)

    # Where nothing changes, one question is asked.
    cluster.stub.requests, earlier = [], cluster.stub.requests
    assert cluster.converge(3).result["changed"] is False
    assert cluster.stub.requests == [("", "pods", "list")]

    cluster.reach(1)
    assert {*earlier, *cluster.stub.requests} == grants_of(ROLES, f"autoscale-{cluster.kind.lower()}")


def test_the_chosen_pod_goes(deployment: KubernetesScenario) -> None:
    deployment.reach(1)
    (oldest,) = deployment.running()
    deployment.reach(3)
    before = deployment.running()
    deployment.settings["autoscale_victim"] = "oldest"
    # By itself Kubernetes would take away the youngest.
    deployment.reach(2)
    assert before.keys() - deployment.running().keys() == {oldest}
    assert (len(deployment.running()), deployment.replicas()) == (2, 2)


def test_pods_of_others_with_the_same_labels_are_left_alone(deployment: KubernetesScenario) -> None:
    deployment.stub.apply(deployment.kind, "chat-canary", 2, {"app": "chat"})
    foreign = partial(deployment.stub.pods, deployment.kind, "chat-canary")
    theirs = wait_for(lambda: foreign() if len(foreign()) == 2 else {})
    deployment.reach(2)
    assert len(deployment.running()) == 2
    deployment.reach(0)
    assert foreign() == theirs


def test_an_evicted_pod_is_cleared_away_and_made_up_for(deployment: KubernetesScenario) -> None:
    deployment.reach(2)
    (evicted, kept) = deployment.running()
    deployment.stub.evict(evicted)
    run = deployment.converge(2)
    reason = "Evicted: The node was low on resource: memory."
    assert run.result["failed_instances"] == [{"name": evicted, "reason": reason, "was_ready": True}]
    deployment.reach(2)
    assert kept in deployment.running()
    assert sorted(i["name"] for i in deployment.status()["instances"]) == sorted(deployment.running())
    assert len(deployment.running()) == 2


def test_pods_that_do_not_start_are_not_ready_and_say_why(deployment: KubernetesScenario) -> None:
    deployment.settings["autoscale_boot_timeout"] = 600
    deployment.stub.waiting = ("ImagePullBackOff", 'Back-off pulling image "chat:2"')
    deployment.converge(1)
    wait_for(deployment.running)
    (instance,) = deployment.status()["instances"]
    said = 'ImagePullBackOff: Back-off pulling image "chat:2"'
    assert (instance["state"], instance["address"]) == ("booting", None)
    assert instance["reason"] == f"its address is not known yet; {said}"
    deployment.settings["autoscale_health_url"] = ""
    (instance,) = deployment.status()["instances"]
    assert (instance["state"], instance["reason"]) == ("booting", said)


def test_who_does_not_end_in_time_is_killed(deployment: KubernetesScenario) -> None:
    deployment.reach(2)
    deployment.settings["autoscale_stop_timeout"] = 1
    deployment.stub.stop_s = 600
    deployment.reach(1)
    assert len(deployment.running()) == 1


def test_a_version_that_changes_all_the_time_is_in_nobodys_way(deployment: KubernetesScenario) -> None:
    deployment.stub.after_reads.extend([partial(deployment.stub.touch, deployment.kind, "chat")] * 20)
    run = deployment.converge(3)
    assert run.ok, run.output
    assert deployment.replicas() == 3


def test_a_count_that_somebody_else_sets_meanwhile_is_set_again(deployment: KubernetesScenario) -> None:
    deployment.stub.after_reads.append(partial(deployment.stub.scale, deployment.kind, "chat", 5))
    run = deployment.converge(3)
    assert run.ok, run.output
    assert deployment.replicas() == 3


def test_who_else_scales_all_the_time_is_told_of_and_nothing_is_forced(deployment: KubernetesScenario) -> None:
    counts = iter(range(5, 100))
    foreign: list[Callable[[], object]] = [lambda: deployment.stub.scale(deployment.kind, "chat", next(counts))] * 20
    deployment.stub.after_reads.extend(foreign)
    run = deployment.converge(3)
    assert not run.ok
    assert (
        "pool kubernetes: replicas of Deployment chat could not be set to 3: others are changing it, to" in run.output
    )
    assert "does a HorizontalPodAutoscaler scale it, too?" in run.output
    assert ("apps", "deployments/scale", "patch") not in deployment.stub.requests


def test_what_somebody_else_has_scaled_is_brought_back_in_the_open(deployment: KubernetesScenario) -> None:
    deployment.reach(2)
    deployment.stub.scale(deployment.kind, "chat", 4)
    wait_for(lambda: len(deployment.running()) == 4)
    more = deployment.converge(2)
    assert [line.split(": ")[1] for line in more.result["plan"]] == ["surplus", "surplus"]
    assert deployment.replicas() == 2
    deployment.reach(2)
    deployment.stub.scale(deployment.kind, "chat", 1)
    wait_for(lambda: len(deployment.running()) == 1)
    less = deployment.converge(2)
    assert [failure["reason"] for failure in less.result["failed_instances"]] == ["it is gone"]
    assert deployment.replicas() == 2


def test_what_is_secret_is_not_seen(deployment: KubernetesScenario) -> None:
    outputs = [deployment.converge(count, "-vvvv").output for count in (2, 1)]
    outputs += [path.read_text() for path in deployment.home.glob("state/**/*") if path.is_file()]
    assert len(outputs) > 2
    for output in outputs:
        assert SECRET not in output
        assert TOKEN not in output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workload": "shop"}, "there is no Deployment shop in namespace default: make it from a manifest of yours"),
        ({"kind": "Job"}, "value of kind must be one of: Deployment, StatefulSet, got: Job"),
        ({"context": "elsewhere"}, "pool kubernetes does not answer: k8s_info: HTTPConnectionPool(host='127"),
    ],
)
def test_bad_settings_are_refused_by_name(
    deployment: KubernetesScenario, options: dict[str, Any], message: str
) -> None:
    deployment.settings["autoscale_pools"][0].update(options)
    run = deployment.converge(1)
    assert not run.ok
    assert message in run.output
    assert deployment.replicas() == 0


def test_what_is_not_allowed_is_told_in_the_words_of_the_api(deployment: KubernetesScenario) -> None:
    deployment.stub.grants = grants_of(ROLES, "autoscale-deployment") - {("apps", "deployments/scale", "patch")}
    run = deployment.converge(1)
    assert not run.ok
    assert "pool kubernetes: k8s_scale: deployments/scale is forbidden: User" in run.output
    assert len(deployment.stub.unexpected) == 1
    deployment.stub.unexpected.clear()
