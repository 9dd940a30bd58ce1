# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of which module; the conformance suite runs the modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Order
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._kubernetes import KubernetesDriver

OPTIONS = {
    "kind": "Deployment",
    "workload": "chat",
    "namespace": "default",
    "selector": None,
    "service_port": 8080,
    "kubeconfig": None,
    "context": None,
    "host": None,
}


class Modules:
    """Answers as the modules do, of a workload whose pods are all there."""

    def __init__(self, kind: str, replicas: int, *, first: int = 0, phases: Mapping[int, str] | None = None) -> None:
        self.kind, self.replicas, self.first, self.phases = kind, replicas, first, phases or {}
        self.refusals: list[dict[str, int]] = []  # of the next calls of k8s_scale: what is different by then
        self.generation, self.version = 1, 1
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.pods = [f"chat-{number}" for number in range(first, first + replicas)]

    def __call__(self, module: str, arguments: Mapping[str, Any], host: str | None = None) -> dict[str, Any]:
        assert host is None
        name = module.removeprefix("kubernetes.core.")
        self.calls.append((name, dict(arguments)))
        if name == "k8s_info":
            found = [self._pod(pod) for pod in self.pods] if arguments["kind"] == "Pod" else [self._workload()]
            return {"resources": found, "api_found": True}
        if name == "k8s_scale":
            if self.refusals:
                vars(self).update(self.refusals.pop(0))
            if arguments.get("resource_version") not in (None, str(self.version)):
                return {"warning": "expected resource version", "changed": False}
            if arguments["current_replicas"] != self.replicas:
                return {"warning": "current replicas", "changed": False}
        return {"changed": True}

    def _pod(self, name: str) -> dict[str, Any]:
        owner = "ReplicaSet" if self.kind == "Deployment" else self.kind
        owned_by = "chat-5d9f" if self.kind == "Deployment" else "chat"
        number = int(name.rpartition("-")[2])
        return {
            "metadata": {
                "name": name,
                "uid": name,
                "creationTimestamp": "2026-11-30T14:00:01Z",
                "labels": {"pod-template-hash": "5d9f"},
                "ownerReferences": [{"controller": True, "kind": owner, "name": owned_by}],
                "deletionTimestamp": "2026" if self.phases.get(number) == "Terminating" else None,
            },
            "status": {"phase": "Failed" if self.phases.get(number) == "Failed" else "Running"},
        }

    def _workload(self) -> dict[str, Any]:
        labels = {"app": "chat", "tier": "web"}
        return {
            "metadata": {"resourceVersion": str(self.version), "generation": self.generation},
            "spec": {
                "replicas": self.replicas,
                "template": {"metadata": {"labels": labels}},
                **({"ordinals": {"start": self.first}} if self.first else {}),
            },
        }

    def deeds(self) -> list[str]:
        """What was done, in short; forgotten with that."""
        told = []
        for name, given in self.calls:
            if name == "k8s_scale":
                told.append(f"{given['current_replicas']} -> {given['replicas']}")
            elif name == "k8s":
                pods = " ".join(one["metadata"]["name"] for one in given["resource_definition"])
                grace = (given.get("delete_options") or {}).get("gracePeriodSeconds")
                told.append(f"{given['state']} {pods}" + (f" in {grace} s" if grace is not None else ""))
        self.calls.clear()
        return told


def driver(modules: Modules, **options: Any) -> KubernetesDriver:
    made = KubernetesDriver(Context("chat", "k8s", {**OPTIONS, "kind": modules.kind, **options}, modules))
    made.status()
    return made


def asked_to_stop(modules: Modules, count: int, *names: str, kill: bool = False) -> list[str]:
    made = driver(modules)
    pods = {pod.name: pod for pod in made.status()}
    made.expect(count)
    made.stop([pods[name] for name in names], kill=kill)
    return modules.deeds()


def test_a_look_is_one_call() -> None:
    modules = Modules("Deployment", 2)
    assert [pod.name for pod in driver(modules, selector={"app": "chat", "v": 2}).status()] == ["chat-0", "chat-1"]
    assert len(modules.calls) == 2  # one for each look
    name, given = modules.calls[0]
    assert (name, given.pop("hidden_fields")) == ("k8s_info", ["metadata.managedFields", "spec"])
    assert given == {"kind": "Pod", "namespace": "default", "label_selectors": ["app=chat", "v=2"]}


