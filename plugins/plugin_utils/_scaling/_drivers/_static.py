# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backend ``static``: instances that something else runs, listed by hand. They can be watched, not scaled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Driver, Order
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported


class StaticDriver(Driver):
    """What is listed is there. Made for ``mode: recommend``."""

    options: ClassVar[dict[str, Any]] = {"endpoints": {"type": "list", "elements": "str"}}
    required: ClassVar[tuple[str, ...]] = ("endpoints",)
    scales: ClassVar[bool] = False

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._endpoints = [_address_and_port(endpoint) for endpoint in context.options["endpoints"]]

    def status(self) -> list[Reported]:
        """Each endpoint is an instance."""
        return [
            Reported(
                name=f"{address}:{port}",
                index=index,
                pool=self.context.name,
                address=address,
                port=port,
            )
            for index, (address, port) in enumerate(self._endpoints, start=1)
        ]

    def start(self, orders: Sequence[Order]) -> dict[str, str]:  # noqa: ARG002 - as Driver wants it
        """Refused."""
        self._refuse()

    def stop(self, instances: Sequence[Reported], *, kill: bool = False) -> None:  # noqa: ARG002
        """Refused."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise OptionError(
            "backend",
            f"pool {self.context.name} is static: it lists instances and cannot scale; "
            "use mode recommend, or a backend that starts and stops",
        )


def _address_and_port(endpoint: str) -> tuple[str, int]:
    address, separator, port = endpoint.rpartition(":")
    if not separator or not address or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise OptionError("endpoints", f"expected address:port, such as 10.0.0.7:8080, got {quoted(endpoint)}")
    return address, int(port)


BACKEND = StaticDriver
