# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What shadow_q is to reach on the yardstick, and whether it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from policies.adapter import Variant
from policies.contenders import OURS
from policies.figures import Paired, paired
from policies.yardstick import (
    ANCHOR_TOLERANCE,
    ANCHORS,
    COLD,
    MISSING,
    NOMINAL,
    SLOW_BOOT,
    SLOW_SERVICE,
    Result,
)

MOST_REGRET, MOST_COLD_REGRET = 0.33, 0.40
LEAST_RATIO = 1.05  # cost of a tuned baseline / ours, lower end of the interval
LEAST_WON = 0.95  # of the days against the tuned HPA
MOST_OVER_SLO, MOST_OVER_SLO_SLOW = 0.005, 0.01
MOST_INSTANCES = 1.28
MOST_REGRET_OF_MISSING = 0.02
LEAST_REWARD_SLOW_BOOT = -11.5

#: What the yardstick said, by contender and variant.
Results = Mapping[tuple[str, Variant], Result]


class Goal(NamedTuple):
    """One goal."""

    what: str
    limit: str
    value: str
    met: bool


def anchors(found: Mapping[str, float]) -> list[Goal]:
    """Whether this run gives the figures that the yardstick is known to give."""
    return [
        Goal(
            f"anchor: {name}, reward a tick",
            f"{known:.2f} +- {ANCHOR_TOLERANCE:.0%}",
            f"{found[name]:.2f}",
            abs(found[name] / known - 1.0) <= ANCHOR_TOLERANCE,
        )
        for name, known in ANCHORS.items()
    ]


def on_any_days(found: Results) -> list[Goal]:
    """Goals that hold on whatever days of the yardstick were run."""
    ours, slow_boot = found[OURS, NOMINAL], found[OURS, SLOW_BOOT]
    closest = all_beside(found)[0]
    best_boot = max(
        (each for (name, variant), each in found.items() if variant == SLOW_BOOT and name != OURS),
        key=lambda each: each.reward,
    )
    shrinks = found[OURS, MISSING].stale_shrinks + ours.stale_shrinks
    return [
        Goal(
            "cost of every other policy / ours",
            "> 1",
            f"{closest.ratio:.3f} ({closest.contender})",
            closest.ratio > 1.0,
        ),
        Goal("counts that fell on a missing scrape", "0", str(shrinks), shrinks == 0),
        Goal(
            "reward a tick with boots of 120 s, beside every tuned baseline",
            f"> {best_boot.reward:.2f} ({best_boot.contender})",
            f"{slow_boot.reward:.2f}",
            slow_boot.reward > best_boot.reward,
        ),
    ]


def on_all_days(found: Results) -> list[Goal]:
    """Goals that were set for all days of the yardstick."""
    ours, cold, missing = found[OURS, NOMINAL], found[OURS, COLD], found[OURS, MISSING]
    assert ours.regret is not None and ours.instances is not None
    assert missing.regret is not None and cold.regret is not None
    beside = all_beside(found)
    (hpa,) = [each for each in beside if each.contender == "hpa_tuned"]
    closest = min(beside, key=lambda each: each.low)
    more, slow_boot = missing.regret - ours.regret, found[OURS, SLOW_BOOT].reward
    return [
        _at_most("regret over the clairvoyant", ours.regret, MOST_REGRET),
        Goal(
            "cost of every other policy / ours, lower end of the 95 % interval",
            f"> {LEAST_RATIO}",
            f"{closest.low:.3f} ({closest.contender})",
            closest.low > LEAST_RATIO,
        ),
        Goal("days won against the tuned HPA", f">= {LEAST_WON:.0%}", f"{hpa.won:.0%}", hpa.won >= LEAST_WON),
        _at_most("ticks over the SLO", ours.over_slo, MOST_OVER_SLO),
        Goal(
            "instance-hours / the clairvoyant's",
            f"<= {MOST_INSTANCES}",
            f"{ours.instances:.3f}",
            ours.instances <= MOST_INSTANCES,
        ),
        _at_most("regret after a cold start", cold.regret, MOST_COLD_REGRET),
        _at_most("ticks over the SLO, service 20 % slower", found[OURS, SLOW_SERVICE].over_slo, MOST_OVER_SLO_SLOW),
        Goal(
            "more regret with 10 % missing scrapes",
            f"<= {100 * MOST_REGRET_OF_MISSING:g} points",
            f"{100 * more:.1f} points",
            more <= MOST_REGRET_OF_MISSING,
        ),
        Goal(
            "reward a tick with boots of 120 s",
            f"> {LEAST_REWARD_SLOW_BOOT}",
            f"{slow_boot:.2f}",
            slow_boot > LEAST_REWARD_SLOW_BOOT,
        ),
    ]


def all_beside(found: Results) -> list[Paired]:
    """All others beside ours on the usual service, the closest first."""
    ours = found[OURS, NOMINAL].days
    assert ours
    others = [each for (name, variant), each in found.items() if variant == NOMINAL and name != OURS]
    pairs = [paired(each.contender, each.days, ours) for each in others if each.days]
    return sorted(pairs, key=lambda each: each.ratio)


def no_exploration(explored: bool) -> Goal:
    """Whether chance has a say in what it orders."""
    return Goal("exploratory actions (another seed, exact metrics)", "0", "some" if explored else "0", not explored)


def _at_most(what: str, value: float, limit: float) -> Goal:
    return Goal(what, f"<= {100 * limit:g} %", f"{100 * value:.2f} %", value <= limit)
