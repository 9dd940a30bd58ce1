# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done, from what is wanted and what there is; what other people own is left alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx import _plan, _stock

MARK = "Something. [rlops.autoscale.awx: autoscale]"
PLAYBOOKS = ["act.yml", "approve.yml", "autoscale.yml", "backtest.yml", "decide.yml", "scale.yml"]


def make_all(books: Any, wish: Any) -> None:
    """What a run of the playbook would leave, as far as it matters here."""
    ids: dict[tuple[str, str], int] = {}
    if books.all("organizations", name="Platform"):
        ids["organizations", "Platform"] = books.all("organizations", name="Platform")[0]["id"]
    for wanted in wish.objects:
        if (wanted.kind, wanted.name) in ids:
            continue
        fields: dict[str, Any] = {"organization": ids.get(("organizations", "Platform"))}
        if wanted.kind in ("hosts", "groups"):
            fields = {
                "inventory": ids["inventories", "autoscale"],
                "variables": json.dumps(wanted.arguments["variables"]),
            }
        if wanted.kind == "projects":
            fields |= {"scm_type": "git", "status": "successful"}
        if wanted.kind == "credentials":
            fields["credential_type"] = ids["credential_types", wanted.arguments["credential_type"]]
        if wanted.kind == "job_templates":
            fields |= {
                "project": ids[next(key for key in wanted.uses if key[0] == "projects")],
                "inventory": ids["inventories", "autoscale"],
            }
            fields["credentials"] = [ids["credentials", name] for name in wanted.arguments["credentials"]]
        if wanted.kind == "schedules":
            fields = {"unified_job_template": ids[wanted.uses[0]]}
        if wanted.kind == "notification_templates":
            fields["notification_configuration"] = {"url": "x", "password": ""}
        made = books.add(wanted.kind, wanted.name, wanted.arguments["description"], **fields)
        ids[wanted.kind, wanted.name] = made["id"]
    for node in wish.nodes:
        if not books.all("workflow_job_template_nodes", identifier=node.name):
            template = node.arguments.get("unified_job_template", "")
            books.add(
                "workflow_job_template_nodes",
                "",
                identifier=node.name,
                workflow_job_template=ids["workflow_job_templates", "autoscale workflow"],
                unified_job_template=ids.get(("job_templates", template)),
            )


def test_nothing_is_known_where_there_is_nothing(books: Any, wished: Any) -> None:
    wish = wished(environment={"RL_STATE_URI": "x"})
    stock = _stock.take_stock(books, wish)
    plan = _plan.plan_of(wish, stock, update_secrets=False)
    known = {f"{kind} {each['name']}" for kind, all_of in plan.items() for each in all_of if each["known"]}
    assert known == {"organizations Platform", "credential_types autoscale RL_STATE_URI"}
    assert len(_plan.missing(wish, stock)) == len(wish.objects)


def test_all_is_known_once_it_is_there(books: Any, wished: Any) -> None:
    wish = wished(environment={"RL_STATE_URI": "x"})
    make_all(books, wish)
    books.playbooks = PLAYBOOKS
    stock = _stock.take_stock(books, wish)
    plan = _plan.plan_of(wish, stock, update_secrets=False)
    assert all(each["known"] for all_of in plan.values() for each in all_of)
    assert plan["projects"][0]["update_project"] is False
    assert plan["hosts"] == [] or plan["hosts"][0]["variables"]
    assert _plan.missing(wish, stock) == []
    assert not any(_plan.stale(wish, stock).values())
    _plan.refuse_foreign(wish, stock)


def test_a_host_that_is_the_same_needs_no_visit(books: Any, wished: Any) -> None:
    make_all(books, wished(clusters={"chat": {"note": 1}, "push": {}}))
    changed = wished(clusters={"chat": {"note": 2}, "push": {}})
    plan = _plan.plan_of(changed, _stock.take_stock(books, changed), update_secrets=False)
    assert [(each["name"], each["variables"]) for each in plan["hosts"]] == [("chat", {"note": 2})]


