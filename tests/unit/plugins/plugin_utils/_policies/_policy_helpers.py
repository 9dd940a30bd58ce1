# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all tests of policies use."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    Memory,
    Observation,
    PolicySettings,
    Proposal,
    default_options,
)


def settings_of(name: str, settings: PolicySettings | None = None, **options: Any) -> PolicySettings:
    """Settings with the policy's default options, and these of its own."""
    defaults = default_options(_registry.get(name).options)
    return replace(settings or PolicySettings(), options={**defaults, **options})


def snapshot(**figures: Any) -> dict[str, Any]:
    """A valid snapshot without figures but these."""
    return {"valid": True, **figures}


def propose(
    name: str, memory: Memory, observation: Observation, settings: PolicySettings, rng: random.Random | None = None
) -> tuple[Proposal, Memory]:
    """Ask a policy about one cluster; memories are plain, as they are stored."""
    policy = _registry.get(name)
    (proposal,), (live,) = policy.step([policy.load(memory)], [observation], [settings], [rng or random.Random(0)])
    return proposal, policy.dump(live)
