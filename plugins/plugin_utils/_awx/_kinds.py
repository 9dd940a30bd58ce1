# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of objects in AWX, named as its API does, and how one of them tells who has made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ORGANIZATIONS = "organizations"
CREDENTIAL_TYPES = "credential_types"
CREDENTIALS = "credentials"
EXECUTION_ENVIRONMENTS = "execution_environments"
PROJECTS = "projects"
INVENTORIES = "inventories"
HOSTS = "hosts"
GROUPS = "groups"
NOTIFICATIONS = "notification_templates"
JOB_TEMPLATES = "job_templates"
WORKFLOWS = "workflow_job_templates"
NODES = "workflow_job_template_nodes"
SCHEDULES = "schedules"
INSTANCE_GROUPS = "instance_groups"

#: What has a description, and so can be marked, in the order in which it is made: each needs only what is before it.
MARKED = (
    ORGANIZATIONS,
    CREDENTIAL_TYPES,
    CREDENTIALS,
    EXECUTION_ENVIRONMENTS,
    PROJECTS,
    INVENTORIES,
    HOSTS,
    GROUPS,
    NOTIFICATIONS,
    JOB_TEMPLATES,
    WORKFLOWS,
    SCHEDULES,
)
#: The kinds that AWX starts. Their names differ from each other, for it is asked for one without its kind.
STARTED = (PROJECTS, JOB_TEMPLATES, WORKFLOWS)

#: Objects as the API gives them.
Found = Mapping[str, Any]
Key = tuple[str, str]  # kind and name


@dataclass(frozen=True)
class Wanted:
    """An object that shall be there."""

    kind: str
    name: str
    #: What its module is given beside name and state. No secrets: results are shown.
    arguments: Mapping[str, Any] = field(default_factory=dict)
    #: What has to be there before it.
    uses: tuple[Key, ...] = ()


def mark(prefix: str) -> str:
    """What the description of each object ends with that was made with this prefix."""
    return f"[rlops.autoscale.awx: {prefix}]"


def singular(kind: str) -> str:
    """One of a kind, for people."""
    return {INVENTORIES: "inventory", NOTIFICATIONS: "notification"}.get(kind, kind.removesuffix("s")).replace("_", " ")
