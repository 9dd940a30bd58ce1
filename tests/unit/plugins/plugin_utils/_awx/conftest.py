# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options as the action gives them to its core, and an AWX that is a dictionary."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._spec import AWX_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._wanted import Wish, wish

SETTINGS = frozenset({"pools", "mode", "deadline", "max_instances"})
MINIMAL: dict[str, Any] = {
    "organization": "Platform",
    "project": {"scm_url": "https://git.example.org/autoscale.git"},
    "clusters": {"chat": {"autoscale_max_instances": 9}},
}


def options(**given: Any) -> dict[str, Any]:
    """Validated options: the least that is needed, and what is given."""
    checked = ArgumentSpecValidator(deepcopy(AWX_SPEC)).validate(MINIMAL | given)
    assert not checked.error_messages, checked.error_messages
    validated: dict[str, Any] = checked.validated_parameters
    return validated


@pytest.fixture
def wished() -> Callable[..., Wish]:
    """Function that says what options ask for."""
    return lambda **given: wish(options(**given), SETTINGS)


class Books:
    """What AWX would answer. Objects are added by tests; filters are those of plain equality, and __contains."""

    def __init__(self) -> None:
        self.objects: list[tuple[str, dict[str, Any]]] = []
        self.playbooks: list[str] = []

    def add(self, kind: str, name: str, description: str = "", **more: Any) -> dict[str, Any]:
        """One more object."""
        singular = "inventory" if kind == "inventories" else kind.removesuffix("s")
        found = {"id": len(self.objects) + 1, "type": singular, "name": name, "description": description, **more}
        self.objects.append((kind, found))
        return found

    def all(self, endpoint: str, **filters: Any) -> list[dict[str, Any]]:
        """As the API."""
        kinds = {"unified_job_templates": ("projects", "job_templates", "workflow_job_templates")}
        chosen = [each for kind, each in self.objects if kind in kinds.get(endpoint, (endpoint,))]
        return [each for each in chosen if all(_holds(each, name, value) for name, value in filters.items())]

    def page(self, _endpoint: str) -> Any:
        """As the API, of a project's playbooks."""
        return self.playbooks


def _holds(found: dict[str, Any], name: str, value: Any) -> bool:
    field, _sep, lookup = name.partition("__")
    mine = found.get(field)
    if lookup == "contains":
        return value in str(mine)
    return value in mine if isinstance(mine, list) else mine == value


@pytest.fixture
def books() -> Books:
    """An AWX with nothing in it."""
    return Books()
