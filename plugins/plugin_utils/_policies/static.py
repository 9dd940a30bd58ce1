# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy `static`: a fixed count, the yardstick for all others."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import (
    Memory,
    Observation,
    PerCluster,
    PolicySettings,
    Proposal,
)


class Static(PerCluster):
    """Always the same count."""

    name = "static"
    options: ClassVar[dict[str, Any]] = {
        "count": {"type": "int"},
    }

    def check(self, options: Mapping[str, Any]) -> None:
        """The count has to be given."""
        count = options["count"]
        if count is None or count < 0:
            raise OptionError("static.count", f"the policy static needs a count of at least 0, got {count}")

    def propose(
        self,
        memory: Memory,
        observation: Observation,  # noqa: ARG002 - nothing is looked at
        settings: PolicySettings,
        rng: Random,  # noqa: ARG002 - nothing is drawn
    ) -> tuple[Proposal, Memory]:
        """Propose the count."""
        count = settings.options["count"]
        return Proposal(count, f"static count {count}"), memory


POLICY = Static()
