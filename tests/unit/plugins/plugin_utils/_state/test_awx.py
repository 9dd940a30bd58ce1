# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store over the file that AWX lays beside a job, for the facts of a host."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._awx import FACT, NEWER_BY_S, AwxMedium
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import Record, StateBusy, Store

NOW = 1_800_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(AwxMedium(tmp_path, "web", clock=lambda: NOW), 0.03, clock=lambda: NOW)


def save(store: Store, n: int, key: str = "chat") -> Record:
    with store.transaction(key) as transaction:
        transaction.write({"n": n})
    return transaction.record


def facts(path: Path) -> dict[str, Any]:
    return dict(json.loads((path / "web").read_text()))


def test_reading_makes_nothing(store: Store, tmp_path: Path) -> None:
    assert store.read("chat") == Record({}, 0, [])
    assert list(tmp_path.iterdir()) == []


def test_documents_are_one_fact_and_the_others_stay(store: Store, tmp_path: Path) -> None:
    (tmp_path / "web").write_text(json.dumps({"ansible_os_family": "Debian", "n": [1, {"ä": None}]}))
    for n in (1, 2, 3):
        assert save(store, n) == Record({"n": n}, n, [])
    assert save(store, 7, "chat.instances").generation == 1
    after = facts(tmp_path)
    assert sorted(after.pop(FACT)) == ["chat.even", "chat.instances.odd", "chat.odd"]
    assert after == {"ansible_os_family": "Debian", "n": [1, {"ä": None}]}
    assert store.read("chat") == Record({"n": 3}, 3, [])
    assert (tmp_path / "web").stat().st_mode & 0o777 == 0o600


def test_the_file_is_newer_than_any_clock_between_here_and_awx(store: Store, tmp_path: Path) -> None:
    save(store, 1)
    assert (tmp_path / "web").stat().st_mtime == NOW + NEWER_BY_S


def test_facts_are_returned_once_something_was_written(store: Store, tmp_path: Path) -> None:
    assert store.facts() == {}
    medium = AwxMedium(tmp_path, "web")
    store = Store(medium, facts=medium.facts)
    store.read("chat")
    assert store.facts() == {}
    save(store, 1)
    assert store.facts() == {FACT: facts(tmp_path)[FACT]}


def test_writers_of_one_key_exclude_each_other_and_those_of_others_do_not(store: Store) -> None:
    with store.transaction("chat") as transaction:
        transaction.write({"n": 1})
        with pytest.raises(StateBusy):
            save(store, 2)
        save(store, 3, "chat.instances")
    assert store.read("chat").data == {"n": 1}
    assert store.read("chat.instances").data == {"n": 3}


@pytest.mark.parametrize("damage", [5, "{cut", None, "{}"])
def test_a_damaged_document_is_set_aside(store: Store, tmp_path: Path, damage: object) -> None:
    for n in (1, 2, 3):
        save(store, n)
    content = facts(tmp_path)
    content[FACT]["chat.odd"] = damage
    (tmp_path / "web").write_text(json.dumps(content))
    if damage is None:
        assert store.read("chat").notes == ["a copy of the state of chat is missing: generation 2 is used"]
        return
    assert store.read("chat").data == {"n": 2}
    done = save(store, 9)
    assert (done.data, done.generation) == ({"n": 9}, 3)
    (note,) = done.notes
    assert f"set aside as {FACT}['chat.odd.corrupt-" in note
    assert [text for name, text in facts(tmp_path)[FACT].items() if "corrupt" in name] == [damage]


@pytest.mark.parametrize("content", ["[1]", json.dumps({FACT: "text"}), json.dumps({FACT: None})])
def test_what_is_no_state_is_no_state(store: Store, tmp_path: Path, content: str) -> None:
    (tmp_path / "web").write_text(content)
    assert store.read("chat").generation == 0
    assert save(store, 1).generation == 1


def test_facts_that_are_no_json_are_left_alone(store: Store, tmp_path: Path) -> None:
    (tmp_path / "web").write_text("{cut")
    with pytest.raises(AutoscaleError, match="AWX's facts of host web are no JSON"):
        store.read("chat")
    with pytest.raises(AutoscaleError, match="AWX's facts of host web are no JSON"):
        save(store, 1)
    assert (tmp_path / "web").read_text() == "{cut"


def test_a_folder_that_is_gone_is_an_error(tmp_path: Path) -> None:
    store = Store(AwxMedium(tmp_path / "gone", "web"))
    with pytest.raises(AutoscaleError, match="state cannot be locked in AWX's facts of host web: No such file"):
        save(store, 1)


@pytest.mark.parametrize("host", ["../web", "/etc/web", "a/b", "..", ".", ""])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(OptionError, match="state_store: AWX keeps no facts of a host called "):
        AwxMedium(tmp_path, host)
