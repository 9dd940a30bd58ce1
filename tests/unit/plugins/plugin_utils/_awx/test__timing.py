# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Schedules fit to what they start, or are refused."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LOOP = {"template": "autoscale", "every": 1, "unit": "minutes"}


def group(wished: Any) -> dict[str, Any]:
    (found,) = wished.of("groups")
    variables: dict[str, Any] = found.arguments["variables"]
    return variables


def timeout(wished: Any, name: str = "autoscale") -> int:
    (found,) = (each for each in wished.of("job_templates") if each.name == name)
    seconds: int = found.arguments["timeout"]
    return seconds


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(every=st.integers(1, 60), overhead=st.integers(0, 4000), deadline=st.one_of(st.none(), st.integers(0, 4000)))
def test_no_job_outlasts_its_turn(wished: Any, every: int, overhead: int, deadline: int | None) -> None:
    variables = {} if deadline is None else {"autoscale_deadline": deadline}
    given = {"schedules": [LOOP | {"every": every}], "start_overhead": overhead, "cluster_variables": variables}
    try:
        made = wished(**given)
    except OptionError:
        assert 60 * every < overhead + (deadline or 0)
        return
    found = group(made)["autoscale_deadline"]
    assert found == (60 * every - overhead if deadline is None else deadline)
    assert found + overhead <= 60 * every
    assert timeout(made) >= found


def test_the_shortest_interval_counts(wished: Any) -> None:
    schedules = [
        LOOP | {"every": 5, "name": "at night"},
        LOOP | {"every": 2, "name": "by day"},
        LOOP | {"name": "off", "enabled": False},
    ]
    assert group(wished(schedules=schedules))["autoscale_deadline"] == 105


def test_without_a_schedule_the_deadline_is_its_default(wished: Any) -> None:
    made = wished(schedules=[])
    assert "autoscale_deadline" not in group(made)
    assert timeout(made) == 50 + 75


def test_a_cluster_and_a_template_go_before_the_group(wished: Any) -> None:
    with pytest.raises(OptionError) as raised:
        wished(clusters={"chat": {}, "push": {"autoscale_deadline": 50}})
    assert str(raised.value) == (
        "schedules[0]: autoscale is started each 60 s and takes up to 65 s, which are autoscale_deadline of push (50) "
        "and start_overhead (15): jobs would queue up. Expected is an autoscale_deadline of at most 45, or a longer "
        "interval"
    )
    extra = {"autoscale": {"extra_vars": {"autoscale_deadline": 30}}}
    assert timeout(wished(clusters={"chat": {}, "push": {"autoscale_deadline": 50}}, templates=extra)) == 30 + 75


def test_a_deadline_has_to_be_a_number(wished: Any) -> None:
    with pytest.raises(
        OptionError, match=r"^clusters.chat.autoscale_deadline: a number of seconds is expected, got soon"
    ):
        wished(clusters={"chat": {"autoscale_deadline": "soon"}})


def test_a_workflow_ends_before_the_next_one(wished: Any) -> None:
    schedules = [{"template": "workflow", "every": 15}]
    wished(schedules=schedules, workflow={"approval_timeout": 885})
    wished(schedules=schedules, workflow={"approval": False})
    with pytest.raises(OptionError, match=r"^schedules\[0\]: the workflow is started each 900 s .* at most 885"):
        wished(schedules=schedules, workflow={"approval_timeout": 886})


def test_only_one_of_those_that_decide_is_scheduled(wished: Any) -> None:
    workflow = {"template": "workflow", "every": 30}
    with pytest.raises(
        OptionError, match=r"^schedules\[1\]: autoscale and workflow would decide for the same clusters"
    ):
        wished(schedules=[LOOP, workflow])
    wished(schedules=[LOOP | {"enabled": False}, workflow])
    wished(schedules=[LOOP, LOOP | {"name": "twice"}, {"template": "backtest", "unit": "days"}])


def test_a_rule_by_hand_counts_as_well(wished: Any) -> None:
    rule = "DTSTART:20260101T000000Z RRULE:FREQ=HOURLY;INTERVAL=1;BYMINUTE=0,2,4"
    made = wished(schedules=[{"template": "autoscale", "rrule": rule}])
    assert group(made)["autoscale_deadline"] == 45
    with pytest.raises(
        OptionError, match=r"^schedules\[0\].rrule: expected without other options of when, got every, too"
    ):
        wished(schedules=[{"template": "autoscale", "rrule": rule, "every": 2}])
    with pytest.raises(OptionError, match=r"^schedules\[0\].every: a whole number"):
        wished(schedules=[LOOP | {"every": 0}])


def test_a_negative_overhead_is_refused(wished: Any) -> None:
    with pytest.raises(OptionError, match=r"^start_overhead: 0 or more"):
        wished(start_overhead=-1)
