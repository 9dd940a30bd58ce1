# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backend kubernetes, with a stub: no real API server. It allows what the docs' roles allow, and nothing else."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.tests.tools.kubernetes_stub import KubernetesStub, grants_of

from .health import HealthServer
from .scenario import ROOT, Scenario

ROLES = ROOT / "docs" / "examples" / "kubernetes" / "role.yml"


class KubernetesScenario(Scenario):
    """Pods of a Deployment."""

    gives_names: ClassVar[bool] = True
    kind: ClassVar[str] = "Deployment"

    def driver_settings(self) -> dict[str, Any]:
        self.stub = KubernetesStub(grants_of(ROLES, f"autoscale-{self.kind.lower()}"))
        self.stub.apply(self.kind, "chat")
        self.health = HealthServer(self.unhealthy)
        pool = {
            "backend": "kubernetes",
            "kind": self.kind,
            "workload": "chat",
            "service_port": 8080,
            "kubeconfig": str(self.stub.kubeconfig(self.home / "kubeconfig")),
            "context": "stub",
        }
        # As any real one, the URL needs the pod's address.
        return {"autoscale_pools": [pool], "autoscale_health_url": self.health.url + "?of={address}:{port}"}

    def environment(self) -> dict[str, str]:
        """Modules of kubernetes.core keep what they learn of a server in a temporary file."""
        return {"TMPDIR": str(self.home)}

    def running(self) -> dict[str, str]:
        """Name -> uid."""
        return self.stub.pods(self.kind, "chat")

    def replicas(self) -> int:
        return self.stub.replicas(self.kind, "chat")

    def kill(self, name: str) -> None:
        self.stub.kill(name)

    def clean_up(self) -> None:
        self.stub.close()
        self.health.close()
        assert self.stub.unexpected == []


class StatefulSetScenario(KubernetesScenario):
    """Pods of a StatefulSet."""

    kind: ClassVar[str] = "StatefulSet"
