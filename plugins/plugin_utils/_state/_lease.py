# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lease of a tick: who may act on a cluster now. Pure functions over the `lease` of a state document's data.

    lease = {owner, host, pid, process_start, expires_at, fence}

The state store's lock protects one write; the lease protects a whole tick, which has several. `fence` grows by one with
every new holder and is never reused: whoever comes back late finds a higher one, and is refused. Write what these
functions return within a transaction of the store; nothing is changed in place.
"""

from __future__ import annotations

import os
import platform
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils import _processes

Data = Mapping[str, Any]
Owner = Mapping[str, Any]
#: Tells of a holder, and the one who asks, whether the holder's process has ended for certain.
IsGone = Callable[[Owner, Owner], bool]

_IDENTITY = ("host", "pid", "process_start")


class LeaseHeld(AutoscaleError):  # noqa: N818 - a state of affairs, told as such
    """Somebody else has the lease, and is alive or may be. `holder` is their lease."""

    def __init__(self, holder: Owner, now: float) -> None:
        super().__init__(
            f"another run has the lease: {quoted(holder['owner'])}, for at most {holder['expires_at'] - now:.0f} s more"
        )
        self.holder = holder


class LeaseLost(AutoscaleError):  # noqa: N818 - a state of affairs, told as such
    """The lease was taken over meanwhile: what was decided under it must not be written."""


def acquire(data: Data, owner: Owner, now: float, ttl: float, is_gone: IsGone | None = None) -> dict[str, Any]:
    """The data with the lease held by `owner` until `now + ttl` seconds.

    A free or expired lease, and one whose process is gone, goes to the new owner with the next fence; its present
    holder keeps the fence. `is_gone(holder, owner)` tells whether the holder's process has ended for certain
    (default: `process_is_gone`). Raises LeaseHeld.
    """
    lease = data.get("lease", {})
    if _holds(lease, owner):
        return _with_lease(data, owner, now + ttl, lease["fence"])
    if lease and now < lease["expires_at"] and not (is_gone or process_is_gone)(lease, owner):
        raise LeaseHeld(lease, now)
    return _with_lease(data, owner, now + ttl, lease.get("fence", 0) + 1)


def check(data: Data, owner: Owner, fence: int) -> None:
    """Raise LeaseLost unless `owner` still holds the lease it got with this fence. Having expired is no loss as long
    as nobody took it."""
    lease = data.get("lease", {})
    if not _holds(lease, owner) or lease["fence"] != fence:
        last = f"{quoted(lease['owner'])} has the lease now, with fence {lease['fence']}" if lease else "it is gone"
        raise LeaseLost(f"somebody has pinned the cluster or taken over since this was decided (fence {fence}): {last}")


def outdate(data: Data) -> dict[str, Any]:
    """The data with a higher fence: what was decided before is not carried out any more. The holder keeps the lease."""
    lease = data.get("lease")
    return {**data, "lease": {**lease, "fence": lease["fence"] + 1}} if lease else dict(data)


def shorten(data: Data, owner: Owner, expires_at: float) -> dict[str, Any]:
    """The data with the lease ending at `expires_at` (unix seconds) at the latest, if `owner` holds it."""
    lease = data.get("lease", {})
    if not _holds(lease, owner) or lease["expires_at"] <= expires_at:
        return dict(data)
    return {**data, "lease": {**lease, "expires_at": expires_at}}


def current_owner(pid: int) -> dict[str, Any]:
    """The identity of a process of this machine: what `acquire` takes as owner.

    `host` is the same only where process ids mean the same: the running kernel (boot id) and its namespace of
    process ids, so that containers of one machine are told apart.
    """
    return {
        "owner": f"process {pid} on {platform.node()}",
        "host": _host(),
        "pid": pid,
        "process_start": _processes.start_of(pid),
    }


def process_is_gone(holder: Owner, owner: Owner) -> bool:
    """Whether the holder's process has ended for certain. Of a process on another host than `owner`'s nothing is
    known: False."""
    if holder["host"] != owner["host"]:
        return False
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it exists, and is another user's
    start = _processes.start_of(holder["pid"])
    other = None not in (start, holder["process_start"]) and start != holder["process_start"]
    return other or start == _processes.ENDED


def _holds(lease: Data, owner: Owner) -> bool:
    return bool(lease) and all(lease[part] == owner[part] for part in _IDENTITY)


def _with_lease(data: Data, owner: Owner, expires_at: float, fence: int) -> dict[str, Any]:
    return {**data, "lease": {**owner, "expires_at": expires_at, "fence": fence}}


def _host() -> str:
    try:
        boot_id = (_processes.PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot_id} {os.readlink(_processes.PROC / 'self/ns/pid')}"  # noqa: PTH115 - the link leads to no path
    except OSError:
        return f"{platform.node()} {uuid.getnode():x}"
