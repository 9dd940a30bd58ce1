# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract of all policies, the registry, and their documentation."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
import yaml
from ansible_collections.rlops.autoscale.plugins.doc_fragments.policies import ModuleDocFragment
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    Observation,
    Slo,
    default_options,
    target_of,
)
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._policies._policy_helpers import (
    propose,
    settings_of,
    snapshot,
)
from hypothesis import given
from hypothesis import strategies as st

NAMES = list(_registry.POLICIES)
MAYBE = st.none() | st.floats(0, 5000) | st.floats(0, 2.0**53)  # whatever a snapshot may hold
FIGURES = st.fixed_dictionaries(
    {
        "valid": st.booleans(),
        "p99_latency_s": st.none() | st.floats(0, 60),
        "queue_depth": MAYBE,
        "queue_total": MAYBE,
        "arrival_rate": MAYBE,
        "completion_rate": MAYBE,
        "answered": st.integers(0, 30),
        "expected": st.integers(0, 30),
    }
)
CLUSTERS = st.tuples(FIGURES, st.integers(0, 30), st.integers(0, 30), st.none() | st.integers(-3, 3), st.booleans())


def test_names_are_in_alphabetical_order_and_known() -> None:
    assert sorted(NAMES) == NAMES
    assert NAMES == [
        "dqn",
        "erlang",
        "holt_winters",
        "hpa",
        "kpa",
        "predictive",
        "q_learning",
        "seasonal",
        "shadow_q",
        "square_root",
        "static",
        "target_tracking",
    ]
    assert all(_registry.get(name).name == name for name in NAMES)


def test_an_unknown_policy_is_named_with_the_known_ones_and_the_likely_one() -> None:
    with pytest.raises(OptionError) as error:
        _registry.get("erlnag")
    assert error.value.option == "policy"
    assert all(name in str(error.value) for name in ("'erlnag'", *NAMES))
    assert str(error.value).endswith("did you mean erlang?")
    with pytest.raises(OptionError) as error:
        _registry.get("\x1bzzz")
    assert "did you mean" not in str(error.value)
    assert "\x1b" not in str(error.value)


@pytest.mark.parametrize("name", NAMES)
@given(st.lists(CLUSTERS, min_size=1, max_size=6))
def test_a_batch_is_pure_seeded_and_plain(name: str, clusters: list[tuple[Any, ...]]) -> None:
    """Any observations: same answers one by one, no plain memory changed, JSON memories, no negative counts."""
    policy = _registry.get(name)
    own: dict[str, Any] = {"count": 3} if name == "static" else {}
    settings = settings_of(name, **own)
    memories: list[dict[str, Any]] = [{} for _unused in clusters]
    for now in (1000.0, 1015.0):
        observations = [
            Observation(
                now,
                figures,
                max(ordered, ready),
                ready,
                service_rate=50.0 if ordered % 2 else None,
                taken=taken,
                explore=explore,
            )
            for figures, ordered, ready, taken, explore in clusters
        ]
        before = copy.deepcopy((memories, observations))

        def rngs(count: int) -> list[random.Random]:
            return [random.Random(i) for i in range(count)]

        live = [policy.load(memory) for memory in memories]
        proposals, live = policy.step(live, observations, [settings] * len(clusters), rngs(len(clusters)))
        after = [policy.dump(each) for each in live]
        assert (memories, observations) == before
        for i, rng in enumerate(rngs(len(clusters))):
            (alone,), (own,) = policy.step([policy.load(memories[i])], [observations[i]], [settings], [rng])
            assert (alone, policy.dump(own)) == (proposals[i], after[i])
        assert json.loads(json.dumps(after, allow_nan=False)) == after
        json.dumps([proposal.details for proposal in proposals], allow_nan=False)
        for proposal in proposals:
            assert proposal.reason
            assert proposal.count is None or (proposal.count >= 0 and isinstance(proposal.count, int))
        memories = after


@pytest.mark.parametrize("name", NAMES)
def test_sequences_of_different_length_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="zip"):
        _registry.get(name).step([{}], [], [], [])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "static"])
