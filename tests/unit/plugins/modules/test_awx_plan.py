# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of awx_plan, the role's arguments and the example say what the spec does."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot_spec import SNAPSHOT_SPEC
from ansible_collections.rlops.autoscale.plugins.modules import awx_plan
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._spec import AWX_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._common_spec import COMMON_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._decision_spec import DECISION_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._spec import SCALING_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._settings import resolved

from .test_documentation import flat

ROOT = Path(__file__).resolve().parents[4]
ROLE = ROOT / "roles/awx"


def test_documented_options_are_the_specs() -> None:
    documented = yaml.safe_load(awx_plan.DOCUMENTATION)["options"]
    assert flat(documented, "suboptions") == flat(AWX_SPEC, "options")


def test_examples_and_results_are_yaml() -> None:
    tasks = yaml.safe_load(awx_plan.EXAMPLES)
    assert len(tasks) == 2
    assert {option for task in tasks for option in task["rlops.autoscale.awx_plan"]} <= AWX_SPEC.keys()
    assert yaml.safe_load(awx_plan.RETURN).keys() == {"plan", "remove", "missing", "kept"}


def test_the_roles_variables_are_its_options() -> None:
    specs = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]
    (call, *_rest) = yaml.safe_load((ROLE / "tasks/main.yml").read_text())
    passed = call["rlops.autoscale.awx_plan"].keys()
    variables = {name.removeprefix("awx_"): option for name, option in specs["main"]["options"].items()}
    assert passed == AWX_SPEC.keys() - {"state"}
    assert variables.keys() == passed | {"remove_patience"}
    for name in passed:
        kind = {key: AWX_SPEC[name].get(key) for key in ("type", "elements")}
        assert kind == {key: variables[name].get(key) for key in kind}, name
    assert specs["remove"]["options"].keys() <= specs["main"]["options"].keys()
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    assert defaults == {
        name: option["default"] for name, option in specs["main"]["options"].items() if "default" in option
    }


@pytest.mark.parametrize(
    ("message", "is_busy"),
    [
        ("Unable to delete job_template autoscale: Resource is being used by running jobs.", True),
        ("You don't have permission to DELETE to /api/v2/job_templates/9/ (HTTP 403).", True),
        ("Cannot make a request with the DELETE method to this endpoint /api/v2/notification_templates/9/", True),
        ("You don't have permission to GET to /api/v2/job_templates/ (HTTP 403).", False),
        ("Invalid authentication credentials for /api/v2/job_templates/9/ (HTTP 401).", False),
        ("Unable to delete inventory autoscale: Inventory is already pending deletion.", False),
    ],
)
def test_what_can_be_removed_in_a_moment_is_told_from_what_cannot(message: str, is_busy: bool) -> None:
    busy = yaml.safe_load((ROLE / "vars/main.yml").read_text())["awx_busy"]
    assert bool(re.search(busy, message)) is is_busy


def test_the_clusters_of_the_example_have_settings_that_there_are() -> None:
    example = yaml.safe_load((ROOT / "docs/examples/awx.yml").read_text().replace("!unsafe ", ""))
    for variables in example["awx_clusters"].values():
        settings = {**example["awx_cluster_variables"], **variables}
        given = {name.removeprefix("autoscale_"): value for name, value in settings.items()}
        spec = resolved({**COMMON_SPEC, **DECISION_SPEC, **SNAPSHOT_SPEC, **SCALING_SPEC}, given)
        assert ArgumentSpecValidator(deepcopy(spec)).validate(given).error_messages == []


def test_the_example_uses_variables_that_there_are() -> None:
    text = (ROOT / "docs/examples/awx.yml").read_text().replace("!unsafe ", "")
    example = yaml.safe_load(text)
    assert {name.removeprefix("awx_") for name in example} <= AWX_SPEC.keys()
    # What is only shown in comments, too.
    shown = yaml.safe_load("\n".join(line[2:] for line in text.splitlines() if line.startswith("# awx_")))
    assert {name.removeprefix("awx_") for name in shown} <= AWX_SPEC.keys()
    assert shown.keys() | example.keys() >= {"awx_slices", "awx_instance_groups", "awx_prefix", "awx_workflow"}
