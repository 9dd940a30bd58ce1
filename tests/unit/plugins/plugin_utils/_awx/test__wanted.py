# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What options ask for, and which of them are refused."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import SettingError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._kinds import MARKED

CLUSTERS = {f"c{number}": {} for number in range(12)}


def one(wished: Any, kind: str, name: str) -> Any:
    (found,) = (each for each in wished.of(kind) if each.name == name)
    return found


def test_the_least_that_is_needed_is_enough(wished: Any) -> None:
    made = wished()
    assert [each.name for each in made.of("job_templates")] == [
        *(
            "autoscale",
            "autoscale recommend",
            "autoscale decide",
            "autoscale act",
            "autoscale scale",
            "autoscale approve",
            "autoscale backtest",
        ),
    ]
    assert [each.name for each in made.of("schedules")] == ["autoscale, each minute"]
    assert all(each.arguments["description"].endswith("[rlops.autoscale.awx: autoscale]") for each in made.objects)


def test_each_object_uses_only_what_is_made_before_it(wished: Any) -> None:
    made = wished(
        environment={"RL_STATE_URI": "redis://x"},
        execution_environment={"image": "ee:1"},
        notifications=[{"name": "on-call", "configuration": {"url": "https://hooks.example.org"}}],
    )
    before: set[tuple[str, str]] = set()
    for wanted in made.objects:
        assert set(wanted.uses) <= before, wanted
        before.add((wanted.kind, wanted.name))
    places = [MARKED.index(each.kind) for each in made.objects]
    assert {kind for kind, _name in before} == set(MARKED)
    # The removal goes the other way, kind by kind; credentials come with their types.
    assert [place for place in places if place > MARKED.index("credentials")] == sorted(
        place for place in places if place > MARKED.index("credentials")
    )


@pytest.mark.parametrize(
    ("environment", "in_facts"),
    [({}, True), ({"RL_METRICS_TOKEN": "x"}, True), ({"RL_STATE_URI": "x"}, False), ({"RL_STATE_DIR": "/x"}, False)],
)
def test_facts_are_kept_where_state_is_nowhere_else(wished: Any, environment: dict[str, str], in_facts: bool) -> None:
    made = wished(environment=environment)
    assert one(made, "job_templates", "autoscale").arguments["use_fact_cache"] is in_facts
    assert one(made, "job_templates", "autoscale act").arguments["use_fact_cache"] is in_facts
    assert one(made, "job_templates", "autoscale backtest").arguments["use_fact_cache"] is False


def test_a_variable_of_the_environment_has_a_credential_of_its_own_type(wished: Any) -> None:
    made = wished(environment={"RL_STATE_URI": "secret-1", "RL_STATE_DIR": "/state"})
    uri, directory = (one(made, "credential_types", f"autoscale {name}") for name in ("RL_STATE_URI", "RL_STATE_DIR"))
    assert uri.arguments["injectors"] == {"env": {"RL_STATE_URI": "{{ value }}"}}
    assert uri.arguments["inputs"]["fields"][0]["secret"] is True
    assert directory.arguments["inputs"]["fields"][0]["secret"] is False
    assert one(made, "job_templates", "autoscale scale").arguments["credentials"] == [
        "autoscale RL_STATE_DIR",
        "autoscale RL_STATE_URI",
    ]
    assert "secret-1" not in repr(made)


def test_forks_suffice_for_the_clusters_of_a_slice(wished: Any) -> None:
    def forks(template: str, **given: Any) -> Any:
        return one(wished(clusters=CLUSTERS, **given), "job_templates", template).arguments["forks"]

    assert forks("autoscale") == 12
    assert forks("autoscale", slices=2) == 6
    assert forks("autoscale", slices=3) == 5
    assert forks("autoscale", slices=3, forks=2) == 2
    assert forks("autoscale scale", slices=2) == 12  # not sliced
    assert forks("autoscale", templates={"autoscale": {"forks": 7}}) == 7


def test_only_what_runs_over_all_clusters_is_sliced(wished: Any) -> None:
    made = wished(clusters=CLUSTERS, slices=4)
    slices = {each.name: each.arguments["job_slice_count"] for each in made.of("job_templates")}
    assert slices == {
        "autoscale": 4,
        "autoscale recommend": 4,
        "autoscale decide": 4,
        "autoscale act": 4,
        "autoscale scale": 1,
        "autoscale approve": 1,
        "autoscale backtest": 1,
    }


def test_the_group_runs_where_the_job_does(wished: Any) -> None:
    made = wished(cluster_variables={"ansible_connection": "ansible.builtin.local", "colour": "blue"})
    assert one(made, "groups", "autoscaled").arguments["variables"] == {
        "ansible_connection": "ansible.builtin.local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "autoscale_deadline": 45,
        "colour": "blue",
    }


