# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts services that come and go into the slots of an HAProxy, which are servers made by `server-template`.

A free slot is in maintenance at an address where nobody is, its placeholder: what is in maintenance elsewhere was put
aside by a person. Every other server that was not asked for is left alone.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.module_utils._haproxy import Proxy, Server
from ansible_collections.rlops.autoscale.plugins.module_utils._servers import (
    ABSENT,
    DRAIN,
    MAINT,
    READY,
    Assignment,
    row,
)

#: Nobody is there.
PLACEHOLDER = "127.0.0.1:1"

Endpoint = tuple[str, int]  # IP address in its usual form, port
Map = Mapping[Endpoint, Sequence[Server]]  # who is where


@dataclass(frozen=True)
class Wanted:
    """What a service is to be in the load balancer."""

    endpoints: Sequence[Endpoint]  # it may be known by any of them; where it is new, it is put in by the first
    state: str | None  # READY, DRAIN or ABSENT; None: as it is

    def of(self, there: Map) -> list[Server]:
        """The servers that are this service: one, if nobody has added others."""
        return [server for endpoint in self.endpoints for server in there.get(endpoint, ())]

    def holds(self, there: Map) -> bool:
        """Whether it is so."""
        states = {server.state for server in self.of(there)}
        return {READY: states == {READY}, DRAIN: READY not in states, ABSENT: not states, None: True}[self.state]


def assign(
    proxy: Proxy, entries: Sequence[Mapping[str, Any]], placeholder: str, *, dry_run: bool = False
) -> Assignment:
    """Bring services to what they are to be; the entries are those of SERVERS_SPEC.

    Raises OptionError, and AutoscaleError for what could not be done; the rest is done before.
    """
    empty = parse_endpoint("placeholder", placeholder)
    wanted = [Wanted(_endpoints(entry["address"], entry["port"]), entry.get("state")) for entry in entries]
    there = mapped(proxy.servers())
    commands, homeless = plan(proxy, there, wanted, empty)
    if commands and not dry_run:
        servers, said = proxy.change(commands)
        there = mapped(servers)
        if not all(each.holds(there) for each in wanted if each not in homeless):
            raise AutoscaleError(f"HAProxy did not do what it was told: {_complaint(said)}")
    if homeless:
        count = sum(map(len, there.values()))
        lack = f"proxy {proxy.name} has no slot for {len(homeless)} more: none of its {count} servers is left in"
        cure = "raise the count of its server-template, or set the placeholder to the address that stands there"
        raise AutoscaleError(f"{lack} maintenance at {placeholder}; {cure}")
    rows = [_row(entry, each.of(there)) for entry, each in zip(entries, wanted, strict=True)]
    return Assignment(rows, bool(commands), {"before": "", "after": "".join(f"{command}\n" for command in commands)})


def mapped(servers: Iterable[Server]) -> Map:
    """The servers by where they are; those that are nowhere are left out."""
    there: dict[Endpoint, list[Server]] = {}
    for server in servers:
        address = _ip(server.address)
        if address is not None:
            there.setdefault((address, server.port), []).append(server)
    return there


def plan(proxy: Proxy, there: Map, wanted: Sequence[Wanted], empty: Endpoint) -> tuple[list[str], list[Wanted]]:
    """The commands that it takes, and those for which there is no free slot. Pure."""
    free = [server for server in there.get(empty, ()) if server.state == MAINT][::-1]  # the last is taken first
    others_work = any(server.up and server.state == READY for servers in there.values() for server in servers)
    commands: list[str] = []
    homeless = []
    for each in wanted:
        own = each.of(there)
        if each.state == READY and not own and not free:
            homeless.append(each)
        elif each.state == READY and not own:
            slot = free.pop()
            commands += _move(proxy, slot, each.endpoints[0])
            commands += _welcome(proxy, slot, others_work=others_work)
        elif each.state == READY:
            for server in own:
                commands += _welcome(proxy, server, others_work=others_work)
        elif each.state == DRAIN:
            commands += [proxy.set(server.name, "state drain") for server in own if server.state == READY]
        elif each.state == ABSENT:
            for server in own:
                commands += [proxy.set(server.name, "state maint"), *_move(proxy, server, empty)]
    return commands, homeless


def _move(proxy: Proxy, server: Server, endpoint: Endpoint) -> list[str]:
    """Another address, for health checks too, and nothing left of whoever was there before."""
    address, port = endpoint
    commands = [proxy.set(server.name, f"addr {address} port {port}")]
    # A port of the checks' own, from the configuration, stays.
    if server.checked and server.check_port in (0, server.port):
        commands.append(proxy.set(server.name, f"check-port {port}"))
    if server.checked and not server.check_enabled:
        commands.append(f"enable health {proxy.name}/{server.name}")
    if server.weight != server.initial_weight:
        commands.append(proxy.set(server.name, f"weight {server.initial_weight}"))
    return commands


def _welcome(proxy: Proxy, server: Server, *, others_work: bool) -> list[str]:
    """New connections. What comes from maintenance counts as up before its first check, so it is told to be down.

    Where nothing else works it may as well be tried at once. The order matters: leaving maintenance sets the health.
    """
    if server.state == READY:
        return []
    steps = ["state ready"]
    if server.state == MAINT and server.checked and others_work:
        steps = ["state drain", "health down", "state ready"]
    return [proxy.set(server.name, step) for step in steps]


def _complaint(said: Iterable[str]) -> str:
    """The first error among what was said to commands."""
    for text in said:
        # To `set server ... addr` it says what it has done.
        if text and not text.startswith(("IP changed", "port changed", "no need to change")):
            hint = " (its socket has to have `level admin`)" if "ermission denied" in text else ""
            return quoted(text.partition("\n")[0]) + hint
    return "somebody else may have changed it at the same time"


def _row(entry: Mapping[str, Any], own: Sequence[Server]) -> dict[str, Any]:
    """What became of one entry. Of several servers, those count that may be sent to."""
    if not own:
        return row(entry, ABSENT)
    state = next(state for state in (READY, DRAIN, MAINT) if any(server.state == state for server in own))
    told = next((server for server in own if server.state == state and not server.up), own[0])
    return row(
        entry,
        state,
        own[0].name,
        up=told.up,
        sessions=sum(server.sessions for server in own),
        detail=told.detail,
    )


def parse_endpoint(option: str, text: str) -> Endpoint:
    """`127.0.0.1:1` or `[::1]:1`. Raises OptionError."""
    host, _colon, port = text.rpartition(":")
    address = _ip(host.removeprefix("[").removesuffix("]"))
    if address is None or not port.isdecimal() or not 0 < int(port) < 65536:
        raise OptionError(option, f"expected an IP address and a port, such as 127.0.0.1:1, got {quoted(text)}")
    return address, int(port)


def _ip(text: str) -> str | None:
    """An IP address in its usual form; None for whatever else, such as one that holds on one network card only."""
    try:
        address = str(ip_address(text))
    except ValueError:
        return None
    return None if "%" in address else address


def _endpoints(address: str, port: int) -> list[Endpoint]:
    """By which a service may be known; HAProxy knows no names. Raises AutoscaleError."""
    ips = {_ip(address.removeprefix("[").removesuffix("]")) or ""} - {""}
    if not ips:
        try:
            ips = {str(found[4][0]) for found in socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)}
        except (OSError, UnicodeError) as error:
            raise AutoscaleError(f"the address {quoted(address)} cannot be resolved: {quoted(error)}") from error
    return [parse_endpoint("address", f"[{ip}]:{port}") for ip in sorted(ips, key=lambda ip: (":" in ip, ip))]
