# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is assumed of a service by those that simulate it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._assumed import service_of, settled
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import PolicySettings, Slo
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Service


def test_a_service_is_what_the_settings_say() -> None:
    settings = PolicySettings(
        max_instances=7, servers_per_instance=4, queueing="per_instance", slo=Slo(p99_latency=0.4, queue_depth=20.0)
    )
    assert service_of(settings, 30.0) == Service(30.0, 4, "per_instance", 7, patience=10.0, slo_p99=0.4, slo_queue=20.0)


@pytest.mark.parametrize(("p99", "patience"), [(0.2, 5.0), (None, 5.0), (0.01, 0.25)])
def test_clients_wait_for_a_multiple_of_the_slo(p99: float | None, patience: float) -> None:
    assert service_of(PolicySettings(slo=Slo(p99_latency=p99)), 50.0).patience == patience


def test_a_service_rate_that_hardly_changes_is_kept_and_all_else_is_taken() -> None:
    known = Service(service_rate=50.0, max_instances=20)
    for rate, taken in ((50.9, 50.0), (49.1, 50.0), (51.1, 51.1), (48.0, 48.0)):
        given = Service(service_rate=rate, max_instances=9)
        assert settled(given, known) == replace(given, service_rate=taken)
