# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy target_tracking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import Memory, Observation
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._policies._policy_helpers import (
    propose,
    settings_of,
    snapshot,
)


def run(
    p99s: Sequence[float | None], ordered: int = 4, memory: Memory | None = None, start: float = 0.0, **options: Any
) -> tuple[list[int | None], Memory]:
    """Counts proposed at a p99 target of 0.1 s, each carried out before the next tick."""
    memory, counts, taken = memory or {}, [], None
    settings = settings_of("target_tracking", **{"target": 0.1, **options})
    for i, p99 in enumerate(p99s):
        observation = Observation(start + 15.0 * i, snapshot(p99_latency_s=p99), ordered, ordered, taken=taken)
        proposal, memory = propose("target_tracking", memory, observation, settings)
        counts.append(proposal.count)
        taken = (proposal.count if proposal.count is not None else ordered) - ordered
        ordered += taken
    return counts, memory


def test_it_grows_in_proportion_after_three_ticks_above() -> None:
    assert run([0.2, 0.2, 0.2])[0] == [4, 4, 8]
    assert run([0.2, 0.2, 0.09, 0.2, 0.2])[0] == [4] * 5
    assert run([0.2, 0.2, None, 0.2, 0.2])[0] == [4, 4, None, 4, 4]


def test_it_shrinks_by_one_after_fifteen_ticks_below_ninety_per_cent() -> None:
    assert run([0.05] * 15)[0] == [4] * 14 + [3]
    assert run([0.095] * 40)[0] == [4] * 40


def test_it_shrinks_only_after_the_cooldown_since_any_change() -> None:
    counts, _unused = run([0.2] * 3 + [0.05] * 40)
    assert counts[2] == 8
    changes = [i for i in range(1, len(counts)) if counts[i] != counts[i - 1]]
    # grown at tick 2, so not again for 300 s; low since tick 3, which is 15 ticks long before
    assert changes == [2, 23]
    assert run([0.2] * 3 + [0.05] * 40, scale_in_cooldown=0.0)[0][17:20] == [7, 6, 5]


def test_it_may_be_told_never_to_shrink() -> None:
    assert run([0.05] * 40, disable_scale_in=True)[0] == [4] * 40


def test_it_does_not_order_again_what_boots() -> None:
    settings = settings_of("target_tracking", target=0.1)
    observation = Observation(0.0, snapshot(p99_latency_s=0.2), 8, 4)
    proposal, _unused = propose("target_tracking", {"above": 2, "below": 0}, observation, settings)
    assert proposal.count == 8
