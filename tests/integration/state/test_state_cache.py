# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cache form over the real cache plugins of the installed ansible-core, in good and bad condition."""

from __future__ import annotations

import json
import os
import resource
import stat
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from ansible.plugins.loader import cache_loader
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._ansible_cache import (
    AnsibleCache,
    configured_cache,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._open import open_store
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import Record, Store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.core

PICKLED = """
DOCUMENTATION = '''
name: pickled
short_description: Files of pickled values
description: Like community.general.pickle.
options:
  _uri: {description: Directory., env: [{name: ANSIBLE_CACHE_PLUGIN_CONNECTION}], type: path}
  _prefix: {description: Prefix of the file names.}
  _timeout: {description: Seconds., type: int}
'''
import pickle
from pathlib import Path
from ansible.plugins.cache import BaseFileCacheModule


class CacheModule(BaseFileCacheModule):
    _persistent = True

    def _load(self, filepath):
        return pickle.loads(Path(filepath).read_bytes())

    def _dump(self, value, filepath):
        Path(filepath).write_bytes(pickle.dumps(value))
"""


def save(store: Store, data: dict[str, Any]) -> Record:
    with store.transaction("chat") as transaction:
        transaction.write(data)
    return transaction.record


def slot(directory: Path, name: str) -> Path:
    """The file of one slot: core 2.19 has `s1_` in its name, older ones have not."""
    (path,) = directory.glob(f"rlops_autoscale_*chat.{name}")
    return path


@pytest.fixture(params=["jsonfile", "pickled"])
def file_cache(request: pytest.FixtureRequest, cache_directory: Path, tmp_path: Path) -> AnsibleCache:
    """Core's file cache, and one whose errors and leftovers differ, as those of community.general do."""
    plugins = tmp_path / "cache_plugins"
    plugins.mkdir()
    (plugins / "pickled.py").write_text(PICKLED)
    cache_loader.add_directory(str(plugins))
    return AnsibleCache(request.param)


def test_state_comes_back_as_it_was(file_cache: AnsibleCache, cache_directory: Path) -> None:
    store = open_store("auto", None, file_cache, environ={})
    assert store.location == f"cache {file_cache.name} in {cache_directory}"
    assert store.read("chat") == Record({}, 0, [])
    data: dict[str, Any] = {
        "Q": {"3_0_2": [0.1, None, -2.5e-9, 10**30]},
        "text": "é \u2028 ' \" \\ : {{ 1 + 1 }} !unsafe \n%",
        "tags": {"__ansible_unsafe": "x", "__ansible_type": "y", "__payload__": "z", "__ansible_vault": "v"},
        "empty": [{}, [], "", True, 0, 0.0],
    }
    for generation in (1, 2, 3):
        data["n"] = generation
        assert save(store, data) == Record(data, generation, [])
        record = open_store("auto", None, file_cache, environ={}).read("chat")
        assert json.dumps(record.data, sort_keys=True) == json.dumps(data, sort_keys=True)
        assert (record.generation, record.notes) == (generation, [])
    assert len([path for path in cache_directory.iterdir() if not path.name.startswith(".")]) == 2


def test_a_store_that_lives_long_sees_what_others_wrote(cache_store: Store, file_cache: AnsibleCache) -> None:
    first, second = open_store("cache", None, file_cache), open_store("cache", None, file_cache)
    for generation in range(1, 6):
        assert save(first if generation % 2 else second, {"n": generation}).generation == generation
        assert first.read("chat") == second.read("chat") == Record({"n": generation}, generation, [])


def test_state_does_not_expire(cache_store: Store, cache_directory: Path) -> None:
    save(cache_store, {"n": 1})
    week_ago = time.time() - 7 * 86400
    os.utime(slot(cache_directory, "odd"), (week_ago, week_ago))
    assert cache_store.read("chat") == Record({"n": 1}, 1, [])


def test_the_lock_lies_beside_the_cache(cache_store: Store, cache_directory: Path, tmp_path: Path) -> None:
    save(cache_store, {"n": 1})
    assert (cache_directory / ".rlops_autoscale_chat.lock").exists()
    assert not (tmp_path / "state").exists(), "a file cache needs no state directory"


def test_a_write_is_on_the_disk_when_it_returns(
    cache_store: Store, cache_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Core's file caches rename without a sync."""
    synced = []
    sync = os.fsync

    def record_sync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").resolve())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", record_sync)
    save(cache_store, {"n": 1})
    assert synced == [slot(cache_directory, "odd"), cache_directory]


def test_only_the_owner_may_look(cache_store: Store, cache_directory: Path) -> None:
    save(cache_store, {"n": 1})
    assert {stat.S_IMODE(path.stat().st_mode) for path in cache_directory.iterdir()} == {0o600}


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"{}", b'{"__payload__": 5}', b"null", b"\x80\x04"])
def test_a_damaged_file_costs_one_generation(file_cache: AnsibleCache, cache_directory: Path, content: bytes) -> None:
    store = open_store("cache", None, file_cache)
    for n in (1, 2, 3):
        save(store, {"n": n})
    slot(cache_directory, "odd").write_bytes(content)
    record = save(store, {"n": 4})
    assert record.generation == 3
    assert record.notes[0].startswith("a copy of the state of chat was damaged (")
    assert record.notes[0].endswith(": generation 2 is used")
    assert "set aside as" in record.notes[0] or "deleted by the cache plugin" in record.notes[0]
    assert store.read("chat") == Record({"n": 4}, 3, [])


