# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The columns of the table of figures, the same on the terminal and on the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._clock import brief, is_dated
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._result import HOUR_S, Figures, Replay
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._words import name, number, percent, seconds

NOTHING = "-"


@dataclass(frozen=True)
class Column:
    """One column."""

    head: tuple[str, str]  # two lines
    meaning: str
    text: Callable[[Figures], str]
    value: Callable[[Figures], float | str | None]  # to sort by; what has none comes last


def columns(replay: Replay) -> list[Column]:
    """The columns that make sense for this replay."""
    found = [
        Column(("", "policy"), "who decided", lambda row: name(row.name), lambda row: name(row.name)),
        Column(
            ("cost", "instances"),
            "instances on average, with broken SLOs priced in",
            lambda row: number(row.cost_per_hour),
            lambda row: row.cost_per_hour,
        ),
        Column(("", "regret"), "cost over that of the optimum", _regret, lambda row: row.regret),
    ]
    if replay.slo_p99 is not None:
        found.append(
            Column(
                ("time", "over SLO"),
                f"share of the time with a p99 of more than {seconds(replay.slo_p99)}",
                lambda row: percent(row.time_over_slo),
                lambda row: row.time_over_slo,
            )
        )
    found += [
        Column(
            ("instance-", "hours"),
            "booting instances included",
            lambda row: number(row.instance_hours),
            lambda row: row.instance_hours,
        ),
        Column(
            ("changes", "per hour"),
            "how often the count changed",
            lambda row: number(row.changes_per_hour),
            lambda row: row.changes_per_hour,
        ),
        Column(("worst", "p99"), "of any tick", lambda row: seconds(row.worst_p99_s), lambda row: row.worst_p99_s),
    ]
    if replay.slo_p99 is not None and len(replay.rates) * replay.interval > HOUR_S:
        found += [
            Column(
                ("worst hour", "from (UTC)" if is_dated(replay.start) else "from"),
                "the hour with the most time over the SLO",
                lambda row: brief(replay.start + row.worst_hour_at) if row.worst_hour_over_slo else NOTHING,
                lambda row: row.worst_hour_at if row.worst_hour_over_slo else None,
            ),
            Column(
                ("over SLO", "in it"),
                "share of that hour over the SLO",
                lambda row: percent(row.worst_hour_over_slo),
                lambda row: row.worst_hour_over_slo,
            ),
        ]
    return found


def _regret(row: Figures) -> str:
    return NOTHING if row.regret is None else f"{100 * row.regret:+.0f} %"