def test_nodes_are_made_last_one_first(wished: Any) -> None:
    def nodes(made: Any) -> list[tuple[str, Any]]:
        links = ("success_nodes", "always_nodes")
        return [(node.name, {link: node.arguments[link] for link in links if link in node.arguments}) for node in made]

    # A cluster for which `decide` fails does not keep the others from what was decided for them.
    decide = ("decide", {"always_nodes": ["approve"]})
    assert nodes(wished().nodes) == [("act", {}), ("approve", {}), ("approve", {"success_nodes": ["act"]}), decide]
    assert nodes(wished(workflow={"approval": False}).nodes) == [("act", {}), ("decide", {"always_nodes": ["act"]})]


def test_a_template_has_variables_of_its_own_that_options_go_before(wished: Any) -> None:
    def extra(name: str, **given: Any) -> Any:
        return one(wished(**given), "job_templates", f"autoscale {name}").arguments["extra_vars"]

    assert extra("backtest") == {"report": ""}
    assert extra("recommend") == {"autoscale_mode": "recommend"}
    own = {"report": "page.html", "days": 3}
    assert extra("backtest", templates={"backtest": {"extra_vars": own}}) == own


def test_people_are_told_of_what_they_asked_for(wished: Any) -> None:
    made = wished(
        notifications=[
            {"name": "on-call", "configuration": {"url": "https://hooks.example.org"}},
            {
                "name": "chat",
                "type": "slack",
                "configuration": {"token": "x", "channels": ["ops"]},
                "events": ["success", "started"],
                "templates": ["scale"],
            },
        ]
    )
    scale = one(made, "job_templates", "autoscale scale").arguments
    assert scale["notification_templates_success"] == scale["notification_templates_started"] == ["autoscale chat"]
    assert scale["notification_templates_error"] == ["autoscale on-call"]
    workflow = one(made, "workflow_job_templates", "autoscale workflow").arguments
    assert workflow["notification_templates_approvals"] == ["autoscale on-call"]
    assert workflow["notification_templates_success"] == []


def test_who_hears_of_a_workflow_hears_of_a_decide_that_has_failed(wished: Any) -> None:
    hook = {
        "name": "x",
        "configuration": {"url": "https://x"},
        "events": ["error", "success"],
        "templates": ["workflow"],
    }

    def told(event: str, **given: Any) -> dict[str, list[str]]:
        made = wished(notifications=[hook], **given)
        templates = [*made.of("job_templates"), *made.of("workflow_job_templates")]
        everybody = {each.name: each.arguments[f"notification_templates_{event}"] for each in templates}
        return {name: hooks for name, hooks in everybody.items() if hooks}

    assert told("error") == {"autoscale decide": ["autoscale x"], "autoscale workflow": ["autoscale x"]}
    assert told("success") == {"autoscale workflow": ["autoscale x"]}
    assert told("error", workflow={"enabled": False}) == {}


@pytest.mark.parametrize(
    ("given", "longest"),
    [
        ({}, 45),
        ({"clusters": {"chat": {"autoscale_deadline": 12.5}}}, 13),
        ({"templates": {"autoscale": {"timeout": 3600}}}, 3525),
        ({"templates": {"autoscale": {"timeout": 60}}}, 0),
    ],
)
def test_who_starts_the_loop_cannot_ask_for_more_than_its_timeout_allows(
    wished: Any, given: dict[str, Any], longest: int
) -> None:
    loop = one(wished(**given), "job_templates", "autoscale").arguments
    (_triggered, deadline) = loop["survey_spec"]["spec"]
    assert (deadline["variable"], deadline["max"]) == ("autoscale_deadline", longest)
    assert deadline["max"] <= loop["timeout"]


def test_a_person_may_answer_a_cluster_that_waits(wished: Any) -> None:
    made = one(wished(clusters={"chat": {}, "push": {}}), "job_templates", "autoscale approve").arguments
    which, operation, count, minutes = made["survey_spec"]["spec"]
    assert (made["playbook"], made["use_fact_cache"]) == ("approve.yml", True)
    assert (which["variable"], which["choices"], which["required"]) == ("cluster", "chat\npush", True)
    assert (operation["variable"], operation["choices"], operation["default"]) == (
        *("operation", "approve\nrefuse", "approve"),
    )
    assert (count["variable"], count["required"], "default" in count) == ("instance_count", False, False)
    assert (minutes["variable"], minutes["default"]) == ("approval_minutes", 60)


def test_a_person_may_scale_the_clusters_that_there_are(wished: Any) -> None:
    (which, count, minutes) = one(
        wished(clusters={"chat": {}, "push": {}}), "job_templates", "autoscale scale"
    ).arguments["survey_spec"]["spec"]
    assert (which["variable"], which["choices"], which["required"]) == ("cluster", "chat\npush", True)
    assert (count["variable"], count["type"], count["required"]) == ("instance_count", "integer", True)
    assert (minutes["variable"], minutes["default"]) == ("pin_minutes", 60)


