# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store over the directory form: generations, damage, locking."""

from __future__ import annotations

import os
import resource
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state import _document
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._directory import DirectoryMedium
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import (
    Record,
    StateBusy,
    Store,
    safe_name,
)
from hypothesis import given, settings
from hypothesis import strategies as st


def directory_store(path: Path, lock_timeout: float = 5) -> Store:
    return Store(DirectoryMedium(path), lock_timeout, clock=lambda: 1_800_000_000.0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return directory_store(tmp_path / "state")


def save(store: Store, data: dict[str, Any], key: str = "chat") -> Record:
    with store.transaction(key) as transaction:
        transaction.write(data)
    return transaction.record


def slots(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.glob("*.json")}


def test_nothing_is_stored_at_first_and_reading_makes_nothing(store: Store, tmp_path: Path) -> None:
    assert store.read("chat") == Record({}, 0, [])
    assert list(tmp_path.iterdir()) == []


def test_each_write_is_the_next_generation(store: Store) -> None:
    for generation in range(1, 6):
        assert save(store, {"n": generation}) == Record({"n": generation}, generation, [])
        assert store.read("chat") == Record({"n": generation}, generation, [])


def test_keys_do_not_touch_each_other(store: Store) -> None:
    save(store, {"n": 1}, "chat")
    save(store, {"n": 2}, "chat.instances")
    assert store.read("chat").data == {"n": 1}
    assert store.read("chat.instances").data == {"n": 2}


def test_the_last_of_several_writes_counts_as_it_was_then(store: Store) -> None:
    with store.transaction("chat") as transaction:
        transaction.write({"n": 1})
        data = {"n": 2}
        transaction.write(data)
        data["n"] = 3
    assert store.read("chat") == Record({"n": 2}, 1, [])


def test_what_is_stored_already_is_not_written_again(store: Store, tmp_path: Path) -> None:
    save(store, {"n": 1})
    before = slots(tmp_path / "state")
    assert save(store, {"n": 1}).generation == 1
    assert slots(tmp_path / "state") == before
    assert save(store, {"n": 1.0}).generation == 2, "1 and 1.0 are equal in Python, but not the same JSON"


def test_a_block_that_raises_stores_nothing(store: Store) -> None:
    save(store, {"n": 1})
    with pytest.raises(ZeroDivisionError), store.transaction("chat") as transaction:
        transaction.write({"n": 2})
        raise ZeroDivisionError
    assert store.read("chat") == Record({"n": 1}, 1, [])
    assert save(store, {"n": 2}).generation == 2, "the lock is free again"


def test_a_timeout_of_the_block_is_its_own_affair(store: Store) -> None:
    with pytest.raises(TimeoutError), store.transaction("chat"):
        raise TimeoutError


def test_what_is_not_json_is_refused_before_anything_is_written(store: Store, tmp_path: Path) -> None:
    save(store, {"n": 1})
    before = slots(tmp_path / "state")
    with pytest.raises(AutoscaleError, match=r"data\.rate is nan"), store.transaction("chat") as transaction:
        transaction.write({"rate": float("nan")})
    assert slots(tmp_path / "state") == before


def test_only_the_owner_may_look(store: Store, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        save(store, {"n": 1})
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "state").iterdir()}
    assert modes == {"chat.odd.json": 0o600, "chat.lock": 0o600}
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_a_text_is_on_the_disk_before_it_gets_its_name(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(store, {"n": 1})
    calls = []
    sync, rename = os.fsync, os.replace

    def record_sync(descriptor: int) -> None:
        calls.append(("sync", Path(f"/proc/self/fd/{descriptor}").resolve().name))
        sync(descriptor)

    def record_rename(source: Any, target: Any) -> None:
        calls.append(("rename", Path(target).name))
        rename(source, target)

    monkeypatch.setattr(os, "fsync", record_sync)
    monkeypatch.setattr(os, "replace", record_rename)
    save(store, {"n": 2})
    assert calls == [("sync", "chat.even.json.tmp"), ("rename", "chat.even.json"), ("sync", "state")]


def test_a_full_disk_is_told_and_costs_nothing(store: Store) -> None:
    save(store, {"n": 1})
    _unused, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(AutoscaleError, match=r"state cannot be written in directory .*: File too large"):
            save(store, {"filler": "x" * 200})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert store.read("chat") == Record({"n": 1}, 1, [])
    assert save(store, {"n": 2}).generation == 2


def test_a_directory_that_cannot_be_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = directory_store(tmp_path / "file" / "state")
    with pytest.raises(AutoscaleError, match="state cannot be read in directory"):
        store.read("chat")
    with pytest.raises(AutoscaleError, match=r"the state directory .* cannot be made: Not a directory"):
        save(store, {"n": 1})


# Damage


@settings(deadline=None)
@given(
    place=st.integers(0),
    mask=st.integers(1, 255),
    cut=st.booleans(),
    newest=st.booleans(),
)
def test_damage_costs_at_most_one_generation(place: int, mask: int, cut: bool, newest: bool) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = directory_store(Path(directory))
        written = {n: {"n": n, "Q": {"3_0_2": [0.1, None, -2.5e-9]}, "name": "é"} for n in (6, 7)}
        for n in range(1, 8):
            save(store, written.get(n, {"n": n}))
        slot = Path(directory, "chat.odd.json" if newest else "chat.even.json")
        sound = bytearray(slot.read_bytes())
        place %= len(sound)
        damaged = sound[:place] if cut else sound[:place] + bytes([sound[place] ^ mask]) + sound[place + 1 :]
        slot.write_bytes(damaged)

        record = store.read("chat")
        if record.notes:
            expected = 6 if newest else 7
            assert record.notes[0].startswith("a copy of the state of chat is damaged (")
            assert record.notes[0].endswith(f": generation {expected} is used")
        else:
            assert not cut, "only a changed byte can mean the same, as \\u00e9 and \\u00E9 do"
            expected = 7
        assert (record.generation, record.data) == (expected, written[expected])
        assert slot.read_bytes() == damaged, "reading changes nothing"

        assert save(store, {"n": 8}).generation == expected + 1
        aside = slot.with_name(slot.name + ".corrupt-20270115T080000Z")
        assert aside.exists() == bool(record.notes)
        assert not record.notes or aside.read_bytes() == damaged
        assert store.read("chat") == Record({"n": 8}, expected + 1, [])


def test_damage_of_both_copies_starts_anew_and_keeps_them(store: Store, tmp_path: Path) -> None:
    save(store, {"n": 1})
    save(store, {"n": 2})
    for name in ("even", "odd"):
        (tmp_path / "state" / f"chat.{name}.json").write_bytes(b"\xff\x00")
    assert store.read("chat").generation == 0
    record = save(store, {"n": 1})
    assert record.generation == 1
    assert len(record.notes) == 2
    for note, name in zip(record.notes, ("even", "odd"), strict=True):
        aside = tmp_path / "state" / f"chat.{name}.json.corrupt-20270115T080000Z"
        assert note == (
            f"a copy of the state of chat was damaged (it is not JSON) and set aside as {aside}: "
            "no other is left, so the agent starts anew"
        )
        assert aside.read_bytes() == b"\xff\x00"
    assert store.read("chat") == Record({"n": 1}, 1, [])


@pytest.mark.parametrize("lost", ["even", "odd"])
def test_a_lost_copy_is_told(store: Store, tmp_path: Path, lost: str) -> None:
    for n in (1, 2, 3):
        save(store, {"n": n})
    (tmp_path / "state" / f"chat.{lost}.json").unlink()
    left = 2 if lost == "odd" else 3
    expected = f"a copy of the state of chat is missing: generation {left} is used"
    assert store.read("chat") == Record({"n": left}, left, [expected])
    save(store, {"n": 9})
    save(store, {"n": 10})
    assert store.read("chat").notes == []


def test_a_newer_schema_is_refused_and_left_alone(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(store, {"n": 1})
    monkeypatch.setattr(_document, "SCHEMA", 2)
    (tmp_path / "state" / "chat.even.json").write_text(_document.encode(_document.Document("chat", 2, {"n": 2})))
    monkeypatch.undo()
    before = slots(tmp_path / "state")
    with pytest.raises(AutoscaleError, match="newer version"):
        store.read("chat")
    with pytest.raises(AutoscaleError, match="newer version"):
        save(store, {"n": 3})
    assert slots(tmp_path / "state") == before


# Locking


def test_a_second_writer_is_told_after_its_patience(tmp_path: Path) -> None:
    patient, hasty = directory_store(tmp_path), directory_store(tmp_path, lock_timeout=0.03)
    with patient.transaction("chat") as transaction:
        transaction.write({"n": 1})
        with pytest.raises(StateBusy, match=r"state of chat is in use by another process \(waited 0.03 s\)"):
            save(hasty, {"n": 2})
        assert hasty.read("chat").generation == 0, "readers do not wait"
        assert save(hasty, {"n": 3}, "mail").generation == 1, "other keys are free"
    assert hasty.read("chat").data == {"n": 1}


def test_a_slot_that_is_filled_while_reading_is_not_missing(store: Store, tmp_path: Path) -> None:
    class SlowReader(DirectoryMedium):
        """Looks at the first slot, and at the second only after two more writes."""

        def read(self, name: str) -> str | None:
            text = super().read(name)
            if store.read("chat").generation == 1:
                save(store, {"n": 2})
                save(store, {"n": 3})
            return text

    save(store, {"n": 1})
    assert Store(SlowReader(tmp_path / "state")).read("chat") == Record({"n": 3}, 3, [])


# Names


def test_plain_keys_stay_readable() -> None:
    assert safe_name("chat-eu.instances") == "chat-eu.instances"


@given(st.lists(st.text(max_size=300), min_size=2, max_size=2, unique=True))
def test_names_are_safe_and_differ_even_where_case_is_ignored(keys: list[str]) -> None:
    first, second = map(safe_name, keys)
    assert first != second
    assert first == first.lower()
    assert "/" not in first
    assert not first.startswith(".")
    assert len(first.encode()) <= 200


@pytest.mark.parametrize("key", ["", ".", "..", "../x", "/etc/passwd", "Chat", "聊天", "a\0b", "x" * 5000, "\ud800"])
def test_any_text_is_a_key(store: Store, tmp_path: Path, key: str) -> None:
    assert save(store, {"n": 1}, key).generation == 1
    assert store.read(key).data == {"n": 1}
    assert {path.name for path in tmp_path.iterdir()} == {"state"}
