# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._pacing import wait_until

NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("due_at", "slept"),
    [(NOW + 4, [4]), (NOW, [0]), (NOW - 14, [0]), (NOW + 3600, [15]), (None, [])],
    ids=["soon", "now", "a little late", "no longer than an interval", "at once"],
)
def test_waits(due_at: float | None, slept: list[float]) -> None:
    waits: list[float] = []
    assert wait_until(due_at, 15.0, lambda: NOW, waits.append) is None
    assert waits == slept


def test_a_tick_whose_successor_is_due_is_left_out() -> None:
    waits: list[float] = []
    late = wait_until(NOW - 40, 15.0, lambda: NOW, waits.append)
    assert late == "the tick is 40 s late, with an interval of 15 s: left out"
    assert waits == []
