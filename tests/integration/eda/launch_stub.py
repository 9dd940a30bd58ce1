# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stub of AWX: as much of its API as ansible-rulebook needs to launch a template and wait for its end.

It is no AWX. It runs nothing: each job has ended at once. It checks the requests: the token, their form, and that there
is no field that AWX does not know; `problems` has what was wrong. It answers as AWX 24.6.1 does, with the fields that
are read. Its templates are as the role `awx` makes them: they ask for the limit, and of variables let through those of
their survey. What else it is sent, AWX leaves out of a job, and refuses for a workflow; so does the stub.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._surveys import SURVEYS
from ansible_collections.rlops.autoscale.tests.tools.json_server import JsonServer

TOKEN = "controller-token"
_LAUNCHED = {"job_template": "jobs", "workflow_job_template": "workflow_jobs"}
#: Of an API of AWX, what may be in a launch, and its type.
_FIELDS = {"extra_vars": dict, "limit": str, "labels": list, "inventory": int}
#: Of these, what the role's templates ask for, or may have in their survey.
_ASKED = ("limit", "extra_vars")
_SURVEYS = {
    "job_template": SURVEYS["autoscale"](["chat"], 45)["spec"],
    "workflow_job_template": SURVEYS["workflow"](["chat"], 0)["spec"],
}


@dataclass
class Controller:
    """One template of each type, with the same name. What was launched, and what was wrong."""

    name: str
    url: str = ""
    launched: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # type of the template, and what it took
    problems: list[str] = field(default_factory=list)

    def answer(self, method: str, target: str, authorization: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and content of an answer."""
        if authorization != f"Bearer {TOKEN}":
            return self._problem(401, f"authorization {authorization!r}")
        parts = urlsplit(target)
        path, query = parts.path, parse_qs(parts.query)
        if (method, path) == ("GET", "/api/v2/config/"):
            return 200, {"version": "24.6.1"}
        if (method, path) == ("GET", "/api/v2/unified_job_templates/"):
            found = [self._template(kind) for kind in _LAUNCHED] if query == {"name": [self.name]} else []
            return 200, {"count": len(found), "next": None, "results": found}
        for kind, jobs in _LAUNCHED.items():
            if (method, path) == ("POST", f"/api/v2/{kind}s/1/launch/"):
                return self._launch(kind, body)
            if (method, path) == ("GET", f"/api/v2/{jobs}/") and query.keys() == {"id__in", "page_size"}:
                ended = [{"id": int(number), "status": "successful", "created": "2026-11-30T09:20:15Z", "artifacts": {}}
                         for number in query["id__in"][0].split(",")]  # fmt: skip
                return 200, {"count": len(ended), "next": None, "results": ended}
        return self._problem(404, f"{method} {target}")

    def _template(self, kind: str) -> dict[str, Any]:
        asks = {f"ask_{what}_on_launch": what in _ASKED for what in ("limit", "variables", "labels", "inventory")}
        more = {"summary_fields": {"organization": {"name": "Default"}}, "survey_enabled": True}
        related = {"launch": f"/api/v2/{kind}s/1/launch/"}
        return {"id": 1, "type": kind, "name": self.name, "related": related} | more | asks

    def _launch(self, kind: str, body: bytes) -> tuple[int, dict[str, Any]]:
        request = json.loads(body)
        wrong = [name for name, value in request.items() if not isinstance(value, _FIELDS.get(name, ()))]
        if wrong:
            return self._problem(400, f"{', '.join(wrong)} in {request}")
        variables, survey = request.get("extra_vars", {}), {each["variable"]: each for each in _SURVEYS[kind]}
        unfit = [text for name, question in survey.items() if (text := _unfit(question, variables))]
        if unfit:
            return self._problem(400, {"variables_needed_to_start": unfit})
        foreign = {name: value for name, value in variables.items() if name not in survey}
        ignored = {name: value for name, value in request.items() if name not in _ASKED}
        if foreign:
            ignored["extra_vars"] = foreign
        if ignored and kind == "workflow_job_template":
            return self._problem(400, dict.fromkeys(ignored, "not configured to prompt on launch"))
        taken = {name: value for name, value in request.items() if name in _ASKED}
        if variables:
            taken["extra_vars"] = {name: value for name, value in variables.items() if name in survey}
        self.launched.append((kind, taken))
        if ignored:
            self.problems.append(f"ignored: {ignored}")
        number = len(self.launched)
        return 201, {"id": number, "url": f"/api/v2/{_LAUNCHED[kind]}/{number}/", "ignored_fields": ignored}

    def _problem(self, status: int, what: str | dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.problems.append(f"{status}: {what}")
        return status, what if isinstance(what, dict) else {"detail": what}


def _unfit(question: dict[str, Any], variables: dict[str, Any]) -> str | None:
    """What AWX has against the answer to a question of a survey, of the types that there are here."""
    name = question["variable"]
    if name not in variables:
        return f"'{name}' value missing" if question["required"] else None
    value, is_text = variables[name], question["type"] == "text"
    if type(value) not in ((str,) if is_text else (int, float)):
        return f"Value {value} for '{name}' expected to be a {'string' if is_text else 'numeric type'}."
    size = len(value) if is_text else value
    if size < question.get("min", size):
        return f"'{name}' value {value} is too small (must be at least {question['min']})."
    if size > question.get("max", size):
        return f"'{name}' value {value} is too large (must be no more than {question['max']})."
    return None


@contextmanager
def controller(name: str) -> Iterator[Controller]:
    """One that has templates of this name, until the block ends."""
    state = Controller(name)

    def answer(method: str, target: str, headers: Message, body: bytes) -> tuple[int, dict[str, Any]]:
        if body and headers.get_content_type() != "application/json":
            state.problems.append(f"type {headers.get_content_type()}")
        return state.answer(method, target, headers.get("Authorization", ""), body)

    server = JsonServer(answer)
    state.url = server.url
    try:
        yield state
    finally:
        server.close()
