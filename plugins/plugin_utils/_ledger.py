# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The document of a quota in the state store: what is claimed of it, each time in one short transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils import _quota
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import StateBusy, Store, Transaction


class Ledger:
    """The quotas of one store. Without `record` they are only read: for those who only say what they would do."""

    def __init__(self, store: Store, *, record: bool) -> None:
        self._store = store
        self._record = record

    def claim(self, claim: _quota.Claim) -> _quota.Share:
        """What the quota says to a claim. Raises AutoscaleError, and OptionError where clusters share no state."""
        if not self._store.shared:
            cure = "keep the state on a Redis server (RL_STATE_URI), or in a directory that is mounted into all jobs"
            raise OptionError("quota", f"clusters share nothing in {self._store.location}; {cure}")
        if not self._record:
            return _quota.claim(self._store.read(claim.quota.key).data, claim)[1]
        with self._transaction(claim.quota.key) as transaction:
            document, share = _quota.claim(_quota.opened(transaction.record.data, claim.now), claim)
            transaction.write(document)
        return replace(share, warnings=[*transaction.record.notes, *share.warnings])

    def pin(self, quota: _quota.QuotaSettings, cluster: str, count: int) -> None:
        """Hold what a person has pinned, before it is ordered."""
        if self._record:
            with self._transaction(quota.key) as transaction:
                transaction.write(_quota.pinned(transaction.record.data, cluster, count))

    def move(self, cluster: str, before: str | None, quota: _quota.QuotaSettings | None) -> str | None:
        """Leave the quota of the name `before`, where the settings have another now, or none: that is a person's word,
        and no matter of missing data. Returns the name of the one it is in now."""
        name = quota.name if quota else None
        if not self._record:
            return before
        if before is not None and before != name:
            self._drop(_quota.key_of(before), cluster)
        return name

    def leave(self, quota: _quota.QuotaSettings, cluster: str, now: float) -> _quota.Entry | None:
        """Take out a cluster that is gone. Returns what it had there; None: nothing. Raises OptionError."""
        entry: _quota.Entry | None = self._store.read(quota.key).data.get("clusters", {}).get(cluster)
        if entry is None:
            return None
        if not _quota.silent(entry, now):
            there = f"{quoted(cluster)} ticked {now - entry['at']:.0f} s ago, and would be back at its next tick"
            raise OptionError("cluster", f"{there}; end its runs first, or take quota from its settings instead")
        if self._record:
            self._drop(quota.key, cluster)
        return entry

    def _drop(self, key: str, cluster: str) -> None:
        with self._transaction(key) as transaction:
            transaction.write(_quota.left(transaction.record.data, cluster))

    @contextmanager
    def _transaction(self, key: str) -> Iterator[Transaction]:
        """The right to write a quota. That others hold it does not mean that another run works on this cluster."""
        try:
            with self._store.transaction(key) as transaction:
                yield transaction
        except StateBusy as busy:
            raise AutoscaleError(str(busy)) from busy
