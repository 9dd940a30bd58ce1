# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables as people read and write them."""

from __future__ import annotations

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._base import Entry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._editing import (
    SITUATIONS,
    entries,
    packed,
    unpacked,
    with_entries,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._modes import MODES, RULES, heaviest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._tables import CELLS, TRUST, Tables

HERE = (0, 3, 15, 18)
RULE = "1.1 x rate, held 20 min"


def learned() -> Tables:
    """3,000 ticks in one situation: each mode costs 10, one of the two of a rule 4."""
    tables = Tables(1e9)
    costs = np.full(len(MODES), 10.0)
    costs[MODES.index("1.1 x rate, best period, held 20 min")] = 4.0
    for _unused in range(3000):
        tables.learn(costs, HERE)
    return tables


def test_situations_have_names_of_their_own() -> None:
    assert len(set(SITUATIONS)) == len(SITUATIONS) == CELLS


def test_a_rule_costs_what_its_better_season_does() -> None:
    tables = learned()
    found = {(entry.situation, entry.choice): entry for entry in entries(tables.sums, tables.counts)}
    assert len(found) == 4 * len(RULES), "of situations that were seen"
    entry = found["no peak behind, low", RULE]
    assert entry.value == pytest.approx(4.0, rel=1e-4)
    assert entry.seen == pytest.approx(3000.0, rel=1e-3)
    assert found["falling", "1.0 x rate, no hold"].value == pytest.approx(10.0, rel=1e-4)


def test_what_is_written_is_read_and_decides() -> None:
    tables = learned()
    wanted = Entry("no peak behind, low", "1.8 x rate, no hold", 0.5)
    tables.sums, tables.counts = with_entries(tables.sums, tables.counts, [wanted])
    written = {(entry.situation, entry.choice): entry.value for entry in entries(tables.sums, tables.counts)}
    assert written[wanted.situation, wanted.choice] == pytest.approx(wanted.value, rel=1e-4)
    weights = tables.weights(HERE)
    assert "1.8 x rate, no hold" in [rule.name for rule in heaviest(weights, np.ones(len(MODES)), 2)]


def test_a_situation_that_was_hardly_seen_counts_as_seen() -> None:
    tables = learned()
    never = "after a peak, very high"
    sums, counts = with_entries(tables.sums, tables.counts, [Entry(never, RULE, 1.0)])
    cell = SITUATIONS.index(never)
    assert counts[cell] == TRUST
    costs = {entry.choice: entry.value for entry in entries(sums, counts) if entry.situation == never}
    assert costs.pop(RULE) == pytest.approx(1.0, rel=1e-4)
    assert set(np.round(list(costs.values()), 3)) == {10.0}, "the others as on the whole"
    assert (tables.counts[cell], tables.sums[cell].sum()) == (0.0, 0.0), "what was given stays"


def test_what_was_seen_twice_says_little_of_the_rules_that_the_entry_does_not_name() -> None:
    tables = learned()
    rare = SITUATIONS.index("after a peak, very high")
    tables.counts[rare], tables.sums[rare] = 2.0, 2.0 * 500.0  # a bad moment
    sums, counts = with_entries(tables.sums, tables.counts, [Entry(SITUATIONS[rare], RULE, 1.0)])
    others = {entry.value for entry in entries(sums, counts) if entry.situation == SITUATIONS[rare]} - {1.0}
    assert counts[rare] == TRUST
    assert max(others) == pytest.approx(10.0 + (500.0 - 10.0) * 2.0 / TRUST, rel=0.01)


def test_packing_keeps_the_tables() -> None:
    tables = learned()
    sums, counts = unpacked(packed(tables.sums, tables.counts))
    assert (sums == tables.sums).all()
    assert (counts == tables.counts).all()


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (Entry("after a peek, low", RULE, 1.0), "entries[0].situation: there is no 'after a peek, low'; did you mean"),
        (Entry("\x1b[31m", RULE, 1.0), "entries[0].situation: there is no '[31m', such as 'no peak behind'"),
        (Entry("steady", "1.1 x rate", 1.0), "entries[0].choice: there is no '1.1 x rate'; did you mean"),
        (Entry("steady", RULE, -1.0), "entries[0].value: a cost of at least 0"),
        (Entry("steady", RULE, float("nan")), "entries[0].value: a cost of at least 0"),
    ],
)
def test_what_cannot_be_is_named(entry: Entry, expected: str) -> None:
    tables = learned()
    with pytest.raises(OptionError) as error:
        with_entries(tables.sums, tables.counts, [entry])
    assert str(error.value).startswith(expected)
