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
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import VICTIMS, Rebalance, Settings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._registry import BALANCERS, DRIVERS
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._templates import PLACES, unknown_places

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


_REPORTED_SERVER_SPEC: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["ready", "drain", "maint"], "default": "ready"},
    "up": {"type": "bool", "default": True},
    "sessions": {"type": "int"},
    "detail": {"type": "str", "default": ""},
}

#: Options of all actions that look at pools. `pools` is not marked as required, so that its absence gets a helpful
#: message; what its suboptions are depends on the backends in use.
SCALING_SPEC: dict[str, Any] = {
    "min_instances": {"type": "int", "default": 1},
    "max_instances": {"type": "int", "default": 10},
    "pools": lambda given: DRIVERS.spec(given.get("pools")),
    "balancers": lambda given: BALANCERS.spec(given.get("balancers")),
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
    "warm": {"type": "int", "default": 0},
    "rebalance": {
        "type": "dict",
        "options": {
            "url": {"type": "str", "required": True},
            "above": {"type": "float", "default": Rebalance.above},
            "share": {"type": "float", "default": Rebalance.share},
            "period": {"type": "float", "default": Rebalance.period},
        },
    },
    "victim": {"type": "str", "choices": list(VICTIMS), "default": "newest"},
    "reported": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "mutually_exclusive": [["pool", "balancer"], ["instances", "servers"]],
        "required_one_of": [["pool", "balancer"]],
        "options": {
            "pool": {"type": "str"},
            "instances": {"type": "list", "elements": "dict", "options": _REPORTED_INSTANCE_SPEC},
            "balancer": {"type": "str"},
            "servers": {"type": "list", "elements": "dict", "options": _REPORTED_SERVER_SPEC},
        },
    },
}

#: What the URL that sheds connections may have in it.
SHED_PLACES = (*PLACES, "count", "seconds")

_NOT_NEGATIVE = (
    "min_instances",
    "boot_timeout",
    "unhealthy_timeout",
    "drain_timeout",
    "stop_timeout",
    "retry_delay",
    "warm",
)


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
    chosen = {field.name: options[field.name] for field in fields(Settings)}
    return Settings(**chosen | {"rebalance": _rebalance_of(options["rebalance"])})


def _rebalance_of(given: Mapping[str, Any] | None) -> Rebalance | None:
    if given is None:
        return None
    _check_url("rebalance.url", given["url"], SHED_PLACES)
    if "{count}" not in given["url"]:
        raise OptionError("rebalance.url", f"expected a URL with {{count}}, got {quoted(given['url'])}")
    if given["above"] < 1:
        raise OptionError("rebalance.above", f"expected 1 or more, got {given['above']:g}")
    if not 0 < given["share"] <= 1:
        raise OptionError("rebalance.share", f"expected more than 0 and at most 1, got {given['share']:g}")
    if given["period"] <= 0:
        raise OptionError("rebalance.period", f"expected more than 0 s, got {given['period']:g}")
    return Rebalance(given["above"], given["share"], given["period"])


def _check_url(option: str, template: str, places: Sequence[str] = PLACES) -> None:
    """Refuse what can never work, and passwords, which belong into options that no output shows."""
    scheme, separator, rest = template.partition("://")
    if scheme not in ("http", "https") or not separator:
        raise OptionError(option, f"expected an http:// or https:// URL, got {quoted(template.rpartition('@')[2])}")
    if "@" in rest.partition("/")[0]:
        raise OptionError(
            option, "expected a URL without user and password; they belong into the setting autoscale_http"
        )
    for unknown in unknown_places(template, places):
        known = ", ".join(f"{{{place}}}" for place in places)
        raise OptionError(option, f"{quoted(unknown)} is no placeholder; there are {known}")


def named(option: str, entries: Sequence[Mapping[str, Any]] | None) -> dict[str, Mapping[str, Any]]:
    """The pools or load balancers by name, in their order; one without a name has its backend's. Raises OptionError."""
    names = [entry["name"] or entry["backend"] for entry in entries or []]
    for name in names:
        if names.count(name) > 1:
            raise OptionError("name", f"two of {option} have the name {quoted(name)}; give each its own")
    return dict(zip(names, entries or [], strict=True))


def pools_of(options: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The options of the pools by name. Raises OptionError."""
    if not options["pools"]:
        raise OptionError("pools", "expected a list of pools, such as [{backend: local, command: ...}], got nothing")
    pools = named("pools", options["pools"])
    for name, pool in pools.items():
        if pool["max"] is not None and pool["max"] < 0:
            raise OptionError("max", f"expected 0 or more in pool {name}, got {pool['max']}")
    return pools


def reports_of(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the user's own tasks have reported, by pool and by load balancer. Raises OptionError."""
    pools, balancers = named("pools", options["pools"]), named("balancers", options["balancers"])
    for entry in options["reported"]:
        for kind, known in (("pool", pools), ("balancer", balancers)):
            if entry[kind] is not None and entry[kind] not in known:
                raise OptionError("reported", f"there is no {kind} {quoted(entry[kind])}")
    return (
        {entry["pool"]: entry["instances"] for entry in options["reported"] if entry["pool"] is not None},
        {entry["balancer"]: entry["servers"] for entry in options["reported"] if entry["balancer"] is not None},
    )
