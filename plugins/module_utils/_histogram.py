# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Quantiles of classic histograms, equal to Prometheus' ``histogram_quantile`` to the last bit.

Rule: ``bucketQuantile`` in promql/quantile.go of Prometheus.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import copysign, inf, isnan, nan

#: Upper bound (``le``) -> cumulative count of observations at or below it. The bound +Inf holds the count of all.
Buckets = Mapping[float, float]


def merge(histograms: Iterable[Buckets]) -> dict[float, float]:
    """Sum by bound, as ``sum by (le)`` does; layouts may differ."""
    total: dict[float, float] = {}
    for buckets in histograms:
        for bound, count in buckets.items():
            total[bound] = total.get(bound, 0) + count
    return total


def quantile(q: float, buckets: Buckets) -> float:
    """Value at quantile `q` (0..1), linear within a bucket; the highest finite bound where it lies beyond that.

    NaN without a +Inf bucket, without a second bucket, or without observations.
    """
    if not 0 <= q <= 1:
        return nan if isnan(q) else copysign(inf, q)
    bounds = sorted(buckets)
    counts = _monotonic(buckets[bound] for bound in bounds)
    if len(bounds) < 2 or bounds[-1] != inf or counts[-1] == 0:
        return nan
    rank = q * counts[-1]
    index = next((i for i, count in enumerate(counts[:-1]) if count >= rank), len(counts) - 1)
    if index == len(counts) - 1:
        return bounds[-2]
    upper = bounds[index]
    if index == 0:
        if upper <= 0:
            return upper
        lower, below = 0.0, 0.0
    else:
        lower, below = bounds[index - 1], counts[index - 1]
    within = counts[index] - below
    return lower + (upper - lower) * ((rank - below) / within) if within else nan


def _monotonic(counts: Iterable[float]) -> list[float]:
    """Lift each count to the highest before it: buckets of one page are not read at one moment."""
    highest = -inf
    lifted = []
    for count in counts:
        highest = max(highest, count)
        lifted.append(highest)
    return lifted
