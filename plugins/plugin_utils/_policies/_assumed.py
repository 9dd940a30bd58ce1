# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What policies that simulate a service assume of it."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import PolicySettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Service

#: A service rate that differs by no more than this share is no other one: it is measured.
NOTABLE_CHANGE = 0.02


def service_of(settings: PolicySettings, service_rate: float) -> Service:
    """The service of a cluster with these settings, one server of which does `service_rate` messages/s."""
    return Service(
        service_rate=service_rate,
        servers_per_instance=settings.servers_per_instance,
        queueing=settings.queueing,
        max_instances=settings.max_instances,
        slo_p99=settings.slo.p99_latency,
        slo_queue=settings.slo.queue_depth,
        patience=settings.slo.patience,
    )


def settled(given: Service, known: Service) -> Service:
    """The service as it is given now, with the rate that is known of it as long as that has not changed notably."""
    change = abs(given.service_rate / known.service_rate - 1.0)
    return replace(given, service_rate=known.service_rate) if change <= NOTABLE_CHANGE else given
