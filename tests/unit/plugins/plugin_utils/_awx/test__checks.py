# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of clusters are those that alerts can have; slips of the pen are told."""

from __future__ import annotations

import re

import pytest
from ansible_collections.rlops.autoscale.extensions.eda.plugins.event_filter.normalise import main as normalise
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx import _checks
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._checks import clusters_of
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._spec import AWX_SPEC
from hypothesis import example, given
from hypothesis import strategies as st

NAMES = st.from_regex(r"[A-Za-z0-9_.:-]{1,105}", fullmatch=True) | st.text(max_size=5)


def is_accepted(name: str) -> bool:
    try:
        clusters_of({"clusters": {name: {}}, "cluster_variables": {}}, ())
    except OptionError:
        return False
    return True


@given(name=NAMES)
@example(name="all")
@example(name="ungrouped")
@example(name="autoscaled")
@example(name="_chat")
@example(name="1_0")
@example(name="c" * 100)
@example(name="c" * 101)
def test_an_alert_of_each_cluster_gets_through(name: str) -> None:
    through = normalise({"alert": {"labels": {"cluster": name}}}).get("cluster") == name
    # What Python reads as a number, such as 1_0, too, the modules of awx.awx take for an id.
    assert is_accepted(name) == (through and not re.fullmatch(r"[0-9]+(_[0-9]+)*", name))


def test_plain_names_are_accepted() -> None:
    assert all(is_accepted(name) for name in ("chat", "Chat-2.eu_west", "1e3", "c" * 100))


@pytest.mark.parametrize("variable", ["awx_shedules", "awx_organisation", "awx_template", "awx_cluster_variable"])
def test_a_slip_of_the_pen_in_a_variable_of_the_role_is_told(variable: str) -> None:
    with pytest.raises(OptionError, match=f"{variable}: there is no such variable; did you mean awx_"):
        _checks.refuse_misspelt(["awx_schedules", variable], AWX_SPEC)


def test_variables_of_others_may_begin_as_the_role_s() -> None:
    of_jobs = [
        "job_id",
        "job_template_id",
        "job_template_name",
        "job_launch_type",
        "user_id",
        "user_name",
    ]
    of_jobs += ["inventory_id", "inventory_name", "schedule_id", "schedule_name", "workflow_job_id", "project_revision"]
    of_role = ["planned", "removed", "busy", "notification_defaults", "remove_patience", "remove_pause"]
    _checks.refuse_misspelt(["inventory_hostname", *(f"awx_{name}" for name in (*of_jobs, *of_role))], AWX_SPEC)
