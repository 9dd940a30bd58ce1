# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What jobs tell each other beside the state."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils import _job
from ansible_collections.rlops.autoscale.plugins.plugin_utils._agent import ClusterSettings, Decision
from ansible_collections.rlops.autoscale.plugins.plugin_utils._guards import GuardSettings, Pin
from ansible_collections.rlops.autoscale.plugins.plugin_utils._job import Told
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import PolicySettings
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_800_000_000.0
DECISION = Decision(
    cluster="chat-eu",
    tick=7,
    at=NOW,
    mode="act",
    policy="erlang",
    current=2,
    ready=2,
    booting=0,
    target=5,
    reason="why",
    proposal={},
    bound_by=[],
    service_rate={},
    account=None,
)
TOLD = Told(generation=9, fence=4, target=5, act=True, at=NOW)

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)


def test_what_one_job_tells_the_next_understands() -> None:
    told = _job.stats(DECISION, generation=9, fence=4, act=True)
    assert told["data"].keys() == {"rlops_autoscale_chat_eu"}
    assert Told.of("chat-eu", told["data"]) == TOLD
    assert Told.of("chat", told["data"]) is None
    assert Told.of("chat_eu", told["data"]) is None, "its variable has the same name"


@given(ANYTHING, st.sampled_from([field.name for field in dataclasses.fields(Told)]), ANYTHING)
def test_a_variable_of_any_other_make_tells_nothing_or_numbers(said: Any, field: str, value: Any) -> None:
    for variable in (said, {"cluster": "chat", **dataclasses.asdict(TOLD), field: value}):
        told = Told.of("chat", {"rlops_autoscale_chat": variable})
        assert told is None or all(
            isinstance(getattr(told, part.name), int | float) for part in dataclasses.fields(Told)
        )
        if told:
            assert _job.outdated(told, {}, NOW)


@pytest.mark.parametrize(
    ("age", "late"),
    [(0, False), (-60, False), (45, False), (45.1, True), (3600, True)],
)
def test_a_trigger_is_good_for_some_ticks(age: float, late: bool) -> None:
    why_not = _job.too_old(NOW - age, 3, 15, NOW)
    assert (why_not is not None) is late
    if why_not:
        assert f"{age:.0f} s ago, which is more than 3 ticks of 15 s" in why_not


@pytest.mark.parametrize(
    ("generation", "told", "lost"),
    [
        (0, None, None),
        (9, TOLD, None),
        (10, TOLD, None),
        (8, TOLD, "generation 8 of the state of chat came back, though generation 9 was stored"),
        (0, TOLD, "no state of chat came back, though generation 9 was stored"),
    ],
)
def test_state_that_went_back_is_noticed(generation: int, told: Told | None, lost: str | None) -> None:
    assert _job.lost("chat", generation, told) == lost


@pytest.mark.parametrize(
    ("memory", "age", "why"),
    [
        ({}, 0, None),
        ({}, 3600, None),
        ({"lease": {"fence": 5}}, 0, "somebody has decided, pinned, taken over or carried it out since"),
        ({"lease": {}}, 0, "somebody has decided, pinned, taken over or carried it out since"),
        ({"decided": {"target": 5, "fence": 3}}, 0, "somebody has decided, pinned, taken over or carried it out since"),
        ({"decided": {}}, 0, "somebody has decided, pinned, taken over or carried it out since"),
        ({"decided": {"target": 3, "fence": 4}}, 0, "3 was decided, and not 5"),
        ({}, 3601, "it was decided at 2027-01-15 08:00:00 UTC, and holds for 60 minutes"),
        ({}, -1, "it was decided at 2027-01-15 08:00:00 UTC, and holds for 60 minutes"),
    ],
)
def test_only_the_last_decision_is_carried_out_and_only_while_it_holds(
    memory: dict[str, Any], age: float, why: str | None
) -> None:
    there = {"lease": {"fence": 4}, "decided": _job.remembered(5, 4), **memory}
    assert _job.outdated(TOLD, there, NOW + age) == why


@pytest.mark.parametrize(
    ("guards", "mode", "why"),
    [
        ({}, "act", None),
        ({"pin": Pin(5, None)}, "act", None),
        ({"pin": Pin(3, NOW - 1)}, "act", None),
        ({}, "recommend", "autoscale_mode is recommend"),
        ({"pin": Pin(3, None)}, "act", "autoscale_pin is 3"),
        ({"max_instances": 4}, "act", "it has from 1 to 4 instances"),
        ({"min_instances": 6}, "act", "it has from 6 to 10 instances"),
    ],
)
def test_what_settings_forbid_by_now_is_not_carried_out(guards: dict[str, Any], mode: str, why: str | None) -> None:
    limits = GuardSettings(**{"min_instances": 1, "max_instances": 10, **guards})
    policy = _registry.get("static")
    settings = ClusterSettings("chat-eu", policy, PolicySettings(), limits, mode)
    assert _job.overruled(5, settings, NOW) == why
