# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of the benchmark, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from policies.adapter import Variant
from policies.arena import Score
from policies.contenders import OURS
from policies.figures import Paired, by_trace, paired, ratios, regret, rows
from policies.goals import Goal, Results, all_beside
from policies.yardstick import EVEN, NOMINAL

#: How variants of the yardstick are called.
VARIANTS = {
    Variant(boot=8): "boots take 120 s",
    Variant(mu=40.0): "service 20 % slower",
    Variant(drop=0.1): "10 % of the scrapes are missing",
    Variant(cold=True): "cold start",
}


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """A Markdown table; names to the left, figures to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def goal_table(goals: Iterable[Goal]) -> str:
    """Goal, limit, value, whether it is met."""
    body = [[goal.what, goal.limit, goal.value, "met" if goal.met else "**missed**"] for goal in goals]
    return table(["Goal", "Limit", "Measured", ""], body)


def score_table(scores: Sequence[Score]) -> str:
    """Contenders over all days, with how they compare with ours."""
    by_day = ratios(scores)
    beside = {name: paired(name, days, by_day[OURS]) for name, days in by_day.items() if name != OURS}
    head = ["Policy", "Regret", "Over SLO", "> 0.5 s", "Instances", "Changes/h", "Worst day", *PAIRED_HEAD]
    body = [
        [
            _name(row.contender),
            _percent(row.regret),
            _percent(row.over_slo, 2),
            _percent(row.severe, 2),
            f"{row.instances:.2f}",
            f"{row.changes:.0f}",
            f"{_percent(row.worst)} {row.worst_day}",
            *_paired(beside.get(row.contender)),
        ]
        for row in rows(scores)
    ]
    return table(head, body)


def trace_table(scores: Sequence[Score], shown: Sequence[str]) -> str:
    """Regret by trace."""
    found = by_trace(scores)
    names = [name for name in shown if name in found]
    body = [[trace, *[_percent(found[name][trace]) for name in names]] for trace in found[names[0]]]
    return table(["Regret", *map(_name, names)], body)


def yardstick_table(found: Results) -> str:
    """Contenders on the usual service of the yardstick."""
    beside = {each.contender: each for each in all_beside(found)}
    results = [each for (_name, variant), each in found.items() if variant == NOMINAL]
    body = [
        [
            _name(each.contender),
            f"{each.reward:.2f}",
            _percent(each.regret or 0.0, 1),
            _percent(each.over_slo, 2),
            _percent(each.severe, 2),
            f"{each.instances:.2f}",
            f"{each.changes:.0f}",
            *_paired(beside.get(each.contender)),
        ]
        for each in sorted(results, key=lambda each: each.regret or 0.0)
    ]
    head = ["Policy", "Reward/tick", "Regret", "Over SLO", "> 0.5 s", "Instances", "Changes/h", *PAIRED_HEAD]
    return table(head, body)


def variant_table(found: Results) -> str:
    """What is not as usual on the yardstick."""
    body = [
        [
            VARIANTS[variant],
            _name(name),
            f"{each.reward:.2f}",
            "" if each.regret is None else _percent(each.regret, 1),
            _percent(each.over_slo, 2),
            str(each.stale_shrinks) if variant.drop else "",
        ]
        for (name, variant), each in sorted(found.items(), key=lambda item: (item[0][1], -item[1].reward))
        if variant in VARIANTS
    ]
    return table(["Yardstick", "Policy", "Reward/tick", "Regret", "Over SLO", "Fell on a missing scrape"], body)


def day_table(found: Results, shown: Sequence[str]) -> str:
    """Regret on each day of the yardstick."""
    days = {name: found[name, NOMINAL].days or {} for name in shown if (name, NOMINAL) in found}
    body = [[day, *[_percent(own[day] - 1.0) for own in days.values()]] for day in days[OURS]]
    return table(["Regret", *map(_name, days)], body)


def half_table(found: Results, shown: Sequence[str]) -> str:
    """Regret on the days of the yardstick that were looked at in development, and on those that were not."""
    days = {name: found[name, NOMINAL].days or {} for name in shown if (name, NOMINAL) in found}
    halves = {"developed with": True, "opened for this page only": False}
    body = []
    for half, developed in halves.items():
        picked = [day for day in days[OURS] if (int(day.rpartition("#")[2]) in EVEN) == developed]
        if picked:
            body.append(
                [half, str(len(picked)), *[_percent(regret(own[day] for day in picked)) for own in days.values()]]
            )
    return table(["Regret", "Days", *map(_name, days)], body)


def robustness_table(found: Mapping[str, Sequence[Score]], shown: Sequence[str]) -> str:
    """Reward a tick and ticks over the SLO in each condition."""
    body = []
    for condition, scores in found.items():
        cells = []
        for name in shown:
            own = [score for score in scores if score.contender == name]
            reward = -sum(score.cost for score in own) / len(own)
            over = sum(score.over_slo for score in own) / len(own)
            cells.append(f"{reward:.1f}, {_percent(over, 1)}")
        body.append([condition, *cells])
    return table(["Reward/tick, over SLO", *map(_name, shown)], body)


PAIRED_HEAD = ("Cost / ours", "95 % interval", "Days we win", "Worst for us")


def _paired(each: Paired | None) -> list[str]:
    if each is None:
        return [""] * len(PAIRED_HEAD)
    return [f"{each.ratio:.2f}", f"{each.low:.2f} to {each.high:.2f}", f"{each.won:.0%}", f"{each.worst:.2f}"]


def _name(contender: str) -> str:
    return f"**`{contender}`**" if contender == OURS else f"`{contender}`"


def _percent(share: float, digits: int = 0) -> str:
    return f"{100 * share:,.{digits}f} %"
