# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What load balancers ask of their modules, and how they understand the answer; real ones are in tests/integration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.modules import haproxy_servers, nginx_upstream
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._balancers._base import Balancer, Server
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._registry import BALANCERS

INSTANCES = [
    Reported("chat-1", 1, "local", address="10.0.0.7", port=80),
    Reported("chat-2", 2, "local", address=None, port=80),
    Reported("chat-3", 3, "local", address="10.0.0.9", port=81),
]
GIVEN = {
    "haproxy": {"socket": "/run/haproxy.sock", "proxy": "chat"},
    "nginx": {"file": "/etc/nginx/conf.d/chat.conf", "upstream": "chat"},
}
MODULES = {"haproxy": haproxy_servers, "nginx": nginx_upstream}


class Runs:
    """Notes what is run, and answers with these servers."""

    def __init__(self, *servers: dict[str, Any], **result: Any) -> None:
        self.result = {"servers": list(servers)} | result
        self.made: list[tuple[str, Mapping[str, Any], str | None]] = []

    def __call__(self, module: str, arguments: Mapping[str, Any], host: str | None = None) -> dict[str, Any]:
        self.made.append((module, arguments, host))
        return self.result


def balancer(backend: str, runs: Runs, **options: Any) -> Balancer:
    defaults = {name: spec.get("default") for name, spec in BALANCERS.type_of(backend).options.items()}
    given = defaults | GIVEN[backend] | {"host": "edge"} | options
    return BALANCERS.make(backend, Context("chat", backend, given, runs))


def server(state: str, **more: Any) -> dict[str, Any]:
    return {"state": state, "up": False, "sessions": None, "detail": ""} | more


@pytest.mark.parametrize("backend", MODULES)
def test_one_call_asks_for_all_that_can_be_known_there(backend: str) -> None:
    runs = Runs(server("ready", up=True, sessions=4, detail="UP\x1b[2J"), server("absent"))
    assert balancer(backend, runs).status(INSTANCES) == {"chat-1": Server("ready", True, 4, "UP [2J")}
    ((module, arguments, host),) = runs.made
    assert (module, host) == (f"rlops.autoscale.{MODULES[backend].__name__.rpartition('.')[2]}", "edge")
    assert arguments["servers"] == [{"address": "10.0.0.7", "port": 80}, {"address": "10.0.0.9", "port": 81}]
    assert arguments.keys() == MODULES[backend].SPEC.keys()


@pytest.mark.parametrize("backend", MODULES)
@pytest.mark.parametrize(("operation", "state"), [("register", "ready"), ("drain", "drain"), ("deregister", "absent")])
def test_one_call_brings_them_to_a_state(backend: str, operation: str, state: str) -> None:
    runs = Runs()
    getattr(balancer(backend, runs), operation)(INSTANCES[:2])
    ((_module, arguments, _host),) = runs.made
    assert arguments["servers"] == [{"address": "10.0.0.7", "port": 80, "state": state}]


@pytest.mark.parametrize("backend", MODULES)
def test_without_anybody_nothing_is_run(backend: str) -> None:
    runs = Runs()
    made = balancer(backend, runs)
    made.register(INSTANCES[1:2])
    assert made.status([]) == {}
    assert runs.made == []


@pytest.mark.parametrize("backend", MODULES)
def test_what_the_module_says_when_it_fails_is_said(backend: str) -> None:
    with pytest.raises(AutoscaleError, match=r"^(haproxy_servers|nginx_upstream): no\x20such thing$"):
        balancer(backend, Runs(failed=True, msg="no\nsuch thing")).drain(INSTANCES)


@pytest.mark.parametrize("backend", MODULES)
def test_options_are_those_of_the_module(backend: str) -> None:
    """But for paths, which no controller may expand, and for what is required, which is said by the load balancer."""
    own = {name: spec for name, spec in BALANCERS.type_of(backend).options.items() if name != "host"}
    of_module = {name: dict(spec) for name, spec in MODULES[backend].SPEC.items() if name != "servers"}
    required = {name for name, spec in of_module.items() if spec.pop("required", False)}
    assert required == set(BALANCERS.type_of(backend).required)
    for spec in of_module.values():
        spec["type"] = "str" if spec["type"] == "path" else spec["type"]
    assert own == of_module


@pytest.mark.parametrize(
    ("backend", "options", "message"),
    [
        ("haproxy", {"proxy": ""}, "proxy: load balancer haproxy of backend haproxy needs it"),
        ("haproxy", {"proxy": "a b"}, "proxy: expected a name"),
        ("haproxy", {"socket": "x"}, "socket: expected the path"),
        ("haproxy", {"placeholder": "x"}, "placeholder: expected an IP address"),
        ("nginx", {"file": None}, "file: load balancer nginx of backend nginx needs it"),
        ("nginx", {"upstream": "a b"}, "upstream: expected a name"),
        ("nginx", {"directives": ["}"]}, "directives: expected words"),
        ("nginx", {"server_options": "down"}, "server_options: expected parameters"),
    ],
)
def test_what_can_never_work_is_refused_at_once(backend: str, options: dict[str, Any], message: str) -> None:
    runs = Runs()
    with pytest.raises(OptionError, match=f"^{message}"):
        balancer(backend, runs, **options)
    assert runs.made == []
