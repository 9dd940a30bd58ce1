# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be done, from what is wanted and what there is: arguments for the modules of awx.awx, kind by kind."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._kinds import (
    CREDENTIALS,
    GROUPS,
    HOSTS,
    INVENTORIES,
    MARKED,
    NODES,
    NOTIFICATIONS,
    ORGANIZATIONS,
    PROJECTS,
    SCHEDULES,
    WORKFLOWS,
    Found,
    Key,
    Wanted,
    singular,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._stock import (
    Api,
    Stock,
    bears,
    must_update,
    users_of,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._wanted import Wish

#: What is passed by id where other people have made it, since there may be several of its name.
_BY_ID = ("credential", "credentials", "instance_groups")
#: What is part of an inventory.
_PARTS = (HOSTS, GROUPS)
#: How AWX shows what it does not tell.
ENCRYPTED = "$encrypted$"

Plan = dict[str, list[dict[str, Any]]]  # kind -> arguments


@dataclass
class Removal:
    """What goes, and what stays and why."""

    plan: Plan
    kept: list[str]

    @property
    def going(self) -> list[str]:
        """What goes, for people."""
        return [f"{singular(kind)} {quoted(each['name'])}" for kind, found in self.plan.items() for each in found]


def refuse_foreign(wish: Wish, stock: Stock) -> None:
    """Raise OptionError where something that is wanted is there, made by other people."""
    foreign = [
        f"{singular(wanted.kind)} {quoted(wanted.name)}"
        for wanted in wish.objects
        if wanted.kind != ORGANIZATIONS
        and (found := stock.named.get((wanted.kind, wanted.name))) is not None
        and not bears(found, wish.mark)
    ]
    if foreign:
        raise OptionError(
            "prefix",
            f"not made by this playbook, and so left alone, {'is' if len(foreign) == 1 else 'are'} the "
            f"{', '.join(foreign)}: choose another prefix, or set adopt to take over what is there",
        )


def plan_of(wish: Wish, stock: Stock, *, update_secrets: bool) -> Plan:
    """What the modules have to be given, so that all is there that is wanted. Raises OptionError.

    ``known`` says whether all that an object uses is there: else a dry run cannot ask AWX about it.
    """
    plan: Plan = {kind: [] for kind in (*MARKED, NODES)}
    for wanted in (*wish.objects, *wish.nodes):
        found = stock.named.get((wanted.kind, wanted.name))
        if (wanted.kind == ORGANIZATIONS and found is not None and not bears(found, wish.mark)) or (
            wanted.kind == HOSTS and found is not None and _is_same_host(wanted, found)
        ):
            continue
        arguments = _resolved(wanted, stock)
        if wanted.kind == PROJECTS:
            arguments["update_project"] = found is not None and must_update(found, wish.playbooks, stock)
        if wanted.kind == NOTIFICATIONS:
            # What is secret cannot be compared: written each time, it would be a change each time.
            kept = found is not None and not update_secrets and _has_secrets(found)
            arguments["state"] = "exists" if kept else "present"
        plan[wanted.kind].append(arguments)
    _check_playbooks(wish, stock)
    wanted_nodes = {node.name for node in wish.nodes}
    plan[NODES] += [
        {"name": name, "workflow": wish.of(WORKFLOWS)[0].name, "known": True, "state": "absent"}
        for name in stock.nodes
        if name not in wanted_nodes
    ]
    return plan


def missing(wish: Wish, stock: Stock) -> list[str]:
    """What is wanted and not there, for people."""
    return [
        f"{singular(wanted.kind)} {quoted(wanted.name)}"
        for wanted in wish.objects
        if (wanted.kind, wanted.name) not in stock.named
    ]


def stale(wish: Wish, stock: Stock) -> dict[str, list[Found]]:
    """What was made with the prefix and is not wanted any more."""
    # By the id: the schedule of a name may be that of another template.
    wanted = {(each.kind, stock.named.get((each.kind, each.name), {}).get("id")) for each in wish.objects}
    return {kind: [each for each in found if (kind, each["id"]) not in wanted] for kind, found in stock.own.items()}


def always_going(found: Mapping[str, Sequence[Found]]) -> dict[str, list[Found]]:
    """What of it does not wait for somebody to ask for its removal: schedules. One that stayed would go on starting
    jobs, in a way that is not wanted any more; and there is nothing in it that could be lost."""
    return {kind: list(objects) if kind == SCHEDULES else [] for kind, objects in found.items()}


def without(all_of: Mapping[str, Sequence[Found]], some: Mapping[str, Sequence[Found]]) -> dict[str, list[Found]]:
    """All objects but some, by kind."""
    ids = {(kind, each["id"]) for kind, found in some.items() for each in found}
    return {kind: [each for each in found if (kind, each["id"]) not in ids] for kind, found in all_of.items()}


def called(found: Mapping[str, Sequence[Found]]) -> list[str]:
    """Objects for people."""
    return [_called(kind, each) for kind, objects in found.items() for each in objects]


def removal_of(api: Api, own: Mapping[str, Sequence[Found]], others: Mapping[str, Sequence[Found]]) -> Removal:
    """How to remove objects, users first. What other people use stays, with all that it uses itself.

    ``others`` are made by this playbook, too, and stay. Once they are written, they use nothing but what is wanted.
    Raises AutoscaleError where AWX would not let whoever asks remove something.
    """
    removed: dict[str, list[Found]] = {kind: [] for kind in MARKED}
    kept: list[str] = []
    # Hosts and groups go with their inventory, and stay with it: whoever uses that runs on them.
    going = {(kind, each["id"]) for kind in _PARTS for each in own[kind]}
    inventories = {each["id"] for each in own[INVENTORIES]}
    for kind in _PARTS:
        removed[kind] = [each for each in own[kind] if each["inventory"] not in inventories]
    written = {(kind, each["id"]) for kind, found in others.items() for each in found}
    for kind in reversed([kind for kind in MARKED if kind not in _PARTS]):
        for found in own[kind]:
            user = next((each for each in users_of(api, kind, found) if not _goes(each, going | written)), None)
            if user is None:
                going.add((kind, found["id"]))
                removed[kind].append(found)
            else:
                why = f"{_called(*user)} {'is in' if kind == ORGANIZATIONS or user[0] in _PARTS else 'uses'} it"
                whole = " with its hosts" if kind == INVENTORIES else ""
                kept.append(f"{singular(kind)} {quoted(found['name'])}{whole} ({why})")
    _refuse_without_right(removed)
    return Removal({kind: [_identity(kind, each) for each in found] for kind, found in removed.items()}, kept)


def _refuse_without_right(going: Mapping[str, Sequence[Found]]) -> None:
    """Before anything is removed: by what AWX answers then, a missing right cannot be told from a job whose output it
    still reads."""
    forbidden = {kind: [each for each in found if not _may_remove(each)] for kind, found in going.items()}
    if any(forbidden.values()):
        raise AutoscaleError(f"AWX does not let this user remove {', '.join(called(forbidden))}: nothing was changed")


def _may_remove(found: Found) -> bool:
    capabilities = found.get("summary_fields", {}).get("user_capabilities", {})
    return bool(capabilities.get("delete", True))


def _goes(user: tuple[str, Found], going: Collection[tuple[str, int]]) -> bool:
    kind, found = user
    if kind == NODES:
        return (WORKFLOWS, found["workflow_job_template"]) in going
    return (kind, found["id"]) in going


def _called(kind: str, found: Found) -> str:
    return f"{singular(kind)} {quoted(found.get('name') or found.get('identifier') or found['id'])}"


def _identity(kind: str, found: Found) -> dict[str, Any]:
    """What the module of a kind needs to find an object that is there: by its id, so that it is that one."""
    own = {"id": str(found["id"]), "name": found["name"]}
    if kind in _PARTS:
        own["inventory"] = found["inventory"]
    if kind == CREDENTIALS:
        own["credential_type"] = str(found["credential_type"])
    if kind in (INVENTORIES, NOTIFICATIONS):
        own["organization"] = str(found["organization"])
    return own


def _resolved(wanted: Wanted, stock: Stock) -> dict[str, Any]:
    """The arguments of an object, where ids stand for what other people have made, and without those that are null."""

    def resolved(option: str, value: Any) -> Any:
        kind = CREDENTIALS if option == "credential" else option
        if isinstance(value, list):
            return [resolved(option, each) for each in value]
        needed = stock.needed.get((kind, value))
        return value if needed is None else str(needed["id"])

    arguments = {
        option: resolved(option, value) if option in _BY_ID else value
        for option, value in wanted.arguments.items()
        if value is not None
    }
    known = all(_is_there(key, stock) for key in wanted.uses)
    if wanted.kind == NODES:
        arguments["workflow"] = wanted.uses[0][1]
        following = [*wanted.arguments.get("success_nodes", ()), *wanted.arguments.get("always_nodes", ())]
        known = known and set(following) <= stock.nodes.keys()
    return {"name": wanted.name, "state": "present", **arguments, "known": known}


def _is_there(key: Key, stock: Stock) -> bool:
    return key in stock.named or key in stock.needed


def _is_same_host(wanted: Wanted, found: Found) -> bool:
    """A host that needs no visit of its module, which with many clusters would take long."""
    try:
        variables = json.loads(found["variables"] or "{}")
    except ValueError:
        return False
    return bool(variables == wanted.arguments["variables"] and found["description"] == wanted.arguments["description"])


def _has_secrets(found: Found) -> bool:
    return ENCRYPTED in dict(found["notification_configuration"]).values()


def _check_playbooks(wish: Wish, stock: Stock) -> None:
    """Raise OptionError where a project that AWX does not fetch by itself lacks a playbook."""
    project = next((each for key, each in (stock.named | stock.needed).items() if key[0] == PROJECTS), None)
    if project is None or stock.playbooks is None:
        return
    made_here = (PROJECTS, project["name"]) in stock.named
    if made_here and project["scm_type"]:
        return
    for playbook, option in wish.playbooks.items():
        if playbook not in stock.playbooks:
            raise OptionError(option, f"the project {quoted(project['name'])} has no {quoted(playbook)}")
