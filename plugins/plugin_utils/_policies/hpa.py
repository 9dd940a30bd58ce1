# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy `hpa`: the Kubernetes HorizontalPodAutoscaler (autoscaling/v2).

Follows pkg/controller/podautoscaler/{replica_calculator,horizontal}.go of kubernetes/kubernetes (1.33), step by step:

1. Each metric recommends a count: ready instances x value/target, rounded up; none within the tolerance.
2. The largest recommendation wins. A missing metric allows growth by the others, never shrinking.
3. Stabilisation: the count moves only so far as every recommendation in the window of that direction agrees.
4. The scaling policies of the direction limit the change per period.

Kubernetes' replicas are the ordered count, its pods without samples are instances that boot (0 % of the target when
growing) or did not answer (0 % when growing, 100 % when shrinking). Its minimum and maximum are the guard `bounds`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    SNAPSHOT_FIELDS,
    Memory,
    Observation,
    PerCluster,
    PolicySettings,
    Proposal,
    figure,
    target_of,
)

#: [unix seconds, count or change]
Entries = list[list[float]]


def _rules(window: float, policies: list[dict[str, Any]]) -> dict[str, Any]:
    """The spec of one direction's behaviour."""
    return {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "tolerance": {"type": "float", "default": 0.1},
            "stabilization_window": {"type": "float", "default": window},
            "select_policy": {"type": "str", "choices": ["Max", "Min", "Disabled"], "default": "Max"},
            "policies": {
                "type": "list",
                "elements": "dict",
                "default": policies,
                "options": {
                    "type": {"type": "str", "choices": ["Pods", "Percent"], "required": True},
                    "value": {"type": "int", "required": True},
                    "period": {"type": "float", "required": True},
                },
            },
        },
    }


@dataclass(frozen=True)
class _Recommendation:
    count: int
    reason: str


class Hpa(PerCluster):
    """Memory: `recommendations` before stabilisation, `changes` of the ordered count, when it was last asked (`at`)."""

    name = "hpa"
    imitation = True
    options: ClassVar[dict[str, Any]] = {
        "metrics": {
            "type": "list",
            "elements": "dict",
            "default": [{"field": "p99_latency_s", "type": "Value", "target": None}],
            "options": {
                "field": {"type": "str", "choices": list(SNAPSHOT_FIELDS), "required": True},
                "type": {"type": "str", "choices": ["Value", "AverageValue"], "default": "Value"},
                "target": {"type": "float"},
            },
        },
        "scale_up": _rules(
            0.0, [{"type": "Percent", "value": 100, "period": 15.0}, {"type": "Pods", "value": 4, "period": 15.0}]
        ),
        "scale_down": _rules(300.0, [{"type": "Percent", "value": 100, "period": 15.0}]),
    }

    def check(self, options: Mapping[str, Any]) -> None:
        """There must be a metric, and no limit may be negative."""
        if not options["metrics"]:
            raise OptionError(f"{self.name}.metrics", "needs at least one metric")
        for direction in ("scale_up", "scale_down"):
            rules = options[direction]
            values = [(name, rules[name]) for name in ("tolerance", "stabilization_window")]
            values += [(f"policies.{name}", each[name]) for each in rules["policies"] for name in ("value", "period")]
            for name, value in values:
                if not value >= 0:
                    raise OptionError(f"{self.name}.{direction}.{name}", f"must be at least 0, got {value:g}")

    def propose(
        self,
        memory: Memory,
        observation: Observation,
        settings: PolicySettings,
        rng: Random,  # noqa: ARG002 - nothing is drawn
    ) -> tuple[Proposal, Memory]:
        """Recommend, stabilise, limit. Without any metric there is no opinion."""
        up, down = settings.options["scale_up"], settings.options["scale_down"]
        now, ordered = observation.now, observation.ordered
        recommendations: Entries = memory.get("recommendations") or [[now, ordered]]
        periods = max((policy["period"] for rules in (up, down) for policy in rules["policies"]), default=0.0)
        changes = _within(memory.get("changes", []), now, periods)
        if observation.taken:
            changes.append([memory.get("at", now), observation.taken])

        wanted = self._recommend(observation, settings)
        if wanted is None:
            # what is remembered stays, so that a window goes on where the metrics come back
            return Proposal(None, "no metric to scale on, the count stays"), {**memory, "changes": changes, "at": now}

        count, stabilised = _stabilise(wanted.count, ordered, recommendations, now=now, up=up, down=down)
        count, limited = _limit(count, ordered, changes, now=now, up=up, down=down)
        windows = max(up["stabilization_window"], down["stabilization_window"])
        remembered = {
            "recommendations": [*_within(recommendations, now, windows), [now, wanted.count]],
            "changes": changes,
            "at": now,
        }
        return Proposal(count, wanted.reason + stabilised + limited, {"recommended": wanted.count}), remembered

    def _recommend(self, observation: Observation, settings: PolicySettings) -> _Recommendation | None:
        """The largest count that a metric asks for; None where none is known, or one is missing and it would shrink."""
        metrics = settings.options["metrics"]
        found = [_count_for(metric, observation, settings) for metric in metrics]
        known = [recommendation for recommendation in found if recommendation is not None]
        if not known:
            return None
        highest = max(known, key=lambda recommendation: recommendation.count)
        if len(known) < len(found) and highest.count < observation.ordered:
            missing = ", ".join(metric["field"] for metric, each in zip(metrics, found, strict=True) if each is None)
            return _Recommendation(observation.ordered, f"{highest.reason}, but without {missing} nothing shrinks")
        return highest


