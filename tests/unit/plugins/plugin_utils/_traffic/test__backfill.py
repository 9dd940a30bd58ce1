# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of the past is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._traffic import _backfill
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._policies._policy_helpers import settings_of

DAY_S = 86400.0


@pytest.mark.parametrize(
    ("policy", "season", "days"),
    [
        ("shadow_q", DAY_S, 1.0),
        ("shadow_q", 3600.0, 1.0),
        ("shadow_q", 7 * DAY_S, pytest.approx(7.14)),
        ("seasonal", 7 * DAY_S, pytest.approx(7.14)),
        ("holt_winters", 0.0, 1.0),
    ],
)
def test_a_day_is_asked_for_or_a_longer_season_and_some(policy: str, season: float, days: float) -> None:
    assert _registry.get(policy).past_days(settings_of(policy, season=season)) == days


def test_a_policy_without_a_season_asks_for_a_day() -> None:
    assert _registry.get("predictive").past_days(settings_of("predictive")) == 1.0


@pytest.mark.parametrize(("given", "taken"), [(None, 7.14), (3.0, 3.0)])
def test_what_a_person_says_comes_first(given: float | None, taken: float) -> None:
    history: dict[str, Any] = {"trace": None, "prometheus_url": "http://prometheus:9090", "query": "up", "days": given}
    assert _backfill.source_of({"history": history}, {}, 7.14) == history | {"days": taken}
