# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The prior that is shipped fits the modes and the situations that there are."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow import _prior
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._modes import MODES
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._tables import CELLS, CONTEXTS


def test_it_has_all_modes_in_all_situations() -> None:
    """If this fails, they have changed: run tests/benchmarks/policies/prior.py."""
    prior = _prior.prior()
    assert prior.sums.shape == (CELLS, len(MODES))
    for context in CONTEXTS:
        cells = slice(context.first, context.first + len(context.cells))
        assert prior.shares[cells].sum() == pytest.approx(1.0, abs=0.001)
        assert prior.sums[cells].sum(axis=0).min() == pytest.approx(1.0, abs=0.01), "in units of the cheapest mode"


def test_it_knows_that_to_hold_is_cheap_after_a_peak_and_dear_after_none_to_speak_of() -> None:
    costs = json.loads(_prior.FILE.read_text(encoding="utf-8"))
    bare, held = (1 + MODES.index(f"1.0 x rate, last season, {hold}") for hold in ("no hold", "held 240 min"))
    assert costs["peak"]["after a peak"][bare] > 2.0 * costs["peak"]["after a peak"][held]
    small = costs["peak and level"]["after a small peak, low"]
    assert small[bare] < small[held]


def test_what_is_written_is_read() -> None:
    costs = np.arange(CELLS * len(MODES), dtype=float).reshape(CELLS, -1) / 100.0
    shares = np.linspace(0.0, 1.0, CELLS)
    again = _prior.read(json.loads(json.dumps(_prior.written(costs.tolist(), shares.tolist()))))
    assert again.shares == pytest.approx(shares, abs=1e-5)
    assert again.sums == pytest.approx(costs * shares[:, None], abs=0.01)
