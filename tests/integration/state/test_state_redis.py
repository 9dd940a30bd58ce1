# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store on real Redis servers: passwords, TLS, sentinels, writers that come too late, servers that go away."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._open import open_store
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._redis import RedisMedium
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import Record, StateBusy, Store
from ansible_collections.rlops.autoscale.tests.tools.metrics_server import make_certificates
from ansible_collections.rlops.autoscale.tests.tools.redis_server import RedisServer, redis_server
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

PASSWORD = "s3cret-of-the-state"
DOCS = Path(__file__).resolve().parents[3] / "docs" / "state.md"


@pytest.fixture
def server(require_binary: Callable[[str], str], tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(require_binary("redis-server"), tmp_path / "redis") as running:
        yield running


def store_of(server: RedisServer, lock_expires: float = 15.0, lock_timeout: float = 5.0) -> Store:
    return Store(RedisMedium(f"redis://127.0.0.1:{server.port}/1", lock_expires=lock_expires), lock_timeout)


def save(store: Store, n: int) -> Record:
    with store.transaction("chat") as transaction:
        transaction.write({"n": n})
    return transaction.record


def comes_back(uri: str) -> None:
    """What one controller writes, another reads; nothing of the password is in any message."""
    for n in (1, 2, 3):
        assert save(open_store(uri=uri), n) == Record({"n": n}, n, [])
    store = open_store(environ={"RL_STATE_URI": uri})
    assert store.read("chat") == Record({"n": 3}, 3, [])
    assert PASSWORD not in store.location


def test_documents_are_keys_of_their_own_without_expiry(server: RedisServer) -> None:
    store = store_of(server)
    for n in (1, 2, 3):
        save(store, n)
    server.client.select(1)
    keys = sorted(key.decode() for key in server.client.scan_iter())
    assert keys == ["rlops_autoscale:{chat}:even", "rlops_autoscale:{chat}:odd"], "no lock is left"
    assert [server.client.ttl(key) for key in keys] == [-1, -1]


def test_with_a_password(require_binary: Callable[[str], str], tmp_path: Path) -> None:
    with redis_server(require_binary("redis-server"), tmp_path, {"requirepass": PASSWORD}) as server:
        comes_back(f"redis://:{PASSWORD}@127.0.0.1:{server.port}/3")
        for wrong in ("redis://127.0.0.1", "redis://:wrong@127.0.0.1", "redis://nobody:wrong@127.0.0.1"):
            store = open_store(uri=f"{wrong}:{server.port}")
            with pytest.raises(AutoscaleError, match="state cannot be read in redis redis://127"):
                store.read("chat")


def test_with_the_least_rights(server: RedisServer) -> None:
    """Those that docs/state.md tells of."""
    (line,) = [line for line in DOCS.read_text().splitlines() if line.startswith("ACL SETUSER ")]
    server.client.execute_command(*line.replace("s3cret", PASSWORD).split())
    comes_back(f"redis://autoscale:{PASSWORD}@127.0.0.1:{server.port}/0")
    server.client.set("rlops_autoscale:{chat}:odd", "{cut")
    store = Store(RedisMedium(f"redis://autoscale:{PASSWORD}@127.0.0.1:{server.port}/0", lock_expires=1.5), 5.0)
    with store.transaction("chat") as transaction:
        time.sleep(2.0)  # the lock is renewed
        transaction.write({"n": 9})
    assert store.read("chat").data == {"n": 9}
    assert server.client.exists("rlops_autoscale:{chat}:lock") == 0


def test_over_a_socket(require_binary: Callable[[str], str], tmp_path: Path) -> None:
    with redis_server(require_binary("redis-server"), tmp_path, {"unixsocket": "s"}):
        comes_back(f"unix://{tmp_path}/s?db=2")


def test_over_tls(require_binary: Callable[[str], str], tmp_path: Path) -> None:
    files = make_certificates(tmp_path)
    settings = {
        "tls-port": 0,
        "tls-ca-cert-file": str(files.ca),
        "tls-cert-file": str(files.server),
        "tls-key-file": str(files.server),
        "tls-auth-clients": "no",
        "requirepass": PASSWORD,
    }
    with redis_server(require_binary("redis-server"), tmp_path / "redis", settings) as server:
        address = f"rediss://:{PASSWORD}@127.0.0.1:{server.port}"
        comes_back(f"{address}?ssl_ca_certs={files.ca}")
        with pytest.raises(AutoscaleError, match=r"(?i)certificate verify failed"):
            open_store(uri=f"{address}?ssl_ca_certs={files.other_ca}").read("chat")


def test_by_sentinels_which_follow_the_master(require_binary: Callable[[str], str], tmp_path: Path) -> None:
    program, password = require_binary("redis-server"), {"requirepass": PASSWORD, "masterauth": PASSWORD}
    with (
        redis_server(program, tmp_path / "first", password) as first,
        redis_server(program, tmp_path / "second", {**password, "replicaof": f"127.0.0.1 {first.port}"}) as second,
        redis_server(program, tmp_path / "sentinel", arguments=("--sentinel",)) as sentinel,
    ):
        wait_for(lambda: second.client.info("replication")["master_link_status"] == "up")
        ask = sentinel.client.execute_command
        ask("SENTINEL", "MONITOR", "state", "127.0.0.1", first.port, 1)
        for name, value in (("auth-pass", PASSWORD), ("down-after-milliseconds", 30_000), ("failover-timeout", 2000)):
            ask("SENTINEL", "SET", "state", name, value)
        wait_for(lambda: ask("SENTINEL", "REPLICAS", "state"))
        # The first of the sentinels is not there.
        uri = f"redis+sentinel://:{PASSWORD}@127.0.0.1:1,127.0.0.1:{sentinel.port}/state/0"
        comes_back(uri)

        store = open_store(uri=uri)
        assert first.client.wait(1, 10_000) == 1, "the other one has it, too"
        ask("SENTINEL", "SET", "state", "down-after-milliseconds", 500)
        first.process.kill()
        wait_for(lambda: second.client.info("replication")["role"] == "master", 60)
        assert save(store, 4) == Record({"n": 4}, 4, [])
        assert store.read("chat") == Record({"n": 4}, 4, [])


def test_who_was_away_for_too_long_is_refused(server: RedisServer) -> None:
    """A writer that stood still, with its lock expired: what another has written meanwhile is not lost."""
    late, other = store_of(server), store_of(server)
    server.client.select(1)
    save(other, 1)
    with (
        pytest.raises(AutoscaleError, match="the lock of chat ran out after 15 s, and somebody else may have written"),
        late.transaction("chat") as transaction,
    ):
        server.client.delete("rlops_autoscale:{chat}:lock")  # as if it had expired
        save(other, 2)
        transaction.write({"n": 100})
    assert other.read("chat") == Record({"n": 2}, 2, [])


def test_what_takes_longer_than_the_lock_lasts_keeps_it(server: RedisServer) -> None:
    slow, other = store_of(server, lock_expires=1.5), store_of(server, lock_timeout=0.1)
    with slow.transaction("chat") as transaction:
        time.sleep(2.5)
        with pytest.raises(StateBusy):
            save(other, 1)
        transaction.write({"n": 2})
    assert other.read("chat") == Record({"n": 2}, 1, [])


def test_after_a_writer_was_killed_others_go_on(server: RedisServer) -> None:
    store = store_of(server, lock_expires=1.5, lock_timeout=60)
    save(store, 1)
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        with store.transaction("chat") as transaction:
            transaction.write({"n": 100})
            os.write(write_end, b"!")
            signal.pause()
    os.read(read_end, 1)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert save(store, 2) == Record({"n": 2}, 2, [])


def test_a_damaged_document_is_set_aside(server: RedisServer) -> None:
    store = store_of(server)
    server.client.select(1)
    for n in (1, 2, 3):
        save(store, n)
    server.client.set("rlops_autoscale:{chat}:odd", b"\xff{cut")
    assert store.read("chat").data == {"n": 2}
    done = save(store, 9)
    assert (done.data, done.generation) == ({"n": 9}, 3)
    (note,) = done.notes
    assert "set aside as rlops_autoscale:{chat}:odd:corrupt-" in note


def test_a_server_that_is_away_is_no_empty_one(server: RedisServer) -> None:
    store = store_of(server)
    save(store, 1)
    server.process.kill()
    server.process.wait()
    with pytest.raises(AutoscaleError, match="state cannot be read in redis redis://127"):
        store.read("chat")
    with pytest.raises(AutoscaleError, match="state cannot be locked in redis redis://127"):
        save(store, 2)
