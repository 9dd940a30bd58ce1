# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What no single type can refuse."""

from __future__ import annotations

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._spec import SCALING_SPEC, settings_of

DEFAULTS = {name: spec.get("default") for name, spec in SCALING_SPEC.items()}
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
