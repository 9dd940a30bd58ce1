# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ports without clashes: between the clusters of one user, and with whatever else listens on this machine."""

from __future__ import annotations

import hashlib
import itertools
import re
import socket
from collections.abc import Collection, Iterator

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted

_RANGE = re.compile(r"(\d{1,5})-(\d{1,5})")


def parse_range(text: str) -> range:
    """ "20000-29999" -> range(20000, 30000). Raises OptionError."""
    match = _RANGE.fullmatch(text)
    first, last = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1024 <= first <= last <= 65535:
        expected = "expected two ports from 1024 to 65535, such as 20000-29999"
        raise OptionError("port_range", f"{expected}, got {quoted(text)}")
    return range(first, last + 1)


def free_ports(ports: range, reserved: set[int], owner: str) -> Iterator[int]:
    """Those of ``ports`` that nobody has reserved and nobody listens on.

    Each owner begins at a place of its own: so those who do not see each other's reservations (other users, other
    directories) do not all reach for the same ports, which are free until a service listens.
    """
    begin = int.from_bytes(hashlib.sha256(owner.encode()).digest()[:8], "big")
    return (port for port in _turned(ports, begin) if port not in reserved and _is_free(port))


def none_free(text: str) -> str:
    """Why an instance has no port; the text is that of the option."""
    return f"port_range: no port is free in {text}"


def port_of(index: int, ports: range, taken: Collection[int | None]) -> int | None:
    """The port of an instance where it cannot be tried: the same for an index at any time, while nobody else has it;
    else the next that nobody has. None where there is none."""
    return next((port for port in _turned(ports, index - 1) if port not in taken), None)


def _turned(ports: range, begin: int) -> Iterator[int]:
    """All around, from a place on."""
    place = begin % len(ports)
    return itertools.chain(ports[place:], ports[:place])


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            # All addresses, without SO_REUSEADDR: a listener on any one of them makes this fail.
            probe.bind(("0.0.0.0", port))  # noqa: S104
        except OSError:
            return False
    return True
