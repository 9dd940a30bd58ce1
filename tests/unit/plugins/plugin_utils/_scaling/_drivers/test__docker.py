# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a container is made with, when that has changed, and what is refused; the conformance suite has the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Order
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._docker import DockerDriver


class Modules:
    """A daemon without containers that notes what is asked of it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any], str | None]] = []

    def __call__(self, module: str, arguments: Mapping[str, Any], host: str | None = None) -> dict[str, Any]:
        self.calls.append((module, dict(arguments), host))
        return {"containers": []}


def driver(modules: Modules | None = None, stop_timeout: float = 30.0, **options: Any) -> DockerDriver:
    checked = ArgumentSpecValidator(DockerDriver.options).validate({"image": "chat:1", **options})
    assert not checked.error_messages
    return DockerDriver(Context("chat", "near", checked.validated_parameters, modules or Modules(), stop_timeout))


def started(stop_timeout: float = 30.0, **options: Any) -> dict[str, Any]:
    """What docker_container is told for an instance."""
    modules = Modules()
    assert driver(modules, stop_timeout, **options).start([Order("chat-2", 2)]) == {}
    [(listing, _arguments, _host), (module, arguments, _there)] = modules.calls
    assert listing == "community.docker.docker_host_info"
    assert module == "community.docker.docker_container"
    return arguments


def digest(**options: Any) -> str:
    return str(started(**options)["labels"]["rlops.autoscale.settings"])


def test_a_container_has_its_name_its_port_and_marks() -> None:
    made = started(service_port=8080, command="serve --at {address} --name {name}", environment={"LEVEL": 1})
    assert (made["name"], made["image"], made["state"], made["restart_policy"]) == ("chat-2", "chat:1", "started", "no")
    assert made["published_ports"] == ["127.0.0.1:20001:8080"]
    assert made["command"] == ["serve", "--at", "127.0.0.1", "--name", "chat-2"]
    assert made["env"] == {"PORT": "8080", "INSTANCE_NAME": "chat-2", "INSTANCE_INDEX": "2", "LEVEL": "1"}
    marks = {"cluster": "chat", "pool": "near", "index": "2", "port": "20001"}
    assert {f"rlops.autoscale.{name}": value for name, value in marks.items()}.items() <= made["labels"].items()
    assert made["init"] is True


def test_without_a_port_of_its_own_a_service_listens_where_it_is_published() -> None:
    made = started(publish_address="::1", environment={"URL": "http://x:{port}"})
    assert made["published_ports"] == ["[::1]:20001:20001"]
    assert (made["env"]["PORT"], made["env"]["URL"]) == ("20001", "http://x:20001")


def test_what_has_no_option_of_its_own_is_passed_on() -> None:
    made = started(container_options={"memory": "1g", "init": False, "networks": [{"name": "back"}]})
    assert (made["memory"], made["init"], made["networks"]) == ("1g", False, [{"name": "back"}])
    on_host = started(networking="host", service_port=8080)
    assert (on_host["network_mode"], on_host["env"]["PORT"]) == ("host", "20001")
    assert "published_ports" not in on_host


def test_the_daemon_is_named_in_each_call_and_ssh_needs_no_package() -> None:
    modules = Modules()
    there = driver(modules, docker_host="ssh://me@far", host="bastion", ca_path="/ca.pem")
    there.status()
    [(_module, arguments, host)] = modules.calls
    assert host == "bastion"
    assert arguments.items() >= {"docker_host": "ssh://me@far", "use_ssh_client": True, "ca_path": "/ca.pem"}.items()
    assert "validate_certs" not in arguments
    assert arguments["containers_filters"] == {"label": ["rlops.autoscale.cluster=chat", "rlops.autoscale.pool=near"]}


def test_only_what_makes_another_container_changes_the_digest() -> None:
    same = digest()
    assert digest(pull="never", stop_timeout=5) == same
    for change in (
        {"image": "chat:2"},
        {"environment": {"LEVEL": "debug"}},
        {"command": "serve"},
        {"labels": {"team": "a"}},
        {"service_port": 80},
        {"networking": "host"},
        {"container_options": {"memory": "1g"}},
    ):
        assert digest(**change) != same, change


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"container_options": {"restart_policy": "always"}},
            "container_options: restart_policy is set by the pool's own",
        ),
        ({"container_options": {"docker_host": "x"}}, "container_options: docker_host is set by the pool's own"),
        (
            {"container_options": {"network_mode": "host"}},
            "container_options: for network_mode host, say networking: host",
        ),
        (
            {"networking": "host", "container_options": {"network_mode": "a"}},
            "container_options: for network_mode host",
        ),
        ({"networking": "container"}, "service_port: networking container needs it"),
        ({"address": "chat.example"}, "publish_address: expected an IP address of the Docker host, or 0.0.0.0 for all"),
        ({"labels": {"rlops.autoscale.pool": "x"}}, "labels: rlops.autoscale.pool is one of the agent's own"),
        ({"port_range": "1-2"}, "port_range: expected two ports"),
        ({"command": "'"}, "command: expected a line or a list of words"),
        ({"environment": {"A B": 1}}, "environment: expected names of letters"),
    ],
)
def test_what_cannot_work_is_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as error:
        driver(**options)
    assert str(error.value).startswith(message)


def test_a_name_as_address_is_fine_where_nothing_is_published_at_it() -> None:
    assert started(address="chat.example", publish_address="0.0.0.0")["published_ports"] == ["0.0.0.0:20001:20001"]
    assert "published_ports" not in started(address="chat.example", networking="host")
