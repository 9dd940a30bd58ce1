# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backend ``kubernetes``: the pods of a Deployment or StatefulSet that the user's own manifest has made.

Kubernetes is told a count, and makes and deletes pods itself. Which pod of a Deployment goes is told by its deletion
cost; of a StatefulSet only the last can go. A pod that has failed and is to be replaced is deleted by name, and
Kubernetes makes another. Deleting never waits.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import HOST_OPTION, Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Driver, Order
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._pods import (
    DEPLOYMENT,
    STATEFUL_SET,
    belongs,
    report,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported

_COST = "controller.kubernetes.io/pod-deletion-cost"
_LOWEST_COST = str(-(2**31))

#: Seconds from SIGTERM to SIGKILL for a pod that is late. At 0 its record would be removed before it has ended.
_LATE_GRACE_S = 1

#: So often a count is set, if somebody else changes it at the same time.
_TRIES = 3

#: Never read, and much of what the API tells of an object; the environment of containers is in there, too.
_HIDDEN = {
    "Pod": ["metadata.managedFields", "spec"],
    DEPLOYMENT: ["metadata.managedFields", "spec.template.spec"],
    STATEFUL_SET: ["metadata.managedFields", "spec.template.spec"],
}

_WORD = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_DNS_NAME = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
#: A name or label that is not valid would be answered with an empty list, as if no pod were there.
_NAME = re.compile(_DNS_NAME)
_LABEL = re.compile(rf"({_DNS_NAME}/)?{_WORD}=({_WORD})?")

#: In what a module quotes of the API's answer.
_MESSAGE = re.compile(r'"message":\s*"((?:[^"\\]|\\.)+)"')


@dataclass(frozen=True)
class _Workload:
    """A Deployment or StatefulSet, as it was read."""

    replicas: int
    first: int  # ordinal of the first pod
    version: str  # changes with its status, too
    generation: int  # changes with what was asked of it only


class KubernetesDriver(Driver):
    """Pods of one workload."""

    options: ClassVar[dict[str, Any]] = HOST_OPTION | {
        "kind": {"type": "str", "choices": [DEPLOYMENT, STATEFUL_SET], "default": DEPLOYMENT},
        "workload": {"type": "str"},
        "namespace": {"type": "str", "default": "default"},
        "selector": {"type": "dict"},
        "service_port": {"type": "int"},
        "kubeconfig": {"type": "str"},
        "context": {"type": "str"},
    }
    required: ClassVar[tuple[str, ...]] = ("workload", "service_port")
    gives_names = True

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        options = context.options
        self._kind, self._name = options["kind"], options["workload"]
        self.last_only = self._kind == STATEFUL_SET
        for option in ("workload", "namespace"):
            if not _NAME.fullmatch(options[option]):
                expected = "expected letters from a to z, digits, dashes and dots, as Kubernetes has them in names"
                raise OptionError(option, f"{expected}, got {quoted(options[option])}")
        self._labels = {str(key): str(value) for key, value in (options["selector"] or {"app": self._name}).items()}
        for key, value in self._labels.items():
            if not _LABEL.fullmatch(f"{key}={value}"):
                raise OptionError("selector", f"expected labels of pods, got {quoted(f'{key}: {value}')}")
        self._pods: list[Reported] = []  # at the last look
        self._expected: int | None = None  # how many the pool is to have after this pass
        self._settled: _Workload | None = None  # what the workload is like since that was told

    def status(self) -> list[Reported]:
        selectors = [f"{key}={value}" for key, value in self._labels.items()]
        own = [pod for pod in self._read("Pod", label_selectors=selectors) if belongs(pod, self._kind, self._name)]
        port = self.context.options["service_port"]
        self._pods = [report(pod, self._kind, self.context.name, port) for pod in own]
        return self._pods

    def expect(self, count: int) -> None:
        self._expected, self._settled = count, None

    def start(self, orders: Sequence[Order]) -> dict[str, str]:  # noqa: ARG002 - the count has been told
        """Kubernetes makes what is missing, and names it."""
        self._settle([])
        return {}

    def stop(self, instances: Sequence[Reported], *, kill: bool = False) -> None:
        seen = {pod.name for pod in self._pods}
        there = [instance for instance in instances if instance.name in seen]  # an order has no pod yet
        active = [pod for pod in there if _is_active(pod)]
        workload = self._settle(active)
        ended = [pod for pod in there if not pod.running]
        self._delete([*ended, *self._to_replace(active, workload)])
        if kill:
            self._delete([pod for pod in there if pod.stopping], {"gracePeriodSeconds": _LATE_GRACE_S})

    def _settle(self, leaving: Sequence[Reported]) -> _Workload:
        """See to it, once a pass, that the workload has the count that is expected."""
        if self._settled is None:
            self._settled = self._scaled(leaving)
        return self._settled

    def _scaled(self, leaving: Sequence[Reported]) -> _Workload:
        """The workload, once it has its count. Raises AutoscaleError if that is changed by others all the time."""
        found = self._workload()
        count = self._count(found, {pod.name for pod in leaving})
        wanted = replace(found, replicas=count)
        if 0 < count < found.replicas and not self.last_only:
            self._put_first(leaving[len(self._to_replace(leaving, wanted)) :])
        version: str | None = found.version
        for _unused in range(_TRIES):
            if found.replicas == count or self._scale(found.replicas, count, version):
                return wanted
            before, found = found, self._workload()
            # The version changes with each pod that becomes ready, too. Where only that was in the way, the count
            # guards well enough.
            version = None if found.generation == before.generation else found.version
        told = f"replicas of {self._kind} {self._name} could not be set to {count}: others are changing it"
        raise AutoscaleError(f"{told}, to {found.replicas} now; does a HorizontalPodAutoscaler scale it, too?")

    def _count(self, workload: _Workload, leaving: Collection[str]) -> int:
        """What the replicas have to be."""
        expected = workload.replicas if self._expected is None else self._expected
        if not self.last_only:
            return expected
        # One in the middle cannot be taken away. It is replaced by its like, rather than the last by it.
        stay = [pod.index - workload.first for pod in self._pods if _is_active(pod) and pod.name not in leaving]
        return max(expected, min(max(stay, default=0), workload.replicas))

    def _to_replace(self, leaving: Sequence[Reported], workload: _Workload) -> Sequence[Reported]:
        """Those that have to be deleted by name. The rest is surplus, which Kubernetes deletes by itself.

        What has failed comes first in ``leaving``.
        """
        if self.last_only:
            return [pod for pod in leaving if pod.index - workload.first <= workload.replicas]
        surplus = max(sum(map(_is_active, self._pods)) - workload.replicas, 0)
        return leaving[: max(len(leaving) - surplus, 0)]

    def _workload(self) -> _Workload:
        found = self._read(self._kind, api_version="apps/v1", name=self._name)
        if not found:
            place = f"namespace {self.context.options['namespace']}"
            raise AutoscaleError(f"there is no {self._kind} {self._name} in {place}: make it from a manifest of yours")
        metadata, spec = found[0]["metadata"], found[0]["spec"]
        labels = spec["template"]["metadata"].get("labels") or {}
        if not self._labels.items() <= labels.items():
            has = quoted(", ".join(f"{key}: {value}" for key, value in labels.items()))
            raise OptionError("selector", f"expected labels of the pods of {self._kind} {self._name}, which are {has}")
        first = (spec.get("ordinals") or {}).get("start", 0)
        return _Workload(spec["replicas"], first, metadata["resourceVersion"], metadata["generation"])

    def _scale(self, current: int, count: int, version: str | None) -> bool:
        """Set the replicas, unless they were changed meanwhile: then the module only warns."""
        result = self._run(
            "k8s_scale",
            api_version="apps/v1",
            kind=self._kind,
            name=self._name,
            replicas=count,
            current_replicas=current,
            resource_version=version,
            wait=False,
        )
        return "warning" not in result

    def _put_first(self, pods: Sequence[Reported]) -> None:
        """Let these be the ones that a Deployment takes away when its count is lowered."""
        if pods:
            cost = {"annotations": {_COST: _LOWEST_COST}}
            self._run("k8s", state="patched", merge_type=["merge"], resource_definition=_definitions(pods, cost))

    def _delete(self, pods: Sequence[Reported], options: Mapping[str, Any] | None = None) -> None:
        if pods:
            self._run("k8s", state="absent", resource_definition=_definitions(pods, {}), delete_options=options)

    def _read(self, kind: str, **arguments: Any) -> list[dict[str, Any]]:
        """Objects of the API."""
        result = self._run("k8s_info", kind=kind, hidden_fields=_HIDDEN[kind], **arguments)
        if not result.get("api_found"):
            raise AutoscaleError(f"k8s_info: {quoted(result.get('msg'))}")
        found: list[dict[str, Any]] = result["resources"]
        return found

    def _run(self, module: str, **arguments: Any) -> dict[str, Any]:
        """The result of a module of kubernetes.core. Raises AutoscaleError with the API's own message."""
        options = self.context.options
        common = {name: options[name] for name in ("namespace", "kubeconfig", "context")}
        given = {name: value for name, value in (common | arguments).items() if value is not None}
        result = self.context.run_module(f"kubernetes.core.{module}", given, options.get("host"))
        if result.get("failed"):
            why = str(result.get("msg", "it failed"))
            message = _MESSAGE.search(why)
            raise AutoscaleError(f"{module}: {quoted(message[1] if message else why)}")
        return result


def _is_active(pod: Reported) -> bool:
    """Whether it counts for Kubernetes as one of the replicas."""
    return pod.running and not pod.stopping


def _definitions(pods: Iterable[Reported], metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod.name, **metadata}} for pod in pods]


BACKEND = KubernetesDriver
