# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the modules for load balancers says what they do."""

from __future__ import annotations

from types import ModuleType

import pytest
import yaml
from ansible_collections.rlops.autoscale.plugins.module_utils._servers import row
from ansible_collections.rlops.autoscale.plugins.modules import haproxy_servers, nginx_upstream

from .test_documentation import flat


@pytest.mark.parametrize("module", [haproxy_servers, nginx_upstream])
def test_documented_options_and_results_are_the_real_ones(module: ModuleType) -> None:
    documentation = yaml.safe_load(module.DOCUMENTATION)
    assert flat(documentation["options"], "suboptions") == flat(module.SPEC, "options")
    returned = yaml.safe_load(module.RETURN)
    assert returned["servers"]["contains"].keys() == row({"address": "", "port": 1}, "absent").keys()
    name = module.__name__.rpartition(".")[2]
    for task in yaml.safe_load(module.EXAMPLES):
        assert task[f"rlops.autoscale.{name}"].keys() <= module.SPEC.keys()
