# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of the drivers that need no processes; the conformance suite has the rest."""

from __future__ import annotations

import os
import re
import shlex
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Order
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._custom import CustomDriver
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._ports import (
    free_ports,
    parse_range,
    port_of,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._program import words as words_of
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._supervisord import (
    Supervisord,
    private_directory,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._registry import BALANCERS, DRIVERS, Registry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._templates import fill
from ansible_collections.rlops.autoscale.tests.tools.ports import free_port
from hypothesis import given
from hypothesis import strategies as st


def no_module(module: str, arguments: Mapping[str, Any], host: str | None = None) -> dict[str, Any]:
    raise AssertionError(f"{module} was run on {host} with {arguments}")


def context(name: str, options: Mapping[str, Any], reported: list[dict[str, Any]] | None = None) -> Context:
    return Context("chat", name, options, no_module, stop_timeout=30.0, reported=reported)


def custom(reported: list[dict[str, Any]] | None) -> CustomDriver:
    return CustomDriver(context("cloud", {"tasks": "/pool.yml"}, reported))


def test_custom_takes_indexes_from_names_or_positions() -> None:
    reported = custom([{"name": "chat-7"}, {"name": "web"}, {"name": "x", "index": 5, "port": None}]).status()
    assert [(r.name, r.index, r.port, r.running) for r in reported] == [
        ("chat-7", 7, None, True),
        ("web", 2, None, True),
        ("x", 5, None, True),
    ]


def test_custom_refuses_twins_and_no_report() -> None:
    with pytest.raises(OptionError, match="reported: chat-1 is listed twice in pool cloud"):
        custom([{"name": "chat-1"}, {"name": "chat-1"}]).status()
    with pytest.raises(AutoscaleError, match="cluster_scale_reported") as error:
        custom(None).status()
    assert not isinstance(error.value, OptionError), "the host may be back at the next tick"


def test_what_custom_tasks_report_is_text_from_outside() -> None:
    (reported,) = custom([{"name": "chat-1", "reason": "\x1b[2Jno\nquota" + 9000 * "!"}]).status()
    assert reported.reason is not None
    assert reported.reason.startswith("[2Jno quota!!!")
    assert len(reported.reason) <= 200
    for name in ("chat\n1", "\x1bchat", "x" * 300):
        with pytest.raises(OptionError, match="reported: a name on one line"):
            custom([{"name": name}]).status()


def test_custom_leaves_operations_to_the_tasks_in_order() -> None:
    driver = custom([])
    instance = Reported("chat-1", 1, "cloud", address="10.0.0.1", port=80)
    driver.undrain([instance])
    driver.stop([instance], kill=True)
    driver.start([Order("chat-2", 2)])
    assert [(job["operation"], job["tasks"], job["instances"]) for job in driver.todo()] == [
        ("undrain", "/pool.yml", [{"name": "chat-1", "index": 1, "address": "10.0.0.1", "port": 80}]),
        ("kill", "/pool.yml", [{"name": "chat-1", "index": 1, "address": "10.0.0.1", "port": 80}]),
        ("start", "/pool.yml", [{"name": "chat-2", "index": 2}]),
    ]


@pytest.mark.parametrize("registry", [DRIVERS, BALANCERS], ids=lambda registry: registry.thing)
def test_backends_are_in_order_and_options_of_one_name_are_the_same(registry: Registry[Any]) -> None:
    assert list(registry.names) == sorted(registry.names)
    options: dict[str, Any] = {}
    for name in registry.names:
        backend = registry.type_of(name)
        assert set(backend.required) <= backend.options.keys()
        for option, spec in backend.options.items():
            assert options.setdefault(option, spec) == spec
    with pytest.raises(OptionError, match=rf"^backend: expected one of {', '.join(registry.names)}, got dokker$"):
        registry.make("dokker", context("x", {}))


PAGES = sorted((Path(__file__).resolve().parents[5] / "docs" / "backends").glob("*.md"))


def pools_in(document: Any) -> list[list[dict[str, Any]]]:
    """The lists of pools anywhere in an inventory or in host variables."""
    if not isinstance(document, dict):
        return []
    inner = [pools for value in document.values() for pools in pools_in(value)]
    return [document["autoscale_pools"], *inner] if "autoscale_pools" in document else inner


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_pools_on_a_backends_page_are_accepted(page: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    documents = [yaml.safe_load(block) for block in blocks if "autoscale_pools:" in block]
    for pools in [pools for document in documents for pools in pools_in(document)]:
        checked = ArgumentSpecValidator({"pools": DRIVERS.spec(pools)}).validate({"pools": pools})
        assert not checked.error_messages
        for pool in pools:
            assert set(DRIVERS.type_of(pool["backend"]).required) <= pool.keys()


def test_ports_in_use_or_reserved_are_passed_over() -> None:
    with socket.socket() as taken:
        port = free_port()
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert port not in list(free_ports(range(port, port + 1), set(), "chat"))
    assert list(free_ports(range(port, port + 1), set(), "chat")) == [port]
    assert list(free_ports(range(port, port + 1), {port}, "chat")) == []


def test_each_owner_begins_at_a_place_of_its_own_and_goes_all_around() -> None:
    ports = range(18000, 18100)  # below those that the system gives out, which come and go
    found = {owner: list(free_ports(ports, set(), owner)) for owner in ("chat", "shop", "chat")}
    assert found["chat"][0] != found["shop"][0]
    assert sorted(found["chat"]) == sorted(found["shop"])
    assert len(found["chat"]) > 50


def test_an_index_has_the_same_port_while_nobody_else_has_it() -> None:
    ports = range(3001, 3004)
    assert [port_of(index, ports, set()) for index in (1, 2, 3, 4)] == [3001, 3002, 3003, 3001]
    assert port_of(2, ports, {3002}) == 3003
    assert port_of(2, ports, {3002, 3003}) == 3001
    assert port_of(2, ports, {3001, 3002, 3003}) is None


@pytest.mark.parametrize("text", ["", "20000", "2-1", "9000-8000", "80-90", "60000-70000", "a-b", "20000-20010x"])
def test_odd_port_ranges_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"^port_range: "):
        parse_range(text)


@given(st.lists(st.text(min_size=1).filter(lambda word: "\0" not in word), min_size=1))
def test_a_command_line_is_split_as_a_shell_does(words: list[str]) -> None:
    assert words_of(shlex.join(words)) == words
    assert words_of(words) == words


@pytest.mark.parametrize("command", ["", [], "it's", 5, None])
def test_odd_commands_are_refused(command: object) -> None:
    with pytest.raises(OptionError, match=r"^command: expected a line or a list of words"):
        words_of(command)


@pytest.mark.parametrize("variable", ["MY-VAR", "A B", "", "1X", "X=1;reboot"])
def test_names_that_no_shell_can_export_are_refused(tmp_path: Path, variable: str) -> None:
    pool = {"backend": "local", "command": ["x"], "environment": {variable: "1"}, "directory": str(tmp_path)}
    pool |= {"port_range": "20000-20010", "address": "127.0.0.1", "working_directory": "/"}
    with pytest.raises(OptionError, match="environment: expected names of letters, digits and underscores, got"):
        DRIVERS.make("local", context("local", pool))


def test_only_known_places_are_filled_and_what_is_filled_in_is_not_looked_at_again() -> None:
    values = {"name": "{port}", "port": 80, "index": None}
    assert fill("{name} {port} {{port}} {other} {}", values) == "{port} 80 {80} {other} {}"
    assert fill("{index}", values) is None
    assert fill("{address}", values) is None


def test_what_cannot_be_private_is_refused(tmp_path: Path) -> None:
    made = private_directory(tmp_path / "a" / "b")
    assert made.stat().st_mode & 0o777 == 0o700
    made.chmod(0o777)
    with pytest.raises(AutoscaleError, match="writable for others"):
        private_directory(made)
    with pytest.raises(OptionError, match=r"^directory: .* without spaces"):
        Supervisord(tmp_path / "a b")


def test_supervisord_that_is_not_there_has_no_processes(tmp_path: Path) -> None:
    assert Supervisord(tmp_path).processes() == {}
    (tmp_path / "supervisord.pid").write_text(f"{os.getpid()}\n")  # a pid that somebody else has now
    assert Supervisord(tmp_path).processes() == {}
    assert list(tmp_path.iterdir()) == [tmp_path / "supervisord.pid"]


def test_the_lack_of_supervisor_is_told_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(AutoscaleError, match="-m pip install supervisor"):
        Supervisord(tmp_path).ensure_running()
