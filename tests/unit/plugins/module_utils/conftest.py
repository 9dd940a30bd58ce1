# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures for tests of observing: options with their defaults, pages of a service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot_spec import SNAPSHOT_SPEC


@pytest.fixture(scope="session")
def snapshot_options() -> Callable[..., dict[str, Any]]:
    """Function that gives the options of metrics_snapshot, defaults filled in."""

    def fill(**given: Any) -> dict[str, Any]:
        checked = ArgumentSpecValidator(SNAPSHOT_SPEC).validate(given)
        assert not checked.error_messages
        return checked.validated_parameters

    return fill


@pytest.fixture(scope="session")
def service_page() -> Callable[..., bytes]:
    """Function that writes a page with the article's three metrics; None leaves one out."""

    def write(
        buckets: Mapping[str, float] | None = None,
        *,
        total: float | None = 1.0,
        queue: float | None = 0,
        lag: float | None = 0.001,
        started: float | None = None,
        more: str = "",
    ) -> bytes:
        lines = []
        if buckets is not None:
            name = "app_p99_latency_seconds"
            lines += [f'{name}_bucket{{le="{bound}"}} {count}' for bound, count in buckets.items()]
            lines += [f"{name}_count {max(buckets.values())}"]
            lines += [f"{name}_sum {total}"] if total is not None else []
        gauges = {
            "app_message_queue_depth": queue,
            "app_eventloop_lag_seconds": lag,
            "process_start_time_seconds": started,
        }
        lines += [f"{name} {value}" for name, value in gauges.items() if value is not None]
        return "\n".join([*lines, more, ""]).encode()

    return write
