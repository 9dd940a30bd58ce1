# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of metrics_snapshot, for the module and for the action of the same name (Ansible argument specs)."""

from __future__ import annotations

from typing import Any

_AGGREGATIONS = ["sum", "mean", "max"]


def _gauge(name: str | None, aggregation: str) -> dict[str, Any]:
    options = {
        "name": {"type": "str", "default": name} if name else {"type": "str"},
        "labels": {"type": "dict"},
        "aggregation": {"type": "str", "choices": _AGGREGATIONS, "default": aggregation},
        "scale": {"type": "float", "default": 1.0},
    }
    return {"type": "dict", "apply_defaults": True, "options": options}


def _counter() -> dict[str, Any]:
    return {"type": "dict", "apply_defaults": True, "options": {"name": {"type": "str"}, "labels": {"type": "dict"}}}


_METRICS: dict[str, Any] = {
    "latency": {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "name": {"type": "str", "default": "app_p99_latency_seconds"},
            "labels": {"type": "dict"},
            "scale": {"type": "float", "default": 1.0},
        },
    },
    "queue_depth": _gauge("app_message_queue_depth", "sum"),
    "eventloop_lag": _gauge("app_eventloop_lag_seconds", "max"),
    "utilisation": _gauge(None, "mean"),
    "arrivals": _counter(),
    "completions": _counter(),
    "start_time": {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "name": {"type": "str", "default": "process_start_time_seconds"},
            "labels": {"type": "dict"},
        },
    },
}

#: How instances, and Prometheus, are asked: an option of every action that asks them.
HTTP_SPEC: dict[str, Any] = {
    "type": "dict",
    "apply_defaults": True,
    "mutually_exclusive": [["token", "username"]],
    "required_by": {"password": ["username"], "client_key": ["client_cert"]},
    "options": {
        "timeout": {"type": "float", "default": 5.0},
        "max_bytes": {"type": "int", "default": 5_000_000},
        "concurrency": {"type": "int", "default": 256},
        "follow_redirects": {"type": "str", "choices": ["none", "same_origin", "all"], "default": "same_origin"},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "token": {"type": "str", "no_log": True},
        "headers": {"type": "dict", "no_log": True},
        "validate_certs": {"type": "bool", "default": True},
        "ca_path": {"type": "path"},
        "client_cert": {"type": "path"},
        "client_key": {"type": "path", "no_log": False},
    },
}

#: Figures that a PromQL expression of the user's can give.
QUERIES = (
    "p99_latency",
    "mean_latency",
    "queue_depth",
    "eventloop_lag",
    "arrival_rate",
    "completion_rate",
    "utilisation",
    "age",
)

_PROMETHEUS: dict[str, Any] = {
    "url": {"type": "str"},
    "labels": {"type": "dict"},
    "cluster_label": {"type": "str"},
    "window": {"type": "float", "default": 60.0},
    "instance_label": {"type": "str", "default": "instance"},
    "queries": {"type": "dict", "options": {name: {"type": "str"} for name in QUERIES}},
}

SNAPSHOT_SPEC: dict[str, Any] = {
    "cluster": {"type": "str"},
    "source": {"type": "str", "choices": ["scrape", "prometheus", "file"], "default": "scrape"},
    "instances": {"type": "list", "elements": "dict"},
    "status": {"type": "dict"},
    "metrics": {"type": "dict", "apply_defaults": True, "options": _METRICS},
    "http": HTTP_SPEC,
    "prometheus": {"type": "dict", "apply_defaults": True, "options": _PROMETHEUS},
    "file": {"type": "dict", "apply_defaults": True, "options": {"path": {"type": "path"}}},
    "interval": {"type": "float", "default": 15.0},
    "min_answered": {"type": "float", "default": 0.5},
    "previous": {"type": "dict"},
    "prime_delay": {"type": "float", "default": 2.0},
    "scrape_via": {"type": "str"},
    "state_store": {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "backend": {"type": "str", "choices": ["auto", "awx", "cache", "directory", "redis"], "default": "auto"},
            "directory": {"type": "path"},
            "uri": {"type": "str", "no_log": True},
        },
    },
}
