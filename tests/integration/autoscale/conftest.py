# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster for the loop, as a user runs it: `ansible-playbook rlops.autoscale.autoscale`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .clusters import Clusters, Service


@pytest.fixture
def clusters(tmp_path: Path, service: tuple[Service, str], ansible_playbook: Callable[..., Any]) -> Iterator[Clusters]:
    """One cluster, `chat`; more can be added."""
    made = Clusters(tmp_path, service[1], ansible_playbook)
    yield made
    made.clean_up()
