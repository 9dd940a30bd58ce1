# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The double of AWX answers as AWX 24.6.1 does. All that is expected here was seen of its real API.

To ask a real one, best one of no importance: set AUTOSCALE_AWX_URL, AUTOSCALE_AWX_TOKEN and AUTOSCALE_AWX_REPOSITORY, a
git repository with a playbook autoscale.yml in it, and run this file. What it makes there, it removes again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from ansible_collections.rlops.autoscale.tests.tools import awx_double as awx_double_module
from ansible_collections.rlops.autoscale.tests.tools.awx_double import TOKEN, awx_double

RULE = "DTSTART:20260101T000000Z RRULE:FREQ=MINUTELY;INTERVAL=1"
FIELD = {"id": "value", "label": "RL_X", "type": "string", "secret": True}


class Api:
    """AWX by plain requests. What is made here is removed in the end, the last one first."""

    def __init__(self, url: str, token: str, repository: str) -> None:
        self._url = f"{url}/api/v2/"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"
        self._made: list[str] = []
        self.repository = repository
        #: At the end of names, which others in a real AWX do not have.
        self.own = uuid.uuid4().hex[:8]

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = self._session.request(method, f"{self._url}{path}", json=body, timeout=60)
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        return answer.status_code, answer.json() if is_json and answer.content else None

    def expect(self, status: int, method: str, path: str, body: Any = None) -> Any:
        """What is answered, with that status."""
        found, answer = self(method, path, body)
        assert found == status, (method, path, body, answer)
        return answer

    def make(self, endpoint: str, /, **body: Any) -> int:
        """A new object; returns its id."""
        made = self.expect(201, "POST", f"{endpoint}/", body)
        self._made.append(f"{endpoint}/{made['id']}/")
        number: int = made["id"]
        return number

    def organization(self) -> int:
        return self.make("organizations", name=f"organization {self.own}")

    def project(self, organization: int) -> int:
        """One that has been fetched."""
        url = {"scm_type": "git", "scm_url": self.repository}
        number = self.make("projects", name=f"project {self.own}", organization=organization, **url)
        end = time.monotonic() + 300
        while (project := self.expect(200, "GET", f"projects/{number}/"))["status"] != "successful":
            assert time.monotonic() < end, project["status"]
            update = project["summary_fields"].get("current_update", project["summary_fields"].get("current_job"))
            if update:
                self.expect(200, "GET", f"project_updates/{update['id']}/")
            time.sleep(0.05)
        return number

    def template(self) -> tuple[int, int, int]:
        """A job template: ids of organization, inventory and template."""
        organization = self.organization()
        inventory = self.make("inventories", name=f"inventory {self.own}", organization=organization)
        project = self.project(organization)
        given = {"project": project, "inventory": inventory, "playbook": "autoscale.yml"}
        return organization, inventory, self.make("job_templates", name=f"template {self.own}", **given)

    def close(self) -> None:
        for path in reversed(self._made):
            with suppress(requests.RequestException):
                self("DELETE", path)


@pytest.fixture
def api() -> Iterator[Api]:
    """The double, or a real AWX where one is named."""
    url = os.environ.get("AUTOSCALE_AWX_URL")
    if url:
        real = Api(url, os.environ["AUTOSCALE_AWX_TOKEN"], os.environ["AUTOSCALE_AWX_REPOSITORY"])
        yield real
        real.close()
        return
    with awx_double() as double:
        double.repositories["https://git.example.org/x.git"] = {"autoscale.yml"}
        yield Api(double.url, TOKEN, "https://git.example.org/x.git")


def test_organizations(api: Api) -> None:
    number = api.organization()
    assert api.expect(200, "GET", f"organizations/{number}/")["summary_fields"]["user_capabilities"]["delete"] is True
    api.expect(400, "POST", "organizations/", {"name": f"organization {api.own}"})
    api.expect(400, "POST", "organizations/", {})
    api.expect(404, "GET", "organizations/999999999/")


