# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A replay on a terminal."""

from __future__ import annotations

import textwrap

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._clock import period
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._columns import Column, columns
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._result import Figures, Replay
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._verdict import comparisons, losses
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._words import duration, note, setting

#: Characters of a line, at most.
WIDTH = 100
BETWEEN = "  "
LEGEND = "* knows what will arrive, so nobody can reach it. Cost: instances on average, broken SLOs priced in."


def lines(replay: Replay) -> list[str]:
    """The table of the figures, a comparison of the cheapest with each other one, and the notes."""
    rows = replay.figures
    said = [*comparisons(replay, rows), losses(replay)]
    notes = [note(text) for text in replay.notes]
    if replay.assumed:
        settings = (f"{option} {setting(value)}" for option, value in replay.assumed.items())
        notes.append(note("assumed: " + ", ".join(settings)))
    end = replay.start + len(replay.rates) * replay.interval
    parts = [
        [f"{period(replay.start, end)} ({duration(end - replay.start)})"],
        _table(columns(replay), rows),
        [LEGEND],
        _wrapped([text for text in said if text]),
        _wrapped(notes, "note: "),
    ]
    return [line for part in parts if part for line in ("", *part)][1:]


def _table(kinds: list[Column], rows: list[Figures]) -> list[str]:
    cells = [[kind.text(row) for kind in kinds] for row in rows]
    cells[0][0] += "*"
    cells = [[kind.head[line] for kind in kinds] for line in (0, 1)] + cells
    first, *widths = (max(map(len, column)) for column in zip(*cells, strict=True))
    first = min(first, WIDTH - sum(widths) - len(BETWEEN) * len(widths))
    return [
        BETWEEN.join((quoted(row[0], first).ljust(first), *map(str.rjust, row[1:], widths))).rstrip() for row in cells
    ]


def _wrapped(texts: list[str], begin: str = "") -> list[str]:
    return [
        line
        for text in texts
        for line in textwrap.wrap(text, WIDTH, initial_indent=begin, subsequent_indent=" " * (len(begin) or 2))
    ]
