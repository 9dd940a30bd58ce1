# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services are put into slots as they are wanted, and nobody else is touched."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.module_utils._haproxy import Proxy, RuntimeApi, Server
from ansible_collections.rlops.autoscale.plugins.module_utils._haproxy_slots import assign
from hypothesis import given
from hypothesis import strategies as st

FREE = Server("app1", "127.0.0.1", 1, "maint", False, "MAINT", 0, 1, 1, 0, True, True)
PLACEHOLDER = "127.0.0.1:1"


class Model(Proxy):
    """An HAProxy as far as servers are concerned, as the real one was seen to behave."""

    def __init__(self, servers: Sequence[Server], *, obeys: bool = True) -> None:
        super().__init__(RuntimeApi("/nonexistent"), "chat")
        self.now = {server.name: server for server in servers}
        self.given: list[str] = []
        self.obeys = obeys

    def change(self, commands: Sequence[str]) -> tuple[list[Server], list[str]]:
        self.given += commands
        said = [self._do(command) for command in commands] if self.obeys else ["Permission denied"] * len(commands)
        return list(self.now.values()), said

    def _do(self, command: str) -> str:
        enable = re.fullmatch(r"enable health chat/(\S+)", command)
        if enable:
            self.now[enable[1]] = replace(self.now[enable[1]], check_enabled=True)
            return ""
        match = re.fullmatch(r"set server chat/(\S+) (\S+) (.*)", command)
        assert match, command
        name, what, value = match.groups()
        server = self.now[name]
        if what == "addr":
            address, _port, port = value.split()
            server = replace(server, address=address, port=int(port))
        elif what == "check-port":
            assert server.checked
            server = replace(server, check_port=int(value))
        elif what == "weight":
            server = replace(server, weight=int(value))
        elif what == "health":
            assert (value, server.state) == ("down", "drain"), "of no use in maintenance"
            server = replace(server, up=False)
        else:
            assert what == "state"
            # Leaving maintenance counts as up before any check.
            up = value != "maint" and (server.state == "maint" or server.up)
            server = replace(server, state=value, up=up)
        self.now[name] = server
        return "no need to change the addr, port changed" if what == "addr" else ""


def entry(port: int, state: str | None = None, address: str = "10.0.0.7") -> dict[str, Any]:
    return {"address": address, "port": port, "state": state}


def occupied(name: str, port: int, state: str = "ready", **more: Any) -> Server:
    return replace(FREE, name=name, address="10.0.0.7", port=port, state=state, up=state != "maint", **more)


def test_a_new_one_gets_a_free_slot_and_no_connection_before_its_first_check() -> None:
    model = Model([occupied("app1", 80), replace(FREE, name="app2"), replace(FREE, name="app3")])
    done = assign(model, [entry(81, "ready")], PLACEHOLDER)
    assert model.given == [
        "set server chat/app2 addr 10.0.0.7 port 81",
        "set server chat/app2 check-port 81",
        "set server chat/app2 state drain",
        "set server chat/app2 health down",
        "set server chat/app2 state ready",
    ]
    assert done.changed
    assert [(row["server"], row["state"], row["up"]) for row in done.servers] == [("app2", "ready", False)]


def test_where_nothing_else_works_it_is_tried_at_once() -> None:
    model = Model([occupied("app1", 80, "drain"), replace(FREE, name="app2")])
    (row,) = assign(model, [entry(81, "ready")], PLACEHOLDER).servers
    assert row["up"] is True
    assert "set server chat/app2 health down" not in model.given


def test_what_was_set_for_an_earlier_one_is_undone() -> None:
    model = Model([replace(FREE, weight=0, check_enabled=False, check_port=8081)])
    assign(model, [entry(81, "ready")], PLACEHOLDER)
    server = model.now["app1"]
    assert (server.weight, server.check_enabled) == (1, True)
    assert server.check_port == 8081, "the configuration gives checks a port of their own"


def test_leaving_frees_the_slot_for_others() -> None:
    model = Model([replace(FREE, check_port=1)])
    for port in (81, 82):
        assign(model, [entry(port, "ready")], PLACEHOLDER)
        assert model.now["app1"].check_port == port
        assign(model, [entry(port, "drain")], PLACEHOLDER)
        assert model.now["app1"].state == "drain"
        assign(model, [entry(port, "absent")], PLACEHOLDER)
        assert model.now["app1"] == replace(FREE, check_port=1)


