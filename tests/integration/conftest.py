# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that are started once for all tests that want them."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from ansible_collections.rlops.autoscale.tests.integration.autoscale.clusters import Service
from ansible_collections.rlops.autoscale.tests.tools.aws_service import AwsService, aws_service
from ansible_collections.rlops.autoscale.tests.tools.docker_daemon import docker_daemon
from ansible_collections.rlops.autoscale.tests.tools.docker_images import build_service_image
from ansible_collections.rlops.autoscale.tests.tools.libvirt_daemon import LibvirtDaemon, libvirt_daemon
from ansible_collections.rlops.autoscale.tests.tools.metrics_server import MetricsServer, page
from ansible_collections.rlops.autoscale.tests.tools.skipping import UnavailableError, skip_or_fail


@pytest.fixture(scope="session")
def docker_host() -> Iterator[str]:
    """DOCKER_HOST of a Docker daemon of the tests' own; what is in it goes with it at the end of the session."""
    try:
        with docker_daemon() as host:
            yield host
    except UnavailableError as reason:
        skip_or_fail(reason)


@pytest.fixture(scope="session")
def service_image(docker_host: str) -> str:
    """Name of the image of files/service.py in that daemon."""
    return build_service_image(docker_host)


@pytest.fixture
def aws() -> Iterator[AwsService]:
    """Amazon's APIs, as moto simulates them, with an empty account."""
    with aws_service() as service:
        yield service


@pytest.fixture(scope="session")
def libvirt() -> Iterator[LibvirtDaemon]:
    """A libvirtd of the tests' own; its machines end with it. Who makes some removes them."""
    try:
        with libvirt_daemon() as daemon:
            yield daemon
    except UnavailableError as reason:
        skip_or_fail(reason)


@pytest.fixture
def service() -> Iterator[tuple[Service, str]]:
    """A Service and the URL of its page."""
    state = Service()

    def answer(request: BaseHTTPRequestHandler) -> None:
        page(state.page(), state.content_type)(request)

    with MetricsServer(answer) as server:
        yield state, server.url
