# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a driver is: the hands of the state machine in one pool. It judges nothing and remembers no states.

A new backend is one file beside this one, an entry in ``_registry.py``, a page in docs/backends, and a scenario of the
conformance suite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Backend
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported


@dataclass(frozen=True)
class Order:
    """An instance that is to be started."""

    name: str  # ``<cluster>#<n>`` where the backend gives names
    index: int


class Driver(Backend):
    """Starts and stops instances in one pool. No call waits for an instance to boot or to end.

    Any call may raise AutoscaleError when the backend cannot be used now, SomeFailed where that holds for some
    instances only, and OptionError when it never can.
    Calls are repeated where a run was cut off: to stop or pause again what was asked to does no harm.
    """

    #: Whether it can start and stop; else it only tells what is there.
    scales: ClassVar[bool] = True
    #: Whether it can pause and resume.
    pauses: bool = False
    #: Whether the backend names what it starts.
    gives_names: bool = False
    #: Whether only the instances of the highest indexes can be taken away.
    last_only: bool = False

    def status(self) -> list[Reported]:
        """All instances that are there, ended ones that were not cleared away included. Read-only.

        Of an instance whose backend gives names, ``index`` is 0 where it has no number of its own.
        """
        raise NotImplementedError

    def expect(self, count: int) -> None:
        """Hear how many instances the pool has once all calls of this pass are made. For backends that are told a
        count; said before any other call of a pass that starts or stops."""

    def start(self, orders: Sequence[Order]) -> dict[str, str]:
        """Start them. Returns those that could not be: name -> why."""
        raise NotImplementedError

    def drain(self, instances: Sequence[Reported]) -> None:
        """Keep new connections away from them, where that is the backend's affair and not a load balancer's."""

    def undrain(self, instances: Sequence[Reported]) -> None:
        """Let new connections come again."""

    def stop(self, instances: Sequence[Reported], *, kill: bool = False) -> None:
        """Ask them to end gracefully, or kill them; clear away those that have ended. Paused ones are among them."""
        raise NotImplementedError

    def pause(self, instances: Sequence[Reported]) -> None:
        """Let them cost as little as can be, and yet be back soon."""
        raise NotImplementedError

    def resume(self, instances: Sequence[Reported]) -> None:
        """Let them work again; no harm for one that was not paused."""
        raise NotImplementedError


class SomeFailed(AutoscaleError):  # noqa: N818 - told as such
    """What was wanted could not be done with some of the instances: name -> why. With the others it was."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {why}" for name, why in reasons.items()))
        self.names = frozenset(reasons)


def each(instances: Sequence[Reported], operation: Callable[[Reported], None]) -> None:
    """Do it with each: what fails with one keeps no other from it. Raises SomeFailed."""
    reasons = {}
    for instance in instances:
        try:
            operation(instance)
        except AutoscaleError as error:
            reasons[instance.name] = str(error)
    if reasons:
        raise SomeFailed(reasons)
