# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster of each backend. A new driver joins by a file scenario_<backend>.py and a line in DRIVERS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .scenario import Scenario
from .scenario_compose import ComposeCopiesScenario, ComposeScenario
from .scenario_custom import CustomScenario
from .scenario_docker import DockerScenario
from .scenario_ec2 import Ec2GroupScenario, Ec2Scenario
from .scenario_kubernetes import KubernetesScenario, StatefulSetScenario
from .scenario_libvirt import LibvirtScenario
from .scenario_local import LocalScenario

DRIVERS: dict[str, type[Scenario]] = {
    "compose": ComposeScenario,
    "compose_copies": ComposeCopiesScenario,
    "custom": CustomScenario,
    "docker": DockerScenario,
    "ec2": Ec2Scenario,
    "ec2_group": Ec2GroupScenario,
    "kubernetes": KubernetesScenario,
    "kubernetes_stateful_set": StatefulSetScenario,
    "libvirt": LibvirtScenario,
    "local": LocalScenario,
}


@pytest.fixture
def local(
    request: pytest.FixtureRequest, ansible_playbook: Callable[..., Any], tmp_path: Path
) -> Iterator[LocalScenario]:
    """A cluster of backend local."""
    scenario = LocalScenario(ansible_playbook, tmp_path / "cluster", request)
    yield scenario
    scenario.clean_up()


@pytest.fixture
def make_scenario(
    request: pytest.FixtureRequest, ansible_playbook: Callable[..., Any], tmp_path: Path
) -> Iterator[Callable[[str], Scenario]]:
    """Function that makes a cluster of a backend."""
    made: list[Scenario] = []

    def make(backend: str) -> Scenario:
        made.append(DRIVERS[backend](ansible_playbook, tmp_path / f"cluster{len(made)}", request))
        return made[-1]

    yield make
    for scenario in made:
        scenario.clean_up()


@pytest.fixture(params=DRIVERS)
def scenario(request: pytest.FixtureRequest, make_scenario: Callable[[str], Scenario]) -> Scenario:
    """A cluster of each backend."""
    return make_scenario(request.param)
