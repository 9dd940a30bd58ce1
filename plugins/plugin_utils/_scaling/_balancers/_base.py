# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a load balancer is: it is told which instances get new connections, and says what has become of that.

A new one is one file beside this one, an entry in ``_registry.py``, and a section in docs/balancers.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Backend
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported

#: What a server may be in a load balancer, in the words of HAProxy.
ACTIVE = "ready"
DRAINING = "drain"  # it keeps its connections and gets no new ones
PUT_ASIDE = "maint"  # it gets nothing


@dataclass(frozen=True)
class Server:
    """An instance as one load balancer knows it."""

    state: str  # ACTIVE, DRAINING or PUT_ASIDE
    up: bool = True  # the load balancer has checked it and found it healthy, or checks nothing
    sessions: int | None = None  # open ones; None: it cannot tell
    detail: str = ""  # such as "UP 1/2, not checked yet"; fit for a message


class Balancer(Backend):
    """Sends connections to the instances of one cluster. No call waits for connections to end.

    Instances are known by address and port: the two never change while they live. Any call may raise AutoscaleError
    when the load balancer cannot be used now, and OptionError when it never can; those that could be are done then.
    """

    def status(self, instances: Sequence[Reported]) -> dict[str, Server]:
        """Those of the instances that it has: name -> how. Read-only."""
        raise NotImplementedError

    def register(self, instances: Sequence[Reported]) -> None:
        """Let them get new connections; those, too, that it drains or has never heard of."""
        raise NotImplementedError

    def drain(self, instances: Sequence[Reported]) -> None:
        """Let them get no new connections, and keep those that they have."""
        raise NotImplementedError

    def deregister(self, instances: Sequence[Reported]) -> None:
        """Forget them. They have ended."""
        raise NotImplementedError
