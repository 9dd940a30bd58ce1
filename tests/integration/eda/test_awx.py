# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ansible-rulebook asks of AWX when an alert comes. The AWX is a stub, see launch_stub.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ansible_collections.rlops.autoscale.tests.tools.rulebook_runner import TOKEN, rulebook
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

from .launch_stub import TOKEN as CONTROLLER_TOKEN
from .launch_stub import controller
from .test_alerts import payload

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    ("launch", "kind", "given"),
    [
        ("job", "job_template", {"autoscale_deadline", "autoscale_triggered_at"}),
        ("workflow", "workflow_job_template", {"autoscale_triggered_at"}),
    ],
)
def test_a_template_is_launched_once_for_the_cluster_of_the_alert(
    launch: str,
    kind: str,
    given: set[str],
    tmp_path: Path,
    ansible_env: dict[str, str],
    require_binary: Callable[[str], str],
) -> None:
    require_binary("java")
    with controller("scale at once") as awx:
        environment = {
            "AUTOSCALE_EDA_TOKEN": TOKEN,
            "EDA_CONTROLLER_URL": awx.url,
            "EDA_CONTROLLER_TOKEN": CONTROLLER_TOKEN,
            "EDA_JOB_TEMPLATE_REFRESH_DELAY": "0.1",
        }
        with rulebook(
            "rlops.autoscale.autoscale_awx",
            tmp_path,
            ansible_env | environment,
            arguments=[],
            autoscale_eda_launch=launch,
            autoscale_eda_template=awx.name,
        ) as book:
            began = datetime.now(UTC)
            assert book.post(payload(note="no cluster")) == 202
            for cluster in ("chat", "chat", "1e3"):  # a name that reads as a number stays one
                assert book.post(payload(cluster=cluster, note="{{ lookup('pipe', 'id') }}")) == 202
            wait_for(lambda: len(awx.launched) >= 2)
            time.sleep(2)
            assert sorted(request["limit"] for _kind, request in awx.launched) == ["1e3", "chat"], book.output()
            for launched, request in awx.launched:
                assert launched == kind
                assert request.keys() == {"limit", "extra_vars"}
                assert request["extra_vars"].keys() == given
                at = datetime.fromisoformat(request["extra_vars"]["autoscale_triggered_at"])
                assert abs((at - began).total_seconds()) < 30
            assert awx.problems == []
