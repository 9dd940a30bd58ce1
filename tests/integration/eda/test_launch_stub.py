# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stub of AWX takes of a launch what AWX takes, with templates as the role makes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .launch_stub import TOKEN, Controller

AT = {"autoscale_triggered_at": "2026-11-30T09:20:15Z"}


def launch(kind: str, **request: Any) -> tuple[Controller, int, dict[str, Any]]:
    awx = Controller("autoscale")
    body = json.dumps(request).encode()
    status, answer = awx.answer("POST", f"/api/v2/{kind}s/1/launch/", f"Bearer {TOKEN}", body)
    return awx, status, answer


@pytest.mark.parametrize(
    ("kind", "variables"), [("job_template", AT | {"autoscale_deadline": 45}), ("workflow_job_template", AT)]
)
def test_what_the_survey_has_gets_through(kind: str, variables: dict[str, Any]) -> None:
    awx, status, answer = launch(kind, limit="chat", extra_vars=variables)
    assert (status, answer["ignored_fields"], awx.problems) == (201, {}, [])
    assert awx.launched == [(kind, {"limit": "chat", "extra_vars": variables})]


def test_a_job_is_started_without_the_rest_and_a_workflow_is_not_started() -> None:
    more = AT | {"autoscale_mode": "act"}
    awx, status, answer = launch("job_template", extra_vars=more, inventory=5)
    assert (status, answer["ignored_fields"]) == (201, {"extra_vars": {"autoscale_mode": "act"}, "inventory": 5})
    assert awx.launched == [("job_template", {"extra_vars": AT})]
    assert len(awx.problems) == 1
    awx, status, answer = launch("workflow_job_template", extra_vars=more, inventory=5)
    assert (status, answer.keys(), awx.launched) == (400, {"extra_vars", "inventory"}, [])


@pytest.mark.parametrize(
    "variables",
    [
        {"autoscale_deadline": 46},
        {"autoscale_deadline": -1},
        {"autoscale_deadline": "0"},
        {"autoscale_triggered_at": 1764494415},
        {"autoscale_triggered_at": "x" * 65},
    ],
)
def test_an_answer_that_does_not_fit_the_survey_is_refused(variables: dict[str, Any]) -> None:
    awx, status, answer = launch("job_template", extra_vars=variables)
    assert (status, answer.keys(), awx.launched) == (400, {"variables_needed_to_start"}, [])