def test_damage_of_both_copies_starts_anew(cache_store: Store, cache_directory: Path) -> None:
    save(cache_store, {"n": 1})
    save(cache_store, {"n": 2})
    for name in ("even", "odd"):
        slot(cache_directory, name).write_bytes(b'{"cut')
    record = save(cache_store, {"n": 1})
    assert record.generation == 1
    assert [note.rpartition(": ")[2] for note in record.notes] == ["no other is left, so the agent starts anew"] * 2


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0), mask=st.integers(1, 255), cut=st.booleans())
def test_any_damage_of_jsonfile_costs_at_most_one_generation(
    monkeypatch: pytest.MonkeyPatch, place: int, mask: int, cut: bool
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        monkeypatch.setenv("ANSIBLE_CACHE_PLUGIN_CONNECTION", directory)
        store = open_store("cache", None, AnsibleCache("jsonfile"))
        for n in range(1, 4):
            save(store, {"n": n, "name": "é"})
        path = slot(Path(directory), "odd")
        sound = path.read_bytes()
        place %= len(sound)
        path.write_bytes(sound[:place] if cut else sound[:place] + bytes([sound[place] ^ mask]) + sound[place + 1 :])
        record = store.read("chat")
        kept = 2 if record.notes else 3
        assert (record.generation, record.data) == (kept, {"n": kept, "name": "é"})
        assert save(store, {"n": 9}).generation == kept + 1
        assert store.read("chat") == Record({"n": 9}, kept + 1, [])


def test_a_full_disk_is_told_and_costs_nothing(cache_store: Store) -> None:
    """Core's file caches only warn, and put the cut file in place."""
    save(cache_store, {"n": 1})
    _unused, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))
    try:
        with pytest.raises(AutoscaleError, match="state cannot be written in cache jsonfile in "):
            save(cache_store, {"filler": "x" * 5000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    record = cache_store.read("chat")
    assert (record.data, record.generation) == ({"n": 1}, 1)
    assert save(cache_store, {"n": 2}).generation == 2


def test_a_file_that_may_not_be_read_is_no_damage(cache_store: Store, cache_directory: Path) -> None:
    save(cache_store, {"n": 1})
    path = slot(cache_directory, "odd")
    path.rename(cache_directory / "kept")
    path.mkdir()  # a directory: what even root cannot read as a file
    with pytest.raises(AutoscaleError, match="state cannot be read in cache jsonfile in "):
        cache_store.read("chat")
    with pytest.raises(AutoscaleError, match="state cannot be read in cache jsonfile in "):
        save(cache_store, {"n": 2})
    path.rmdir()
    (cache_directory / "kept").rename(path)
    assert cache_store.read("chat") == Record({"n": 1}, 1, [])


def test_memory_keeps_nothing_so_auto_takes_the_directory(tmp_path: Path) -> None:
    cache = AnsibleCache("memory")
    assert open_store("auto", None, cache, environ={"XDG_STATE_HOME": str(tmp_path)}).location == (
        f"directory {tmp_path}/rlops.autoscale"
    )
    with pytest.raises(OptionError, match="'memory' does not"):
        open_store("cache", None, cache)


def test_the_configured_cache_is_the_one_of_ansible() -> None:
    assert configured_cache().name == "memory"