def test_variables_are_plain(wished: Any) -> None:
    class Text(str):
        __slots__ = ()

    made = wished(clusters={"chat": {"note": Text("{{ what is not for now }}")}})
    found = one(made, "hosts", "chat").arguments["variables"]["note"]
    assert (found, type(found)) == ("{{ what is not for now }}", str)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"clusters": {}}, "clusters: the variables of at least one cluster"),
        ({"clusters": {"a:b": {}}}, "clusters.a:b: a name of at most 100 letters"),
        ({"clusters": {5: {}}}, "clusters.5: a name of at most 100 letters, .* and not a number"),
        ({"clusters": {"_chat": {}}}, "clusters._chat: .* the first one a letter or digit"),
        ({"clusters": {"c" * 101: {}}}, "clusters.c+.*: a name of at most 100"),
        *(
            ({"clusters": {group: {}}}, f"clusters.{group}: another name is expected, since {group} is a group")
            for group in ("all", "ungrouped", "autoscaled")
        ),
        (
            {"clusters": {"a-b": {}, "a_b": {}}},
            "clusters.a_b: its decisions would have the same name in AWX as those of a-b",
        ),
        ({"clusters": {"chat": "big"}}, "clusters.chat: variables are expected, got big"),
        (
            {"clusters": {"chat": {"autoscale_max_instanses": 3}}},
            "clusters.chat: autoscale_max_instanses: there is no such setting; did you mean autoscale_max_instances",
        ),
        ({"cluster_variables": {"autoscale_pool": []}}, "cluster_variables: autoscale_pool: there is no such setting"),
        (
            {"templates": {"recommend": {"extra_vars": {"autoscale_mod": "act"}}}},
            "templates.recommend.extra_vars: autoscale_mod: there is no such setting",
        ),
        ({"organization": " "}, "organization: a name is expected"),
        ({"organization": "12"}, "organization: a name that is not a number"),
        ({"organization": "a++b"}, "organization: a name that is not a number and has no"),
        ({"prefix": "x]"}, "prefix: up to 64 letters"),
        ({"project": None}, "project: scm_url, local_path, or the name of what is there, is expected, got nothing"),
        ({"project": {}}, "project: scm_url, local_path, or the name"),
        ({"project": {"scm_url": "x", "local_path": "y"}}, "project: either scm_url or local_path"),
        ({"project": {"scm_url": "x", "name": "autoscale"}}, "project.name: two objects would have the name autoscale"),
        ({"execution_environment": {}}, "execution_environment: an image, or the name"),
        ({"environment": {"ANSIBLE_CONFIG": "x"}}, "environment.ANSIBLE_CONFIG: AWX lets no credential set"),
        ({"environment": {"PATH": "x"}}, "environment.PATH: AWX lets no credential set"),
        ({"environment": {"A B": "x"}}, "environment.A B: the name of an environment variable"),
        ({"environment": {"RL_STATE_URI": ""}}, "environment.RL_STATE_URI: a value is expected, got nothing"),
        ({"slices": 0}, "slices: a whole number of at least 1 is expected, got 0"),
        ({"forks": 0}, "forks: a whole number of at least 1 is expected, got 0"),
        ({"templates": {"act": {"timeout": 0}}}, "templates.act.timeout: a whole number of at least 1"),
        ({"templates": {"act": {"enabled": False}}}, "workflow: templates.act is expected to be enabled"),
        ({"workflow": {"approval_timeout": 0}}, "workflow.approval_timeout: 1 to 3600 seconds are expected"),
        ({"workflow": {"approval_timeout": 7200}}, "workflow.approval_timeout: 1 to 3600 seconds .* got 7200"),
        (
            {"schedules": [{"template": "autoscale"}], "templates": {"autoscale": {"enabled": False}}},
            r"schedules\[0\].template: autoscale is not enabled",
        ),
        (
            {"schedules": [{"template": "backtest", "unit": "days"}] * 2},
            "schedules: two objects would have the name autoscale backtest, each day",
        ),
        (
            {"notifications": [{"name": "x", "configuration": {}}]},
            r"notifications\[0\].configuration.url: where AWX shall send it",
        ),
        (
            {"notifications": [{"name": "x", "configuration": {"url": "x", "http_method": "GET"}}]},
            r"notifications\[0\].configuration.http_method: POST or PUT",
        ),
        (
            {"notifications": [{"name": "x", "configuration": {"url": "x", "headers": "none"}}]},
            r"notifications\[0\].configuration.headers: a dictionary is expected",
        ),
        (
            {"notifications": [{"name": "x", "configuration": {"url": "x", "token": "y"}}]},
            r"notifications\[0\].configuration.token: there is no such option",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(wished: Any, given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=f"^{message}"):
        wished(**given)
