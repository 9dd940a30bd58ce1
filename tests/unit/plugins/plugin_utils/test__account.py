# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account of an agent that only recommends."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils import _account
from ansible_collections.rlops.autoscale.plugins.plugin_utils._account import Seen, advance, sentence, summary
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import PolicySettings, Slo
from hypothesis import given
from hypothesis import strategies as st

SETTINGS = PolicySettings()
NOON = 1_800_000_000.0 // 86400 * 86400 + 43200


def seen(place: int, ordered: int = 8, target: int = 4, rate: float = 100.0, **other: Any) -> Seen:
    """The tick `place`, 15 s after the one before: 4 instances are enough for 100/s, 2 cannot serve it."""
    figures = {"valid": True, "arrival_rate": rate, "p99_latency_s": 0.1, "queue_total": 0.0} | other
    return Seen(NOON + 15.0 * place, figures, ordered, ordered, target, 50.0)


def after(*ticks: Seen, settings: PolicySettings = SETTINGS) -> dict[str, Any]:
    memory: dict[str, Any] = {}
    for tick in ticks:
        memory = advance(memory, tick, settings)
    return memory


def test_an_hour_by_hand() -> None:
    found = summary(after(*[seen(place) for place in range(241)]))
    assert found is not None
    assert found["hours"] == pytest.approx(1.0)
    assert found["instance_hours"] == pytest.approx(8.0)
    assert found["instance_hours_recommended"] == pytest.approx(4.0)
    assert found["time_over_slo"] == found["time_over_slo_estimate"] == found["time_over_slo_recommended"] == 0.0
    assert found["estimate"] is True


def test_too_few_would_have_broken_the_slo_and_too_few_that_were_there_did() -> None:
    ours = summary(after(*[seen(place, target=2) for place in range(101)]))
    assert ours is not None
    assert ours["time_over_slo_recommended"] == 1.0
    assert ours["time_over_slo"] == ours["time_over_slo_estimate"] == 0.0
    theirs = summary(after(*[seen(place, ordered=2, target=8, p99_latency_s=3.0) for place in range(101)]))
    assert theirs is not None
    assert theirs["time_over_slo_recommended"] == 0.0
    assert theirs["time_over_slo"] == theirs["time_over_slo_estimate"] == 1.0


def test_what_the_agent_would_have_ordered_boots_first_and_works_its_backlog_off() -> None:
    """Three ticks too few, and the flood is over when they would have been ready."""
    calm, flood = (
        [seen(place, target=4) for place in range(10)],
        [seen(10 + place, target=12, rate=300.0) for place in range(20)],
    )
    memory = after(*calm, *flood)
    found = summary(memory)
    assert found is not None
    over = found["time_over_slo_recommended"] * found["hours"] * 3600 / 15.0
    assert 3 <= over <= 6, "the boot, and the backlog of it"
    assert memory["fleet"] == [[12] * 4, 0.0]


def test_a_pause_is_not_counted_as_time() -> None:
    found = summary(after(seen(0), seen(1000)))
    assert found is not None
    assert found["hours"] * 3600 == 45.0


@pytest.mark.parametrize(
    "tick",
    [
        seen(1, valid=False),
        seen(1, arrival_rate=None),
        seen(1, ordered=0, rate=0.0),
        seen(1, ordered=0, arrival_rate=None),
        Seen(NOON, seen(1).snapshot, 8, 8, 4, None),
    ],
)
def test_nothing_is_counted_without_data(tick: Seen) -> None:
    memory = after(seen(0))
    assert advance(memory, tick, SETTINGS) == memory
    assert summary(after(tick)) is None


def test_p99_is_over_its_slo_only_as_far_as_it_is_known() -> None:
    """Half of the ticks have no p99, a quarter of the others is over the SLO."""
    figures = [{"p99_latency_s": None if place % 2 else 3.0 if place % 8 == 0 else 0.1} for place in range(241)]
    found = summary(after(*[seen(place, **each) for place, each in enumerate(figures)]))
    assert found is not None
    assert found["hours"] == pytest.approx(1.0)
    assert found["measured_hours"] == pytest.approx(0.5)
    assert found["time_over_slo"] == pytest.approx(0.25)
    assert "p99 was over its SLO 25 % of the 0.5 h in which it is known (by the model 0 %)" in sentence(found)


def test_a_p99_that_is_never_known_is_not_taken_for_a_good_one() -> None:
    found = summary(after(*[seen(place, p99_latency_s=None) for place in range(241)]))
    assert found is not None
    assert found["time_over_slo"] is None
    assert found["measured_hours"] == 0.0
    assert "and p99 is not known (by the model it was over its SLO 0 % of the time); the agent" in sentence(found)