def test_a_start_sets_the_count_and_does_nothing_where_it_is_right() -> None:
    modules = Modules("Deployment", 2)
    made = driver(modules)
    made.expect(3)
    assert made.start([Order("chat#3", 3)]) == {}
    ((_name, given),) = [call for call in modules.calls if call[0] == "k8s_scale"]
    assert (given["replicas"], given["current_replicas"], given["resource_version"]) == (3, 2, "1")
    assert given["wait"] is False
    modules.deeds()
    made.expect(2)
    made.start([Order("chat#3", 3)])
    assert modules.deeds() == []


def test_who_is_surplus_in_a_deployment_is_chosen_and_left_to_kubernetes() -> None:
    modules = Modules("Deployment", 4)
    assert asked_to_stop(modules, 2, "chat-1", "chat-0") == ["patched chat-1 chat-0", "4 -> 2"]
    assert asked_to_stop(modules, 0, *modules.pods) == ["4 -> 0"]


def test_what_failed_in_a_deployment_and_is_replaced_is_deleted() -> None:
    assert asked_to_stop(Modules("Deployment", 3), 3, "chat-1") == ["absent chat-1"]
    # One of two is replaced: the other goes with the count, and must be the only one that is put first.
    modules = Modules("Deployment", 5)
    assert asked_to_stop(modules, 4, "chat-1", "chat-2") == ["patched chat-2", "5 -> 4", "absent chat-1"]


def test_what_has_ended_is_cleared_away() -> None:
    modules = Modules("Deployment", 3, phases={1: "Failed"})
    assert asked_to_stop(modules, 3, "chat-1") == ["absent chat-1"]


def test_what_a_rollout_has_too_much_is_left_to_it() -> None:
    modules = Modules("Deployment", 4)
    modules.replicas = 3
    assert asked_to_stop(modules, 3, "chat-3") == []


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_who_is_asked_again_is_left_alone_until_it_is_late(kind: str) -> None:
    modules = Modules(kind, 3, phases={2: "Terminating"})
    modules.replicas = 2
    assert asked_to_stop(modules, 2, "chat-2") == []
    assert asked_to_stop(modules, 2, "chat-2", kill=True) == ["absent chat-2 in 1 s"]


def test_a_stateful_set_takes_away_its_last_by_itself() -> None:
    assert asked_to_stop(Modules("StatefulSet", 4), 2, "chat-3", "chat-2") == ["4 -> 2"]
    assert asked_to_stop(Modules("StatefulSet", 4, first=10), 2, "chat-13", "chat-12") == ["4 -> 2"]


def test_one_before_the_last_of_a_stateful_set_is_replaced_by_its_like() -> None:
    assert asked_to_stop(Modules("StatefulSet", 3), 2, "chat-1") == ["absent chat-1"]
    assert asked_to_stop(Modules("StatefulSet", 3, first=10), 2, "chat-11") == ["absent chat-11"]
    assert asked_to_stop(Modules("StatefulSet", 3), 1, "chat-2", "chat-0") == ["3 -> 2", "absent chat-0"]


def test_who_waits_for_its_turn_in_a_stateful_set_is_not_killed_before_it() -> None:
    modules = Modules("StatefulSet", 4, phases={3: "Terminating"})
    modules.replicas = 2
    assert asked_to_stop(modules, 2, "chat-3", "chat-2", kill=True) == ["absent chat-3 in 1 s"]


def test_an_order_that_has_no_pod_yet_is_taken_back_with_the_count() -> None:
    modules = Modules("Deployment", 2)
    modules.replicas = 3
    made = driver(modules)
    made.expect(2)
    order = made.status()[0].__class__(name="chat#3", index=3, pool="k8s", running=False)
    made.stop([order])
    assert modules.deeds() == ["3 -> 2"]


def test_a_count_is_set_once_in_a_pass() -> None:
    modules = Modules("Deployment", 3)
    made = driver(modules)
    (first, *_others) = made.status()
    made.expect(4)
    made.stop([first])
    made.start([Order("chat#4", 4)])
    assert modules.deeds() == ["3 -> 4", "absent chat-0"]


