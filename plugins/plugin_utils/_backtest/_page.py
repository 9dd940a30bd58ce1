# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A replay as one HTML page that needs nothing else: no network, no fonts, and no script to be read."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest import _chart, _timeline
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._clock import STEPS, is_dated, period
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._columns import columns
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._result import HOUR_S, Replay
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._script import SCRIPT
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._style import STYLE
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._template import TEMPLATE
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._timeline import Contender, Window
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._verdict import comparisons, losses, summary
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._words import (
    duration,
    note,
    number,
    seconds,
    setting,
)
from jinja2 import Environment, StrictUndefined

#: Width of the bars of costs, in units of their own.
BAR = 1000


@dataclass(frozen=True)
class Bar:
    """What a contender cost."""

    text: str
    instances: str
    priced: str
    least: str  # a line at the cost of the optimum


def page(replay: Replay, title: str) -> str:
    """The page; `title` says what was replayed. Text from outside is shown as text, whatever is in it."""
    everyone = _timeline.contenders(replay)
    rows = [one.figures for one in everyone]
    templates = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    html = templates.from_string(TEMPLATE).render(
        title=note(title),
        traffic=_traffic(replay),
        summary=summary(rows),
        sentences=[text for text in (*comparisons(replay, rows), losses(replay)) if text],
        columns=columns(replay),
        contenders=everyone,
        replay=replay,
        overview=_timeline.overview(replay, everyone),
        days=[(one, day) for one in everyone[1:] if (day := _timeline.worst_day(replay, one))],
        dated=is_dated(replay.start),
        when=_when(replay, _timeline.whole(replay)),
        slo=None if replay.slo_p99 is None else seconds(replay.slo_p99),
        steps=STEPS,
        near=_timeline.NEAR,
        piece=duration(len(replay.rates) * replay.interval / _timeline.PIECES),
        edge=_chart.EDGE,
        bar_width=BAR,
        bars=list(zip(everyone, _bars(replay, everyone), strict=True)),
        notes=[note(text) for text in replay.notes],
        assumed=[(note(option), setting(value)) for option, value in replay.assumed.items()],
        reasons=[(one, [note(text) for text in one.course.reasons]) for one in everyone if one.course.reasons],
        grid=_chart.grid,
        time_grid=_chart.time_grid,
        view_box=_chart.view_box,
        style=STYLE,
        script=SCRIPT,
        script_hash=base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode(),
        **_closeup(replay, everyone),
    )
    # Half a character, which YAML can spell, could not be written to a file.
    return html.strip().encode("utf-8", "replace").decode() + "\n"


def _traffic(replay: Replay) -> str:
    """What was replayed, in one line."""
    ticks, rates = len(replay.rates), replay.rates
    slo = "no SLO for p99" if replay.slo_p99 is None else f"SLO: p99 of {seconds(replay.slo_p99)}"
    return (
        f"{_when(replay, _timeline.whole(replay))} ({duration(ticks * replay.interval)}), "
        f"a decision every {duration(replay.interval)}; {number(float(rates.mean()))} messages/s on average, "
        f"{number(float(rates.max()))} at most; {slo}"
    )


def _when(replay: Replay, window: Window) -> str:
    return period(replay.start + window.begin * replay.interval, replay.start + window.end * replay.interval)


def _bars(replay: Replay, everyone: Sequence[Contender]) -> list[Bar]:
    """Costs, split where they can be: the optimum pays for a boot at once, so its costs are not those of each tick."""
    optimum, hours = everyone[0].figures, len(replay.rates) * replay.interval / HOUR_S
    scale = BAR / max(one.figures.cost_per_hour for one in everyone)
    least = _chart.upright(scale * optimum.cost_per_hour)
    bars = []
    for figures in (one.figures for one in everyone):
        text, cost, instances = number(figures.cost_per_hour), figures.cost_per_hour, figures.cost_per_hour
        if figures.regret is not None:
            instances = min(cost, figures.instance_hours / hours)
            text = f"{_sum(instances, cost)} = {text}, regret {100 * figures.regret:+.0f} %"
        bars.append(Bar(text, _chart.box(0.0, scale * instances), _chart.box(scale * instances, scale * cost), least))
    return bars


def _sum(part: float, total: float) -> str:
    """The part and the rest, with as many decimals as the total and so that they add up as shown."""
    decimals = len(number(total).partition(".")[2])
    shown = round(part, decimals)
    return f"{shown:.{decimals}f} + {round(total, decimals) - shown:.{decimals}f}"


def _closeup(replay: Replay, everyone: Sequence[Contender]) -> dict[str, Any]:
    """The worst hour of the one that broke the SLO most, beside the cheapest and the optimum."""
    worst = max(everyone[1:], key=lambda one: one.figures.time_over_slo)
    window = _timeline.worst_stretch(replay, worst)
    if window is None:
        return {"closeup": None}
    shown = [one for one in everyone if one.place < 2 or one is worst]
    return {
        "closeup": _timeline.closeup(replay, shown, window),
        "closeup_shown": shown,
        "closeup_when": _when(replay, window),
        "worst": worst,
    }
