# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only the backend compose has to show: both programs, the article's template, what of a project is left alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from ansible_collections.rlops.autoscale.tests.conftest import require_binary
from ansible_collections.rlops.autoscale.tests.tools.docker_daemon import docker
from ansible_collections.rlops.autoscale.tests.tools.ports import free_block

from .scenario import Scenario
from .scenario_compose import ComposeCopiesScenario, ComposeScenario

pytestmark = pytest.mark.slow

MakeScenario = Callable[[str], Scenario]

#: The article's: it counts, and knows nothing of instances.
ARTICLE = """\
version: "3"
services:
{% for i in range(1, instance_count + 1) %}
  app{{ i }}:
    image: IMAGE
    ports:
      - "127.0.0.1:{{ first + i }}:8080"
    environment:
      UNHEALTHY: UNHEALTHY_FILE
{% endfor %}
"""


@pytest.fixture
def cluster(make_scenario: MakeScenario) -> ComposeScenario:
    """A cluster of a template's services."""
    return cast(ComposeScenario, make_scenario("compose"))


@pytest.fixture
def copies(make_scenario: MakeScenario) -> ComposeCopiesScenario:
    """A cluster of a service's copies."""
    return cast(ComposeCopiesScenario, make_scenario("compose_copies"))


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Function: without("docker", ...) lets these programs fail, as a Docker client does that has no Compose."""

    def hide(*programs: str) -> None:
        for program in programs:
            path = tmp_path / "bin" / program
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"#!/bin/sh\necho \"{program}: 'compose' is not a docker command.\" >&2\nexit 1\n")
            path.chmod(0o755)
        found_first = os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]])
        monkeypatch.setattr(ComposeScenario, "environment", lambda _self: {"PATH": found_first})

    return hide


@pytest.mark.parametrize("backend", ["compose", "compose_copies"])
def test_the_older_docker_compose_does_as_well(
    make_scenario: MakeScenario, without: Callable[..., None], backend: str
) -> None:
    require_binary("docker-compose")
    without("docker")
    scenario = cast(ComposeScenario, make_scenario(backend))
    scenario.reach(1)
    there = scenario.running()
    run = scenario.reach(3)
    assert there.items() <= scenario.running().items()
    assert len({i["port"] for i in run.result["instances"]}) == 3
    labels = docker(scenario.daemon, "inspect", "--format", "{{json .Config.Labels}}", *there.values())
    assert '"com.docker.compose.version":"1.' in labels
    (kept,) = scenario.reach(1).result["instances"]
    assert scenario.running().keys() == {kept["name"]}


def test_without_either_program_it_is_said_what_is_needed(
    cluster: ComposeScenario, without: Callable[..., None]
) -> None:
    without("docker", "docker-compose")
    (failure,) = cluster.converge(1).result["failed_instances"]
    assert failure["reason"].startswith("docker compose, or docker-compose, is needed where the pool's modules run")


def test_the_articles_template_works_as_it_is_and_any_instance_may_go(cluster: ComposeScenario) -> None:
    first = free_block()
    cluster.template.write_text(cluster.written(ARTICLE))
    cluster.pool["variables"] = {"first": first}
    cluster.settings["autoscale_victim"] = "oldest"
    run = cluster.reach(3)
    assert [(i["name"], i["port"]) for i in run.result["instances"]] == [(f"chat-{i}", first + i) for i in (1, 2, 3)]
    there = cluster.running()
    cluster.reach(2)
    del there["chat-1"]
    assert cluster.running() == there
    cluster.reach(3)
    assert there.items() <= cluster.running().items()

    # A port that somebody else has is said, and nothing is left of the try.
    foreign = docker(cluster.daemon, "run", "--detach", f"--publish=127.0.0.1:{first + 4}:8080", cluster.image)
    try:
        (failure,) = cluster.converge(4).result["failed_instances"]
        assert "port is already allocated" in failure["reason"]
        assert cluster.containers("--all").keys() == {"chat-1", "chat-2", "chat-3"}
    finally:
        docker(cluster.daemon, "rm", "--force", foreign)


def test_what_the_template_would_make_otherwise_by_now_is_reported_and_left_alone(cluster: ComposeScenario) -> None:
    cluster.reach(1)
    there = cluster.running()
    cluster.pool["variables"] = {"x": "2"}
    run = cluster.reach(2)
    assert [i["outdated"] for i in run.result["instances"]] == [True, False]
    assert "1 with older settings of their pool" in run.result["message"]
    assert there.items() <= cluster.running().items()

    cluster.template.write_text("services: {% for %}")
    run = cluster.converge(2)
    assert not run.ok
    assert f"template: {cluster.template} cannot be used: " in run.output
    assert there.items() <= cluster.running().items()


def test_what_else_is_in_the_project_is_left_alone(copies: ComposeCopiesScenario) -> None:
    """Other services, what `run` has started, and other projects. What runs of the service already is taken over."""
    compose = ["compose", "--file", str(copies.file)]
    docker(copies.daemon, *compose, "--project-name=chat-compose", "up", "--detach")
    docker(copies.daemon, *compose, "--project-name=chat-compose", "run", "--detach", "app")
    docker(copies.daemon, *compose, "--project-name=other", "up", "--detach", "app")
    (by_hand,) = copies.running()

    run = copies.reach(1)
    assert [i["name"] for i in run.result["instances"]] == [by_hand]
    assert run.result["added"] == []
    copies.reach(2)
    copies.reach(0)
    assert copies.running() == {}
    services = '{{.Label "com.docker.compose.project"}} {{.Label "com.docker.compose.service"}}'
    left = docker(copies.daemon, "ps", "--format", services).splitlines()
    assert sorted(left) == ["chat-compose app", "chat-compose other", "other app"]
    docker(copies.daemon, *compose, "--project-name=other", "down", "--timeout=0")


def test_copies_of_an_older_definition_are_reported_once_there_is_a_newer_one(copies: ComposeCopiesScenario) -> None:
    copies.reach(1)
    (old,) = copies.running()
    copies.file.write_text(copies.file.read_text().replace("environment: {", "environment: {x: y, "))
    run = copies.reach(2)
    assert {i["name"]: i["outdated"] for i in run.result["instances"]} == {
        name: name == old for name in copies.running()
    }


def test_with_tls(cluster: ComposeScenario) -> None:
    with cluster.behind_tls():
        cluster.reach(1)
    assert cluster.running().keys() == {"chat-1"}
