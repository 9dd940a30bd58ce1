# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables as people read and write them: what a rule has cost a tick, in a situation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import Entry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._packing import pack, unpack
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._modes import (
    HEADS,
    HOLDS,
    MODES,
    RULES,
    SEASONS,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._tables import (
    CELLS,
    CONTEXTS,
    EVERYWHERE,
    TRUST,
)

SITUATIONS = tuple(cell for context in CONTEXTS for cell in context.cells)


def unpacked(learner: Mapping[str, Any]) -> tuple[Floats, Floats]:
    """Sums (cells, modes) and counts (cells,) of a learner's plain memory."""
    counts = np.array(learner["counts"], dtype=float).reshape(CELLS)
    return unpack(learner["sums"], "<f4", (CELLS, len(MODES))), counts


def packed(sums: Floats, counts: Floats) -> dict[str, Any]:
    """The reverse of `unpacked`."""
    return {"sums": pack(sums, "<f4"), "counts": counts.tolist()}


def entries(sums: Floats, counts: Floats) -> list[Entry]:
    """All rules in all situations that have been learned from; of a rule's seasons the cheaper one."""
    found = []
    for cell, situation in enumerate(SITUATIONS):
        if counts[cell] <= 0.0:
            continue
        costs = (sums[cell] / counts[cell]).reshape(len(HEADS), len(SEASONS), len(HOLDS)).min(axis=1).ravel()
        found += [Entry(situation, RULES[i], cost, float(counts[cell])) for i, cost in enumerate(costs.tolist())]
    return found


def with_entries(sums: Floats, counts: Floats, given: Sequence[Entry]) -> tuple[Floats, Floats]:
    """The tables in which these rules cost so much in these situations, whatever their season.

    A situation that has hardly been seen counts as seen TRUST times then, or the entry would say nothing; of the other
    rules it then has what they cost on the whole, as it has without an entry.
    """
    sums, counts = sums.copy(), counts.copy()
    on_the_whole = sums[EVERYWHERE].sum(axis=0) / max(float(counts[EVERYWHERE].sum()), 1e-9)
    for place, entry in enumerate(given):
        cell = _place(f"entries[{place}].situation", entry.situation, SITUATIONS)
        rule = _place(f"entries[{place}].choice", entry.choice, RULES)
        if not 0.0 <= entry.value < math.inf:
            raise OptionError(f"entries[{place}].value", f"a cost of at least 0 is expected, got {entry.value:g}")
        if counts[cell] < TRUST:
            sums[cell] += (TRUST - counts[cell]) * on_the_whole
            counts[cell] = TRUST
        head, hold = divmod(rule, len(HOLDS))
        modes = [(head * len(SEASONS) + season) * len(HOLDS) + hold for season in range(len(SEASONS))]
        sums[cell, modes] = entry.value * counts[cell]
    return sums, counts


def _place(option: str, given: str, known: Sequence[str]) -> int:
    """Where it stands among the known ones; OptionError with the likely meant one."""
    if given in known:
        return known.index(given)
    close = get_close_matches(given, known, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else f", such as {known[0]!r}"
    raise OptionError(option, f"there is no {quoted(given)!r}{meant}")
