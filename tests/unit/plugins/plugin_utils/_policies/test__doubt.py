# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether users feel what the model says."""

from __future__ import annotations

from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import Observation
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._doubt import ENOUGH, TICKS, Doubt
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Service, p99_of

SERVICE = Service()
SAID = p99_of(SERVICE, 4, 100.0, 0.0)  # about 0.1 s: far from the SLO


def seen(p99: float | None, ready: int = 4, **figures: Any) -> Observation:
    snapshot = {"valid": True, "arrival_rate": 100.0, "p99_latency_s": p99, **figures}
    return Observation(0.0, snapshot, ready, ready)


def after(doubt: Doubt, *observations: Observation) -> Doubt:
    for observation in observations:
        doubt.look(SERVICE, observation)
    return doubt


def test_a_model_that_is_right_is_not_doubted() -> None:
    assert not after(Doubt(), *[seen(1.1 * SAID)] * 100).lasting
    assert not after(Doubt(), *[seen(3.0 * SAID, queue_total=60.0)] * 100).lasting, "what waits explains it"
    assert not after(Doubt(), *[seen(0.19)] * 100).lasting, "nobody is hurt"


def test_doubt_begins_with_half_of_the_ticks_and_ends_with_a_quarter() -> None:
    doubt = after(Doubt(), *[seen(0.5)] * ENOUGH)
    assert not doubt.lasting, "the first has none to compare with"
    after(doubt, seen(0.5))
    assert doubt.lasting
    assert "p99 of 0.5 s where the model says" in doubt.reason
    after(doubt, *[seen(0.1)] * 5)
    assert doubt.lasting
    after(doubt, *[seen(0.1)] * TICKS)
    assert not doubt.lasting


def test_what_cannot_be_compared_is_not() -> None:
    """A crew that changes, no instances, no p99, no SLO."""
    for odd in (seen(None), seen(0.5, ready=0)):
        assert after(Doubt(), *[odd] * 50).refuted == ""
    assert after(Doubt(), *[seen(0.5, ready=ready) for ready in range(4, 30)]).refuted == ""
    doubt = Doubt()
    for _unused in range(30):
        doubt.look(Service(slo_p99=None), seen(0.5))
    assert doubt.refuted == ""


def test_doubt_ends_where_nothing_can_be_compared_for_long() -> None:
    doubt = after(Doubt(), *[seen(0.5)] * 30)
    after(doubt, *[seen(None)] * (TICKS - 1))
    assert doubt.lasting
    assert not after(doubt, seen(None)).lasting
    without_slo = after(Doubt(), *[seen(0.5)] * 30)
    without_slo.look(Service(slo_p99=None), seen(0.5))
    assert not without_slo.lasting


def test_it_is_remembered() -> None:
    doubt = after(Doubt(), *[seen(0.5)] * 30)
    again = Doubt.from_plain(doubt.to_plain())
    assert again == doubt
    assert again.lasting
    assert len(doubt.refuted) == TICKS
    assert not Doubt.from_plain({}).lasting