def test_credential_types_and_credentials(api: Api) -> None:
    organization = api.organization()

    def kind(**other: Any) -> dict[str, Any]:
        injectors = {"env": {"RL_X": "{{ value }}"}}
        return {
            "name": f"type {api.own}",
            "kind": "cloud",
            "inputs": {"fields": [FIELD]},
            "injectors": injectors,
            **other,
        }

    for injected in ({"ANSIBLE_CONFIG": "{{ value }}"}, {"PATH": "{{ value }}"}, {"RL_X": "{{ other }}"}):
        api.expect(400, "POST", "credential_types/", kind(injectors={"env": injected}))
    api.expect(400, "POST", "credential_types/", kind(kind="ssh"))
    api.expect(400, "POST", "credential_types/", kind(inputs={"fields": [{"id": "1x", "label": "x"}]}, injectors={}))
    api.expect(400, "POST", "credential_types/", kind(inputs={"fields": [], "more": 1}, injectors={}))
    number = api.make("credential_types", **kind())
    api.expect(400, "POST", "credential_types/", kind())

    def credential(**other: Any) -> dict[str, Any]:
        own = {"name": f"credential {api.own}", "organization": organization, "credential_type": number}
        return {**own, "inputs": {"value": "secret"}, **other}

    ownerless = {name: value for name, value in credential().items() if name != "organization"}
    api.expect(400, "POST", "credentials/", ownerless)
    api.expect(400, "POST", "credentials/", credential(inputs={"valu": "secret"}))
    api.expect(400, "POST", "credentials/", credential(credential_type=999999999))
    made = api.make("credentials", **credential())
    assert api.expect(200, "GET", f"credentials/{made}/")["inputs"] == {"value": "$encrypted$"}
    # What made it necessary to have a type for each variable.
    other = {"inputs": {"fields": [{**FIELD, "label": "other"}]}}
    api.expect(403, "PATCH", f"credential_types/{number}/", other)
    api.expect(403, "DELETE", f"credential_types/{number}/")
    api.expect(200, "PATCH", f"credential_types/{number}/", {"description": "other"})


def test_inventories_hosts_and_groups(api: Api) -> None:
    organization = api.organization()
    api.expect(400, "POST", "inventories/", {"name": f"inventory {api.own}"})
    nothing = {"kind": None, "host_filter": None}
    inventory = api.make("inventories", name=f"inventory {api.own}", organization=organization, **nothing)
    assert api.expect(200, "GET", f"inventories/{inventory}/")["kind"] == ""
    host = api.make("hosts", name="chat", inventory=inventory, variables='{"a": 1}')
    api.expect(400, "POST", "hosts/", {"name": "chat", "inventory": inventory})
    api.expect(400, "POST", "hosts/", {"name": "push", "inventory": inventory, "variables": "a: b: c"})
    api.expect(400, "POST", "hosts/", {"name": "push", "inventory": inventory, "variables": "[1]"})
    api.expect(400, "POST", "groups/", {"name": "chat", "inventory": inventory})
    group = api.make("groups", name="autoscaled", inventory=inventory)
    api.expect(204, "POST", f"groups/{group}/hosts/", {"id": host})
    api.expect(400, "POST", f"groups/{group}/hosts/", {"id": 999999999})
    assert [each["id"] for each in api.expect(200, "GET", f"groups/{group}/hosts/")["results"]] == [host]
    api.expect(202, "DELETE", f"inventories/{inventory}/")


def test_projects_and_job_templates(api: Api) -> None:
    organization = api.organization()
    name = f"project {api.own}"
    manual = {"name": name, "organization": organization, "scm_type": ""}
    api.expect(400, "POST", "projects/", {**manual, "local_path": "nowhere"})
    api.expect(400, "POST", "projects/", {**manual, "scm_update_on_launch": True})
    api.expect(400, "POST", "projects/", {**manual, "scm_type": "git"})
    api.expect(400, "POST", "projects/", {**manual, "scm_type": "cvs"})
    inventory = api.make("inventories", name=f"inventory {api.own}", organization=organization)
    project = api.project(organization)
    assert "autoscale.yml" in api.expect(200, "GET", f"projects/{project}/playbooks/")

    def template(**other: Any) -> dict[str, Any]:
        own = {"name": f"template {api.own}", "project": project, "inventory": inventory, "playbook": "autoscale.yml"}
        return {name: value for name, value in {**own, **other}.items() if value is not ...}

    refused = (
        {"playbook": "no.yml"},
        {"inventory": ...},
        {"project": ...},
        {"forks": -1},
        {"forks": 201},
        {"verbosity": 9},
    )
    for wrong in (*refused, {"inventory": 999999999}):
        api.expect(400, "POST", "job_templates/", template(**wrong))
    number = api.make("job_templates", **template(organization=organization))
    made = api.expect(200, "GET", f"job_templates/{number}/")
    assert made["organization"] == organization
    defaults = {"forks": 0, "job_slice_count": 1, "timeout": 0, "extra_vars": "", "verbosity": 0}
    switches = dict.fromkeys(("use_fact_cache", "allow_simultaneous", "survey_enabled"), False)
    assert {name: made[name] for name in defaults | switches} == defaults | switches
    api.expect(400, "POST", "job_templates/", template())
    api.expect(202, "DELETE", f"inventories/{inventory}/")
    assert api.expect(200, "GET", f"job_templates/{number}/")["inventory"] is None


