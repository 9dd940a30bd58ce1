# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What there is in AWX: what was made with a prefix, what has the name of something that is wanted, who uses what.

Whatever reads the API is passed in, and only reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._kinds import (
    CREDENTIAL_TYPES,
    CREDENTIALS,
    EXECUTION_ENVIRONMENTS,
    GROUPS,
    HOSTS,
    INVENTORIES,
    JOB_TEMPLATES,
    MARKED,
    NODES,
    NOTIFICATIONS,
    ORGANIZATIONS,
    PROJECTS,
    SCHEDULES,
    STARTED,
    WORKFLOWS,
    Found,
    Key,
    singular,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._wanted import Wish

#: Kinds whose modules look others of them up by name alone, so that a namesake in another organization is in the way.
_BY_NAME_ALONE = (CREDENTIALS, INVENTORIES, NOTIFICATIONS)
#: Kinds of which AWX has one of a name, in whatever organization.
_ONE_OF_A_NAME = (ORGANIZATIONS, CREDENTIAL_TYPES, EXECUTION_ENVIRONMENTS)
#: How AWX says that a project has what its playbooks need.
_UPDATED = ("successful", "ok")


class Api(Protocol):
    """AWX's API, as far as it is read here. Both raise AutoscaleError."""

    def all(self, endpoint: str, **filters: Any) -> list[dict[str, Any]]:
        """All objects of an endpoint that the filters let through."""

    def page(self, endpoint: str) -> Any:
        """What an endpoint answers that gives no list of objects."""


@dataclass
class Stock:
    """What there is."""

    organization: dict[str, Any] | None = None
    #: What has the name of something wanted, in its place.
    named: dict[Key, Found] = field(default_factory=dict)
    #: What bears the mark, by kind.
    own: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {kind: [] for kind in MARKED})
    #: What other people have made and is used.
    needed: dict[Key, Found] = field(default_factory=dict)
    #: Nodes of the workflow that is wanted, by identifier.
    nodes: dict[str, Found] = field(default_factory=dict)
    #: Playbooks of the project that is wanted or used; None where it is not there yet.
    playbooks: frozenset[str] | None = None


def kind_of(found: Found) -> str:
    """The kind of an object, by the type that AWX says it has."""
    return INVENTORIES if found["type"] == "inventory" else f"{found['type']}s"


def take_stock(api: Api, wish: Wish) -> Stock:
    """What there is of what is wished. Raises OptionError for what is in the way, or should be there and is not."""
    stock = own_stock(api, wish.organization, wish.mark)
    for wanted in wish.objects:
        if wanted.kind not in (HOSTS, GROUPS, SCHEDULES):
            _find(api, stock, wanted.kind, wanted.name)
    for (kind, name), option in wish.needed.items():
        stock.needed[kind, name] = _needed(api, stock, kind, name, option)
    for inventory in wish.of(INVENTORIES):
        if there := stock.named.get((INVENTORIES, inventory.name)):
            for kind in (HOSTS, GROUPS):
                stock.named |= {(kind, each["name"]): each for each in api.all(kind, inventory=there["id"])}
    for schedule in wish.of(SCHEDULES):
        if template := stock.named.get(schedule.uses[0]):
            for found in api.all(SCHEDULES, name=schedule.name, unified_job_template=template["id"]):
                stock.named[SCHEDULES, schedule.name] = found
    for workflow in wish.of(WORKFLOWS):
        if there := stock.named.get((WORKFLOWS, workflow.name)):
            nodes = api.all(NODES, workflow_job_template=there["id"])
            stock.nodes = {each["identifier"]: each for each in nodes}
    project = next((each for key, each in (stock.named | stock.needed).items() if key[0] == PROJECTS), None)
    if project is not None:
        stock.playbooks = frozenset(map(str, api.page(f"{PROJECTS}/{project['id']}/playbooks")))
    return stock


def own_stock(api: Api, organization: str, mark: str) -> Stock:
    """What bears the mark, in that organization or in none."""
    stock = Stock(next(iter(api.all(ORGANIZATIONS, name=organization)), None))
    marked: dict[str, Any] = {"description__contains": mark}
    stock.own[CREDENTIAL_TYPES] = api.all(CREDENTIAL_TYPES, **marked)
    if stock.organization is None:
        return stock
    if bears(stock.organization, mark):
        stock.own[ORGANIZATIONS] = [stock.organization]
    own = marked | {"organization": stock.organization["id"]}
    for kind in (CREDENTIALS, EXECUTION_ENVIRONMENTS, PROJECTS, INVENTORIES, NOTIFICATIONS, JOB_TEMPLATES, WORKFLOWS):
        stock.own[kind] = [each for each in api.all(kind, **own) if not each.get("pending_deletion")]
    inventories = {each["id"] for each in stock.own[INVENTORIES]}
    for kind in (HOSTS, GROUPS):
        stock.own[kind] = [each for each in api.all(kind, **marked) if each["inventory"] in inventories]
    templates = {each["id"] for kind in STARTED for each in stock.own[kind]}
    stock.own[SCHEDULES] = [each for each in api.all(SCHEDULES, **marked) if each["unified_job_template"] in templates]
    return stock


