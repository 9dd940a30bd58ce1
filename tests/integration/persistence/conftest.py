# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster of real processes that does not say where its state is, so that the agent finds out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.tests.integration.autoscale.clusters import Service

from .remembering import Wanderers


@pytest.fixture
def clusters(tmp_path: Path, service: tuple[Service, str], ansible_playbook: Callable[..., Any]) -> Iterator[Wanderers]:
    """One cluster, `chat`; more can be added."""
    made = Wanderers(tmp_path, service[1], ansible_playbook)
    yield made
    made.clean_up()