@pytest.mark.parametrize(
    ("status", "playbooks", "updates"),
    [
        ("successful", PLAYBOOKS, False),
        ("never updated", PLAYBOOKS, True),
        ("failed", PLAYBOOKS, True),
        ("successful", PLAYBOOKS[1:], True),
    ],
)
def test_a_project_is_fetched_where_something_is_missing(
    books: Any, wished: Any, status: str, playbooks: list[str], updates: bool
) -> None:
    wish = wished()
    make_all(books, wish)
    books.all("projects")[0]["status"] = status
    books.playbooks = playbooks
    plan = _plan.plan_of(wish, _stock.take_stock(books, wish), update_secrets=False)
    assert plan["projects"][0]["update_project"] is updates


def test_a_project_that_is_not_fetched_has_to_have_the_playbooks(books: Any, wished: Any) -> None:
    organization = books.add("organizations", "Platform")["id"]
    wish = wished(project={"name": "shared"})
    with pytest.raises(OptionError, match=r"^project.name: AWX is expected to have one project shared already"):
        _stock.take_stock(books, wish)
    books.add("projects", "shared", organization=organization, scm_type="git", status="successful")
    books.playbooks = PLAYBOOKS[1:]
    with pytest.raises(OptionError, match=r"^templates.act.playbook: the project shared has no act.yml"):
        _plan.plan_of(wish, _stock.take_stock(books, wish), update_secrets=False)
    books.playbooks = PLAYBOOKS
    plan = _plan.plan_of(wish, _stock.take_stock(books, wish), update_secrets=False)
    assert plan["projects"] == []
    assert {each["project"] for each in plan["job_templates"]} == {"shared"}


def test_what_others_have_made_is_refused_but_their_organization_is_used(books: Any, wished: Any) -> None:
    organization = books.add("organizations", "Platform", "Ours, and not the agent's")["id"]
    books.add("inventories", "autoscale", organization=organization)
    books.add("credential_types", "autoscale RL_STATE_URI")
    wish = wished(environment={"RL_STATE_URI": "x"})
    stock = _stock.take_stock(books, wish)
    with pytest.raises(OptionError) as raised:
        _plan.refuse_foreign(wish, stock)
    assert str(raised.value) == (
        "prefix: not made by this playbook, and so left alone, are the credential type autoscale RL_STATE_URI, "
        "inventory autoscale: choose another prefix, or set adopt to take over what is there"
    )
    assert _plan.plan_of(wish, stock, update_secrets=False)["organizations"] == []


def test_a_namesake_elsewhere_that_would_be_taken_for_ours_is_refused(books: Any, wished: Any) -> None:
    other = books.add("organizations", "Others")["id"]
    books.add("projects", "autoscale project", organization=other)  # told apart
    _stock.take_stock(books, wished())
    books.add("inventories", "autoscale", organization=other)
    with pytest.raises(
        OptionError, match=r"^prefix: another organization has the inventory autoscale, and the modules"
    ):
        _stock.take_stock(books, wished())


def test_what_is_started_has_no_namesake_of_another_kind(books: Any, wished: Any) -> None:
    organization = books.add("organizations", "Platform")["id"]
    books.add("projects", "autoscale", organization=organization)
    with pytest.raises(OptionError, match=r"^prefix: there is a project autoscale already: choose another"):
        _stock.take_stock(books, wished())


def test_what_is_needed_is_found_by_its_id(books: Any, wished: Any) -> None:
    organization = books.add("organizations", "Platform")["id"]
    other = books.add("organizations", "Others")["id"]
    wish = wished(credentials=["aws"], instance_groups=["eu"])
    with pytest.raises(
        OptionError, match=r"^credentials: AWX is expected to have one credential aws already, and has none"
    ):
        _stock.take_stock(books, wish)
    theirs = [books.add("credentials", "aws", organization=where)["id"] for where in (other, organization, None)]
    with pytest.raises(
        OptionError, match=r"^templates.\w+.instance_groups: AWX is expected to have one instance group eu"
    ):
        _stock.take_stock(books, wish)
    group = books.add("instance_groups", "eu")["id"]
    plan = _plan.plan_of(wish, _stock.take_stock(books, wish), update_secrets=False)
    assert {tuple(each["credentials"]) for each in plan["job_templates"]} == {(str(theirs[1]),)}
    assert {tuple(each["instance_groups"]) for each in plan["job_templates"]} == {(str(group),)}


