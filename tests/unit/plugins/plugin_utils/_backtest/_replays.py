# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replays that no policy took part in, and what their charts say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._result import Course, Figures, Replay

DATED = 1_763_035_200.0  # 2025-11-13 12:00 UTC, a Thursday
SLO = 0.2

ROW = Figures("", 4.0, 0.3, 0.01, 0.25, 96.0, 12.0, 3600.0, 0.1)


def row(name: str, **figures: Any) -> Figures:
    """One row; what is not given is plain."""
    return replace(ROW, name=name, **figures)


def course(name: str, ordered: Sequence[int] | np.ndarray, over: Sequence[int] = (), **more: Any) -> Course:
    """A contender with these counts, whose p99 is 0.1 s, or 0.25 s in the ticks that are over the SLO."""
    p99 = np.full(len(ordered), 0.1)
    p99[list(over)] = 0.25
    counts = np.asarray(ordered)
    return Course(name, counts, p99, counts + 20.0 * (p99 > SLO), **more)


def replayed(ticks: int = 960, *courses: Course, **more: Any) -> Replay:
    """A replay of `ticks` of 15 s with a swell of traffic; two contenders unless others are given."""
    rates = 100.0 + 80.0 * np.sin(np.arange(ticks) * 2.0 * np.pi / 5760.0)
    least = np.maximum(1, np.rint(rates / 50.0)).astype(np.int64)
    settings: dict[str, Any] = {"interval": 15.0, "start": DATED, "rates": rates, "slo_p99": SLO}
    settings["courses"] = courses or (course("hpa", least + 2), course("shadow_q", least + 1, range(min(ticks, 5))))
    settings["optimum"] = course("optimum", least)
    return Replay(**(settings | more))


def values(path: str) -> np.ndarray:
    """The value of each tick, of a path of steps."""
    found = re.match(r"M0 (\d+)", path)
    assert found
    height, heights = int(found[1]), []
    for way, by in re.findall(r"([hv])(-?\d+)", path):
        if way == "v":
            height += int(by)
        else:
            heights.append(np.full(int(by), height))
    return np.concatenate(heights)


def marked(path: str, ticks: int) -> np.ndarray:
    """Whether each tick is marked, of a path of marks."""
    flags, begin = np.zeros(ticks, dtype=bool), 0
    for gap, length in re.findall(r"m(\d+) 0h(\d+)v1h-\2z", path):
        begin += int(gap)
        flags[begin : begin + int(length)] = True
    return flags