def test_a_version_that_changes_without_a_new_count_is_in_nobodys_way() -> None:
    modules = Modules("Deployment", 2)
    modules.refusals = [{"version": 2}, {"version": 3}]
    made = driver(modules)
    made.expect(3)
    made.start([])
    assert [given.get("resource_version") for name, given in modules.calls if name == "k8s_scale"] == ["1", None]


def test_a_count_that_others_change_is_read_again() -> None:
    modules = Modules("Deployment", 2)
    modules.refusals = [{"version": 2, "generation": 2, "replicas": 5}]
    made = driver(modules)
    made.expect(3)
    made.start([])
    assert modules.deeds() == ["2 -> 3", "5 -> 3"]


def test_a_count_that_others_change_all_the_time_is_left_alone_for_now() -> None:
    modules = Modules("Deployment", 2)
    modules.refusals = [{"version": n, "generation": n, "replicas": n + 5} for n in (2, 3, 4)]
    made = driver(modules)
    made.expect(3)
    expected = "replicas of Deployment chat could not be set to 3: others are changing it, to 9 now; does a Horizontal"
    with pytest.raises(AutoscaleError, match=f"^{expected}"):
        made.start([])
    assert modules.deeds() == ["2 -> 3", "7 -> 3", "8 -> 3"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workload": "Chat!"}, "workload: expected letters from a to z, digits, dashes and dots, .* got Chat!"),
        ({"namespace": "a/b"}, "namespace: expected letters from a to z"),
        ({"selector": {"app": "a b"}}, "selector: expected labels of pods, got app: a b"),
        ({"selector": {"a..b/app": "chat"}}, "selector: expected labels of pods, got a..b/app: chat"),
        ({"selector": {"app": "x" * 64}}, "selector: expected labels of pods"),
        ({"selector": {"app,tier": "chat"}}, "selector: expected labels of pods"),
    ],
)
def test_what_kubernetes_would_answer_with_an_empty_list_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=f"^{message}"):
        driver(Modules("Deployment", 1), **options)


@pytest.mark.parametrize(
    "selector", [{"app": "chat"}, {"app.kubernetes.io/name": "chat.v1_b-2"}, {"empty": ""}, {"v": 1}, {"x" * 63: "1"}]
)
def test_labels_of_all_kinds_are_accepted(selector: dict[str, Any]) -> None:
    driver(Modules("Deployment", 1), selector=selector)


def test_a_selector_of_other_pods_is_refused_before_anything_is_changed() -> None:
    modules = Modules("Deployment", 1)
    made = driver(modules, selector={"app": "caht"})
    made.expect(5)
    expected = "selector: expected labels of the pods of Deployment chat, which are app: chat, tier: web"
    with pytest.raises(OptionError, match=f"^{expected}$"):
        made.start([])
    assert modules.deeds() == []


def answering(result: dict[str, Any]) -> KubernetesDriver:
    return KubernetesDriver(Context("chat", "k8s", OPTIONS, lambda _module, _arguments, _host=None: result))


def test_failures_are_told_in_the_words_of_the_api() -> None:
    forbidden = r"""Exception '403
Reason: Forbidden
HTTP response body: b'{"kind":"Status","message":"pods is forbidden: User \"x\" cannot list","code":403}'"""
    with pytest.raises(AutoscaleError, match=r'^k8s_info: pods is forbidden: User \\"x\\" cannot list$'):
        answering({"failed": True, "msg": forbidden}).status()
    with pytest.raises(AutoscaleError, match=r"^k8s_info: Could not create API client: Invalid kube-config file\.$"):
        answering({"failed": True, "msg": "Could not create API client: Invalid kube-config file."}).status()


def test_an_api_that_cannot_be_found_is_no_empty_pool() -> None:
    with pytest.raises(AutoscaleError, match=r"^k8s_info: Failed to find API"):
        answering({"resources": [], "api_found": False, "msg": "Failed to find API for resource"}).status()


def test_a_workload_that_is_not_there_is_told_with_its_place() -> None:
    made = answering({"resources": [], "api_found": True})
    assert made.status() == []
    made.expect(1)
    with pytest.raises(AutoscaleError, match=r"^there is no Deployment chat in namespace default: make it from a man"):
        made.start([])