def test_secrets_that_cannot_be_compared_are_left_alone(books: Any, wished: Any) -> None:
    wish = wished(notifications=[{"name": "x", "configuration": {"url": "x", "password": "y"}}])
    make_all(books, wish)
    books.playbooks = PLAYBOOKS

    def state(*, update_secrets: bool) -> Any:
        plan = _plan.plan_of(wish, _stock.take_stock(books, wish), update_secrets=update_secrets)
        return plan["notification_templates"][0]["state"]

    assert state(update_secrets=False) == "present"
    books.all("notification_templates")[0]["notification_configuration"]["password"] = "$encrypted$"
    assert state(update_secrets=False) == "exists"
    assert state(update_secrets=True) == "present"


def test_an_inventory_that_is_going_is_waited_for(books: Any, wished: Any) -> None:
    organization = books.add("organizations", "Platform", MARK)["id"]
    books.add("inventories", "autoscale", MARK, organization=organization, pending_deletion=True)
    with pytest.raises(AutoscaleError, match="AWX is still removing the inventory autoscale: try again in a minute"):
        _stock.take_stock(books, wished())


def test_a_node_that_is_not_wanted_any_more_goes(books: Any, wished: Any) -> None:
    make_all(books, wished())
    wish = wished(workflow={"approval": False})
    books.playbooks = PLAYBOOKS
    plan = _plan.plan_of(wish, _stock.take_stock(books, wish), update_secrets=False)
    assert plan["workflow_job_template_nodes"][-1] == {
        "name": "approve",
        "workflow": "autoscale workflow",
        "known": True,
        "state": "absent",
    }


def names(removal: _plan.Removal) -> list[str]:
    return [f"{kind} {each['name']}" for kind, all_of in removal.plan.items() for each in all_of]


def removal(books: Any, organization: str = "Platform") -> _plan.Removal:
    own = _stock.own_stock(books, organization, "[rlops.autoscale.awx: autoscale]")
    return _plan.removal_of(books, own.own, {})


def test_all_that_was_made_goes_users_first(books: Any, wished: Any) -> None:
    wish = wished(environment={"RL_STATE_URI": "x"}, notifications=[{"name": "x", "configuration": {"url": "x"}}])
    make_all(books, wish)
    found = removal(books)
    assert found.kept == []
    # Hosts and the group go with the inventory.
    assert sorted(names(found)) == sorted(
        f"{each.kind} {each.name}" for each in wish.objects if each.kind not in ("hosts", "groups")
    )
    # A type is of no organization. From another one with the same prefix it is seen, and left to this one.
    assert removal(books, "Others").kept == [
        "credential type autoscale RL_STATE_URI (credential autoscale RL_STATE_URI uses it)"
    ]


def test_an_organization_of_others_stays(books: Any, wished: Any) -> None:
    books.add("organizations", "Platform", "Ours")
    make_all(books, wished())
    found = removal(books)
    assert found.kept == []
    assert found.plan["organizations"] == []


def test_what_others_use_stays_and_with_it_what_that_uses(books: Any, wished: Any) -> None:
    make_all(books, wished(environment={"RL_STATE_URI": "x"}))
    here = books.all("organizations")[0]["id"]
    act = books.all("job_templates", name="autoscale act")[0]["id"]
    foreign = books.add("workflow_job_templates", "nightly", organization=here)["id"]
    books.add(
        "workflow_job_template_nodes", "", identifier="last", workflow_job_template=foreign, unified_job_template=act
    )
    found = removal(books)
    assert found.kept == [
        "job template autoscale act (workflow job template node last uses it)",
        "inventory autoscale with its hosts (job template autoscale act uses it)",
        "project autoscale project (job template autoscale act uses it)",
        "credential autoscale RL_STATE_URI (job template autoscale act uses it)",
        "credential type autoscale RL_STATE_URI (credential autoscale RL_STATE_URI uses it)",
        "organization Platform (project autoscale project is in it)",
    ]
    assert "job_templates autoscale" in names(found)


