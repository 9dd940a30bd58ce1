# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The live check: what it sums up, and that the simulator is given the demo as it is."""

from __future__ import annotations

import math
from pathlib import Path

import bench_live
import numpy as np
import pytest
from live import simulated, tables
from live.simulated import Day

AGENT = Day(0.02, 1700.0, 70.0)


def test_medians_are_taken_figure_by_figure() -> None:
    days = [Day(0.1, 3.0, 10.0), Day(0.3, 1.0, 20.0), Day(0.2, 2.0, 90.0)]
    assert tables.medians(days) == Day(0.2, 2.0, 20.0)


def test_the_cheapest_of_those_who_keep_the_objective_wins() -> None:
    live = {"ours": [AGENT], "dear": [Day(0.0, 1900.0, 0.0)], "cheap": [Day(0.06, 1000.0, 0.0)]}
    assert tables.cheapest(live) == "ours"
    assert tables.cheapest({"cheap": live["cheap"]}) is None
    rows = tables.live_table(live).splitlines()[2:]
    assert [row.split()[1] for row in rows] == ["ours", "dear", "cheap"]
    assert rows[2].endswith("| no |")


def test_only_who_was_in_every_demo_is_compared() -> None:
    assert set(tables.of_all({"ours": [AGENT] * 5, "5 fixed": [AGENT] * 5, "9 fixed": [AGENT] * 2})) == {
        "ours",
        "5 fixed",
    }


@pytest.mark.parametrize(
    ("simulated_day", "alike"),
    [(AGENT, True), (Day(0.04, 1840.0, 70.0), True), (Day(0.06, 1700.0, 70.0), False), (Day(0.02, 1500.0, 0.0), False)],
)
def test_live_and_simulated_are_alike_within_bounds(simulated_day: Day, alike: bool) -> None:
    assert tables.alike({"ours": [AGENT]}, {"ours": [simulated_day]}) is alike


def test_the_page_says_how_it_was_made() -> None:
    text = tables.page(["a table"], "1,2")
    assert "bench_live.py --seeds 1,2 --write" in text
    assert "\n\na table\n\n" in text


def test_service_rates_are_read_from_what_the_agent_said(tmp_path: Path) -> None:
    log = tmp_path / "agent.log"
    log.write_text("12:00:00 shadow_q: staffed for 197 at 77.6 an instance: 1.1 x rate\n12:00:01 hpa: keep 2\n")
    assert bench_live.found_rates(log) == [77.6]


@pytest.mark.parametrize("name", ["shadow_q", "erlang", "hpa"])
def test_policies_are_simulated_with_the_settings_of_the_demo(name: str) -> None:
    settings = simulated.settings_of(name, day=360.0)
    assert settings.policy.name == name
    assert settings.policy_settings.interval == settings.guards.interval == 0.75
    assert settings.service_rate == 80.0
    if name == "shadow_q":
        assert settings.policy_settings.options["season"] == 360.0


def test_noise_follows_from_how_few_messages_there_are() -> None:
    hpa = simulated.settings_of("hpa", 360.0)
    environment = simulated.environment(hpa, messages=np.full(10, 300.0))
    assert environment.rate_noise == pytest.approx(0.1)
    assert environment.measurement_noise == pytest.approx(math.sqrt(0.99) / math.log(100.0))
    # By day and by night: a rate is as uncertain as in the mean, a p99 as of the mean of 1 / N.
    uneven = simulated.environment(hpa, messages=np.array([500.0, 100.0]))
    assert uneven.rate_noise == environment.rate_noise
    assert uneven.measurement_noise == pytest.approx(math.sqrt(0.99 * 300.0 / (500.0 / 3.0)) / math.log(100.0))


def test_a_demo_is_simulated_at_its_rates(tmp_path: Path) -> None:
    """A steady rate of four fifths of what three instances can take: three to five serve, and nothing goes wrong."""
    (tmp_path / "rates.csv").write_text("t_seconds,rate\n0,140\n40,140\n")
    day = simulated.simulate(tmp_path, "erlang", day=30.0)
    assert day.over == 0.0
    assert 3.0 <= day.instance_s / 30.0 <= 5.0
