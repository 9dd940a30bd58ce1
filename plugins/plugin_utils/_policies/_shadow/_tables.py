# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each mode has cost in situations like this one: tables of value by context, with forgetting.

Four contexts look at the situation from different sides. Each has a table of its own; a cell is trusted as far as it
has been seen, and what it lacks is filled from the mean of all situations.
"""

from __future__ import annotations

import math
from bisect import bisect
from typing import NamedTuple

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._modes import MODES
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._signals import Signals

#: Peak of the last 20 minutes / rate; rate / median; growth of four ticks / rate; last rate / mean of some minutes.
PEAK, LEVEL, GROWTH, JUMP = (1.15, 1.6), (0.8, 1.2, 1.7), (-0.04, 0.04), (0.93, 1.07, 1.25)
#: The index in `holds` of the peak.
PEAK_HOLD = 1


class Context(NamedTuple):
    """One way to look at a situation: its cells by name. They follow those of the context before in the table."""

    name: str
    cells: tuple[str, ...]
    first: int


def _contexts() -> tuple[Context, ...]:
    peaks = ("no peak behind", "after a small peak", "after a peak")
    levels = ("low", "usual", "high", "very high")
    named = {
        "peak": peaks,
        "peak and level": tuple(f"{peak}, {level}" for peak in peaks for level in levels),
        "trend": ("falling", "steady", "growing"),
        "jump": ("below its mean", "at its mean", "above its mean", "far above its mean"),
    }
    contexts: list[Context] = []
    for name, cells in named.items():
        contexts.append(Context(name, cells, sum(len(each.cells) for each in contexts)))
    return tuple(contexts)


CONTEXTS = _contexts()
CELLS = sum(len(context.cells) for context in CONTEXTS)
#: The cells of one context. Every tick is in exactly one of them, so what is summed up over them is of all ticks.
EVERYWHERE = slice(CONTEXTS[0].first, CONTEXTS[0].first + len(CONTEXTS[0].cells))
#: Seen less often than so many ticks, a cell counts less than the mean of all situations.
TRUST = 240.0
#: How sharply the cheap modes are preferred: a mode that is one per cent dearer weighs exp(-1.6) as much.
SHARPNESS = 160.0
#: Lighter modes are left out.
LEAST_WEIGHT = 1e-6


def cells_of(signals: Signals) -> tuple[int, ...]:
    """The rows of the table that this situation is in, one for each context."""
    smooth = max(signals.smooth, 1e-9)
    peak = bisect(PEAK, signals.holds[PEAK_HOLD] / smooth)
    median = signals.levels[0]
    level = bisect(LEVEL, smooth / median) if median > 0.0 else 1
    growth = bisect(GROWTH, signals.rise / smooth)
    jump = bisect(JUMP, signals.rate / signals.medium) if signals.medium > 0.0 else 1
    places = (peak, peak * (len(LEVEL) + 1) + level, growth, jump)
    return tuple(context.first + place for context, place in zip(CONTEXTS, places, strict=True))


def describe(cells: tuple[int, ...]) -> str:
    """A situation in words: what its most detailed contexts say."""
    named = {context.name: context.cells[cell - context.first] for context, cell in zip(CONTEXTS, cells, strict=True)}
    return f"({named['peak and level']}, {named['trend']})"


class Prior(NamedTuple):
    """What the modes cost where nothing is known of a service; see `_prior`."""

    sums: Floats  # (cells, modes) cost in that cell, the cheapest mode's mean being 1, times the share
    shares: Floats  # (cells,) share of all ticks


class Tables:
    """`sums` (cells, modes) of costs and `counts` (cells) of ticks, both forgotten exponentially."""

    def __init__(self, memory_ticks: float, prior: Prior | None = None, prior_ticks: float = 0.0) -> None:
        """What was seen `memory_ticks` ago weighs 1/e; at first the `prior` counts as so many ticks that were seen."""
        self.keep = math.exp(-1.0 / memory_ticks)
        self.prior, self.prior_ticks = prior, prior_ticks
        self.sums: Floats = np.zeros((CELLS, len(MODES)), dtype=np.float32)
        self.counts: Floats = np.zeros(CELLS)

    def learn(self, costs: Floats, cells: tuple[int, ...]) -> None:
        """Each mode has cost so much at this tick; the orders behind it were made in these cells."""
        self.sums *= self.keep
        self.counts *= self.keep
        rows = list(cells)
        self.sums[rows] += costs
        self.counts[rows] += 1.0

    @property
    def ticks(self) -> float:
        """How many ticks have been learned from, the older ones counting less."""
        return float(self.counts[EVERYWHERE].sum())

    def values(self, cells: tuple[int, ...]) -> Floats:
        """Q: mean cost of each mode (contexts, modes) in these cells."""
        rows, ticks = list(cells), self.ticks
        sums, counts, total = self.sums[rows], self.counts[rows], self.sums[EVERYWHERE].sum(axis=0)
        left = self._prior_left(ticks)
        if self.prior is not None and left > 0.0:
            unit = left * (float(total.min()) / ticks if ticks else 1.0)
            sums = sums + unit * self.prior.sums[rows]
            counts = counts + left * self.prior.shares[rows]
            total, ticks = total + unit * self.prior.sums[EVERYWHERE].sum(axis=0), ticks + left
        # W/(W+T) (S/W - G) + G, without dividing by a W of 0
        return np.asarray((sums + TRUST * total / max(ticks, 1e-9)) / (counts + TRUST)[:, None])

    def _prior_left(self, ticks: float) -> float:
        """How many ticks the prior counts as: it is forgotten as if it had been seen before all that was learned."""
        return self.prior_ticks * max(1.0 - ticks * (1.0 - self.keep), 0.0)

    def weights(self, cells: tuple[int, ...]) -> Floats:
        """How much each mode counts in these cells: (modes,), sum 1. The mean of what the contexts say."""
        values = self.values(cells)
        least = values.min(axis=1, keepdims=True)
        weights = np.exp(-SHARPNESS * (values - least) / np.maximum(least, 1.0))
        weights[weights < LEAST_WEIGHT] = 0.0
        weights /= weights.sum(axis=1, keepdims=True)
        return np.asarray(weights.mean(axis=0))