def test_where_nothing_arrives_nothing_is_over_and_no_p99_is_missing() -> None:
    found = summary(after(*[seen(place, rate=0.0, p99_latency_s=None) for place in range(241)]))
    assert found is not None
    assert (found["time_over_slo"], found["measured_hours"]) == (0.0, pytest.approx(1.0))


@pytest.mark.parametrize("ordered", [0, 3])
def test_an_outage_of_theirs_is_over_the_slo(ordered: int) -> None:
    fine = [seen(place) for place in range(121)]
    down = [replace(seen(121 + place, p99_latency_s=None), ready=0, ordered=ordered) for place in range(120)]
    found = summary(after(*fine, *down))
    assert found is not None
    assert found["hours"] == found["measured_hours"] == pytest.approx(1.0, rel=0.01)
    assert found["time_over_slo"] == found["time_over_slo_estimate"] == pytest.approx(0.5, rel=0.01)
    assert found["time_over_slo_recommended"] == 0.0
    free = PolicySettings(slo=Slo(None, None, None))
    assert (summary(after(*fine, *down, settings=free)) or {})["time_over_slo"] == 0.0, "there is none to break"


def test_an_outage_in_which_nothing_is_seen_counts_for_theirs_alone() -> None:
    fine = [seen(place) for place in range(121)]
    blind = [replace(seen(121 + place, valid=False, arrival_rate=None), ready=0) for place in range(120)]
    found = summary(after(*fine, *blind))
    assert found is not None
    assert found["hours"] == pytest.approx(0.5, rel=0.01), "what the agent would have had then is not known"
    assert found["measured_hours"] == pytest.approx(1.0, rel=0.01)
    assert found["time_over_slo"] == pytest.approx(0.5, rel=0.01)
    assert found["time_over_slo_estimate"] == 0.0
    assert summary(after(*blind)) is None


def test_an_account_that_an_earlier_version_has_written_is_read_on() -> None:
    memory = after(*[seen(place, p99_latency_s=3.0) for place in range(121)])
    for day in memory["days"]:
        del day["known"]
    assert (summary(memory) or {})["time_over_slo"] == pytest.approx(1.0)
    found = summary(advance(memory, seen(121, p99_latency_s=None), SETTINGS))
    assert found is not None
    assert found["measured_hours"] == pytest.approx(0.5)
    assert found["hours"] == pytest.approx(0.5 + 15 / 3600)


def test_a_week_is_kept_and_stays_small() -> None:
    memory: dict[str, Any] = {}
    for place in range(0, 10 * 5760, 3):
        memory = advance(memory, seen(place), SETTINGS)
    assert len(memory["days"]) == 7
    found = summary(memory)
    assert found is not None
    assert 6 * 24 < found["hours"] <= 7 * 24
    assert len(json.dumps(memory)) < 2000


def test_without_an_slo_nothing_is_over_it() -> None:
    found = summary(
        after(*[seen(place, target=1) for place in range(9)], settings=PolicySettings(slo=Slo(None, None, None)))
    )
    assert found is not None
    assert found["time_over_slo_recommended"] == 0.0


def test_it_is_told_in_a_sentence() -> None:
    found = summary(after(*[seen(place, ordered=2, target=8, p99_latency_s=3.0) for place in range(241)]))
    assert found is not None
    assert sentence(found) == (
        "in 1 h there were 2 instance-hours, and p99 was over its SLO 100 % of the time (by the model 100 %); "
        "the agent would have had 8, and 0 % (estimate)"
    )


@given(
    st.lists(
        st.builds(
            seen,
            st.integers(0, 10_000),
            st.integers(0, 50),
            st.integers(0, 50),
            st.floats(0, 1e6),
            p99_latency_s=st.none() | st.floats(0, 100),
            queue_total=st.none() | st.floats(0, 1e6),
        ),
        max_size=30,
    ),
    st.sampled_from(["shared", "per_instance"]),
)
def test_whatever_is_seen_figures_are_shares_and_plain(ticks: list[Seen], queueing: str) -> None:
    memory = after(*ticks, settings=PolicySettings(queueing=queueing))
    assert json.loads(json.dumps(memory, allow_nan=False)) == memory
    found = summary(memory)
    if found is not None:
        for name in ("time_over_slo", "time_over_slo_estimate", "time_over_slo_recommended"):
            assert found[name] is None or 0.0 <= found[name] <= 1.0 + 1e-9
        assert sentence(found)
    assert len(memory.get("days", [])) <= _account.DAYS
