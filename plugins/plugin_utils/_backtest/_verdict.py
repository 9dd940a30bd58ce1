# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a replay says, in sentences that claim no more than it shows."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._result import Figures, Replay
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._words import (
    difference,
    name,
    number,
    percent,
)

#: Costs that differ by less than this share are called the same.
SAME_COST = 0.01
#: Times over the SLO that differ by less than this share are called the same.
SAME_TIME = 0.1


def summary(rows: Sequence[Figures]) -> str:
    """How the cheapest did; `rows` as of Replay.figures."""
    optimum, best, *others = rows
    subject = f"{name(best.name)} costs"
    if others:
        subject = f"Of {len(others) + 1} contenders, {subject} least:"
    return (
        f"{subject} {number(best.cost_per_hour)} instances on average, broken SLOs priced in. "
        f"That is {_compared(best.cost_per_hour, optimum.cost_per_hour, 'than the optimum', 'as the optimum')}."
    )


def comparisons(replay: Replay, rows: Sequence[Figures]) -> list[str]:
    """The cheapest contender beside each other one; `rows` as of Replay.figures."""
    best = rows[1]
    return [_comparison(best, other, with_slo=replay.slo_p99 is not None) for other in rows[2:]]


def losses(replay: Replay) -> str:
    """Whose clients gave up, as this does not show in latencies; empty where nobody's did."""
    lost = [f"{number(course.given_up)} of {name(course.name)}" for course in replay.courses if course.given_up]
    return f"Messages whose clients gave up: {', '.join(lost)}." if lost else ""


def _comparison(best: Figures, other: Figures, *, with_slo: bool) -> str:
    whom = name(other.name)
    cost = _compared(best.cost_per_hour, other.cost_per_hour, f"than {whom}", f"as {whom}")
    alone = _compared(best.instance_hours, other.instance_hours)
    felt = _over_slo(best.time_over_slo, other.time_over_slo, whom) if with_slo else ""
    return f"{name(best.name)} costs {cost} (instances alone: {alone}){felt}."


def _compared(one: float, other: float, than: str = "", same_as: str = "") -> str:
    if abs(one - other) <= SAME_COST * other:
        words = ("about the same", same_as)
    elif one < other:
        words = (f"{difference(1.0 - one / other)} less", than)
    else:
        words = (f"{difference(one / other - 1.0)} more", than)
    return " ".join(words).rstrip()


def _over_slo(best: float, other: float, other_name: str) -> str:
    """The time over the SLO of both (shares), as the end of a sentence about the best."""
    if not best and not other:
        return "; neither was ever over the SLO"
    if not best:
        return f" and was never over the SLO, {other_name} for {percent(other)} of the time"
    if not other:
        return f" but was over the SLO for {percent(best)} of the time, {other_name} never"
    ratio = best / other
    both = f"({percent(best)} against {percent(other)})"
    if abs(ratio - 1.0) < SAME_TIME:
        return f", with about the same time over the SLO {both}"
    if ratio < 1.0:
        part = f"{difference(1.0 - ratio)} less" if ratio > 0.4 else f"1/{1.0 / ratio:.0f} of the"
        return f", with {part} time over the SLO {both}"
    part = f"{difference(ratio - 1.0)} more" if ratio < 1.95 else f"{ratio:.2g} times the"
    return f" but with {part} time over the SLO {both}"