def test_an_invalid_snapshot_is_no_ground_for_an_opinion(name: str) -> None:
    observation = Observation(
        0.0, snapshot(valid=False, p99_latency_s=9.0, arrival_rate=900.0), 4, 4, service_rate=50.0
    )
    proposal, _unused = propose(name, {}, observation, settings_of(name))
    assert proposal.count is None


def test_static_needs_a_count() -> None:
    observation = Observation(0.0, snapshot(), 4, 4)
    static = _registry.get("static")
    (proposal,), _unused = static.step([{}], [observation], [settings_of("static", count=7)], [random.Random(0)])
    assert proposal.count == 7
    for count in (None, -1):
        with pytest.raises(OptionError, match=r"^static.count: "):
            static.step([{}], [observation], [settings_of("static", count=count)], [random.Random(0)])


def test_targets_come_from_the_option_or_the_slo() -> None:
    assert target_of("hpa", "queue_total", 7.0, Slo()) == 7.0
    assert target_of("hpa", "p99_latency_s", None, Slo(p99_latency=1.0)) == pytest.approx(0.65)
    for field, target, slo in (
        ("queue_total", None, Slo()),
        ("queue_depth", None, Slo(queue_depth=None)),
        ("queue_depth", 0.0, Slo()),
    ):
        with pytest.raises(OptionError, match=r"^hpa: "):
            target_of("hpa", field, target, slo)


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("dqn", "margin", -0.1),
        ("dqn", "violation_cost", float("nan")),
        ("erlang", "headroom", 0.0),
        ("erlang", "drain_time", 0.0),
        ("erlang", "hold", float("nan")),
        ("holt_winters", "phi", 1.1),
        ("holt_winters", "seasonal_periods", 1),
        ("hpa", "metrics", []),
        ("kpa", "target", 0.0),
        ("kpa", "max_scale_down_rate", 1.0),
        ("predictive", "scheduling_buffer", 3600.0),
        ("q_learning", "learning_rate", 1.1),
        ("q_learning", "epsilon", -0.1),
        ("q_learning", "queue_thresholds", [20.0, 10.0]),
        ("seasonal", "season", 0.0),
        ("square_root", "beta", -1.0),
        ("target_tracking", "scale_out_after", 0),
    ],
)
def test_an_option_that_makes_no_sense_is_named(name: str, option: str, value: Any) -> None:
    wrong: dict[str, Any] = {option: value}
    with pytest.raises(OptionError) as error:
        _registry.get(name).step(
            [{}], [Observation(0.0, snapshot(), 1, 1)], [settings_of(name, **wrong)], [random.Random(0)]
        )
    assert error.value.option == f"{name}.{option}"


def spec_of(documented: dict[str, Any]) -> dict[str, Any]:
    """What the documentation of an option says, in the form of an argument spec."""
    spec: dict[str, Any] = {
        key: documented[key] for key in ("type", "elements", "choices", "default", "required") if key in documented
    }
    if "suboptions" in documented:
        spec["options"] = {name: spec_of(option) for name, option in documented["suboptions"].items()}
    return spec


def without_apply_defaults(spec: dict[str, Any]) -> dict[str, Any]:
    """An argument spec less what documentation has no word for."""
    return {
        key: {name: without_apply_defaults(option) for name, option in value.items()} if key == "options" else value
        for key, value in spec.items()
        if key != "apply_defaults"
    }


def test_documentation_and_specs_agree() -> None:
    parts = (ModuleDocFragment.DOCUMENTATION, ModuleDocFragment.DQN, ModuleDocFragment.Q_LEARNING)
    documented = {name: option for part in parts for name, option in yaml.safe_load(part)["options"].items()}
    assert sorted(documented) == NAMES
    for name in NAMES:
        spec = {"type": "dict", "options": _registry.get(name).options}
        assert spec_of(documented[name]) == without_apply_defaults(spec)


def test_defaults_include_dicts_that_apply_theirs() -> None:
    defaults = default_options(_registry.get("hpa").options)
    assert defaults["scale_down"]["stabilization_window"] == 300.0
    assert defaults["metrics"][0]["field"] == "p99_latency_s"
