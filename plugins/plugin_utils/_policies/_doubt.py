# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether users feel what the model says, from the last ticks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import Observation, figure
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Service, p99_of

#: Ticks that are judged together, and how many of them there have to be.
TICKS, ENOUGH = 20, 10
#: The model is refuted by a p99 above the SLO and above so many times what it says.
TOLERANCE = 1.3
#: Doubt lasts from the first share of refuting ticks on, until there are fewer than the second.
LOST, REGAINED = 0.5, 0.25


@dataclass
class Doubt:
    """`refuted` has a 1 for each of the last ticks that the model does not explain, newest last.

    What cannot be compared for as many ticks as are judged together ends all doubt.
    """

    refuted: str = ""
    lasting: bool = False
    reason: str = ""
    ready: int | None = None
    silent: int = 0  # ticks in a row that could not be compared

    def look(self, service: Service, observation: Observation) -> None:
        """Compare p99 with what the model says of the ready instances; only where these are as many as a tick ago."""
        snapshot, ready = observation.snapshot, observation.ready
        steady, self.ready = ready == self.ready, ready
        p99, slo = snapshot.get("p99_latency_s"), service.slo_p99
        if not steady or not ready or p99 is None or slo is None:
            self.silent += 1
            if slo is None or self.silent >= TICKS:
                self.refuted, self.lasting = "", False
            return
        self.silent = 0
        queued = snapshot.get("queue_total") or 0.0
        said = p99_of(service, min(ready, service.max_instances), snapshot["arrival_rate"], queued)
        self.refuted = (self.refuted + str(int(p99 > max(slo, TOLERANCE * said))))[-TICKS:]
        share = self.refuted.count("1") / len(self.refuted)
        if len(self.refuted) >= ENOUGH:
            self.lasting = share >= LOST or (self.lasting and share >= REGAINED)
        self.reason = f"users feel a p99 of {figure(p99)} s where the model says {figure(said)} s"

    def to_plain(self) -> dict[str, Any]:
        """Plain data, see `from_plain`."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Doubt:
        """Read what `to_plain` wrote; {} is no doubt."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in plain.items() if name in known})