@pytest.mark.parametrize(
    ("kind", "name", "why"),
    [("hosts", "theirs", "host theirs is in it"), ("job_templates", "deploy", "job template deploy uses it")],
)
def test_an_inventory_of_which_others_have_need_keeps_its_hosts(
    books: Any, wished: Any, kind: str, name: str, why: str
) -> None:
    make_all(books, wished())
    books.add(kind, name, inventory=books.all("inventories")[0]["id"])
    found = removal(books)
    assert found.kept == [
        f"inventory autoscale with its hosts ({why})",
        "organization Platform (inventory autoscale is in it)",
    ]
    assert (found.plan["hosts"], found.plan["groups"]) == ([], [])
    assert "job_templates autoscale" in names(found)


def test_a_missing_right_is_said_before_anything_is_removed(books: Any, wished: Any) -> None:
    make_all(books, wished())
    for kind, may in (("job_templates", False), ("schedules", True)):
        books.all(kind)[0]["summary_fields"] = {"user_capabilities": {"edit": may, "delete": may}}
    with pytest.raises(AutoscaleError, match="AWX does not let this user remove job template autoscale: nothing was"):
        removal(books)


def test_a_missing_right_to_what_stays_is_no_matter(books: Any, wished: Any) -> None:
    make_all(books, wished())
    for kind in ("inventories", "hosts", "groups"):
        books.all(kind)[0]["summary_fields"] = {"user_capabilities": {"edit": False, "delete": False}}
    books.add("job_templates", "deploy", inventory=books.all("inventories")[0]["id"])
    assert removal(books).kept[0] == "inventory autoscale with its hosts (job template deploy uses it)"


def test_pruning_takes_what_is_not_wanted_and_nothing_else(books: Any, wished: Any) -> None:
    make_all(books, wished(environment={"RL_OLD": "x"}, clusters={"chat": {}, "push": {}}))
    wish = wished(clusters={"chat": {}})
    stock = _stock.take_stock(books, wish)
    stale = _plan.stale(wish, stock)
    assert _plan.called(stale) == ["credential type autoscale RL_OLD", "credential autoscale RL_OLD", "host push"]
    found = _plan.removal_of(books, stale, _plan.without(stock.own, stale))
    # The templates still have the credential, and are written before it goes.
    assert found.kept == []
    assert sorted(names(found)) == ["credential_types autoscale RL_OLD", "credentials autoscale RL_OLD", "hosts push"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"every": 5}),  # the name says how often
        ({"name": "at work"}, {"name": "at work", "template": "workflow", "every": 30}),  # of another template
        ({}, None),
    ],
)
def test_a_schedule_that_is_not_wanted_any_more_goes_at_once(
    books: Any, wished: Any, before: dict[str, Any], after: dict[str, Any] | None
) -> None:
    make_all(books, wished(schedules=[{"template": "autoscale", **before}], clusters={"chat": {}, "push": {}}))
    (old,) = books.all("schedules")
    books.add("schedules", "theirs", unified_job_template=old["unified_job_template"])
    wish = wished(schedules=[] if after is None else [{"template": "autoscale", **after}], clusters={"chat": {}})
    stock = _stock.take_stock(books, wish)
    stale = _plan.stale(wish, stock)
    going = _plan.always_going(stale)
    found = _plan.removal_of(books, going, _plan.without(stock.own, going))
    assert (found.going, found.kept) == ([f"schedule {old['name']}"], [])
    assert [each["id"] for each in found.plan["schedules"]] == [str(old["id"])]
    assert _plan.called(_plan.without(stale, going)) == ["host push"]  # waits to be asked for
