# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The document of a quota in a real store."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._ledger import Ledger
from ansible_collections.rlops.autoscale.plugins.plugin_utils._quota import Claim, QuotaSettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._awx import AwxMedium
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._directory import DirectoryMedium
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._lock import exclusive
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import StateBusy, Store

NOW = 1_790_000_000.0
SITE = QuotaSettings("site", 40)


def wish(cluster: str, wanted: int, ordered: int = 0, now: float = NOW) -> Claim:
    return Claim(now, cluster, SITE, 15.0, ordered=ordered, draining=0, wanted=wanted, floor=0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(DirectoryMedium(tmp_path), lock_timeout=0.2)


def clusters(store: Store, name: str = "site") -> dict[str, Any]:
    return dict(store.read(f"quota.{name}").data.get("clusters", {}))


def test_a_claim_is_recorded_and_the_next_one_knows_it(store: Store) -> None:
    ledger = Ledger(store, record=True)
    assert ledger.claim(wish("shop", 30, ordered=30)).ceiling == 30
    assert ledger.claim(wish("blog", 30, ordered=5)).ceiling == 5, "the document is new"
    assert ledger.claim(wish("blog", 30, ordered=5, now=NOW + 121)).ceiling == 10
    assert {name: entry["held"] for name, entry in clusters(store).items()} == {"shop": 30, "blog": 10}


def test_who_does_not_record_only_reads(store: Store, tmp_path: Path) -> None:
    assert Ledger(store, record=False).claim(wish("shop", 99)).ceiling == 40
    Ledger(store, record=False).pin(SITE, "shop", 5)
    assert list(tmp_path.iterdir()) == []


def test_many_at_once_get_no_more_than_there_is(tmp_path: Path) -> None:
    """Each with a store of its own, as processes have."""
    Ledger(Store(DirectoryMedium(tmp_path)), record=True).claim(wish("c0", 0, now=NOW - 1000))
    told: list[int] = []

    def take(number: int) -> None:
        ledger = Ledger(Store(DirectoryMedium(tmp_path), lock_timeout=30), record=True)
        told.append(ledger.claim(wish(f"c{number}", 9)).ceiling)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 12
    assert sum(told) == 40


def test_a_cluster_that_is_elsewhere_now_has_left(store: Store) -> None:
    ledger = Ledger(store, record=True)
    ledger.claim(wish("shop", 30, ordered=30))
    assert ledger.move("shop", None, SITE) == "site"
    assert ledger.move("shop", "site", SITE) == "site"
    assert set(clusters(store)) == {"shop"}
    assert Ledger(store, record=False).move("shop", "site", None) == "site"
    assert set(clusters(store)) == {"shop"}
    assert ledger.move("shop", "site", QuotaSettings("other", 9)) == "other"
    assert clusters(store) == {}


def test_only_one_that_has_gone_is_taken_out(store: Store) -> None:
    ledger = Ledger(store, record=True)
    ledger.claim(wish("shop", 30, ordered=30))
    with pytest.raises(OptionError, match=r"^cluster: shop ticked 60 s ago, and would be back at its next tick"):
        ledger.leave(SITE, "shop", NOW + 60)
    assert ledger.leave(SITE, "blog", NOW) is None
    gone = Ledger(store, record=False).leave(SITE, "shop", NOW + 600)
    assert (gone or {})["held"] == 30
    assert set(clusters(store)) == {"shop"}
    ledger.leave(SITE, "shop", NOW + 600)
    assert clusters(store) == {}
    assert ledger.claim(wish("blog", 40, now=NOW + 600)).ceiling == 40


def test_a_pin_is_held_before_it_is_ordered(store: Store) -> None:
    ledger = Ledger(store, record=True)
    ledger.claim(wish("shop", 3, ordered=3))
    ledger.pin(SITE, "shop", 25)
    assert clusters(store)["shop"]["held"] == 25


def test_a_lost_document_is_told_and_frees_nothing(store: Store, tmp_path: Path) -> None:
    ledger = Ledger(store, record=True)
    ledger.claim(wish("shop", 30, ordered=30))
    for path in tmp_path.glob("quota.site.*.json"):
        path.write_text("{")
    share = ledger.claim(wish("blog", 30, ordered=5, now=NOW + 600))
    assert share.ceiling == 5
    assert "a copy of the state of quota.site was damaged" in share.warnings[0]


def test_that_others_write_it_is_not_that_another_run_has_the_cluster(store: Store, tmp_path: Path) -> None:
    ledger = Ledger(store, record=True)
    ledger.claim(wish("shop", 3))
    with exclusive(tmp_path / "quota.site.lock", 1.0), pytest.raises(AutoscaleError) as failed:
        ledger.claim(wish("shop", 3))
    assert not isinstance(failed.value, StateBusy)
    assert "the state of quota.site is in use by another process" in str(failed.value)


def test_clusters_that_share_no_state_share_no_quota(tmp_path: Path) -> None:
    ledger = Ledger(Store(AwxMedium(tmp_path, "web")), record=True)
    with pytest.raises(
        OptionError, match=r"^quota: clusters share nothing in AWX's facts of host web; keep the state on"
    ):
        ledger.claim(wish("c0", 1))
