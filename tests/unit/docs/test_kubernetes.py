# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The manifests of the docs fit the API of Kubernetes, and each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

PLACE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "kubernetes"


def manifests(file: str, kind: str | None = None) -> list[dict[str, Any]]:
    """The objects in a file, or those of a kind."""
    document = yaml.safe_load((PLACE / file).read_text())
    found = document["items"] if document["kind"] == "List" else [document]
    return [one for one in found if kind in (None, one["kind"])]


def job_template() -> dict[str, Any]:
    """The template of the pods in which the agent runs."""
    (job,) = manifests("cronjob.yml", "CronJob")
    template: dict[str, Any] = job["spec"]["jobTemplate"]["spec"]["template"]
    return template


@pytest.mark.parametrize("file", ["cronjob.yml", "deployment.yml", "role.yml"])
def test_objects_are_of_the_api(file: str) -> None:
    kubernetes = pytest.importorskip("kubernetes.client")
    client = kubernetes.ApiClient()
    for manifest in manifests(file):
        read = client.deserialize(json.dumps(manifest), f"V1{manifest['kind']}", "application/json")
        # What the API does not know is lost, and what it needs and lacks is an error.
        assert client.sanitize_for_serialization(read) == manifest


def test_the_cron_job_uses_what_is_there() -> None:
    (claim,) = manifests("cronjob.yml", "PersistentVolumeClaim")
    (account,) = manifests("role.yml", "ServiceAccount")
    pod = job_template()["spec"]
    (container,) = pod["containers"]
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert mounted.keys() == volumes.keys()
    assert container["command"][-1] == f"{mounted['inventory']}/inventory.yml"
    assert {"name": "RL_STATE_DIR", "value": mounted["state"]} in container["env"]
    assert volumes["state"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert pod["serviceAccountName"] == account["metadata"]["name"]


def test_the_agents_own_pods_are_not_those_of_the_service() -> None:
    (service,) = manifests("deployment.yml")
    assert not service["spec"]["selector"]["matchLabels"].items() <= job_template()["metadata"]["labels"].items()


def test_the_binding_is_to_a_role_that_is_there() -> None:
    (binding,) = manifests("role.yml", "RoleBinding")
    assert binding["roleRef"]["name"] in {role["metadata"]["name"] for role in manifests("role.yml", "Role")}
