# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A double of AWX: NOT the real one. As much of the API of AWX 24.6.1 as the modules of awx.awx need here; no job runs.

It keeps books of objects, and checks requests as the serializers and views of AWX 24.6.1 do: names that are taken,
related objects that are not there, values of the wrong kind, variables that credentials may not set, rules of
schedules, playbooks that a project does not have. It is stricter in one thing: a field that AWX does not know is
refused, where AWX ignores it. What it refuses is noted in ``refused``, so that a test can tell whether something was
asked in vain.

`python awx_double.py URL...` runs one with these repositories, to try playbooks with.
"""

from __future__ import annotations

import base64
import copy
import itertools
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._spec import PLAYBOOKS
from ansible_collections.rlops.autoscale.tests.tools import awx_rules as rules
from ansible_collections.rlops.autoscale.tests.tools.awx_rules import RefusedError
from ansible_collections.rlops.autoscale.tests.tools.awx_schema import APPROVALS, RESOURCES, STARTED, Field, Resource
from ansible_collections.rlops.autoscale.tests.tools.json_server import JsonServer

USER, PASSWORD, TOKEN = "admin", "password-of-the-double", "token-of-the-double"
VERSION = "24.6.1"

_API = "/api/v2/"
_PAGE, _PAGE_MAX = 25, 200

Record = dict[str, Any]


@dataclass(frozen=True)
class Write:
    """A request that changed something."""

    method: str
    path: str  # below /api/v2/
    body: Any = None


class AwxDouble:
    """A server on loopback, until ``close``. What is in ``repositories`` and ``directories`` can become a project."""

    def __init__(self) -> None:
        self.repositories: dict[str, set[str]] = {}  # URL -> playbooks
        self.directories: dict[str, set[str]] = {}  # path below the projects' directory -> playbooks
        self.writes: list[Write] = []
        self.refused: list[str] = []
        #: Objects that a job uses: (kind, id) -> how often removing them is refused. The last time, the job has ended,
        #: and AWX still reads its output.
        self.busy: dict[tuple[str, int], int] = {}
        #: Objects that whoever asks may not remove.
        self.forbidden: set[tuple[str, int]] = set()
        #: How many requests AWX takes to remove an inventory, once it has been told.
        self.removal_takes = 2
        self.tokens: set[int] = set()
        self._books: dict[str, dict[int, Record]] = {kind: {} for kind in RESOURCES}
        self._links: dict[tuple[str, int, str], list[int]] = {}
        self._secrets: dict[tuple[str, int, str], Any] = {}
        self._updates: dict[int, Record] = {}
        self._going: dict[int, int] = {}  # inventories -> requests until they are gone
        self._ids = itertools.count(1)
        self._lock = threading.RLock()
        self._server = JsonServer(self.answer, {"X-API-Product-Name": "AWX", "X-API-Product-Version": VERSION})
        self.url = self._server.url
        self.close = self._server.close

    # What tests ask, and what other people do.

    @property
    def environment(self) -> dict[str, str]:
        """For the environment of the modules of awx.awx."""
        return {"CONTROLLER_HOST": self.url, "CONTROLLER_OAUTH_TOKEN": TOKEN, "CONTROLLER_VERIFY_SSL": "false"}

    def all(self, kind: str) -> list[Record]:
        """All objects of a kind, as the API shows them."""
        with self._lock:
            return [self.shown(kind, number) for number in self._books[kind]]

    def one(self, kind: str, name: str) -> Record:
        """The object of a name; fails where there is none or more than one."""
        (found,) = (each for each in self.all(kind) if each.get("name", each.get("identifier")) == name)
        return found

    def linked(self, kind: str, name: str, relation: str) -> list[str]:
        """The names of what an object is associated with."""
        with self._lock:
            to = RESOURCES[kind].relations[relation]
            numbers = self._links.get((kind, self.one(kind, name)["id"], relation), [])
            return [self._called(to, number) for number in numbers]

    def secret(self, kind: str, name: str, key: str) -> Any:
        """What the API does not show of an object."""
        return self._secrets[kind, self.one(kind, name)["id"], key]

    def picture(self) -> Record:
        """All that there is, for comparison: what the API shows, and what it does not."""
        with self._lock:
            shown = {f"{kind} {each['id']}": each for kind in RESOURCES for each in self.all(kind)}
            links = {" ".join(map(str, key)): list(numbers) for key, numbers in self._links.items() if numbers}
            secrets = {" ".join(map(str, key)): value for key, value in self._secrets.items()}
            return copy.deepcopy({**shown, "links": links, "secrets": secrets})

    def add(self, of_kind: str, /, **body: Any) -> int:
        """Somebody else makes something. Returns its id."""
        with self._lock:
            number: int = self._create(of_kind, body)
            return number

    def attach(self, kind: str, number: int, relation: str, other: int) -> None:
        """Somebody else associates two objects."""
        with self._lock:
            self._links.setdefault((kind, number, relation), []).append(other)

    def remove(self, kind: str, number: int) -> None:
        """Somebody else removes something."""
        with self._lock:
            self._drop(kind, number)

    def change(self, of_kind: str, number: int, /, **body: Any) -> None:
        """Somebody else changes something."""
        with self._lock:
            self._update(of_kind, number, body)

    # The protocol.

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        """Status and body of the answer to a request."""
        parts = urlsplit(target)
        with self._lock:
            try:
                self._let_go()
                path = _below_api(parts.path)
                content = json.loads(body) if body else {}
                if path[0] == "tokens":
                    return self._on_tokens(method, path[1:], headers)
                self._check_token(headers)
                query = parse_qsl(parts.query, keep_blank_values=True)
                status, result = self._route(method, path, query, content)
            except RefusedError as refusal:
                self.refused.append(f"{method} {target}: {refusal.body}")
                told = refusal.body
                return refusal.status, {"detail": told} if isinstance(told, str) else told
            if method != "GET":
                self.writes.append(Write(method, parts.path.removeprefix(_API), content))
            return status, result

    def _check_token(self, headers: Mapping[str, str]) -> None:
        given = headers.get("Authorization", "")
        if given not in {f"Bearer {TOKEN}", *(f"Bearer {TOKEN}-{number}" for number in self.tokens)}:
            raise RefusedError(401, "Authentication credentials were not provided.")

    def _on_tokens(self, method: str, path: list[str], headers: Mapping[str, str]) -> tuple[int, Any]:
        given = headers.get("Authorization", "")
        basic = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if given != basic:
            raise RefusedError(401, "Invalid username/password.")
        if method == "POST" and not path:
            number = next(self._ids)
            self.tokens.add(number)
            return 201, {"id": number, "type": "o_auth2_access_token", "token": f"{TOKEN}-{number}"}
        if method == "DELETE" and len(path) == 1 and int(path[0]) in self.tokens:
            self.tokens.discard(int(path[0]))
            return 204, None
        raise RefusedError(404, "Not found.")

    def _route(self, method: str, path: list[str], query: list[tuple[str, str]], content: Any) -> tuple[int, Any]:
        match method, path:
            case "GET", ["unified_job_templates"]:
                return 200, self._page("unified_job_templates", STARTED, query)
            case "GET", ["project_updates", number] if int(number) in self._updates:
                return 200, self._progress(int(number))
            case "GET", [kind] if kind in RESOURCES and kind != APPROVALS:
                return 200, self._page(kind, (kind,), query)
            case "POST", [kind] if kind in RESOURCES and not RESOURCES[kind].read_only:
                return 201, self.shown(kind, self._create(kind, content))
        if len(path) < 2 or path[0] not in RESOURCES or not path[1].isdigit():
            raise RefusedError(404, "The requested resource could not be found.")
        if int(path[1]) not in self._books[path[0]]:
            raise RefusedError(404, "Not found.")
        return self._on_object(method, path[0], int(path[1]), path[2:], query, content)

    def _on_object(
        self, method: str, kind: str, number: int, path: list[str], query: list[tuple[str, str]], content: Any
    ) -> tuple[int, Any]:
        match method, path:
            case "GET", []:
                return 200, self.shown(kind, number)
            case "PATCH", [] if not RESOURCES[kind].read_only:
                self._update(kind, number, content)
                return 200, self.shown(kind, number)
            case "DELETE", [] if not RESOURCES[kind].read_only:
                return self._delete(kind, number)
            case _, [relation] if relation in RESOURCES[kind].relations:
                return self._on_relation(method, (kind, number, relation), query, content)
            case _, ["survey_spec"] if "survey_spec" in RESOURCES[kind].pages:
                return 200, self._on_survey(method, kind, number, content)
            case "POST", ["create_approval_template"] if kind == "workflow_job_template_nodes":
                approval = self._create(APPROVALS, content)
                self._books[kind][number]["unified_job_template"] = approval
                return 201, self.shown(APPROVALS, approval)
            case "GET", ["playbooks"] if kind == "projects":
                return 200, sorted(self._playbooks(number))
            case "POST", ["update"] if kind == "projects":
                if not self._books[kind][number]["scm_type"]:
                    raise RefusedError(405, 'Method "POST" not allowed.')
                return 202, self._begin_update(number)
        raise RefusedError(404 if path else 405, f'Method "{method}" not allowed, or no such page.')

    # Reading.

    def shown(self, kind: str, number: int) -> Record:
        """An object as the API shows it."""
        resource, record = RESOURCES[kind], self._books[kind][number]
        url = f"{_API}{kind}/{number}/"
        related = {name: f"{url}{name}/" for name in (*resource.relations, *resource.pages)}
        for name, of in resource.fields.items():
            if of.to and record[name] is not None:
                related[name] = f"{_API}{self._kind_of(of, record[name])}/{record[name]}/"
        may = (kind, number) not in self.forbidden
        summary: Record = {"user_capabilities": {"edit": may, "delete": may}}
        if record.get("current_update"):
            summary["current_update"] = {"id": record["current_update"]}
        shown = {name: value for name, value in record.items() if name not in ("survey_spec", "current_update")}
        if resource.relations.keys() >= {"success_nodes"}:
            for relation in ("success_nodes", "failure_nodes", "always_nodes"):
                shown[relation] = self._links.get((kind, number, relation), [])
        base = {"id": number, "type": resource.type, "url": url, "related": related, "summary_fields": summary}
        return copy.deepcopy({**base, **shown})

    def _type_of_credential(self, kind: str, record: Record) -> Record | None:
        return self._books["credential_types"][record["credential_type"]] if kind == "credentials" else None

    def _page(self, endpoint: str, kinds: tuple[str, ...], query: list[tuple[str, str]]) -> Record:
        filters = [(name, value) for name, value in query if name not in ("page", "page_size")]
        plain = dict(query)
        size = min(int(plain.get("page_size", _PAGE)), _PAGE_MAX)
        page = int(plain.get("page", 1))
        common = set.intersection(*(_filters_of(kind) for kind in kinds))
        for name, _value in filters:
            field, _sep, lookup = name.removeprefix("or__").partition("__")
            if field not in common | {"type"} or lookup not in ("", "contains"):
                raise RefusedError(400, {"detail": f"{endpoint} have no field named '{name}'"})
        found = [
            self.shown(kind, number)
            for kind in kinds
            for number in self._books[kind]
            if self._passes(kind, number, filters)
        ]
        rest = found[(page - 1) * size :]
        following = urlencode([*filters, ("page", page + 1), ("page_size", size)])
        return {
            "count": len(found),
            "next": f"{_API}{endpoint}/?{following}" if len(rest) > size else None,
            "previous": None,
            "results": rest[:size],
        }

    def _passes(self, kind: str, number: int, filters: list[tuple[str, str]]) -> bool:
        """AWX wants all filters to hold; of those that begin with or__, one is enough."""
        either = [self._holds(kind, number, name[4:], value) for name, value in filters if name.startswith("or__")]
        each = [self._holds(kind, number, name, value) for name, value in filters if not name.startswith("or__")]
        return all(each) and (any(either) or not either)

    def _holds(self, kind: str, number: int, name: str, value: str) -> bool:
        resource, record = RESOURCES[kind], self._books[kind][number]
        name, _sep, lookup = name.partition("__")
        if name == "type" and not lookup:
            return resource.type == value
        if name in resource.relations and not lookup:
            return int(value) in self._links.get((kind, number, name), [])
        mine = number if name == "id" else record.get(name)
        if lookup == "contains":
            return value in str(mine)
        return mine is not None and str(mine) == value

    # Writing.

    def _create(self, kind: str, body: Any) -> int:
        resource = RESOURCES[kind]
        record = {name: copy.deepcopy(of.default) for name, of in resource.fields.items()}
        given = self._given(resource, body, new=True)
        for name, of in resource.fields.items():
            if of.required and given.get(name) in (None, ""):
                raise RefusedError(400, {name: ["This field is required."]})
        record |= given
        self._check(kind, None, record, given)
        number = next(self._ids)
        self._keep(kind, number, record, given)
        if kind == "projects" and record["scm_type"]:
            self._begin_update(number)
        return number

    def _update(self, kind: str, number: int, body: Any) -> None:
        before = self._books[kind][number]
        given = self._given(RESOURCES[kind], body, new=False)
        record = {**before, **given}
        self._check(kind, number, record, given)
        self._keep(kind, number, record, given)
        moved = any(before.get(name) != record.get(name) for name in ("scm_url", "scm_branch", "scm_type"))
        if kind == "projects" and record["scm_type"] and moved:
            self._begin_update(number)

    def _given(self, resource: Resource, body: Any, *, new: bool) -> Record:
        """The fields of a request that count, each of its kind."""
        if not isinstance(body, dict):
            raise RefusedError(400, "Invalid data. Expected a dictionary.")
        unknown = body.keys() - resource.fields.keys() - {"id", "type", "url", "related", "summary_fields"}
        if unknown:
            raise RefusedError(400, {name: ["AWX has no such field."] for name in sorted(unknown)})
        given = {}
        for name, value in body.items():
            of = resource.fields.get(name)
            if of is None or of.read_only or (of.fixed and not new):
                continue  # ignored, as by AWX
            given[name] = rules.valid(name, of, value)
            if of.to and given[name] is not None and not self._exists(of, given[name]):
                raise RefusedError(400, {name: [f'Invalid pk "{value}" - object does not exist.']})
        return given

    def _exists(self, of: Field, number: int) -> bool:
        return any(number in self._books[kind] for kind in of.kinds)

    def _kind_of(self, of: Field, number: int) -> str:
        return next(kind for kind in of.kinds if number in self._books[kind])

    def _called(self, kind: str, number: int) -> str:
        record = self._books[kind][number]
        return str(record.get("name", record.get("identifier")))

    def _check(self, kind: str, number: int | None, record: Record, given: Record) -> None:
        """What the serializers of AWX check beside the kinds of values."""
        resource = RESOURCES[kind]
        if kind == "job_templates" and record["project"]:
            record["organization"] = self._books["projects"][record["project"]]["organization"]
        for other, theirs in self._books[kind].items():
            if resource.unique and other != number and all(theirs[name] == record[name] for name in resource.unique):
                names = ", ".join(resource.unique)
                raise RefusedError(400, {"__all__": [f"{resource.type} with this {names} already exists."]})
        check = getattr(self, f"_check_{resource.type}", None)
        if check is not None:
            check(number, record, given)

    def _keep(self, kind: str, number: int, record: Record, given: Record) -> None:
        record, secrets = rules.encrypted(kind, record, self._type_of_credential(kind, record))
        for key, value in secrets.items():
            self._secrets[kind, number, key] = value
        self._books[kind][number] = record

    def _check_credential_type(self, number: int | None, record: Record, given: Record) -> None:
        if number is not None:
            in_use = any(each["credential_type"] == number for each in self._books["credentials"].values())
            if in_use and given.get("inputs", record["inputs"]) != self._books["credential_types"][number]["inputs"]:
                raise RefusedError(403, "Modifications to inputs are not allowed for credential types that are in use")
        rules.check_credential_type(record)

    def _check_credential(self, number: int | None, record: Record, _given: Record) -> None:
        if number is None and record["organization"] is None:
            raise RefusedError(400, {"detail": ["Missing 'user', 'team', or 'organization'."]})
        rules.check_credential(record, self._books["credential_types"][record["credential_type"]])

    def _check_execution_environment(self, number: int | None, record: Record, _given: Record) -> None:
        there = self._books["execution_environments"].get(number or 0, record)
        if record["organization"] != there["organization"]:
            raise RefusedError(400, {"organization": ["Cannot change the organization of an execution environment"]})
        if " " in record["image"]:
            raise RefusedError(400, {"image": ["is not a valid container image name."]})

    def _check_project(self, number: int | None, record: Record, _given: Record) -> None:
        rules.check_project(record)
        if not record["scm_type"]:
            taken = {each["local_path"] for other, each in self._books["projects"].items() if other != number}
            if record["local_path"] not in self.directories or record["local_path"] in taken:
                raise RefusedError(400, {"local_path": ["This path is already being used by another manual project."]})
            record["status"] = "ok"

    def _check_host(self, _number: int | None, record: Record, _given: Record) -> None:
        self._refuse_namesake("groups", record, "Group")

    def _check_group(self, _number: int | None, record: Record, _given: Record) -> None:
        self._refuse_namesake("hosts", record, "Host")

    def _refuse_namesake(self, kind: str, record: Record, what: str) -> None:
        for each in self._books[kind].values():
            if (each["name"], each["inventory"]) == (record["name"], record["inventory"]):
                raise RefusedError(400, {"__all__": [f"A {what} with that name already exists."]})

    def _check_notification_template(self, number: int | None, record: Record, _given: Record) -> None:
        rules.check_notification(record, number is not None)

    def _check_job_template(self, _number: int | None, record: Record, _given: Record) -> None:
        if record["project"] is None:
            raise RefusedError(400, {"project": ["This field is required."]})
        if not record["playbook"]:
            raise RefusedError(400, {"playbook": ["Must select playbook for project."]})
        if record["playbook"] not in self._playbooks(record["project"]):
            raise RefusedError(400, {"playbook": ["Playbook not found for project."]})
        if record["inventory"] is None and not record["ask_inventory_on_launch"]:
            message = "You must either set a default value or ask to prompt on launch."
            raise RefusedError(400, {"inventory": [message]})
        if record["forks"] > rules.MAX_FORKS:
            raise RefusedError(400, {"forks": [f"Maximum number of forks ({rules.MAX_FORKS}) exceeded."]})

    def _check_workflow_job_template_node(self, _number: int | None, record: Record, _given: Record) -> None:
        template = self._template(record["unified_job_template"])
        if template is not None:
            rules.check_prompts(template, record, ignore_required=True)

    def _check_schedule(self, _number: int | None, record: Record, _given: Record) -> None:
        rules.check_rrule(record["rrule"])
        template = self._template(record["unified_job_template"])
        if template is not None and template.get("scm_type") == "":
            raise RefusedError(400, {"unified_job_template": ["Manual Project cannot have a schedule set."]})
        if template is not None:
            rules.check_prompts(template, record, ignore_required=False)

    def _template(self, number: int | None) -> Record | None:
        return next((self._books[kind][number] for kind in STARTED if number in self._books[kind]), None)

    def _on_relation(
        self, method: str, link: tuple[str, int, str], query: list[tuple[str, str]], content: Any
    ) -> tuple[int, Any]:
        kind, _number, relation = link
        to = RESOURCES[kind].relations[relation]
        linked = self._links.setdefault(link, [])
        if method == "GET":
            results = [self.shown(to, other) for other in linked]
            return 200, {"count": len(results), "next": None, "previous": None, "results": results}
        if method != "POST" or not isinstance(content.get("id"), int):
            raise RefusedError(400, {"msg": '"id" field must be an integer.'})
        other = content["id"]
        if other not in self._books[to]:
            raise RefusedError(400, {"detail": f"{to} {other} does not exist."})
        if content.get("disassociate"):
            if other in linked:
                linked.remove(other)
        elif other not in linked:
            self._check_link(link, other)
            linked.append(other)
        return 204, None

    def _check_link(self, link: tuple[str, int, str], other: int) -> None:
        kind, number, relation = link
        if relation == "credentials":
            types = {self._books["credentials"][each]["credential_type"] for each in self._links[link]}
            if self._books["credentials"][other]["credential_type"] in types:
                raise RefusedError(400, {"error": "Cannot assign multiple credentials of one type."})
        if relation.endswith("_nodes"):
            if self._reaches(other, number):
                raise RefusedError(400, {"Error": "Cycle detected."})
            others = {"success_nodes", "failure_nodes", "always_nodes"} - {relation}
            if any(other in self._links.get((kind, number, name), []) for name in others):
                raise RefusedError(400, {"Error": "Relationship not allowed."})
            nodes = self._books[kind]
            if nodes[number]["workflow_job_template"] != nodes[other]["workflow_job_template"]:
                raise RefusedError(400, {"detail": "Node is of another workflow."})
        if relation in ("hosts", "children"):
            to = RESOURCES[kind].relations[relation]
            if self._books[kind][number]["inventory"] != self._books[to][other]["inventory"]:
                raise RefusedError(400, {"detail": "Host is of another inventory."})

    def _reaches(self, begin: int, end: int) -> bool:
        if begin == end:
            return True
        relations = ("success_nodes", "failure_nodes", "always_nodes")
        following = [
            each for name in relations for each in self._links.get(("workflow_job_template_nodes", begin, name), [])
        ]
        return any(self._reaches(each, end) for each in following)

    def _on_survey(self, method: str, kind: str, number: int, content: Any) -> Record:
        record = self._books[kind][number]
        if method == "POST":
            rules.check_survey(content)
            record["survey_spec"] = content
            return {}
        if method == "DELETE":
            record["survey_spec"] = {}
            return {}
        spec: Record = record["survey_spec"]
        return spec

    # Projects.

    def _playbooks(self, number: int) -> set[str]:
        project = self._books["projects"][number]
        if not project["scm_type"]:
            return self.directories.get(project["local_path"], set())
        return self.repositories.get(project["scm_url"], set()) if project["scm_revision"] else set()

    def _begin_update(self, number: int) -> Record:
        project = self._books["projects"][number]
        update = next(self._ids)
        project |= {"status": "pending", "current_update": update}
        self._updates[update] = {
            "id": update,
            "type": "project_update",
            "url": f"{_API}project_updates/{update}/",
            "project": number,
            "status": "pending",
            "failed": False,
            "finished": None,
            "event_processing_finished": False,
            "scm_revision": "",
        }
        return copy.deepcopy(self._updates[update])

    def _progress(self, number: int) -> Record:
        """Each time somebody looks, an update is one step further."""
        update = self._updates[number]
        if update["status"] == "pending":
            update["status"] = "running"
        elif update["status"] == "running":
            project = self._books["projects"][update["project"]]
            there = project["scm_url"] in self.repositories
            update |= {"status": "successful" if there else "failed", "failed": not there}
            update |= {"finished": "2026-01-01T00:00:00Z", "event_processing_finished": True}
            revision = f"revision-{len(self.repositories.get(project['scm_url'], ()))}" if there else ""
            update["scm_revision"] = revision
            project |= {"status": update["status"], "scm_revision": revision, "current_update": None}
        return copy.deepcopy(update)

    # Removing.

    def _delete(self, kind: str, number: int) -> tuple[int, Any]:
        if (kind, number) in self.forbidden:
            raise RefusedError(403, "You do not have permission to perform this action.")
        left = self.busy.get((kind, number), 0)
        if left:
            self.busy[kind, number] = left - 1
            if left == 1:
                raise RefusedError(403, "Related job is still processing events.")
            raise RefusedError(409, {"error": "Resource is being used by running jobs.", "active_jobs": []})
        in_use = any(each["credential_type"] == number for each in self._books["credentials"].values())
        if kind == "credential_types" and in_use:
            raise RefusedError(403, "Credential types that are in use cannot be deleted")
        if kind == "inventories":
            record = self._books[kind][number]
            if record["pending_deletion"]:
                raise RefusedError(400, {"error": "Inventory is already pending deletion."})
            record["pending_deletion"] = True
            self._going[number] = self.removal_takes
            for template in self._books["job_templates"].values():
                template["inventory"] = None if template["inventory"] == number else template["inventory"]
            return 202, None
        self._drop(kind, number)
        return 204, None

    def _let_go(self) -> None:
        for number in list(self._going):
            self._going[number] -= 1
            if self._going[number] < 0:
                del self._going[number]
                self._drop("inventories", number)

    def _drop(self, kind: str, number: int) -> None:
        """Remove an object, with what cannot be without it; others lose it."""
        record = self._books[kind].pop(number, None)
        if record is None:
            return
        if kind == "workflow_job_template_nodes" and record["unified_job_template"] in self._books[APPROVALS]:
            self._drop(APPROVALS, record["unified_job_template"])
        for key in [key for key in self._links if key[:2] == (kind, number)]:
            del self._links[key]
        for key in [key for key in self._secrets if key[:2] == (kind, number)]:
            del self._secrets[key]
        for (source, _id, relation), numbers in self._links.items():
            if RESOURCES[source].relations[relation] == kind and number in numbers:
                numbers.remove(number)
        for other, resource in RESOURCES.items():
            for name, of in resource.fields.items():
                if kind in of.kinds:
                    self._unlink(other, name, of, number)

    def _unlink(self, kind: str, name: str, of: Field, number: int) -> None:
        for other in [other for other, record in self._books[kind].items() if record[name] == number]:
            if of.cascades:
                self._drop(kind, other)
            else:
                self._books[kind][other][name] = None


def _filters_of(kind: str) -> set[str]:
    """What objects of a kind can be chosen by."""
    own = {"id", *RESOURCES[kind].fields, *RESOURCES[kind].relations}
    # All that AWX starts may have an image, in its books; not all show it.
    return own | {"execution_environment"} if kind in STARTED else own


def _below_api(path: str) -> list[str]:
    if not path.startswith(_API) or not path.endswith("/"):
        raise RefusedError(404, "The requested resource could not be found.")
    return path.removeprefix(_API).strip("/").split("/")


@contextmanager
def awx_double() -> Iterator[AwxDouble]:
    """One that runs until the block ends."""
    double = AwxDouble()
    try:
        yield double
    finally:
        double.close()


def main(repositories: list[str]) -> None:
    """One to try playbooks with: says what to export, and runs until it is interrupted."""
    with suppress(KeyboardInterrupt), awx_double() as double:
        double.repositories.update((url, {*PLAYBOOKS.values(), "fleet.yml"}) for url in repositories)
        for variable, value in double.environment.items():
            print(f"export {variable}={value}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1:])
