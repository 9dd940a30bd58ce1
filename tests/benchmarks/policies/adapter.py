# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the yardstick's evaluate.py is given as a policy: `adapter.py:<name of a contender>`.

The environment variable AUTOSCALE_YARDSTICK holds a Variant as JSON. At exit the number of times that a missing scrape
made a count fall goes to standard error.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Service, most_load
from policies.contenders import cluster_settings, named
from policies.pilot import Pilot, Seen

#: unix seconds at its 0 s.
START = 1.8e9
#: s; it scores the second day.
SCORED_FROM = 86400.0
#: Its rates are arrivals, which are completions only while instances keep up.
KEEPS_UP = 0.95
#: messages/s that so many of its instances can take within the SLO; s in which the anchor works off what waits.
LOADS, DRAIN_S = most_load(Service()), 0.4

Decide = Callable[[Mapping[str, Any], dict[str, Any]], int]


class Variant(NamedTuple):
    """How it is run; see its --help."""

    boot: int = 3  # ticks
    mu: float = 50.0  # messages/s of an instance
    drop: float = 0.0  # probability that a scrape is missing
    cold: bool = False  # the agent starts with the scored day


class Tally:
    """What is counted over all traces."""

    stale_shrinks = 0


def decider(name: str, variant: Variant) -> Decide:
    """The contender's agent as the yardstick calls it."""
    (contender,) = named([name])
    settings = cluster_settings(contender, boot_time=15.0 * variant.boot)

    def decide(metrics: Mapping[str, Any], memory: dict[str, Any]) -> int:
        if variant.cold and metrics["t"] < SCORED_FROM:
            return comfortable(metrics)
        pilot = memory.setdefault("pilot", Pilot(settings, dict(contender.memory)))
        total: int = metrics["total"]
        target: int = pilot.decide(START + metrics["t"], seen(metrics), metrics["ready"], total)
        Tally.stale_shrinks += metrics["rate"] is None and target < total
        return target

    return decide


def seen(metrics: Mapping[str, Any]) -> Seen | None:
    """Its metrics as a scrape; None where they are missing."""
    rate, busy = metrics["rate"], metrics["util"]
    if rate is None:
        return None
    return Seen(rate, rate if busy < KEEPS_UP else None, metrics["p99"], metrics["queue"], busy)


def comfortable(metrics: Mapping[str, Any]) -> int:
    """A count before anybody looks: instances two thirds busy."""
    return metrics["total"] if metrics["rate"] is None else int(1.5 * metrics["rate"] / 50.0) + 1


def erlang_c(metrics: Mapping[str, Any], memory: dict[str, Any]) -> int:
    """Erlang C as simple as it gets, an anchor: for 1.2 x the rate and what waits, held for five minutes."""
    rate = metrics["rate"]
    if rate is None:
        return int(metrics["total"])
    waiting = metrics["queue"] * metrics["ready"]
    needs: deque[int] = memory.setdefault("needs", deque(maxlen=20))
    needs.append(int(np.searchsorted(LOADS, 1.2 * rate + waiting / DRAIN_S)))
    return max(needs)


def __getattr__(name: str) -> Decide:
    """The policy that evaluate.py asks for."""
    if name.startswith("_"):
        raise AttributeError(name)
    variant = Variant(**json.loads(os.environ["AUTOSCALE_YARDSTICK"]))
    atexit.register(lambda: sys.stderr.write(json.dumps({"stale_shrinks": Tally.stale_shrinks})))
    return decider(name, variant)
