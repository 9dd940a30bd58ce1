# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks awx and awx_remove, by the real modules of awx.awx, against a double of AWX that checks requests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.tests.tools.awx_double import PASSWORD, TOKEN, USER, AwxDouble

REPOSITORY = "https://git.example.org/platform/autoscale.git"
SECRETS = {"RL_STATE_URI": "redis://:uri-nobody-may-see@redis:6379/0"}
HOOK = "https://hooks.example.org/autoscale"

LEAST: dict[str, Any] = {
    "awx_organization": "Platform",
    "awx_project": {"scm_url": REPOSITORY},
    "awx_clusters": {"chat": {"autoscale_max_instances": 20}},
}
#: One of each kind: each object costs each run its while.
MUCH: dict[str, Any] = LEAST | {
    "awx_cluster_variables": {"autoscale_slo": {"p99_latency": 0.2}},
    "awx_execution_environment": {"image": "registry.example.org/autoscale-ee:1.0"},
    "awx_environment": SECRETS,
    "awx_credentials": ["aws"],
    "awx_instance_groups": ["eu"],
    "awx_notifications": [
        {
            "name": "on-call",
            "configuration": {"url": HOOK, "username": "awx", "password": "hook-nobody-may-see"},
        }
    ],
    "awx_templates": {name: {"enabled": False} for name in ("recommend", "scale", "approve", "backtest")},
}
#: A run that only has to do with some things.
FEW = {name: {"enabled": False} for name in ("recommend", "decide", "act", "scale", "approve", "backtest")}


def changed_tasks(run: Any) -> int:
    (count,) = re.findall(r"localhost\s+: ok=\d+\s+changed=(\d+)", run.stdout)
    return int(count)


def differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What became of objects: "host chat" -> the fields that are others now."""
    found = {}
    for key in before.keys() | after.keys():
        old, new = before.get(key, {}), after.get(key, {})
        fields = {name: new.get(name) for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
        if fields:
            shown = new or old
            found[f"{shown.get('type', key)} {shown.get('name', shown.get('identifier', ''))}".strip()] = fields
    return found


def furnish(awx: AwxDouble) -> None:
    """What other people have in their AWX."""
    fields = [{"id": "username", "label": "Access Key", "type": "string"}]
    amazon = awx.add("credential_types", name="Amazon Web Services", kind="cloud", inputs={"fields": fields})
    others = awx.add("organizations", name="Others")
    awx.add("credentials", name="aws", organization=others, credential_type=amazon, inputs={"username": "AKIA"})
    awx.add("instance_groups", name="eu")
    awx.add("projects", name="autoscale project", organization=others, scm_type="git", scm_url=REPOSITORY)


@pytest.mark.long
def test_from_nothing_to_nothing(awx: AwxDouble, run: Callable[..., Any]) -> None:
    furnish(awx)
    empty = awx.picture()

    dry = run("awx", MUCH, check=True)
    assert dry.rc == 0, dry.output
    assert awx.picture() == empty
    would = re.findall(r"^(.*): would be made$", dry.stdout, re.MULTILINE)
    assert changed_tasks(dry) > 0

    made = run("awx", MUCH, args=["-vvv"])
    assert made.rc == 0, made.output
    assert (awx.refused, would) == ([], dry.registered["awx_planned"]["missing"])
    for secret in [*SECRETS.values(), "hook-nobody-may-see", TOKEN]:
        assert secret not in made.output
    check_all_that_was_made(awx)
    there = awx.picture()
    assert len(would) == len([key for key in there.keys() - empty.keys() if not key.startswith("workflow_")]) + 1

    awx.writes.clear()
    again = run("awx", MUCH)
    assert (again.rc, changed_tasks(again), awx.writes) == (0, 0, []), again.output

    changes = {
        "awx_clusters": {"chat": {"autoscale_max_instances": 30}},
        "awx_workflow": {"approval_timeout": 300},
        "awx_credentials": [],
    }
    changed = run("awx", MUCH | changes)
    assert changed.rc == 0, changed.output
    found = differences(there, awx.picture())
    assert {name: set(fields) for name, fields in found.items() if name != "links"} == {
        "host chat": {"variables"},
        "workflow_approval_template autoscale: act as decided?": {"timeout"},
    }
    assert awx.linked("job_templates", "autoscale", "credentials") == ["autoscale RL_STATE_URI"]
    assert changed_tasks(changed) == 3  # one for each change

    removed = run("awx_remove", LEAST)
    assert removed.rc == 0, removed.output
    awx.writes.clear()
    again = run("awx_remove", LEAST)
    assert (again.rc, changed_tasks(again), awx.writes) == (0, 0, []), again.output
    assert awx.picture() == empty
    assert awx.refused == []


def check_all_that_was_made(awx: AwxDouble) -> None:
    """Against what the guide says there is."""
    project = next(
        each for each in awx.all("projects") if each["organization"] == awx.one("organizations", "Platform")["id"]
    )
    assert (project["name"], project["status"], project["scm_url"]) == ("autoscale project", "successful", REPOSITORY)
    assert json.loads(awx.one("hosts", "chat")["variables"]) == {"autoscale_max_instances": 20}
    assert json.loads(awx.one("groups", "autoscaled")["variables"]) == {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "autoscale_deadline": 45,
        "autoscale_slo": {"p99_latency": 0.2},
    }
    assert awx.linked("groups", "autoscaled", "hosts") == ["chat"]
    for variable, value in SECRETS.items():
        assert awx.secret("credentials", f"autoscale {variable}", "value") == value
        assert awx.one("credential_types", f"autoscale {variable}")["injectors"] == {"env": {variable: "{{ value }}"}}
    loop = awx.one("job_templates", "autoscale")
    image = awx.one("execution_environments", "autoscale execution environment")
    assert (loop["playbook"], loop["project"], loop["execution_environment"]) == (
        "autoscale.yml",
        project["id"],
        image["id"],
    )
    assert (loop["timeout"], loop["forks"], loop["job_slice_count"]) == (120, 5, 1)
    assert (loop["use_fact_cache"], loop["allow_simultaneous"], loop["ask_variables_on_launch"]) == (
        False,
        False,
        False,
    )
    assert awx.linked("job_templates", "autoscale", "instance_groups") == ["eu"]
    assert set(awx.linked("job_templates", "autoscale", "credentials")) == {"autoscale RL_STATE_URI", "aws"}
    assert awx.linked("workflow_job_template_nodes", "decide", "always_nodes") == ["approve"]
    assert awx.linked("workflow_job_template_nodes", "approve", "success_nodes") == ["act"]
    approval = awx.one("workflow_approval_templates", "autoscale: act as decided?")
    assert awx.one("workflow_job_template_nodes", "approve")["unified_job_template"] == approval["id"]
    hook = awx.one("notification_templates", "autoscale on-call")["notification_configuration"]
    assert (hook["url"], hook["password"]) == (HOOK, "$encrypted$")
    assert awx.secret("notification_templates", "autoscale on-call", "password") == "hook-nobody-may-see"
    assert awx.linked("workflow_job_templates", "autoscale workflow", "notification_templates_approvals") == [
        "autoscale on-call"
    ]
    minutely = awx.one("schedules", "autoscale, each minute")
    assert minutely["rrule"] == "DTSTART:20200101T000000Z RRULE:FREQ=MINUTELY;INTERVAL=1"
    assert minutely["unified_job_template"] == loop["id"]


@pytest.mark.slow
@pytest.mark.core
def test_state_in_facts_a_secret_that_changes_and_a_cluster_that_goes(
    awx: AwxDouble, run: Callable[..., Any], tmp_path: Path
) -> None:
    note = tmp_path / "note.yml"
    note.write_text('note: !unsafe "{{ for the job }}"\n')
    awx.directories["autoscale"] = {"autoscale.yml"}
    variables = LEAST | {
        "awx_project": {"local_path": "autoscale"},
        "awx_clusters": {"chat": {"note": "{{ note }}"}, "push": {}},
        "awx_environment": {"RL_METRICS_TOKEN": "old"},
        "awx_templates": FEW,
        "awx_workflow": {"enabled": False},
        "awx_notifications": [{"name": "hook", "configuration": {"url": HOOK, "password": "old"}}],
    }
    made = run("awx", variables, args=["-e", f"@{note}"])
    assert made.rc == 0, made.output
    assert json.loads(awx.one("hosts", "chat")["variables"]) == {"note": "{{ for the job }}"}
    assert awx.one("job_templates", "autoscale")["use_fact_cache"] is True

    variables |= {
        "awx_environment": {"RL_METRICS_TOKEN": "new"},
        "awx_clusters": {"chat": {"note": "{{ note }}"}},
    }
    variables["awx_notifications"] = [{"name": "hook", "configuration": {"url": HOOK, "password": "new"}}]
    variables["awx_schedules"] = [{"template": "autoscale", "every": 5}]
    awx.writes.clear()
    kept = run("awx", variables, args=["-e", f"@{note}"])
    assert kept.rc == 0, kept.output
    assert awx.secret("credentials", "autoscale RL_METRICS_TOKEN", "value") == "old"
    assert "host push: is not wanted any more, and stays unless prune is set" in kept.stdout
    # A schedule does not stay: it would go on starting jobs.
    assert "schedule autoscale, each minute: is not wanted any more, and is removed" in kept.stdout
    assert [schedule["name"] for schedule in awx.all("schedules")] == ["autoscale, each 5 minutes"]
    # Beside it, the group has another deadline, and the template another timeout and survey.
    assert [(write.method, write.path.split("/")[0]) for write in awx.writes] == [
        *(("PATCH", "groups"), ("PATCH", "job_templates"), ("POST", "job_templates")),
        *(("POST", "schedules"), ("DELETE", "schedules")),
    ]

    changed = run("awx", variables | {"awx_update_secrets": True, "awx_prune": True}, args=["-e", f"@{note}"])
    assert changed.rc == 0, changed.output
    assert awx.secret("credentials", "autoscale RL_METRICS_TOKEN", "value") == "new"
    assert awx.secret("notification_templates", "autoscale hook", "password") == "new"
    assert [host["name"] for host in awx.all("hosts")] == ["chat"]
    assert awx.refused == []


@pytest.mark.slow
def test_removal_leaves_what_others_use_and_waits_for_jobs(awx: AwxDouble, run: Callable[..., Any]) -> None:
    variables = LEAST | {"awx_templates": FEW, "awx_workflow": {"enabled": False}}
    made = run("awx", variables)
    assert made.rc == 0, made.output
    project, inventory = awx.one("projects", "autoscale project")["id"], awx.one("inventories", "autoscale")["id"]
    theirs = awx.add("job_templates", name="theirs", project=project, inventory=inventory, playbook="scale.yml")
    loop = "job_templates", awx.one("job_templates", "autoscale")["id"]
    before = awx.one("job_templates", "theirs")

    awx.writes.clear()
    dry = run("awx", variables, check=True)
    assert (dry.rc, changed_tasks(dry), awx.writes) == (0, 0, []), dry.output

    awx.forbidden.add(loop)
    refused = run("awx_remove", variables)
    assert refused.rc != 0
    message = "AWX does not let this user remove job template autoscale: nothing was changed"
    assert (refused.registered["awx_planned"]["msg"], awx.writes) == (message, [])

    awx.forbidden.clear()
    there = awx.picture()
    dry = run("awx_remove", variables, check=True)
    assert dry.rc == 0, dry.output
    assert awx.picture() == there

    awx.busy[loop] = 2  # first its job runs, then AWX reads the output
    variables |= {"awx_remove_pause": 1}
    removed = run("awx_remove", variables, env={"ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"})
    assert removed.rc == 0, removed.output
    assert changed_tasks(removed) == changed_tasks(dry) > 0
    assert "FAILED - RETRYING: [localhost]: Remove job templates" in removed.stdout
    assert "inventory autoscale with its hosts (job template theirs uses it): stays" in removed.stdout
    assert "project autoscale project (job template theirs uses it): stays" in removed.stdout
    assert awx.one("job_templates", "theirs") == before
    assert [each["name"] for each in awx.all("job_templates")] == ["theirs"]
    assert (awx.linked("groups", "autoscaled", "hosts"), awx.all("schedules")) == (["chat"], [])

    awx.remove("job_templates", theirs)
    assert run("awx_remove", variables).rc == 0
    assert [awx.all(kind) for kind in ("organizations", "projects", "inventories")] == [[], [], []]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"awx_cluster_variables": {"autoscale_deadline": 50}},
            "schedules[0]: autoscale is started each 60 s and takes up to 65 s, which are autoscale_deadline of chat "
            "(50) and start_overhead (15): jobs would queue up.",
        ),
        ({"awx_clusters": {"chat": {"autoscale_pol": []}}}, "clusters.chat: autoscale_pol: there is no such setting"),
        ({"awx_environment": {"ANSIBLE_CONFIG": "secret-x"}}, "environment.ANSIBLE_CONFIG: AWX lets no credential set"),
        ({"awx_schedules": [{"template": "scale"}]}, "value of template must be one of: autoscale, recommend,"),
        ({"awx_notifications": [{"name": "x", "configuration": {"url": 5}}]}, "configuration.url: a text is expected"),
        ({"awx_project": {"url": "x"}}, "project.url: there is no such option"),
        ({"awx_schedules": [{"template": "autoscale", "evry": 5}]}, "schedules.evry: there is no such option"),
        ({"awx_credentials": ["aws"]}, "credentials: AWX is expected to have one credential aws already, and has none"),
        ({"awx_project": {"name": "shared"}}, "project.name: AWX is expected to have one project shared already"),
    ],
)
def test_a_bad_variable_is_one_error_and_touches_nothing(
    awx: AwxDouble, run: Callable[..., Any], variables: dict[str, Any], message: str
) -> None:
    failed = run("awx", LEAST | variables)
    assert failed.rc != 0
    assert message in failed.registered["awx_planned"]["msg"]
    assert "secret-x" not in failed.output
    assert (awx.writes, awx.refused) == ([], [])


@pytest.mark.core
def test_a_missing_variable_is_named(awx: AwxDouble, run: Callable[..., Any]) -> None:
    failed = run("awx", {"awx_organization": "Platform", "awx_project": {"scm_url": REPOSITORY}})
    assert failed.rc != 0
    assert "missing required arguments: awx_clusters" in failed.output
    assert awx.writes == []


def test_what_others_have_made_is_left_alone(awx: AwxDouble, run: Callable[..., Any]) -> None:
    organization = awx.add("organizations", name="Platform", description="Theirs")
    awx.add("inventories", name="autoscale", organization=organization, description="Theirs")
    before = awx.picture()
    failed = run("awx", LEAST)
    assert failed.rc != 0
    assert "so left alone, is the inventory autoscale" in failed.registered["awx_planned"]["msg"]
    removed = run("awx_remove", LEAST)
    assert (removed.rc, changed_tasks(removed)) == (0, 0), removed.output
    assert awx.picture() == before


def test_a_password_is_exchanged_for_a_token_that_is_given_back(awx: AwxDouble, run: Callable[..., Any]) -> None:
    controller = {"controller_host": awx.url, "controller_username": USER, "controller_password": PASSWORD}
    empty = {"CONTROLLER_HOST": "", "CONTROLLER_OAUTH_TOKEN": ""}
    done = run("awx", LEAST | {"awx_controller": controller}, check=True, env=empty, args=["-vvv"])
    assert done.rc == 0, done.output
    assert PASSWORD not in done.output
    assert awx.tokens == set()


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (
            {"CONTROLLER_OAUTH_TOKEN": "wrong-secret"},
            "AWX: Invalid authentication credentials for /api/v2/organizations/",
        ),
        ({"CONTROLLER_HOST": "http://127.0.0.1:9"}, "AWX: There was a network error|AWX: There was an unknown error"),
        ({"CONTROLLER_HOST": ""}, "^CONTROLLER_HOST is empty; say where AWX is, by CONTROLLER_HOST or by "),
        ({"CONTROLLER_HOST": None}, "^AWX: .*https://127.0.0.1/.*; say where AWX is, by CONTROLLER_HOST or by "),
    ],
)
def test_without_access_there_is_one_error(
    run: Callable[..., Any], environment: dict[str, str | None], message: str
) -> None:
    failed = run("awx", LEAST, env=environment)
    assert failed.rc != 0
    assert re.search(message, failed.registered["awx_planned"]["msg"]), failed.output
    assert "wrong-secret" not in failed.output


def test_it_says_where_the_modules_come_from(
    awx: AwxDouble, run: Callable[..., Any], tmp_path: Path, collections_path: Path
) -> None:
    alone = tmp_path / "alone/ansible_collections/rlops"
    alone.mkdir(parents=True)
    (alone / "autoscale").symlink_to(collections_path / "ansible_collections/rlops/autoscale")
    failed = run("awx", LEAST, env={"ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "alone")})
    assert failed.rc != 0
    assert "ansible-galaxy collection install awx.awx:24.6.1" in failed.registered["awx_planned"]["msg"]
    assert awx.writes == []