def _count_for(metric: Mapping[str, Any], observation: Observation, settings: PolicySettings) -> _Recommendation | None:
    """What one metric recommends; None where its value is missing."""
    field = metric["field"]
    target = target_of("hpa", field, metric.get("target"), settings.slo)
    value = observation.snapshot.get(field) if observation.snapshot.get("valid") else None
    if value is None:
        return None
    tolerated = (
        1.0 - settings.options["scale_down"]["tolerance"],
        1.0 + settings.options["scale_up"]["tolerance"],
    )
    if metric.get("type") == "AverageValue":
        return _from_total(field, value, target, tolerated, observation)
    return _from_each(field, value, target, tolerated, observation)


def _from_total(
    field: str, value: float, target: float, tolerated: tuple[float, float], observation: Observation
) -> _Recommendation:
    """AverageValue: the field is a total of the cluster, the target is the share of one instance."""
    ordered = observation.ordered
    seen = f"{field} is {figure(value)} in all, target {figure(target)} each"
    if ordered and tolerated[0] <= value / (target * ordered) <= tolerated[1]:
        return _Recommendation(ordered, f"{seen}: within tolerance")
    count = math.ceil(value / target)
    return _Recommendation(count, f"{seen}: {count} instances")


def _from_each(
    field: str, value: float, target: float, tolerated: tuple[float, float], observation: Observation
) -> _Recommendation | None:
    """Value: the field is what an instance shows; instances without a sample are given one on the careful side."""
    snapshot, ordered, ready = observation.snapshot, observation.ordered, observation.ready
    answered = snapshot.get("answered", ready)
    if not answered:
        return None
    ratio = value / target
    seen = f"{field} is {figure(value)}, target {figure(target)}"
    if tolerated[0] <= ratio <= tolerated[1]:
        return _Recommendation(ordered, f"{seen}: within tolerance")
    silent = max(0, snapshot.get("expected", ready) - answered)
    if ratio > 1.0:
        counted = answered + silent + ordered - ready
        share = ratio * answered / counted
    else:
        counted = answered + silent
        share = (ratio * answered + silent) / counted
    if tolerated[0] <= share <= tolerated[1] or (share > 1.0) != (ratio > 1.0):
        return _Recommendation(ordered, f"{seen}: enough with the instances that boot or did not answer")
    count = math.ceil(share * counted)
    return _Recommendation(count, f"{seen}: {counted} instances x {figure(share)} make {count}")


def _stabilise(
    wanted: int,
    ordered: int,
    recommendations: Sequence[Sequence[float]],
    *,
    now: float,
    up: Mapping[str, Any],
    down: Mapping[str, Any],
) -> tuple[int, str]:
    """Move from `ordered` only so far as all recommendations in the window of that direction agree."""
    rising = min([wanted, *(int(count) for _at, count in _within(recommendations, now, up["stabilization_window"]))])
    falling = max([wanted, *(int(count) for _at, count in _within(recommendations, now, down["stabilization_window"]))])
    count = min(max(ordered, rising), falling)
    if count == wanted:
        return count, ""
    window = up["stabilization_window"] if wanted > ordered else down["stabilization_window"]
    return count, f", {count} by what was recommended in the last {window:g} s"


def _limit(
    count: int,
    ordered: int,
    changes: Sequence[Sequence[float]],
    *,
    now: float,
    up: Mapping[str, Any],
    down: Mapping[str, Any],
) -> tuple[int, str]:
    """Apply the scaling policies of the direction: so many instances or per cent more or fewer in each period."""
    if count == ordered:
        return count, ""
    rules, sign = (up, 1) if count > ordered else (down, -1)
    limits = []
    for policy in rules["policies"]:
        start = ordered - sum(int(change) for _at, change in _within(changes, now, policy["period"]))
        if policy["type"] == "Pods":
            limits.append(start + sign * policy["value"])
        elif sign > 0:
            limits.append(math.ceil(start * (1 + policy["value"] / 100)))
        else:
            limits.append(int(start * (1 - policy["value"] / 100)))
    if rules["select_policy"] == "Disabled":
        limit = ordered
    elif not limits:
        return count, ""
    else:
        # Max is the policy that allows the larger change
        widest = (rules["select_policy"] == "Max") == (sign > 0)
        limit = max(limits) if widest else min(limits)
    limited = min(count, max(limit, ordered)) if sign > 0 else max(count, min(limit, ordered))
    if limited == count:
        return count, ""
    return limited, f", limited to {limited} by the scaling policies"


def _within(entries: Sequence[Sequence[float]], now: float, period: float) -> Entries:
    """Entries younger than `period` seconds; those from a clock that was set back are dropped."""
    return [list(entry) for entry in entries if now - period < entry[0] <= now]


POLICY = Hpa()