def test_a_template_has_one_credential_of_a_type(api: Api) -> None:
    organization, _inventory, template = api.template()
    kind = {"kind": "cloud", "inputs": {"fields": [FIELD]}, "injectors": {}}
    number = api.make("credential_types", name=f"type {api.own}", **kind)
    own = {"organization": organization, "credential_type": number, "inputs": {"value": "x"}}
    first, second = (api.make("credentials", name=f"{name} {api.own}", **own) for name in ("first", "second"))
    api.expect(204, "POST", f"job_templates/{template}/credentials/", {"id": first})
    api.expect(400, "POST", f"job_templates/{template}/credentials/", {"id": second})
    api.expect(400, "POST", f"job_templates/{template}/credentials/", {"id": 999999999})
    found = api.expect(200, "GET", f"job_templates/?credentials={first}")
    assert [each["id"] for each in found["results"]] == [template]


def test_surveys(api: Api) -> None:
    _organization, _inventory, template = api.template()
    page = f"job_templates/{template}/survey_spec/"
    assert api.expect(200, "GET", page) == {}

    def survey(*questions: dict[str, Any]) -> dict[str, Any]:
        asked = {"variable": "v", "question_name": "q", "type": "text", "required": True}
        return {"name": "", "description": "", "spec": [{**asked, **question} for question in questions]}

    choice = {"type": "multiplechoice"}
    refused = (
        *([{"type": "date"}], [{"type": "integer", "default": "x"}], [{}, {}], []),
        *([choice], [{**choice, "choices": "a\nb", "default": "c"}]),
    )
    for wrong in refused:
        api.expect(400, "POST", page, survey(*wrong))
    api.expect(200, "POST", page, survey({}))
    assert api.expect(200, "GET", page) == survey({})
    # A schedule answers no question.
    schedule = {"name": f"schedule {api.own}", "unified_job_template": template, "rrule": RULE}
    api.expect(200, "PATCH", f"job_templates/{template}/", {"survey_enabled": True})
    api.expect(400, "POST", "schedules/", schedule)
    api.expect(200, "DELETE", page)


def test_schedules(api: Api) -> None:
    _organization, _inventory, template = api.template()
    given = {"unified_job_template": template}
    start, rule = RULE.split(" ")
    refused = {
        "secondly": RULE.replace("MINUTELY", "SECONDLY"),
        "no interval": RULE.replace(";INTERVAL=1", ""),
        "count": f"{RULE};COUNT=1000",
        "exdate": f"{RULE} EXDATE:20260101T000000Z",
        "rdate": f"{RULE} RDATE:20260101T000000Z",
        "numbered day": f"{start} RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=1MO",
        "naive": RULE.replace("Z ", " "),
        "zone": RULE.replace(start, "DTSTART;TZID=Mars:20260101T000000"),
        "no start": rule,
        "no rule": start,
        "count and until": f"{RULE};COUNT=3;UNTIL=20270101T000000Z",
        "no such part": f"{RULE};BYMOON=1",
        "no such hour": f"{RULE};BYHOUR=25",
        "garbage": "x",
    }
    for name, wrong in refused.items():
        api.expect(400, "POST", "schedules/", {**given, "name": f"{name} {api.own}", "rrule": wrong})
    name = f"schedule {api.own}"
    api.expect(400, "POST", "schedules/", {**given, "name": name, "rrule": RULE, "limit": "chat"})
    api.expect(400, "POST", "schedules/", {**given, "name": name, "rrule": RULE, "extra_data": {"a": 1}})
    number = api.make("schedules", name=name, rrule=RULE, **given)
    api.expect(400, "POST", "schedules/", {**given, "name": name, "rrule": RULE})
    found = api.expect(200, "GET", f"schedules/?unified_job_template={template}")
    assert [each["id"] for each in found["results"]] == [number]
    api.expect(204, "DELETE", f"job_templates/{template}/")
    api.expect(404, "GET", f"schedules/{number}/")


def test_workflows_and_approvals(api: Api) -> None:
    organization, _inventory, template = api.template()
    workflow = api.make("workflow_job_templates", name=f"workflow {api.own}", organization=organization)
    twice = {"name": f"workflow {api.own}", "organization": organization}
    api.expect(400, "POST", "workflow_job_templates/", twice)
    decide = {"identifier": "decide", "workflow_job_template": workflow, "unified_job_template": template}
    first = api.make("workflow_job_template_nodes", **decide)
    second = api.make("workflow_job_template_nodes", identifier="approve", workflow_job_template=workflow)
    api.expect(400, "POST", "workflow_job_template_nodes/", decide)
    page = f"workflow_job_template_nodes/{second}/create_approval_template/"
    approval = api.expect(201, "POST", page, {"name": "ok?", "timeout": 60, "description": "x"})["id"]
    # What the module of awx.awx asks for, where it is given an approval and what comes after it at once.
    api.expect(404, "GET", f"workflow_approval_templates/{approval}/success_nodes/")
    api.expect(204, "POST", f"workflow_job_template_nodes/{first}/success_nodes/", {"id": second})
    api.expect(400, "POST", f"workflow_job_template_nodes/{second}/success_nodes/", {"id": first})
    api.expect(400, "POST", f"workflow_job_template_nodes/{first}/always_nodes/", {"id": second})
    api.expect(200, "PATCH", f"workflow_approval_templates/{approval}/", {"timeout": 30})
    api.expect(204, "DELETE", f"job_templates/{template}/")
    assert api.expect(200, "GET", f"workflow_job_template_nodes/{first}/")["unified_job_template"] is None
    api.expect(204, "DELETE", f"workflow_job_templates/{workflow}/")
    api.expect(404, "GET", f"workflow_approval_templates/{approval}/")


