# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What no single type can refuse."""

from __future__ import annotations

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._spec import SCALING_SPEC, settings_of
from ansible_collections.rlops.autoscale.plugins.plugin_utils._settings import resolved

DEFAULTS = {name: spec.get("default") for name, spec in resolved(SCALING_SPEC, {}).items()}
KNOWN = "{address}, {cluster}, {index}, {name}, {port}"


@pytest.mark.parametrize("option", ["health_url", "metrics_url", "drain_url"])
@pytest.mark.parametrize("place", ["{addres}", "{ port }", "{Port}"])
def test_an_unknown_placeholder_is_refused(option: str, place: str) -> None:
    with pytest.raises(OptionError) as refused:
        settings_of(DEFAULTS | {option: f"http://{{address}}:80/{place}"})
    assert str(refused.value) == f"{option}: {place} is no placeholder; there are {KNOWN}"


def test_known_placeholders_and_other_braces_are_taken() -> None:
    url = 'http://{address}:{port}/{cluster}/{name}/{index}?match[]={job="chat"}'
    assert settings_of(DEFAULTS | {"metrics_url": url}).min_instances == 1


@pytest.mark.parametrize("pools", [None, "local", [], [{}], ["local"], [{"backend": ["local"]}]])
def test_odd_pools_leave_the_error_to_the_validation(pools: object) -> None:
    assert set(resolved(SCALING_SPEC, {"pools": pools})["pools"]["options"]) == {"name", "backend", "max"}


def test_a_pool_has_the_options_of_its_backend_only() -> None:
    options = resolved(SCALING_SPEC, {"pools": [{"backend": "static"}]})["pools"]["options"]
    assert "endpoints" in options
    assert "command" not in options


def test_an_option_of_another_backend_is_refused() -> None:
    pools = [{"backend": "local", "command": "serve"}, {"backend": "static", "endpoints": [], "command": "serve"}]
    with pytest.raises(
        OptionError, match=r"^command: a pool of backend static has no such option; it has backend, end"
    ):
        resolved(SCALING_SPEC, {"pools": pools})


def test_an_unknown_backend_is_named_before_its_options_are_called_unknown() -> None:
    with pytest.raises(OptionError, match=r"^backend: expected one of .*custom, .*static, got cloud9$"):
        resolved(SCALING_SPEC, {"pools": [{"backend": "cloud9", "region": "eu"}]})
