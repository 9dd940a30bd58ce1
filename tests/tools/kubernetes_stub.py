# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stub of Kubernetes: NOT a real API server. As much of its protocol as the driver needs, and a tiny controller.

It is strict: what it does not know, or what a real server would refuse, is refused, and noted in ``unexpected``, which
has to be empty when a test is over. A request that the role does not allow gets 403, and is noted there, too.

The controller lets pods follow the replicas: those of a Deployment have names at random and go by the rank that the
ReplicaSet controller documents; those of a StatefulSet have ordinals, come one after the other, and go last one first.
No pod runs anything. All writing of metadata, versions and states is as in Kubernetes, as far as it is read here.
"""

from __future__ import annotations

import copy
import json
import random
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml
from ansible_collections.rlops.autoscale.tests.tools.json_server import JsonServer

TOKEN = "token-of-the-stub"
NAMESPACE = "default"
#: In the environment of each pod's container; must never be seen in an output.
SECRET = "secret-of-the-pod"

_COST = "controller.kubernetes.io/pod-deletion-cost"
_PATCHES = ("application/merge-patch+json", "application/strategic-merge-patch+json")
_PLURALS = {"Deployment": "deployments", "StatefulSet": "statefulsets"}

#: What may be done: (API group, resource, verb).
Grant = tuple[str, str, str]


def grants_of(role: Path, name: str) -> set[Grant]:
    """What a Role in a file of manifests allows."""
    (found,) = (
        manifest
        for manifest in yaml.safe_load(role.read_text())["items"]
        if (manifest["kind"], manifest["metadata"]["name"]) == ("Role", name)
    )
    return {
        (group, resource, verb)
        for rule in found["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


class _RefusedError(Exception):
    """An answer other than success."""

    def __init__(self, code: int, reason: str, message: str, *, expected: bool = False) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.expected = code, reason, message, expected


@dataclass
class _Pod:
    name: str
    labels: dict[str, str]
    owner: dict[str, Any]
    version: int
    address: str
    ordinal: int = 0
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))
    annotations: dict[str, str] = field(default_factory=dict)
    created: float = field(default_factory=time.time)
    phase: str = "Pending"
    why: tuple[str, str] | None = None  # reason and message of an end
    waiting: tuple[str, str] | None = None  # reason and message of a container that cannot start
    gone_at: float | None = None  # when a pod that was deleted ends

    @property
    def active(self) -> bool:
        return self.gone_at is None and self.phase in ("Pending", "Running")

    @property
    def ready(self) -> bool:
        return self.phase == "Running" and self.gone_at is None

    def rank(self) -> tuple[Any, ...]:
        """The lower, the sooner a ReplicaSet deletes it."""
        return (self.phase != "Pending", self.ready, int(self.annotations.get(_COST, "0")), -self.created)

    def manifest(self) -> dict[str, Any]:
        metadata = {
            "name": self.name,
            "namespace": NAMESPACE,
            "uid": self.uid,
            "resourceVersion": str(self.version),
            "creationTimestamp": _timestamp(self.created),
            "labels": self.labels,
            "ownerReferences": [self.owner],
            "managedFields": [{"manager": "kube-controller-manager", "operation": "Update"}],
        }
        if self.annotations:
            metadata["annotations"] = self.annotations
        if self.gone_at is not None:
            metadata |= {"deletionTimestamp": _timestamp(self.gone_at), "deletionGracePeriodSeconds": 30}
        container: dict[str, Any] = {"name": "app", "ready": self.ready, "restartCount": 0}
        status: dict[str, Any] = {"phase": self.phase, "containerStatuses": [container]}
        if self.phase == "Running":
            status["podIP"] = self.address
            container["state"] = {"running": {"startedAt": _timestamp(self.created)}}
        elif self.phase == "Pending":
            reason, message = self.waiting or ("ContainerCreating", None)
            container["state"] = {"waiting": {"reason": reason} | ({"message": message} if message else {})}
        if self.why:
            status |= {"reason": self.why[0], "message": self.why[1]}
            container["state"] = {"terminated": {"exitCode": 137, "reason": "Error"}}
        environment = [{"name": "PASSWORD", "value": SECRET}]
        spec = {"containers": [{"name": "app", "image": "chat:1", "env": environment}], "nodeName": "node-1"}
        return {"metadata": metadata, "spec": spec, "status": status}


@dataclass
class _Workload:
    kind: str
    name: str
    replicas: int
    version: int
    labels: dict[str, str]
    generation: int = 1
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))
    template_hash: str = field(default_factory=lambda: _suffix(9))
    status: dict[str, int] = field(default_factory=dict)

    @property
    def owner(self) -> dict[str, Any]:
        """What a pod of it says of its owner."""
        kind, name = self.kind, self.name
        if kind == "Deployment":
            kind, name = "ReplicaSet", f"{name}-{self.template_hash}"
        return {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": self.uid, "controller": True}

    @property
    def pod_labels(self) -> dict[str, str]:
        return self.labels | ({"pod-template-hash": self.template_hash} if self.kind == "Deployment" else {})

    def manifest(self) -> dict[str, Any]:
        return {
            "apiVersion": "apps/v1",
            "kind": self.kind,
            "metadata": {
                "name": self.name,
                "namespace": NAMESPACE,
                "uid": self.uid,
                "resourceVersion": str(self.version),
                "generation": self.generation,
            },
            "spec": {
                "replicas": self.replicas,
                "selector": {"matchLabels": self.labels},
                "template": {"metadata": {"labels": self.labels}, "spec": {"containers": [{"name": "app"}]}},
            },
            "status": {"observedGeneration": self.generation, **self.status},
        }

    def scale(self) -> dict[str, Any]:
        return {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {
                "name": self.name,
                "namespace": NAMESPACE,
                "uid": self.uid,
                "resourceVersion": str(self.version),
            },
            "spec": {"replicas": self.replicas},
            "status": {"replicas": self.status.get("replicas", 0)},
        }


class KubernetesStub:
    """A server on loopback with its controller, until ``close``."""

    def __init__(self, grants: Iterable[Grant], *, boot_s: float = 0.3, stop_s: float = 0.5) -> None:
        """Pods run ``boot_s`` after they were made, and have ended ``stop_s`` after they were deleted."""
        self.grants = set(grants)
        self.boot_s, self.stop_s = boot_s, stop_s
        self.requests: list[Grant] = []
        self.unexpected: list[str] = []
        #: What keeps new pods from starting: reason and message.
        self.waiting: tuple[str, str] | None = None
        #: Called one by one after the workload was read: what somebody else does at that moment.
        self.after_reads: deque[Callable[[], object]] = deque()
        self._workloads: dict[tuple[str, str], _Workload] = {}
        self._pods: dict[str, _Pod] = {}
        self._version = 1000
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._server = JsonServer(self.answer)
        self.url = self._server.url
        self._controller = threading.Thread(target=self._control, daemon=True)
        self._controller.start()

    def close(self) -> None:
        self._closing.set()
        self._controller.join()
        self._server.close()

    def kubeconfig(self, path: Path, context: str = "stub", token: str = TOKEN) -> Path:
        """Write a kubeconfig whose current context leads nowhere; ``context`` leads here."""
        servers = {context: self.url, "elsewhere": "http://127.0.0.1:9"}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": url}} for name, url in servers.items()],
            "users": [{"name": "user", "user": {"token": token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": "user"}} for name in servers],
            "current-context": "elsewhere",
        }
        path.write_text(json.dumps(content))
        return path

    # What a person, another program, or fate does.

    def apply(self, kind: str, name: str, replicas: int = 0, labels: Mapping[str, str] | None = None) -> None:
        """Make a workload."""
        with self._lock:
            given = dict(labels or {"app": name})
            self._workloads[kind, name] = _Workload(kind, name, replicas, self._next_version(), given)

    def scale(self, kind: str, name: str, replicas: int) -> None:
        with self._lock:
            self._scale(self._workloads[kind, name], replicas)

    def replicas(self, kind: str, name: str) -> int:
        with self._lock:
            return self._workloads[kind, name].replicas

    def touch(self, kind: str, name: str) -> None:
        """Change the workload's status, and with it its version."""
        with self._lock:
            self._workloads[kind, name].version = self._next_version()

    def pods(self, kind: str, name: str) -> dict[str, str]:
        """The pods of a workload that have not ended: name -> uid."""
        with self._lock:
            own = self._own(self._workloads[kind, name])
            return {pod.name: pod.uid for pod in own if pod.phase in ("Pending", "Running")}

    def kill(self, name: str) -> None:
        """Let a pod vanish at once."""
        with self._lock:
            self._pods.pop(name, None)

    def evict(self, name: str) -> None:
        """As a node that runs out of memory does: the pod fails and is kept."""
        with self._lock:
            pod = self._pods[name]
            pod.phase, pod.why = "Failed", ("Evicted", "The node was low on resource: memory.")
            pod.version = self._next_version()

    def change(self, name: str, **fields: Any) -> None:
        """Let something of a pod be otherwise."""
        with self._lock:
            for key, value in fields.items():
                setattr(self._pods[name], key, value)

    # The controllers and the kubelet.

    def _control(self) -> None:
        while not self._closing.wait(0.02):
            with self._lock:
                for pod in list(self._pods.values()):
                    self._let_live(pod)
                for workload in self._workloads.values():
                    own = self._own(workload)
                    if workload.kind == "Deployment":
                        self._replicate(workload, own)
                    else:
                        self._line_up(workload, own)
                    self._observe(workload)

    def _let_live(self, pod: _Pod) -> None:
        now = time.time()
        if pod.gone_at is not None and now >= pod.gone_at:
            del self._pods[pod.name]
        elif pod.phase == "Pending" and not pod.waiting and now >= pod.created + self.boot_s:
            pod.phase, pod.version = "Running", self._next_version()

    def _replicate(self, workload: _Workload, own: list[_Pod]) -> None:
        active = [pod for pod in own if pod.active]
        for _unused in range(workload.replicas - len(active)):
            self._create(workload, f"{workload.name}-{workload.template_hash}-{_suffix(5)}")
        for pod in sorted(active, key=_Pod.rank)[: max(len(active) - workload.replicas, 0)]:
            self._delete(pod)

    def _line_up(self, workload: _Workload, own: list[_Pod]) -> None:
        """One thing at a time: the lowest that is missing comes, once those before it are ready; the last goes."""
        there = {pod.ordinal: pod for pod in own}
        for ordinal in range(workload.replicas):
            pod = there.get(ordinal)
            if pod is None:
                self._create(workload, f"{workload.name}-{ordinal}", ordinal)
                return
            if pod.phase in ("Failed", "Succeeded"):
                self._delete(pod)
                return
            if not pod.ready:
                return
        last = max(there, default=-1)
        if last >= workload.replicas:
            self._delete(there[last])

    def _create(self, workload: _Workload, name: str, ordinal: int = 0) -> None:
        address = f"10.1.{random.randrange(256)}.{random.randrange(1, 255)}"
        pod = _Pod(name, workload.pod_labels, workload.owner, self._next_version(), address, ordinal)
        pod.waiting = self.waiting
        self._pods[name] = pod

    def _delete(self, pod: _Pod, grace: int | None = None) -> None:
        stop_s = self.stop_s if grace is None else min(self.stop_s, grace)
        gone_at = time.time() + stop_s
        pod.gone_at = gone_at if pod.gone_at is None else min(pod.gone_at, gone_at)
        pod.version = self._next_version()

    def _observe(self, workload: _Workload) -> None:
        own = [pod for pod in self._own(workload) if pod.active]
        status = {"replicas": len(own), "readyReplicas": sum(pod.ready for pod in own)}
        if status != workload.status:
            workload.status, workload.version = status, self._next_version()

    def _own(self, workload: _Workload) -> list[_Pod]:
        return [pod for pod in self._pods.values() if pod.owner["uid"] == workload.uid]

    def _scale(self, workload: _Workload, replicas: int) -> None:
        if workload.replicas != replicas:
            workload.replicas = replicas
            workload.generation += 1
            workload.version = self._next_version()

    def _next_version(self) -> int:
        self._version += 1
        return self._version

    # The protocol.

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and object."""
        try:
            with self._lock:
                return 200, self._answer(method, target, headers, body)
        except _RefusedError as refusal:
            if not refusal.expected:
                self.unexpected.append(f"{method} {target}: {refusal.message}")
            return refusal.code, {
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Failure",
                "message": refusal.message,
                "reason": refusal.reason,
                "code": refusal.code,
            }

    def _answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            raise _RefusedError(401, "Unauthorized", "Unauthorized", expected=True)
        if "application/json" not in headers.get("Accept", "application/json"):
            raise _RefusedError(406, "NotAcceptable", "only JSON is served")
        parts = urlsplit(target)
        query = parse_qsl(parts.query, keep_blank_values=True)
        discovered = _DISCOVERY.get(parts.path)
        if discovered is not None:
            if method != "GET" or query:
                raise _RefusedError(405, "MethodNotAllowed", "discovery is read, without parameters")
            return copy.deepcopy(discovered)
        content = _content(method, headers, body)
        match parts.path.strip("/").split("/"):
            case ["api", "v1", "namespaces", namespace, "pods", *rest] if len(rest) <= 1:
                return self._on_pods(method, namespace, rest, dict(query), content)
            case ["apis", "apps", "v1", "namespaces", namespace, plural, name, *rest] if rest in ([], ["scale"]):
                return self._on_workload(method, namespace, plural, name, rest, dict(query), content)
        raise _RefusedError(404, "NotFound", "the server could not find the requested resource")

    def _allow(self, grant: Grant) -> None:
        self.requests.append(grant)
        if grant not in self.grants:
            group, resource, verb = grant
            message = f'{resource} is forbidden: User "autoscale" cannot {verb} resource "{resource}" in API group '
            raise _RefusedError(403, "Forbidden", f'{message}"{group}" in the namespace "{NAMESPACE}"')

    def _on_pods(
        self, method: str, namespace: str, rest: list[str], query: dict[str, str], content: dict[str, Any]
    ) -> dict[str, Any]:
        verb = {"GET": "get" if rest else "list", "PATCH": "patch", "DELETE": "delete"}.get(method)
        if verb is None or (not rest and verb != "list"):
            raise _RefusedError(405, "MethodNotAllowed", "the stub has no such verb for pods")
        self._allow(("", "pods", verb))
        if query.keys() - ({"labelSelector"} if verb == "list" else set()):
            raise _RefusedError(400, "BadRequest", f"the stub does not know the parameters {sorted(query)}")
        if verb == "list":
            chosen = _selected(query.get("labelSelector", ""), self._pods.values()) if namespace == NAMESPACE else []
            metadata = {"resourceVersion": str(self._version)}
            items = [pod.manifest() for pod in chosen]  # as in Kubernetes, an item of a list does not tell its kind
            return copy.deepcopy({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": items})
        pod = self._pods.get(rest[0]) if namespace == NAMESPACE else None
        if pod is None:
            raise _RefusedError(404, "NotFound", f'pods "{rest[0]}" not found', expected=True)
        if verb == "patch":
            pod.annotations |= _annotations(pod.name, content)
            pod.version = self._next_version()
        elif verb == "delete":
            self._delete(pod, _grace(content))
        return copy.deepcopy({"apiVersion": "v1", "kind": "Pod"} | pod.manifest())

    def _on_workload(
        self,
        method: str,
        namespace: str,
        plural: str,
        name: str,
        rest: list[str],
        query: dict[str, str],
        content: dict[str, Any],
    ) -> dict[str, Any]:
        verb = {"GET": "get", "PATCH": "patch"}.get(method)
        if plural not in _PLURALS.values() or verb is None or (verb == "patch") != bool(rest):
            raise _RefusedError(405, "MethodNotAllowed", f"the stub has no such verb for {plural}")
        self._allow(("apps", "/".join([plural, *rest]), verb))
        if any(key != "labelSelector" or value for key, value in query.items()):
            raise _RefusedError(400, "BadRequest", f"the stub does not know the parameters {sorted(query)}")
        found = {(_PLURALS[kind], called): workload for (kind, called), workload in self._workloads.items()}
        workload = found.get((plural, name)) if namespace == NAMESPACE else None
        if workload is None:
            raise _RefusedError(404, "NotFound", f'{plural}.apps "{name}" not found', expected=True)
        if verb == "get":
            read = copy.deepcopy(workload.manifest())
            if self.after_reads:
                self.after_reads.popleft()()
            return read
        self._scale(workload, _replicas(workload, content))
        return workload.scale()


def _content(method: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """What a request brings. Raises what a server would."""
    if method == "GET":
        if body:
            raise _RefusedError(400, "BadRequest", "a GET has no body")
        return {}
    kind = headers.get("Content-Type", "")
    if kind not in (_PATCHES if method == "PATCH" else ("application/json",)):
        message = f"the body of the request was in an unknown format: {kind}"
        raise _RefusedError(415, "UnsupportedMediaType", message)
    try:
        content = json.loads(body) if body else {}
    except ValueError as error:
        raise _RefusedError(400, "BadRequest", f"error decoding: {error}") from error
    if not isinstance(content, dict):
        raise _RefusedError(400, "BadRequest", "an object is expected")
    return content


def _selected(selector: str, pods: Iterable[_Pod]) -> list[_Pod]:
    wanted = [part.partition("=") for part in selector.split(",") if part]
    if not all(key and separator and not value.startswith("=") for key, separator, value in wanted):
        raise _RefusedError(400, "BadRequest", f"unable to parse requirement: {selector}")
    return [pod for pod in pods if all(pod.labels.get(key) == value for key, _equals, value in wanted)]


def _check_identity(name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    metadata: dict[str, Any] = dict(content.get("metadata") or {})
    if metadata.pop("name", name) != name or metadata.pop("namespace", NAMESPACE) != NAMESPACE:
        raise _RefusedError(400, "BadRequest", "the name of the object does not match the name on the URL")
    return metadata


def _annotations(name: str, content: Mapping[str, Any]) -> dict[str, str]:
    """Those that a patch of a pod sets; it may set nothing else."""
    metadata = _check_identity(name, content)
    annotations = metadata.pop("annotations", {})
    if metadata or content.keys() - {"apiVersion", "kind", "metadata"} or annotations.keys() - {_COST}:
        raise _RefusedError(422, "Invalid", f"the stub lets nothing but {_COST} be patched, got {content}")
    cost = annotations.get(_COST)
    # As the admission of Kubernetes does: a decimal of 32 bits, without a plus and leading zeros.
    if not isinstance(cost, str) or str(int(cost)) != cost or not -(2**31) <= int(cost) < 2**31:
        raise _RefusedError(422, "Invalid", f"metadata.annotations[{_COST}]: Invalid value: {cost!r}")
    return {_COST: cost}


def _grace(content: Mapping[str, Any]) -> int | None:
    """Seconds that a pod has to end; None: as many as it says itself."""
    given = {key: value for key, value in content.items() if value is not None}
    if given.keys() - {"apiVersion", "kind", "gracePeriodSeconds"} or given.get("kind", "DeleteOptions") != (
        "DeleteOptions"
    ):
        raise _RefusedError(400, "BadRequest", f"DeleteOptions are expected, got {content}")
    grace = given.get("gracePeriodSeconds")
    if grace is not None and not (isinstance(grace, int) and grace >= 1):
        raise _RefusedError(422, "Invalid", f"a pod may only be deleted with its grace, got {grace}")
    return grace


def _replicas(workload: _Workload, content: Mapping[str, Any]) -> int:
    """What a patch of the subresource `scale` asks for."""
    metadata = _check_identity(workload.name, content)
    version = metadata.pop("resourceVersion", None)
    if version is not None and version != str(workload.version):
        message = f'Operation cannot be fulfilled on "{workload.name}": the object has been modified'
        raise _RefusedError(409, "Conflict", message, expected=True)
    spec = content.get("spec")
    if metadata or content.keys() - {"apiVersion", "kind", "metadata", "spec"} or not isinstance(spec, dict):
        raise _RefusedError(422, "Invalid", f"a Scale is expected, got {content}")
    replicas = spec.get("replicas")
    if spec.keys() != {"replicas"} or not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 0:
        raise _RefusedError(422, "Invalid", f"spec.replicas: Invalid value: {spec}")
    return int(replicas)


def _resource(name: str, kind: str, *verbs: str) -> dict[str, Any]:
    return {"name": name, "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": list(verbs)}


_ALL = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_APPS = {"groupVersion": "apps/v1", "version": "v1"}
_DISCOVERY: dict[str, dict[str, Any]] = {
    "/version": {"major": "1", "minor": "31", "gitVersion": "v1.31.0-stub"},
    "/api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
    "/apis": {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [{"name": "apps", "versions": [_APPS], "preferredVersion": _APPS}],
    },
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [_resource("pods", "Pod", *_ALL), _resource("pods/status", "Pod", "get", "patch", "update")],
    },
    "/apis/apps/v1": {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": "apps/v1",
        "resources": [
            resource
            for kind, plural in _PLURALS.items()
            for resource in (
                _resource(plural, kind, *_ALL),
                _resource(f"{plural}/scale", "Scale", "get", "patch", "update")
                | {"group": "autoscaling", "version": "v1", "singularName": ""},
            )
        ],
    },
}


def _timestamp(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def _suffix(length: int) -> str:
    """As Kubernetes makes them: no vowels, for no words."""
    return "".join(random.choices("bcdfghjklmnpqrstvwxz2456789", k=length))