def test_notifications(api: Api) -> None:
    organization, _inventory, template = api.template()
    good = {"url": "https://hooks.example.org", "headers": {}}

    def notification(configuration: Any = None, **other: Any) -> dict[str, Any]:
        own = {"name": f"hook {api.own}", "organization": organization, "notification_type": "webhook"}
        return {**own, "notification_configuration": configuration or good, **other}

    for wrong in ({"url": "x"}, {**good, "http_method": "GET"}, {**good, "url": 5}):
        api.expect(400, "POST", "notification_templates/", notification(wrong))
    api.expect(400, "POST", "notification_templates/", notification(notification_type="pigeon"))
    lost = {name: value for name, value in notification().items() if name != "organization"}
    api.expect(400, "POST", "notification_templates/", lost)
    number = api.make("notification_templates", **notification({**good, "password": "secret"}))
    shown = api.expect(200, "GET", f"notification_templates/{number}/")["notification_configuration"]
    more = {"http_method": "POST", "disable_ssl_verification": False, "username": "", "password": "$encrypted$"}
    assert shown == good | more
    api.expect(204, "POST", f"job_templates/{template}/notification_templates_error/", {"id": number})
    found = api.expect(200, "GET", f"unified_job_templates/?notification_templates_error={number}")
    assert [each["id"] for each in found["results"]] == [template]
    # So awx.awx asks for one without an organization: it finds nothing, and so removes nothing.
    assert api.expect(200, "GET", f"notification_templates/?organization=None&name=hook+{api.own}")["count"] == 0


def test_execution_environments(api: Api) -> None:
    organization = api.organization()
    name = f"image {api.own}"
    api.expect(400, "POST", "execution_environments/", {"name": name, "image": "a b"})
    number = api.make("execution_environments", name=name, image="registry.example.org/x:1", organization=organization)
    api.expect(400, "POST", "execution_environments/", {"name": name, "image": "registry.example.org/x:1"})
    other = api.make("organizations", name=f"other {api.own}")
    api.expect(400, "PATCH", f"execution_environments/{number}/", {"organization": other})
    assert api.expect(200, "GET", f"unified_job_templates/?execution_environment={number}")["count"] == 0
    api.expect(204, "DELETE", f"organizations/{organization}/")
    api.expect(404, "GET", f"execution_environments/{number}/")


def test_filters(api: Api) -> None:
    organization = api.organization()
    inventory = api.make("inventories", name=f"inventory {api.own}", organization=organization)
    host = api.make("hosts", name="chat", inventory=inventory, description="made by [me: x]")
    for query in (
        f"or__id={host}&or__name=zzz&inventory={inventory}",
        f"description__contains=[me: x]&inventory={inventory}",
    ):
        assert api.expect(200, "GET", f"hosts/?{query}")["count"] == 1
    for wrong in ("hosts/?nonsense=1", "hosts/?name__nonsense=1", "unified_job_templates/?playbook=x"):
        api.expect(400, "GET", wrong)
    for number in range(3):
        api.make("hosts", name=f"more-{number}", inventory=inventory)
    page = api.expect(200, "GET", f"hosts/?inventory={inventory}&page_size=3")
    assert (page["count"], len(page["results"])) == (4, 3)
    rest = api.expect(200, "GET", page["next"].removeprefix("/api/v2/"))
    assert (len(rest["results"]), rest["next"]) == (1, None)


def test_it_can_be_started_by_hand(collections_path: Path) -> None:
    command = [sys.executable, awx_double_module.__file__, "https://git.example.org/x.git"]
    with subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": str(collections_path)}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        exports = dict(next(process.stdout).removeprefix("export ").strip().split("=", 1) for _unused in range(3))
        token = {"Authorization": f"Bearer {exports['CONTROLLER_OAUTH_TOKEN']}"}
        answer = requests.get(f"{exports['CONTROLLER_HOST']}/api/v2/organizations/", headers=token, timeout=10)
        process.send_signal(signal.SIGINT)
    assert answer.json()["count"] == 0
    assert process.returncode == 0