def test_who_has_no_slot_comes_after_the_others() -> None:
    model = Model([FREE])
    with pytest.raises(AutoscaleError, match=r"^proxy chat has no slot for 2 more: none of its 1 servers is left in"):
        assign(model, [entry(81, "ready"), entry(82, "ready"), entry(83, "ready"), entry(84, "absent")], PLACEHOLDER)
    assert model.now["app1"].port == 81


def test_what_was_not_done_is_told() -> None:
    with pytest.raises(AutoscaleError, match=r"told: Permission denied \(its socket has to have `level admin`\)$"):
        assign(Model([FREE], obeys=False), [entry(81, "ready")], PLACEHOLDER)


def test_a_dry_run_gives_no_command() -> None:
    model = Model([occupied("app1", 80), replace(FREE, name="app2")])
    done = assign(model, [entry(80, "drain"), entry(81, "ready")], PLACEHOLDER, dry_run=True)
    assert (done.changed, model.given) == (True, [])
    assert [row["state"] for row in done.servers] == ["ready", "absent"]
    assert done.diff["after"].startswith("set server chat/app1 state drain\nset server chat/app2 addr 10.0.0.7 port 81")


def test_twins_are_one_service() -> None:
    model = Model([occupied("app1", 80, sessions=3), occupied("app2", 80, "drain", sessions=4)])
    (row,) = assign(model, [entry(80)], PLACEHOLDER).servers
    assert (row["server"], row["state"], row["sessions"]) == ("app1", "ready", 7)
    (row,) = assign(model, [entry(80, "drain")], PLACEHOLDER).servers
    assert row["state"] == "drain"


def test_addresses_are_compared_as_such_and_names_are_resolved() -> None:
    six = replace(FREE, address="2001:db8::7", port=80, state="ready")
    model = Model(
        [
            six,
            replace(FREE, name="app2", address="127.0.0.1", port=80, state="ready"),
            replace(FREE, name="s", address="-"),
        ]
    )
    rows = assign(model, [entry(80, address="2001:DB8:0::7"), entry(80, address="localhost")], PLACEHOLDER).servers
    assert [(row["address"], row["server"]) for row in rows] == [("2001:DB8:0::7", "app1"), ("localhost", "app2")]
    with pytest.raises(AutoscaleError, match=r"^the address no such host cannot be resolved: "):
        assign(model, [entry(80, address="no such host")], PLACEHOLDER)
    with pytest.raises(OptionError, match=r"^address: expected an IP address and a port"):
        assign(model, [entry(0)], PLACEHOLDER)


@pytest.mark.parametrize(
    "text", ["", "127.0.0.1", "localhost:1", "127.0.0.1:0", "127.0.0.1:x", "fe80::1%eth0:1", "[::1]"]
)
def test_odd_placeholders_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"^placeholder: expected an IP address and a port, such as 127.0.0.1:1, got"):
        assign(Model([]), [], text)


servers = st.builds(
    replace,
    st.just(FREE),
    address=st.sampled_from(["127.0.0.1", "10.0.0.7"]),
    port=st.integers(1, 5),
    state=st.sampled_from(["ready", "drain", "maint"]),
    up=st.booleans(),
    weight=st.integers(0, 2),
    check_port=st.integers(0, 5),
    checked=st.booleans(),
    check_enabled=st.booleans(),
)


@given(
    st.lists(servers, max_size=6),
    st.lists(
        st.tuples(st.integers(1, 5), st.sampled_from(["ready", "drain", "absent", None])),
        max_size=4,
        unique_by=lambda wanted: wanted[0],
    ),
)
def test_whatever_is_there_becomes_as_it_is_wanted_and_the_rest_stays(
    there: list[Server], wanted: list[tuple[int, str | None]]
) -> None:
    model = Model([replace(server, name=f"app{number}") for number, server in enumerate(there)])
    before = dict(model.now)
    entries = [entry(port, state) for port, state in wanted]
    try:
        done = assign(model, entries, PLACEHOLDER)
    except AutoscaleError as error:
        assert "has no slot for" in str(error)
    else:
        for row, (_port, state) in zip(done.servers, wanted, strict=True):
            if state in ("ready", "absent"):
                assert row["state"] == state
            elif state == "drain":
                assert row["state"] != "ready"
        repeat = assign(model, entries, PLACEHOLDER)
        assert not repeat.changed
        assert repeat.servers == done.servers
    asked = {port for port, state in wanted if state is not None}
    for name, server in before.items():
        free = (server.address, server.port, server.state) == ("127.0.0.1", 1, "maint")
        if not free and not (server.address == "10.0.0.7" and server.port in asked):
            assert model.now[name] == server
