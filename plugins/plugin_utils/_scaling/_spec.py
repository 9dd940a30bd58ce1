# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the actions that scale, and the settings made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot_spec import HTTP_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._registry import driver_of
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Pool, Settings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._templates import PLACES, unknown_places

_POOL_SPEC: dict[str, Any] = {
    "name": {"type": "str"},
    "backend": {"type": "str", "required": True},
    "max": {"type": "int"},
}

_REPORTED_INSTANCE_SPEC: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "index": {"type": "int"},
    "running": {"type": "bool", "default": True},
    "stopping": {"type": "bool", "default": False},
    "address": {"type": "str"},
    "port": {"type": "int"},
    "created_at": {"type": "float"},
    "connections": {"type": "int"},
    "metrics_url": {"type": "str"},
    "reason": {"type": "str"},
}


def _pools_spec(given: Mapping[str, Any]) -> dict[str, Any]:
    """The option `pools`: its suboptions are those of the backends in use. Raises OptionError for an unknown one."""
    pools = given.get("pools")
    used = [pool.get("backend") for pool in pools if isinstance(pool, Mapping)] if isinstance(pools, list) else []
    suboptions = dict(_POOL_SPEC)
    for backend in used:
        if isinstance(backend, str):
            suboptions |= driver_of(backend).options
    return {"type": "list", "elements": "dict", "options": suboptions}


#: Options of all actions that look at pools. `pools` is not marked as required, so that its absence gets a helpful
#: message.
SCALING_SPEC: dict[str, Any] = {
    "min_instances": {"type": "int", "default": 1},
    "max_instances": {"type": "int", "default": 10},
    "pools": _pools_spec,
    "boot_timeout": {"type": "float", "default": 120.0},
    "unhealthy_timeout": {"type": "float", "default": 60.0},
    "health_url": {"type": "str", "default": "http://{address}:{port}/healthz"},
    "health_successes": {"type": "int", "default": 1},
    "health_timeout": {"type": "float", "default": 2.0},
    "http": HTTP_SPEC,
    "metrics_url": {"type": "str", "default": "http://{address}:{port}/metrics"},
    "drain_url": {"type": "str"},
    "drain_timeout": {"type": "float", "default": 0.0},
    "stop_timeout": {"type": "float", "default": 30.0},
    "retry_delay": {"type": "float", "default": 30.0},
    "victim": {"type": "str", "choices": ["newest", "oldest"], "default": "newest"},
    "reported": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "pool": {"type": "str", "required": True},
            "instances": {"type": "list", "elements": "dict", "options": _REPORTED_INSTANCE_SPEC},
        },
    },
}

_NOT_NEGATIVE = ("min_instances", "boot_timeout", "unhealthy_timeout", "drain_timeout", "stop_timeout", "retry_delay")


def settings_of(options: Mapping[str, Any]) -> Settings:
    """The state machine's settings. Raises OptionError for what no single type can refuse."""
    for name in _NOT_NEGATIVE:
        if options[name] < 0:
            raise OptionError(name, f"expected 0 or more, got {options[name]:g}")
    for name in ("health_url", "metrics_url", "drain_url"):
        if options[name]:
            _check_url(name, options[name])
    if options["health_timeout"] <= 0:
        raise OptionError("health_timeout", f"expected more than 0 s, got {options['health_timeout']:g}")
    if options["health_successes"] < 1:
        raise OptionError("health_successes", f"expected 1 or more, got {options['health_successes']}")
    if options["max_instances"] < options["min_instances"]:
        raise OptionError(
            "max_instances",
            f"expected at least min_instances ({options['min_instances']}), got {options['max_instances']}",
        )
    return Settings(**{field.name: options[field.name] for field in fields(Settings)})


def _check_url(option: str, template: str) -> None:
    """Refuse what can never work, and passwords, which belong into options that no output shows."""
    scheme, separator, rest = template.partition("://")
    if scheme not in ("http", "https") or not separator:
        raise OptionError(option, f"expected an http:// or https:// URL, got {quoted(template.rpartition('@')[2])}")
    if "@" in rest.partition("/")[0]:
        raise OptionError(
            option, "expected a URL without user and password; they belong into the setting autoscale_http"
        )
    for unknown in unknown_places(template):
        known = ", ".join(f"{{{place}}}" for place in PLACES)
        raise OptionError(option, f"{quoted(unknown)} is no placeholder; there are {known}")


def pools_of(options: Mapping[str, Any]) -> list[Pool]:
    """The pools in their order; a pool without a name has its backend's. Raises OptionError."""
    if not options["pools"]:
        raise OptionError("pools", "expected a list of pools, such as [{backend: local, command: ...}], got nothing")
    pools = [Pool(name=pool["name"] or pool["backend"], max=pool["max"]) for pool in options["pools"]]
    for pool in pools:
        if pool.max is not None and pool.max < 0:
            raise OptionError("max", f"expected 0 or more in pool {pool.name}, got {pool.max}")
    _refuse_twins([pool.name for pool in pools])
    return pools


def _refuse_twins(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise OptionError("name", f"two pools have the name {name}; give each its own")