def bears(found: Found, mark: str) -> bool:
    """Whether an object bears the mark."""
    return mark in (found.get("description") or "")


def _find(api: Api, stock: Stock, kind: str, name: str) -> None:
    """Look for something that is wanted. Raises OptionError where it could not be told from another one."""
    if kind == ORGANIZATIONS:
        if stock.organization is not None:
            stock.named[kind, name] = stock.organization
        return
    here = stock.organization["id"] if stock.organization else None
    if kind in STARTED:
        # Asked for without its kind, as AWX's modules do for schedules and workflows.
        namesakes = api.all("unified_job_templates", name=name, organization=here) if here else []
        other = next((each for each in namesakes if kind_of(each) != kind), None)
        if other is not None:
            raise OptionError("prefix", f"there is a {singular(kind_of(other))} {quoted(name)} already: choose another")
    else:
        namesakes = api.all(kind, name=name)
        if any(_is_elsewhere(each, kind, here) for each in namesakes):
            raise OptionError(
                "prefix",
                f"another organization has the {singular(kind)} {quoted(name)}, and the modules of awx.awx do not tell "
                "them apart: choose another",
            )
    for found in namesakes:
        if found.get("pending_deletion"):
            raise AutoscaleError(f"AWX is still removing the {singular(kind)} {quoted(name)}: try again in a minute")
        stock.named[kind, name] = found


def _is_elsewhere(found: Found, kind: str, here: int | None) -> bool:
    """Whether an object is another one than is meant, and would be taken for it. One of no organization may be ours."""
    if kind in _ONE_OF_A_NAME:
        return found.get("organization") not in (here, None)
    return kind in _BY_NAME_ALONE and bool(found["organization"] != here)


def _needed(api: Api, stock: Stock, kind: str, name: str, option: str) -> Found:
    """What other people have made. Raises OptionError where it is not there, or cannot be told from another one."""
    found = api.all(kind, name=name)
    here = stock.organization["id"] if stock.organization else None
    own = [each for each in found if here and each.get("organization") == here]
    if kind == PROJECTS or own:
        found = own
    if len(found) == 1:
        return found[0]
    raise OptionError(
        option, f"AWX is expected to have one {singular(kind)} {quoted(name)} already, and has {len(found) or 'none'}"
    )


def must_update(project: Found, playbooks: Iterable[str], stock: Stock) -> bool:
    """Whether AWX has to fetch a project that is there: it never has, could not, or a playbook is not there."""
    return bool(project["scm_type"]) and (
        project["status"] not in _UPDATED or not set(playbooks) <= (stock.playbooks or frozenset())
    )


def users_of(api: Api, kind: str, found: Found) -> list[tuple[str, Found]]:
    """What would lose something if an object went: kind and object."""
    return [
        (kind_of(user) if endpoint == "unified_job_templates" else endpoint, user)
        for endpoint, name in _USERS.get(kind, ())
        for user in api.all(endpoint, **{name: found["id"]})
        if not user.get("pending_deletion")
    ]


_ANY = "unified_job_templates"
_RUN_BY = ((NODES, "unified_job_template"), (SCHEDULES, "unified_job_template"))
#: Kind -> the endpoints that may have users of one, with the filter that finds them. AWX's own user interface asks for
#: most of these before it removes something.
_USERS: Mapping[str, tuple[tuple[str, str], ...]] = {
    ORGANIZATIONS: tuple(
        (kind, "organization")
        for kind in (
            *(PROJECTS, INVENTORIES, JOB_TEMPLATES, WORKFLOWS, CREDENTIALS, NOTIFICATIONS, EXECUTION_ENVIRONMENTS),
            *("teams", "applications"),
        )
    ),
    CREDENTIAL_TYPES: ((CREDENTIALS, "credential_type"),),
    CREDENTIALS: (
        *((kind, "credentials") for kind in (JOB_TEMPLATES, NODES, SCHEDULES, "inventory_sources")),
        *((kind, "credential") for kind in (PROJECTS, EXECUTION_ENVIRONMENTS)),
    ),
    EXECUTION_ENVIRONMENTS: (
        (_ANY, "execution_environment"),
        *((kind, "default_environment") for kind in (PROJECTS, ORGANIZATIONS)),
    ),
    PROJECTS: ((JOB_TEMPLATES, "project"), ("inventory_sources", "source_project"), *_RUN_BY),
    INVENTORIES: tuple(
        (kind, "inventory") for kind in (HOSTS, GROUPS, "inventory_sources", JOB_TEMPLATES, WORKFLOWS, NODES, SCHEDULES)
    ),
    NOTIFICATIONS: (
        *((_ANY, f"notification_templates_{event}") for event in ("started", "success", "error")),
        *((ORGANIZATIONS, f"notification_templates_{event}") for event in ("started", "success", "error", "approvals")),
        (WORKFLOWS, "notification_templates_approvals"),
    ),
    JOB_TEMPLATES: _RUN_BY,
    WORKFLOWS: _RUN_BY,
}
