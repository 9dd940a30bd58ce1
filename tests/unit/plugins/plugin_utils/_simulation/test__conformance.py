# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The conformance check: the environment passes, and each kind of broken one is told what it breaks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._environment import (
    EnvironmentSettings,
    ScalingEnv,
)
from ansible_collections.rlops.autoscale.tests.tools.simulator_conformance import check


def test_the_environment_conforms() -> None:
    check(ScalingEnv)


class Restless(ScalingEnv):
    """Never twice the same."""

    episodes = 0

    def reset(self, seed: int) -> Any:
        Restless.episodes += 1
        return super().reset(seed + Restless.episodes)


class Changed(ScalingEnv):
    """Something of what a step gives is changed."""

    def step(self, targets: Any) -> Any:
        return self.changed(*super().step(targets))


class Whole(Changed):
    def changed(self, observed: Any, reward: Any, terminated: Any, truncated: Any, info: Any) -> Any:
        return observed, reward.astype(int), terminated, truncated, info


class Listed(Changed):
    def changed(self, observed: Any, reward: Any, terminated: Any, truncated: Any, info: Any) -> Any:
        return observed._replace(p99=observed.p99[:, None]), reward, terminated, truncated, info


class Losing(Changed):
    def changed(self, observed: Any, reward: Any, terminated: Any, truncated: Any, info: Any) -> Any:
        completed = 0.99 * observed.completion_rate
        return observed._replace(completion_rate=completed), reward, terminated, truncated, info


class Deaf(ScalingEnv):
    def __init__(self, arrivals: Any, settings: EnvironmentSettings) -> None:
        super().__init__(0.99 * arrivals, settings)


class Sociable(Changed):
    def changed(self, observed: Any, reward: Any, terminated: Any, truncated: Any, info: Any) -> Any:
        return observed, reward - reward.mean(), terminated, truncated, info


class Boundless(ScalingEnv):
    def __init__(self, arrivals: Any, settings: EnvironmentSettings) -> None:
        service = replace(settings.service, max_instances=settings.service.max_instances + 1)
        super().__init__(arrivals, replace(settings, service=service))


class Late(ScalingEnv):
    def __init__(self, arrivals: Any, settings: EnvironmentSettings) -> None:
        super().__init__(arrivals, replace(settings, boot_time=settings.boot_time + settings.interval))


class Endless(Changed):
    def changed(self, observed: Any, reward: Any, terminated: Any, truncated: Any, info: Any) -> Any:
        return observed, reward, terminated, np.zeros_like(truncated), info


class Generous(Changed):
    def changed(self, observed: Any, reward: Any, terminated: Any, truncated: Any, info: Any) -> Any:
        return observed, 0.9 * reward, terminated, truncated, info


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (Restless, "the same seed gives the same episode"),
        (Whole, r"rewards are \(E,\) floats"),
        (Listed, r"p99 is \(E,\)"),
        (Losing, "what arrives is completed, waits in the backlog, or is given up"),
        (Deaf, "what is given arrives"),
        (Sociable, "an environment does not depend on its neighbours"),
        (Boundless, "targets are clipped"),
        (Late, "growth serves after boot_ticks"),
        (Endless, "truncated after T steps"),
        (Generous, "the reward is minus the cost"),
    ],
)
def test_a_broken_environment_is_told_the_rule(broken: type[ScalingEnv], rule: str) -> None:
    with pytest.raises(AutoscaleError, match=f"^the environment breaks a rule: .*{rule}"):
        check(broken)
