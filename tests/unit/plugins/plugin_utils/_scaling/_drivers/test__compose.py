# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The user's template, and what is made of it; the conformance suite has the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._compose import ComposeDriver, _said
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._compose_template import (
    ComposeTemplate,
    digest,
    image_of,
    label,
)

#: As the article has it: with a range, and without a loop over `instances`.
ARTICLE = """\
version: "3"
services:
{% for i in range(1, instance_count + 1) %}
  app{{ i }}:
    image: {{ image }}
    ports:
      - "{{ 3000 + i }}:3000"
{% endfor %}
"""

ONE = "services:\n  app1:\n    image: chat\n"


@pytest.fixture
def template(tmp_path: Path) -> Any:
    """Function: template(text, variables...)."""

    def make(text: str, **variables: Any) -> ComposeTemplate:
        path = tmp_path / "compose.yml.j2"
        path.write_text(text)
        return ComposeTemplate(str(path), "app", "chat", variables)

    return make


def test_the_template_of_its_page_works(template: Any) -> None:
    page = (Path(__file__).resolve().parents[6] / "docs" / "backends" / "compose.md").read_text()
    text = page.partition("```yaml\n")[2].partition("```")[0]
    made = template(text, version="1.4")
    assert made.service(made.document({1: 3001, 2: 3002}), 2) == {
        "image": "registry.example/chat:1.4",
        "init": True,
        "ports": ["127.0.0.1:3002:8080"],
        "environment": {"INSTANCE_NAME": "chat-2"},
    }


def test_a_template_with_a_range_makes_all_up_to_the_highest_index(template: Any) -> None:
    document = template(ARTICLE, image="chat:1").document({1: 20000, 4: 20003})
    assert list(document["services"]) == ["app1", "app2", "app3", "app4"]
    assert document["services"]["app4"] == {"image": "chat:1", "ports": ["3004:3000"]}


def test_a_template_gets_names_and_ports(template: Any) -> None:
    service = "app{{ i.index }}: {x: '{{ cluster }} {{ i.name }} {{ i.port }}'}"
    made = template("services:\n{% for i in instances %}\n  " + service + "\n{% endfor %}")
    document = made.document({3: 20002, 1: 20000})
    assert document["services"] == {"app1": {"x": "chat chat-1 20000"}, "app3": {"x": "chat chat-3 20002"}}
    assert made.service(document, 3) == {"x": "chat chat-3 20002"}


def test_scalars_are_read_as_docker_compose_reads_them(template: Any) -> None:
    text = "services: {app1: {a: yes, b: 22:22, c: 0755, d: 2026-01-01, e: true, f: 0.5, g: 7, h: ~, i: null, j: -1}}"
    made = template(text + "\nx: &x {k: 1}\ny: {<<: *x, l: 2}").document({1: 20000})
    expected = {"a": "yes", "b": "22:22", "c": "0755", "d": "2026-01-01"}
    assert made["services"]["app1"] == expected | {"e": True, "f": 0.5, "g": 7, "h": None, "i": None, "j": -1}
    assert made["y"] == {"k": 1, "l": 2}
    assert yaml.safe_load("a: yes") == {"a": True}, "PyYAML's own loader is left as it was"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{% for %}", "cannot be used: "),
        ("{{ hostname }}", "cannot be used: 'hostname' is undefined"),
        ("{{ ''.__class__ }}", "cannot be used: access to attribute '__class__'"),
        ("a: [", "cannot be used: "),
        ("a: !reset null", "cannot be used: "),
        ("just text", "expected a compose file with services"),
        ("services: [app1]", "expected a compose file with services"),
        ("services: {app1: {}, web: {}}", "expected the service app2 for the instance of index 2"),
        ("services: {app1: {}, app2: null}", "expected the service app2 for the instance of index 2"),
    ],
)
def test_a_template_that_is_of_no_use_is_one_clear_error(template: Any, text: str, message: str) -> None:
    with pytest.raises(OptionError) as error:
        template(text).document({1: 20000, 2: 20001})
    assert str(error.value).startswith("template: ")
    assert message in str(error.value)


def test_a_missing_template_is_said() -> None:
    with pytest.raises(OptionError, match=r"template: /nowhere\.j2 cannot be used: .*No such file"):
        ComposeTemplate("/nowhere.j2", "app", "chat", {}).document({})


def test_labels_are_added_to_those_that_are_there() -> None:
    for given in ({"team": "a"}, ["team=a"], None):
        service: dict[str, Any] = {"image": "chat"} if given is None else {"image": "chat", "labels": given}
        before = digest(service)
        label(service, {"pool": "a$b"})
        added = (
            service["labels"]
            if isinstance(service["labels"], list)
            else [f"{k}={v}" for k, v in service["labels"].items()]
        )
        assert added == ([] if given is None else ["team=a"]) + ["pool=a$$b"]
        assert digest(service) != before


def test_the_image_is_known_where_it_is_a_plain_name() -> None:
    assert image_of({"image": "chat:1"}) == "chat:1"
    assert image_of({"image": "chat:${TAG}"}) is None
    assert image_of({"build": "."}) is None


def driver(**options: Any) -> ComposeDriver:
    checked = ArgumentSpecValidator(ComposeDriver.options).validate(options)
    assert not checked.error_messages
    return ComposeDriver(Context("Chat", "near", checked.validated_parameters, lambda *_unused: {}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "template: expected a Jinja2 template of a compose file, or project_src, where your own file is"),
        ({"project_src": "/srv", "project_name": "Chat"}, "project_name: expected letters from a to z"),
        ({"project_src": "/srv", "service": "a b"}, "service: expected letters, digits"),
        ({"template": "/srv/x.j2", "port_range": "x"}, "port_range: expected two ports"),
    ],
)
def test_what_cannot_work_is_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as error:
        driver(**options)
    assert str(error.value).startswith(message)


def test_what_compose_says_of_a_failure_is_found() -> None:
    newer = " Container chat-app1-1  Starting\nError response from daemon: Bind for 127.0.0.1:23001 failed\n"
    older = "Creating chat_app1_1 ... error\n\nERROR: for app1  Cannot start service app1: why\nEncountered errors.\n"
    assert _said({"stderr": newer}) == "Error response from daemon: Bind for 127.0.0.1:23001 failed"
    assert _said({"stderr": older}) == "ERROR: for app1  Cannot start service app1: why"
    assert _said({"stderr": "no such service: app4\n"}) == "no such service: app4"
    assert _said({"stderr": "", "msg": "[Errno 2] No such file or directory: b'docker'"}).startswith("[Errno 2]")
