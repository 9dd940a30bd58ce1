# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter is glue: what is given to it, and how it fails."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.rlops.autoscale.plugins.filter.rrule import FilterModule
from ansible_collections.rlops.autoscale.plugins.plugin_utils._rrule import OPTIONS, UNITS

rrule = FilterModule().filters()["rrule"]


def test_options_go_before_those_of_the_dictionary() -> None:
    made = rrule({"every": 5, "unit": "hours"}, every=2, count=3)
    assert made == "DTSTART:20200101T000000Z RRULE:FREQ=HOURLY;INTERVAL=2;COUNT=3"


def test_the_text_of_a_rule_comes_back() -> None:
    text = "DTSTART:20200101T000000Z RRULE:FREQ=HOURLY;INTERVAL=2"
    assert rrule(text) == text


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ({"every": "often"}, {}, "rrule.every: a whole number from 1 to 999 is expected, got often"),
        ("DTSTART:20200101T000000Z", {"every": 2}, "rrule: options can be given to a dictionary only"),
        (5, {}, "rrule: options such as .* are expected, got 5"),
    ],
)
def test_it_fails_as_filters_do(given: object, options: dict[str, int], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        rrule(given, **options)


def test_its_documentation_has_all_options() -> None:
    file = Path(__file__).resolve().parents[4] / "plugins/filter/rrule.yml"
    documented = yaml.safe_load(file.read_text())["DOCUMENTATION"]["options"]
    assert set(documented) == {"_input", *OPTIONS}
    assert documented["unit"]["choices"] == list(UNITS)
