# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fewer points to draw, without hiding what matters: peaks, dips, and the moments when an SLO was broken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, Ints, np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
else:
    Flags = Any


class Runs(NamedTuple):
    """Times at which a value held for a while."""

    starts: Ints  # ticks
    values: Ints
    end: int  # ticks


class Means(NamedTuple):
    """Means of pieces of time."""

    edges: Ints  # ticks; one more than there are pieces
    values: Floats


def runs(values: Ints, most: int) -> Runs:
    """Runs of equal values; where there are more than `most`, the extremes of equally long pieces of time.

    Each piece becomes two runs: its smallest and its largest value, in the order that suits
    how it begins and ends. So each value is within what is drawn for its piece, and each extreme is drawn.
    """
    ticks = len(values)
    found = _merged(np.arange(ticks), values, ticks)
    if len(found.starts) <= most:
        return found
    edges = _edges(ticks, most // 2)
    first, last = edges[:-1], edges[1:]
    lowest, highest = np.minimum.reduceat(values, first), np.maximum.reduceat(values, first)
    falls = values[first] > values[last - 1]
    pairs = np.stack((np.where(falls, highest, lowest), np.where(falls, lowest, highest)), axis=1)
    return _merged(np.stack((first, (first + last) // 2), axis=1).ravel(), pairs.ravel(), ticks)


def spans(flags: Flags, most: int) -> list[tuple[int, int]]:
    """From when to when (ticks, the second not included) the flag is set; at most so many, 1 or more.

    Where there are more, those with the smallest gaps between them become one.
    """
    changes = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    begins, ends = changes[::2], changes[1::2]
    if len(begins) > most:
        gaps = begins[1:] - ends[:-1]
        kept = np.sort(np.argsort(gaps, kind="stable")[len(gaps) - (most - 1) :])
        begins, ends = begins[np.append(0, kept + 1)], ends[np.append(kept, len(ends) - 1)]
    return list(zip(begins.tolist(), ends.tolist(), strict=True))


def means(values: Ints | Flags, most: int) -> Means:
    """Means of equally long pieces of time, at most so many."""
    edges = _edges(len(values), most)
    sums = np.add.reduceat(values, edges[:-1], dtype=np.float64)
    return Means(edges, sums / np.diff(edges))


def _edges(ticks: int, pieces: int) -> Ints:
    """Where pieces of time, each of a tick or more, begin, and the end of the last."""
    return np.linspace(0, ticks, max(1, min(pieces, ticks)) + 1).astype(np.int64)


def _merged(starts: Ints, values: Ints, end: int) -> Runs:
    """Without those that only go on."""
    differs = np.append(True, values[1:] != values[:-1])
    return Runs(starts[differs], values[differs], end)
