# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of awx_plan as Ansible argument spec. The role's variables are these, with `awx_` before them."""

from __future__ import annotations

from typing import Any

#: The templates, by the names that options know them by, and the playbooks of the project that they run.
PLAYBOOKS = {
    "autoscale": "autoscale.yml",
    "recommend": "autoscale.yml",
    "decide": "decide.yml",
    "act": "act.yml",
    "scale": "scale.yml",
    "approve": "approve.yml",
    "backtest": "backtest.yml",
}
WORKFLOW = "workflow"
#: What people can be told of.
STARTABLE = (*PLAYBOOKS, WORKFLOW)
#: What makes sense without a person, or another job, before it.
SCHEDULABLE = ("autoscale", "recommend", "backtest", WORKFLOW)

#: The outcomes that people can be told of, as AWX names them.
EVENTS = ("started", "success", "error", "approvals")

NAMES: dict[str, Any] = {"type": "list", "elements": "str"}

_TEMPLATE: dict[str, Any] = {
    "type": "dict",
    "options": {
        "enabled": {"type": "bool", "default": True},
        "playbook": {"type": "str"},
        "forks": {"type": "int"},
        "slices": {"type": "int"},
        "timeout": {"type": "int"},
        "verbosity": {"type": "int", "default": 0, "choices": [0, 1, 2, 3, 4, 5]},
        "instance_groups": NAMES,
        "extra_vars": {"type": "dict", "default": {}},
        "ask_variables": {"type": "bool", "default": False},
    },
    "apply_defaults": True,
}

AWX_SPEC: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "controller": {"type": "dict", "default": {}, "no_log": True},
    "prefix": {"type": "str", "default": "autoscale"},
    "organization": {"type": "str", "required": True},
    "project": {
        "type": "dict",
        "options": {
            "name": {"type": "str"},
            "scm_url": {"type": "str"},
            "scm_branch": {"type": "str", "default": ""},
            "credential": {"type": "str"},
            "update_on_launch": {"type": "bool", "default": False},
            "cache_timeout": {"type": "int", "default": 0},
            "local_path": {"type": "str"},
        },
    },
    "execution_environment": {
        "type": "dict",
        "options": {
            "name": {"type": "str"},
            "image": {"type": "str"},
            "pull": {"type": "str", "choices": ["always", "missing", "never"], "default": "missing"},
            "credential": {"type": "str"},
        },
    },
    "clusters": {"type": "dict"},
    "cluster_variables": {"type": "dict", "default": {}},
    "environment": {"type": "dict", "default": {}, "no_log": True},
    "credentials": {**NAMES, "default": []},
    "instance_groups": {**NAMES, "default": []},
    "forks": {"type": "int"},
    "slices": {"type": "int", "default": 1},
    "start_overhead": {"type": "int", "default": 15},
    "templates": {
        "type": "dict",
        "options": dict.fromkeys(PLAYBOOKS, _TEMPLATE),
        "apply_defaults": True,
    },
    "workflow": {
        "type": "dict",
        "options": {
            "enabled": {"type": "bool", "default": True},
            "approval": {"type": "bool", "default": True},
            "approval_timeout": {"type": "int", "default": 600},
            "ask_variables": {"type": "bool", "default": False},
        },
        "apply_defaults": True,
    },
    "schedules": {
        "type": "list",
        "elements": "dict",
        "default": [{"template": "autoscale", "every": 1, "unit": "minutes"}],
        "options": {
            "template": {"type": "str", "choices": list(SCHEDULABLE), "required": True},
            "name": {"type": "str"},
            "enabled": {"type": "bool", "default": True},
            "every": {"type": "int"},
            "unit": {"type": "str", "choices": ["minutes", "hours", "days", "weeks", "months"]},
            "start": {"type": "str"},
            "timezone": {"type": "str"},
            "until": {"type": "str"},
            "count": {"type": "int"},
            "on_days": NAMES,
            "on_dates": {"type": "list", "elements": "int"},
            "rrule": {"type": "str"},
        },
    },
    "notifications": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "type": {"type": "str", "default": "webhook"},
            "configuration": {"type": "dict", "required": True, "no_log": True},
            "events": {**NAMES, "choices": list(EVENTS), "default": ["error", "approvals"]},
            "templates": {**NAMES, "choices": list(STARTABLE), "default": list(STARTABLE)},
        },
    },
    "adopt": {"type": "bool", "default": False},
    "prune": {"type": "bool", "default": False},
    "update_secrets": {"type": "bool", "default": False},
}
