# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/benchmark.md: page.md with what full runs gave. Each part is kept below .build until it is run again."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from policies.contenders import TUNED
from policies.goals import Goal
from policies.revision import revision
from policies.tables import goal_table, table

ROOT = Path(__file__).resolve().parents[3]
KEPT = ROOT / ".build" / "benchmark"
PAGE = Path(__file__).with_name("page.md")
DOCUMENT = ROOT / "docs" / "benchmark.md"
PARTS = ("yardstick", "synthetic", "real", "robustness")
#: Kept by bench_shadow_q.py.
SPEED = "speed"


class Part(NamedTuple):
    """What one part of the benchmark gave."""

    tables: Sequence[str]  # Markdown, or why there is none
    goals: Sequence[Goal]
    minutes: float = 0.0
    made: str = ""  # when, and with which versions; "" where it was not run
    code: str = ""  # see revision.py


def skipped(why: str) -> Part:
    """A part that could not be run."""
    return Part((f"Skipped: {why}.",), [])


def keep(name: str, part: Part) -> None:
    """Remember a full run, until `write`."""
    made = f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, numpy {np.__version__}"
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{name}.json").write_text(json.dumps(part._replace(made=made, code=revision())))


def kept(name: str) -> Part:
    """What was kept."""
    path = KEPT / f"{name}.json"
    if not path.exists():
        return skipped("this part has not been run")
    shown, judged, *more = json.loads(path.read_text())
    return Part(shown, [Goal(*each) for each in judged], *more)


def write() -> None:
    """Write the page, of all that is kept."""
    parts = {name: kept(name) for name in (*PARTS, SPEED)}
    goals = [goal for part in parts.values() for goal in part.goals]
    runs = table(
        ["Part", "Run on", "Minutes", "Code"],
        [
            [name, part.made or "not run", f"{part.minutes:.0f}", part.code or ("earlier" if part.made else "")]
            for name, part in parts.items()
        ],
    )
    verdict = _verdict(parts, goals)
    shown = {name: "\n\n".join(part.tables) for name, part in parts.items()}
    DOCUMENT.write_text(
        PAGE.read_text().format(goals=goal_table(goals), verdict=verdict, runs=runs, tuned=_tuned_table(), **shown)
    )


def _verdict(parts: Mapping[str, Part], goals: Sequence[Goal]) -> str:
    """Whether all goals are met, and by all parts, with one and the same code."""
    missed = [goal.what for goal in goals if not goal.met]
    verdict = f"Missed: {'; '.join(missed)}." if missed else "All that were measured are met."
    missing = [name for name, part in parts.items() if not part.made]
    if missing:
        verdict += f" Not measured: {', '.join(missing)}."
    if len({part.code for part in parts.values() if part.made}) > 1:
        verdict += " The parts were measured with different code, see the table above."
    return verdict


def _tuned_table() -> str:
    """What tune.py has chosen."""
    found = json.loads(TUNED.read_text())["tuned"]
    body = [
        [
            f"`{name}_tuned`",
            str(len(each["grid"])),
            f"{100 * (each['cost'] - 1):.0f} %",
            f"`{json.dumps(each['options'])}`",
        ]
        for name, each in found.items()
    ]
    return table(["Baseline", "Tried", "Regret there", "Options"], body)
