# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store over a cache that keeps no files, such as redis: what it makes of every way in which a plugin can fail.

File caches are tested with the real plugins, in tests/integration/state.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._cache import CacheMedium
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import Record, StateBusy, Store


class Server:
    """A key-value server and the adapter of its cache plugin, with switches for what can go wrong."""

    name = "redis"
    persistent = True
    directory: Path | None = None

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}
        self.reachable = True
        self.full = False

    def open(self) -> Plugin:
        return Plugin(self)

    def path(self, key: str) -> Path | None:
        return None


class Plugin:
    """Like the plugin of community.general: JSON text under each key, everything read is remembered."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._seen: dict[str, object] = {}

    def get(self, key: str) -> object:
        if key not in self._seen:
            self._seen[key] = json.loads(self._entries()[key])
        return self._seen[key]

    def set(self, key: str, value: object) -> None:
        text = json.dumps(value)
        self._entries()[key] = text[:20] if self._server.full else text

    def contains(self, key: str) -> bool:
        return key in self._entries()

    def delete(self, key: str) -> None:
        del self._entries()[key]

    def _entries(self) -> dict[str, str]:
        if not self._server.reachable:
            raise RuntimeError("Error 111 connecting to localhost:6379\nConnection refused.")
        return self._server.entries


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def store(server: Server, tmp_path: Path) -> Store:
    return Store(CacheMedium(server, tmp_path / "locks"), 0.03, clock=lambda: 1_800_000_000.0)


def save(store: Store, n: int) -> Record:
    with store.transaction("chat") as transaction:
        transaction.write({"n": n})
    return transaction.record


def test_each_write_is_the_next_generation(store: Store, server: Server) -> None:
    for n in (1, 2, 3):
        assert save(store, n) == Record({"n": n}, n, [])
    assert store.read("chat") == Record({"n": 3}, 3, [])
    assert sorted(server.entries) == ["chat.even", "chat.odd"]


def test_locks_lie_in_the_state_directory(store: Store, tmp_path: Path) -> None:
    with store.transaction("chat"), pytest.raises(StateBusy):
        save(store, 1)
    assert (tmp_path / "locks/chat.lock").exists()


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("{cut", "the cache plugin cannot read it"),
        ('{"other": 1}', "it is not an entry of the state store"),
        ("[]", "it is not an entry of the state store"),
        ('{"document": 5}', "it is not an entry of the state store"),
        ('{"document": "{}"}', "its checksum does not match"),
    ],
)
def test_a_damaged_entry_costs_one_generation(store: Store, server: Server, entry: str, reason: str) -> None:
    for n in (1, 2, 3):
        save(store, n)
    server.entries["chat.odd"] = entry
    assert store.read("chat") == Record(
        {"n": 2}, 2, [f"a copy of the state of chat is damaged ({reason}): generation 2 is used"]
    )
    record = save(store, 4)
    assert record.generation == 3
    assert f"was damaged ({reason}) and " in record.notes[0]
    assert store.read("chat") == Record({"n": 4}, 3, [])


def test_a_damaged_entry_is_kept_under_another_key(store: Store, server: Server) -> None:
    server.entries["chat.odd"] = '{"document": "{}"}'
    record = save(store, 1)
    assert "set aside as rlops_autoscale_chat.odd.corrupt-20270115T080000Z" in record.notes[0]
    assert server.entries["chat.odd.corrupt-20270115T080000Z"] == '{"document": "{}"}'


def test_a_server_out_of_reach_is_no_damage(store: Store, server: Server) -> None:
    save(store, 1)
    server.reachable = False
    with pytest.raises(AutoscaleError, match=r"^state cannot be read in cache redis: Error 111 .* refused\.$"):
        store.read("chat")
    with pytest.raises(AutoscaleError, match="state cannot be read in cache redis"):
        save(store, 2)
    server.reachable = True
    assert store.read("chat") == Record({"n": 1}, 1, [])


def test_a_server_that_goes_away_before_the_write_is_told(store: Store, server: Server) -> None:
    with (
        pytest.raises(AutoscaleError, match="state cannot be written in cache redis"),
        store.transaction("chat") as transaction,
    ):
        transaction.write({"n": 1})
        server.reachable = False


def test_a_write_that_did_not_arrive_is_told(store: Store, server: Server) -> None:
    save(store, 1)
    server.full = True
    with pytest.raises(AutoscaleError, match="state cannot be written in cache redis: "):
        save(store, 2)
    assert store.read("chat").data == {"n": 1}
