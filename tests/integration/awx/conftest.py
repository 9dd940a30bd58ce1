# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A double of AWX for each test, and runs of the playbooks against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._spec import PLAYBOOKS
from ansible_collections.rlops.autoscale.tests.tools.awx_double import AwxDouble, awx_double
from ansible_collections.rlops.autoscale.tests.tools.skipping import skip_or_fail

REPOSITORY = "https://git.example.org/platform/autoscale.git"


@pytest.fixture
def awx(collections_path: Path) -> Iterator[AwxDouble]:
    """An AWX that has nothing in it but a repository to fetch; NOT a real one."""
    if not (collections_path / "ansible_collections/awx/awx").is_dir():
        skip_or_fail("the collection awx.awx is not installed")
    with awx_double() as double:
        double.repositories[REPOSITORY] = set(PLAYBOOKS.values())
        yield double


@pytest.fixture
def run(awx: AwxDouble, ansible_playbook: Callable[..., Any]) -> Callable[..., Any]:
    """Function that runs one of the playbooks: run("awx", {"awx_organization": ...}, check=True)."""

    def playbook(name: str, variables: dict[str, Any], **more: Any) -> Any:
        environment = {**awx.environment, "ANSIBLE_PIPELINING": "1", **more.pop("env", {})}
        given = {name: value for name, value in environment.items() if value is not None}
        return ansible_playbook(f"rlops.autoscale.{name}", extra_vars=variables, env=given, timeout=400, **more)

    return playbook
