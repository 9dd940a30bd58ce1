# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a driver is: the hands of the state machine in one pool. It judges nothing and remembers no states.

A new backend is one file beside this one, an entry in ``_registry.py``, a section in the docs, and a line in the
parameters of the conformance suite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported


@dataclass(frozen=True)
class PoolContext:
    """What a driver is made from: its pool's options, and what it needs of the cluster."""

    cluster: str
    name: str
    options: Mapping[str, Any]
    stop_timeout: float  # s from the request to stop to the kill
    reported: Sequence[Mapping[str, Any]] | None = None  # by the pool's own tasks; `custom` only


@dataclass(frozen=True)
class Order:
    """An instance that is to be started."""

    name: str
    index: int


class Driver(Protocol):
    """Starts and stops instances in one pool. No call waits for an instance to boot or to end.

    Any call may raise AutoscaleError or OptionError when the backend as a whole cannot be used.
    """

    #: Argument spec of the pool's own options.
    options: ClassVar[dict[str, Any]]
    #: Those of them that must be given.
    required: ClassVar[tuple[str, ...]]
    #: Whether the pool's own tasks ask and act, see `reported` and `todo`; else the driver does so itself.
    by_tasks: ClassVar[bool]
    #: Whether it can start and stop; else it only tells what is there.
    scales: ClassVar[bool]

    def __init__(self, context: PoolContext) -> None: ...

    def status(self) -> list[Reported]:
        """All instances that are there, ended ones that were not cleared away included. Read-only."""

    def start(self, orders: Sequence[Order]) -> dict[str, str]:
        """Start them. Returns those that could not be: name -> why."""

    def drain(self, instances: Sequence[Reported]) -> None:
        """Keep new connections away from them."""

    def undrain(self, instances: Sequence[Reported]) -> None:
        """Let new connections come again."""

    def stop(self, instances: Sequence[Reported], *, kill: bool = False) -> None:
        """Ask them to end gracefully, or kill them; clear away those that have ended."""

    def todo(self) -> list[dict[str, Any]]:
        """What the pool's own tasks are left to do. Empty for drivers that act themselves."""
