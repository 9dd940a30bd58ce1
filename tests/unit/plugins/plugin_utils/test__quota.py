# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shares of a quota, and what holds for clusters that tick, crash, drain and die in any order."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, replace
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._quota import (
    SILENT_S,
    Claim,
    QuotaSettings,
    Share,
    claim,
    left,
    opened,
    pinned,
    shares,
    silent,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

NOW = 1_790_000_000.0
OLD: dict[str, Any] = {"since": NOW - 1e6, "clusters": {}}


def entry(wanted: int = 0, held: int = 0, priority: int = 0, floor: int = 0, **changes: Any) -> dict[str, Any]:
    made = {"wanted": wanted, "held": held, "priority": priority, "floor": floor}
    return {**made, "instances": 40, "interval": 15.0, "at": NOW, **changes}


def document(**clusters: dict[str, Any]) -> dict[str, Any]:
    return {**OLD, "clusters": clusters}


def wish(
    cluster: str = "blog", wanted: int = 0, ordered: int = 0, priority: int = 0, instances: int = 40, **changes: Any
) -> Claim:
    quota = QuotaSettings("site", instances, priority)
    made = Claim(NOW, cluster, quota, 15.0, ordered=ordered, draining=0, wanted=wanted, floor=0)
    return replace(made, **changes)


def told(before: dict[str, Any], **of: Any) -> Share:
    return claim(before, wish(**of))[1]


def test_where_there_is_enough_everybody_gets_what_they_want() -> None:
    share = told(document(shop=entry(20, held=20, priority=10)), wanted=20, ordered=3)
    assert (share.ceiling, share.warnings) == (20, [])


def test_the_higher_priority_gets_what_it_wants_and_the_lower_one_the_rest() -> None:
    before = document(shop=entry(25, held=25, priority=10))
    share = told(before, wanted=30, ordered=5)
    assert share == Share(15, "site has 40 instances, shop (priority 10) needs 25 of them: at most 15", [])
    assert told(document(blog=entry(30, held=5)), cluster="shop", wanted=25, priority=10).ceiling == 25


def test_who_has_more_than_the_share_shrinks_to_it_and_the_other_waits_until_that_is_done() -> None:
    before, share = claim(document(blog=entry(30, held=30)), wish("shop", wanted=25, ordered=10, priority=10))
    assert share.ceiling == 10
    assert share.reason == (
        "site has 40 instances, blog (priority 0) gets 15 of the 30 it wants and still has 30: at most 10"
    )
    before, share = claim(before, wish("blog", wanted=30, ordered=30))
    assert share.ceiling == 15
    assert before["clusters"]["blog"]["held"] == 30, "until it is seen to be gone"
    assert told(before, cluster="shop", wanted=25, ordered=10, priority=10).ceiling == 10
    before, _share = claim(before, wish("blog", wanted=30, ordered=15, draining=9))
    assert told(before, cluster="shop", wanted=25, ordered=10, priority=10).ceiling == 16
    before, _share = claim(before, wish("blog", wanted=30, ordered=15))
    assert told(before, cluster="shop", wanted=25, ordered=10, priority=10).ceiling == 25


def test_one_that_shrinks_keeps_to_its_step_limit() -> None:
    before = document(shop=entry(40, held=10, priority=10))
    assert told(before, wanted=30, ordered=30).ceiling == 0
    assert told(before, wanted=30, ordered=30, max_step_down=2).ceiling == 28


def test_what_is_free_is_kept_for_the_higher_priority() -> None:
    """blog gives back, and mail does not take it from under the nose of shop."""
    before = document(shop=entry(30, held=20, priority=10), blog=entry(20, held=12))
    assert told(before, cluster="mail", wanted=5, ordered=1).ceiling == 1
    assert told(before, cluster="shop", wanted=30, ordered=20, priority=10).ceiling == 28


def test_equals_that_wait_do_not_block_each_other() -> None:
    before = document(big=entry(40, held=33), a=entry(20, held=2), b=entry(20, held=2))
    assert told(before, cluster="a", wanted=20, ordered=2).ceiling == 5
    assert told(before, cluster="b", wanted=20, ordered=2).ceiling == 5


def test_what_drains_may_come_back_and_counts_until_then() -> None:
    before = document(blog=entry(30, held=30))
    assert told(before, cluster="shop", wanted=40, ordered=5, draining=5, priority=10).ceiling == 10
    after, _share = claim(before, wish("shop", wanted=5, ordered=5, draining=5, priority=10))
    assert after["clusters"]["shop"]["held"] == 10


def test_equals_share_by_max_min_fairness() -> None:
    equals = {"a": entry(4), "b": entry(30), "c": entry(30, held=20)}
    assert shares(equals, 40, NOW) == {"a": 4, "b": 18, "c": 18}
    assert shares(equals, 41, NOW) == {"a": 4, "b": 18, "c": 19}, "the odd one stays where it is"
    assert shares(equals, 100, NOW) == {"a": 4, "b": 30, "c": 30}


def test_a_floor_is_had_before_any_priority() -> None:
    three = {"shop": entry(40, priority=10), "blog": entry(10, floor=3), "mail": entry(0, floor=2)}
    assert shares(three, 40, NOW) == {"shop": 35, "blog": 3, "mail": 2}
    assert shares(three, 4, NOW) == {"shop": 0, "blog": 3, "mail": 2}


def test_one_that_is_silent_keeps_what_it_had_and_gets_no_more() -> None:
    gone = entry(30, held=10, priority=20, at=NOW - 900)
    share = told(document(shop=gone), wanted=40, ordered=20)
    assert share.ceiling == 30
    assert "shop (priority 20) has not ticked for 15 min and keeps 10" in share.reason
    assert told(document(shop={**gone, "at": NOW - 100}), wanted=40, ordered=20).ceiling == 10


def test_one_that_is_silent_and_holds_nothing_is_forgotten() -> None:
    before = document(dead=entry(5, held=0, at=NOW - 900), alive=entry(5, held=0))
    after, _share = claim(before, wish())
    assert set(after["clusters"]) == {"alive", "blog"}


@pytest.mark.parametrize(("interval", "age", "expected"), [(15, 119, False), (15, 121, True), (300, 1199, False)])
def test_silence_is_four_ticks_and_two_minutes_at_least(interval: float, age: float, expected: bool) -> None:
    assert silent(entry(interval=interval, at=NOW - age), NOW) == expected
    assert silent(entry(interval=interval, at=NOW + age), NOW) == expected, "a clock was set back"


def test_a_new_document_is_no_proof_that_anything_is_free() -> None:
    new = opened({}, NOW)
    after, share = claim(new, wish(wanted=30, ordered=5))
    assert share.ceiling == 5
    assert share.reason == "site is new, so until 2026-09-21 14:15:20 UTC nobody grows: at most 5"
    later = replace(wish(wanted=30, ordered=5), now=NOW + SILENT_S)
    assert claim(after, later)[1].ceiling == 30


def test_those_who_record_nothing_are_told_of_a_quota_that_nobody_uses() -> None:
    assert told({}, wanted=50, ordered=5).ceiling == 40


def test_what_is_about_to_be_ordered_is_held_before_it_is() -> None:
    after, _share = claim(document(), wish(wanted=30, ordered=5))
    assert after["clusters"]["blog"]["held"] == 30
    assert told(after, cluster="mail", wanted=30).ceiling == 10


def test_bounds_and_a_pin_are_held_even_where_there_is_no_room() -> None:
    before = document(shop=entry(40, held=40, priority=10))
    after, share = claim(before, wish(wanted=3, floor=3))
    assert after["clusters"]["blog"]["held"] == 3
    assert share.warnings == []
    assert told(after, cluster="shop", wanted=40, ordered=40, priority=10).ceiling == 37


def test_a_quota_that_cannot_be_kept_to_is_told() -> None:
    before = document(shop=entry(30, held=30, floor=30), gone=entry(held=9, at=NOW - 900))
    assert told(before, wanted=3, floor=3).warnings == [
        "quota site has 40 instances, and min_instances, pins and clusters that do not tick hold 42 (blog 3, gone 9, "
        "shop 30): it cannot be kept to"
    ]


def test_of_two_sizes_the_smaller_counts_and_a_person_is_told() -> None:
    before = document(shop=entry(25, held=25, priority=10, instances=30))
    share = told(before, wanted=30)
    assert share.ceiling == 5
    assert share.warnings == [
        "quota site: its clusters do not agree on how many instances it has (blog 40, shop 30); the fewest count: 30"
    ]
    silent_one = document(shop=entry(25, held=25, instances=30, at=NOW - 900))
    assert told(silent_one, wanted=30).ceiling == 15, "who is gone has no say in it"


def test_many_others_are_told_in_short() -> None:
    many = {f"c{number}": entry(7, held=7, priority=1) for number in range(5)}
    named = "c0 (priority 1) needs 7 of them, c1 (priority 1) needs 7 of them, c2 (priority 1) needs 7 of them"
    assert told(document(**many), wanted=9).reason == f"site has 40 instances, {named}, 2 others 14: at most 5"


def test_a_pin_is_held_at_once() -> None:
    before = document(blog=entry(5, held=5))
    after = pinned(before, "blog", 20)
    assert told(after, cluster="shop", wanted=40, priority=10).ceiling == 20
    assert pinned(before, "unknown", 20) == before
    assert pinned(after, "blog", 2)["clusters"]["blog"]["held"] == 20, "it has them still"


def test_who_leaves_holds_nothing() -> None:
    before = document(shop=entry(25, held=25), blog=entry(5))
    assert set(left(before, "shop")["clusters"]) == {"blog"}
    assert left({}, "shop") == {}


@pytest.mark.parametrize(("changes", "option"), [({"instances": 0}, "quota.instances"), ({"name": " "}, "quota.name")])
def test_nonsense_is_refused(changes: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionError) as refused:
        QuotaSettings(**{"name": "site", "instances": 40, **changes})
    assert refused.value.option == option


COUNTS = st.integers(0, 12)
ENTRIES = st.builds(
    entry,
    wanted=COUNTS,
    held=COUNTS,
    priority=st.integers(-1, 1),
    floor=st.integers(0, 3),
    at=st.sampled_from([NOW, NOW - 1000]),
)


def poured(entries: dict[str, dict[str, Any]], size: int) -> dict[str, int]:
    """Shares in another way: one instance after the other, to the highest priority, there to who has the fewest."""
    heard = {name for name, each in entries.items() if not silent(each, NOW)}
    given = {name: each["floor"] if name in heard else each["held"] for name, each in entries.items()}
    while sum(given.values()) < size:
        hungry = [name for name in heard if given[name] < entries[name]["wanted"]]
        if not hungry:
            break
        first = min(hungry, key=lambda name: (-entries[name]["priority"], given[name], -entries[name]["held"], name))
        given[first] += 1
    return given


@given(st.dictionaries(st.sampled_from("abcdef"), ENTRIES, min_size=1), st.integers(1, 40))
def test_shares_are_those_of_pouring_one_by_one(entries: dict[str, dict[str, Any]], size: int) -> None:
    assert shares(entries, size, NOW) == poured(entries, size)


@given(st.dictionaries(st.sampled_from("abcdef"), ENTRIES), st.builds(wish, st.just("z"), COUNTS, COUNTS))
def test_documents_are_plain_and_the_old_one_is_left_alone(entries: dict[str, Any], asked: Claim) -> None:
    before = document(**entries)
    kept = copy.deepcopy(before)
    after, share = claim(before, asked)
    assert before == kept
    assert json.loads(json.dumps(after, allow_nan=False)) == after
    assert claim(before, asked) == (after, share)
    assert f"at most {share.ceiling}" in share.reason


SIZE = 20
NAMES = ("a", "b", "c", "d", "e")


@dataclass
class Cluster:
    """What there really is, whatever the document says."""

    minimum: int
    priority: int
    ordered: int = 0
    draining: int = 0

    def order(self, target: int) -> None:
        """What converge does: those that drain come back first."""
        if target >= self.ordered:
            self.draining -= min(self.draining, target - self.ordered)
        else:
            self.draining += self.ordered - target
        self.ordered = target


class Site(RuleBasedStateMachine):
    """Clusters that tick in any order, are killed between the record and the act, drain, fall silent and come back."""

    @initialize(
        minima=st.lists(st.integers(0, SIZE // len(NAMES)), min_size=len(NAMES), max_size=len(NAMES)),
        priorities=st.lists(st.integers(0, 2), min_size=len(NAMES), max_size=len(NAMES)),
    )
    def begin(self, minima: list[int], priorities: list[int]) -> None:
        self.now = NOW
        self.document = OLD
        self.clusters = {
            name: Cluster(minimum, priority) for name, minimum, priority in zip(NAMES, minima, priorities, strict=True)
        }
        for name in NAMES:
            self.tick(name, 0, killed=False)

    @rule(name=st.sampled_from(NAMES), wanted=st.integers(0, 30), killed=st.booleans())
    def tick(self, name: str, wanted: int, killed: bool) -> None:
        own = self.clusters[name]
        asked = Claim(
            now=self.now,
            cluster=name,
            quota=QuotaSettings("site", SIZE, own.priority),
            interval=15.0,
            ordered=own.ordered,
            draining=own.draining,
            wanted=max(wanted, own.minimum),
            floor=own.minimum,
        )
        self.document, share = claim(self.document, asked)
        assert share.warnings == []
        if not killed:
            own.order(max(own.minimum, min(asked.wanted, share.ceiling)))

    @rule(name=st.sampled_from(NAMES), count=st.integers(1, 30))
    def drain_ends(self, name: str, count: int) -> None:
        own = self.clusters[name]
        own.draining -= min(own.draining, count)

    @rule(seconds=st.sampled_from([1.0, 15.0, 119.0, 121.0, 5000.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def there_is_never_more_than_the_quota(self) -> None:
        held = {name: each["held"] for name, each in self.document["clusters"].items()}
        assert sum(own.ordered + own.draining for own in self.clusters.values()) <= SIZE
        assert sum(held.values()) <= SIZE
        for name, own in self.clusters.items():
            assert held.get(name, 0) >= own.ordered + own.draining

    def teardown(self) -> None:
        """Whatever has happened: once all tick and nothing drains, everybody has their share."""
        if not hasattr(self, "clusters"):
            return
        wanted = {name: 3 + 2 * number for number, name in enumerate(NAMES)}
        for _round in range(2 + len(NAMES)):
            for name in NAMES:
                self.drain_ends(name, SIZE)
                self.tick(name, wanted[name], killed=False)
                self.there_is_never_more_than_the_quota()
        due = shares(self.document["clusters"], SIZE, self.now)
        assert {name: own.ordered for name, own in self.clusters.items()} == due
        assert sum(due.values()) == SIZE


Site.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestSite = Site.TestCase
