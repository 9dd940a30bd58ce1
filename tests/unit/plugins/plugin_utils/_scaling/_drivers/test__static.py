# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import NoReturn

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Order
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._static import StaticDriver


def no_module(module: str, arguments: object, host: str | None = None) -> NoReturn:
    raise AssertionError(f"{module} was run on {host} with {arguments}")


def driver(*endpoints: str) -> StaticDriver:
    return StaticDriver(Context("chat", "static", {"endpoints": list(endpoints)}, run_module=no_module))


def test_lists_the_endpoints() -> None:
    first, second = driver("10.0.0.7:8080", "[::1]:9090").status()
    assert (first.name, first.index, first.address, first.port) == ("10.0.0.7:8080", 1, "10.0.0.7", 8080)
    assert (second.address, second.port) == ("[::1]", 9090)


@pytest.mark.parametrize("endpoint", ["10.0.0.7", ":8080", "host:", "host:http", "host:0", "host:65536", ""])
def test_refuses_what_is_no_endpoint(endpoint: str) -> None:
    with pytest.raises(OptionError, match=r"^endpoints: expected address:port"):
        driver(endpoint)


def test_refuses_to_scale() -> None:
    pool = driver("10.0.0.7:8080")
    for action in (
        lambda: pool.start([Order("chat-2", 2)]),
        lambda: pool.stop(pool.status()),
    ):
        with pytest.raises(OptionError, match="use mode recommend"):
            action()
    assert pool.todo() == []
