# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who competes: every policy as it comes, as `tune.py` has set it, or as `pretrain.py` has trained it.

The guards are on for all, but none waits before it shrinks (`cooldown_down` 0): each rule's own hold counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.rlops.autoscale.plugins.plugin_utils._agent import ClusterSettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._guards import GuardSettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    PolicySettings,
    Slo,
    default_options,
)

TUNED = Path(__file__).with_name("tuned.json")
PRETRAINED = Path(__file__).with_name("pretrained.json")
OURS = "shadow_q"
#: What the simulators have no event loop for.
SLO = Slo(eventloop_lag=None)
MOST_INSTANCES = 20


class Contender(NamedTuple):
    """A policy with its options."""

    name: str
    policy: str
    options: Mapping[str, Any] = {}
    memory: Mapping[str, Any] = {}  # of the policy, at first


def utilisation(target: float) -> list[dict[str, Any]]:
    """The metrics of an hpa that keeps instances so busy."""
    return [{"field": "utilisation", "type": "Value", "target": target}]


#: As they come. HPA is shown at the 80 % that the Kubernetes tutorials set, and on p99 as this collection sets it.
UNTUNED = (
    Contender("hpa", "hpa", {"metrics": utilisation(0.8)}),
    Contender("hpa_p99", "hpa"),
    Contender("target_tracking", "target_tracking"),
    Contender("kpa", "kpa"),
    Contender("predictive", "predictive"),
    Contender("erlang", "erlang"),
    Contender("square_root", "square_root"),
    Contender("holt_winters", "holt_winters"),
    Contender("seasonal", "seasonal"),
)
LEARNERS = (Contender("q_learning", "q_learning"), Contender("dqn", "dqn"))


def tuned(path: Path = TUNED) -> list[Contender]:
    """The baselines with the options that were cheapest on the training families."""
    found = json.loads(path.read_text())["tuned"]
    return [Contender(f"{name}_tuned", each["policy"], each["options"]) for name, each in found.items()]


def pretrained() -> dict[str, Any]:
    """What `pretrain.py` has made, by policy; empty where it never ran."""
    found: dict[str, Any] = json.loads(PRETRAINED.read_text()) if PRETRAINED.exists() else {}
    return found


def everyone() -> list[Contender]:
    """All contenders, ours last. Those that could be trained compete as they come, too."""
    trained = [Contender(f"{name}_pretrained", name, {}, each["memory"]) for name, each in pretrained().items()]
    return [*UNTUNED, *tuned(), *LEARNERS, *trained, Contender(OURS, "shadow_q")]


def named(names: Sequence[str]) -> list[Contender]:
    """The contenders of these names, in this order."""
    known = {contender.name: contender for contender in everyone()}
    return [known[name] for name in names]


def cluster_settings(
    contender: Contender,
    *,
    boot_time: float = 45.0,
    queueing: str = "shared",
    service_rate: float | None = None,
    seed: int = 0,
) -> ClusterSettings:
    """What a person would have set; `boot_time` in s, `service_rate` in messages/s (None: calibrated)."""
    policy = _registry.get(contender.policy)
    return ClusterSettings(
        cluster=contender.name,
        policy=policy,
        policy_settings=PolicySettings(
            max_instances=MOST_INSTANCES,
            boot_time=boot_time,
            queueing=queueing,
            slo=SLO,
            options=merged(default_options(policy.options), contender.options),
        ),
        guards=GuardSettings(max_instances=MOST_INSTANCES, slo=SLO, cooldown_down=0.0),
        service_rate=service_rate,
        seed=seed,
    )


def merged(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults with what is given in their place, dicts within dicts likewise."""
    return {
        name: merged(value, given[name]) if isinstance(value, dict) and name in given else given.get(name, value)
        for name, value in defaults.items()
    }
