# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The benchmark of the policies: its statistics against hand calculations, its data, its contenders, its adapter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry
from policies import (
    adapter,
    arena,
    contenders,
    document,
    figures,
    goals,
    revision,
    robustness,
    sets,
    tables,
    tune,
    yardstick,
)


def score(day: str, contender: str, cost: float, **others: Any) -> arena.Score:
    values = {"optimum": 2.0, "over_slo": 0.0, "severe": 0.0, "instances": 1.0, "changes": 0.0, "seed": 0}
    return arena.Score(day=day, trace=day[0], contender=contender, cost=cost, **values | others)


# Statistics


def test_regret_is_the_geometric_mean() -> None:
    assert figures.regret([1.0, 4.0]) == pytest.approx(1.0)
    assert figures.regret([1.1, 1.1, 1.1]) == pytest.approx(0.1)


def test_the_interval_of_two_days_is_that_of_their_four_resamples() -> None:
    """A quarter of the resamples is twice the one day, a quarter twice the other."""
    assert figures.interval([1.0, 4.0]) == (pytest.approx(1.0), pytest.approx(4.0))
    assert figures.interval([2.0, 2.0, 2.0]) == (pytest.approx(2.0), pytest.approx(2.0))


def test_the_interval_is_about_that_of_the_normal_distribution() -> None:
    logs = np.random.default_rng(3).normal(0.2, 0.1, 400)
    low, high = figures.interval(np.exp(logs).tolist())
    middle, error = logs.mean(), 1.96 * logs.std() / 20.0
    assert np.log([low, high]) == pytest.approx([middle - error, middle + error], abs=0.001)


def test_pairs_are_of_the_same_day() -> None:
    pair = figures.paired("them", {"a": 3.0, "b": 2.0, "c": 1.5}, {"a": 1.5, "b": 2.0, "c": 1.0})
    assert pair.ratio == pytest.approx((2.0 * 1.0 * 1.5) ** (1 / 3))
    assert pair.won == pytest.approx(2 / 3)
    assert pair.worst == 1.0
    assert pair.low < pair.ratio < pair.high


def test_rows_take_seeds_of_a_day_together() -> None:
    scores = [score("a", "x", 4.0), score("a", "x", 1.0, seed=1), score("b", "x", 2.0), score("b", "y", 2.2)]
    y, x = sorted(figures.rows(scores), key=lambda row: row.contender, reverse=True)
    assert x.regret == pytest.approx(0.0)  # day a: 2 and 1/2
    assert y.regret == pytest.approx(0.1)
    assert (y.worst, y.worst_day) == (pytest.approx(0.1), "b")
    assert figures.by_trace(scores)["y"] == {"b": pytest.approx(0.1)}


# Data


def test_nothing_is_scored_on_what_was_tuned_on() -> None:
    assert not set(sets.TUNING_SEEDS) & set(sets.SCORING_SEEDS)
    tuned_on, scored_on = sets.training(), sets.held_out(sets.SCORING_SEEDS[:1])
    assert {day.trace for day in scored_on} > {day.trace for day in tuned_on}
    for day in scored_on:
        assert not any(np.array_equal(day.arrivals, other.arrivals) for other in tuned_on)
    found = json.loads(contenders.TUNED.read_text())
    assert found["seeds"] == list(sets.TUNING_SEEDS)
    assert found["days"] == [day.name for day in tuned_on]


def test_days_are_what_their_seed_says() -> None:
    one, again, other = sets.held_out([1000])[0], sets.held_out([1000])[0], sets.held_out([1001])[0]
    assert one.arrivals.shape == (2 * sets.DAY, sets.INNER_STEPS)
    assert np.array_equal(one.arrivals, again.arrivals)
    assert not np.array_equal(one.arrivals, other.arrivals)


def test_real_days_are_not_those_of_the_yardstick(shared_dir: Path) -> None:
    assert all(not {2, 6, 10} & set(days) for days in [sets.TWO_WEEKS])
    assert not {2, 4, 6} & set(sets.ONE_WEEK)
    days = sets.real()
    assert len(days) == 24
    for day in days:
        busy = np.quantile(day.arrivals.mean(axis=1), 0.995) / 50.0
        assert 4.5 < busy < 14.0
    (hole,) = [day for day in days if day.name == "twitter_stream_2021 day 3"]
    assert hole.arrivals[-100:].mean() > 10.0


# Contenders


def test_tuned_options_are_valid_and_from_the_grid() -> None:
    found = json.loads(contenders.TUNED.read_text())["tuned"]
    assert set(found) == set(tune.GRIDS)
    for name, (policy, candidates) in tune.GRIDS.items():
        assert 8 <= len(candidates) <= 24
        assert found[name]["policy"] == policy
        assert found[name]["options"] in candidates
        for options in candidates:
            spec = {policy: {"type": "dict", "options": _registry.get(policy).options, "apply_defaults": True}}
            checked = ArgumentSpecValidator(spec).validate({policy: options})
            assert not checked.error_messages
            merged = contenders.cluster_settings(contenders.Contender(name, policy, options)).policy_settings.options
            assert merged == checked.validated_parameters[policy]
            _registry.get(policy).check(merged)


def test_every_policy_that_scales_competes() -> None:
    assert {each.policy for each in contenders.everyone()} == set(_registry.POLICIES) - {"static"}
    names = [each.name for each in contenders.everyone()]
    assert len(set(names)) == len(names)
    assert set(robustness.SHOWN) <= set(names)


# Arena


def test_a_short_day_is_scored_for_all() -> None:
    day = sets.held_out([1000])[0]
    few = contenders.named(["hpa", "erlang"])
    scores = arena.scored(arena.Job(day, few, ticks=60))
    assert [each.contender for each in scores] == ["hpa", "erlang"]
    assert len({each.optimum for each in scores}) == 1
    assert all(each.ratio >= 1.0 and each.instances > 0.8 for each in scores)
    assert scores == arena.scored(arena.Job(day, few, ticks=60))


def test_chance_decides_for_who_explores() -> None:
    day = sets.held_out([1000])[0]
    assert robustness.explores(
        contenders.named(["q_learning"])[0], day._replace(arrivals=day.arrivals[: sets.DAY + 60])
    )
    assert not robustness.explores(
        contenders.named(["erlang"])[0], day._replace(arrivals=day.arrivals[: sets.DAY + 60])
    )


# Yardstick

METRICS = {"t": 90000.0, "rate": 200.0, "util": 0.5, "p99": 0.1, "queue": 2.0, "ready": 8, "total": 9}


def test_what_the_yardstick_shows_becomes_a_snapshot() -> None:
    seen = adapter.seen(METRICS)
    assert seen is not None
    pilot = arena.Pilot(contenders.cluster_settings(contenders.named(["erlang"])[0]))
    snapshot = pilot.snapshot(0.0, seen, 8)
    assert snapshot["valid"] and snapshot["answered"] == len(snapshot["instances"]) == 8
    assert (snapshot["arrival_rate"], snapshot["completion_rate"]) == (200.0, 200.0)
    assert (snapshot["queue_depth"], snapshot["queue_total"], snapshot["p99_latency_s"]) == (2.0, 16.0, 0.1)


def test_arrivals_count_as_completions_only_where_instances_keep_up() -> None:
    busy, lost = adapter.seen({**METRICS, "util": 0.97}), adapter.seen({**METRICS, "rate": None})
    assert busy is not None and busy.completion_rate is None
    assert lost is None


def test_who_serves_is_not_taken_for_the_same_after_some_left() -> None:
    pilot = arena.Pilot(contenders.cluster_settings(contenders.named(["erlang"])[0]))
    seen = adapter.seen(METRICS)
    assert seen is not None
    pilot.decide(0.0, seen, 8, 9)
    before = pilot.snapshot(15.0, seen, 8)["instances"]
    pilot.decide(15.0, seen, 8, 8)
    assert not {each["name"] for each in before} & {each["name"] for each in pilot.snapshot(15.0, seen, 8)["instances"]}


def test_a_cold_start_begins_with_the_scored_day() -> None:
    decide, memory = adapter.decider("erlang", yardstick.COLD), {}
    assert decide({**METRICS, "t": 0.0}, memory) == 7
    assert not memory
    decide(METRICS, memory)
    assert "pilot" in memory


def test_missing_scrapes_never_shrink() -> None:
    decide, memory = adapter.decider("erlang", yardstick.MISSING), {}
    lost = {**METRICS, **dict.fromkeys(("rate", "util", "p99", "queue"))}
    assert decide(lost, memory) == 9
    assert adapter.Tally.stale_shrinks == 0


def test_one_who_shrinks_on_a_missing_scrape_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter.Tally, "stale_shrinks", 0)
    monkeypatch.setattr(adapter.Pilot, "decide", lambda _self, _now, _seen, _ready, total: total - 1)
    decide, memory = adapter.decider("erlang", yardstick.MISSING), {}
    decide(METRICS, memory)
    assert adapter.Tally.stale_shrinks == 0, "that one was not missing"
    decide({**METRICS, **dict.fromkeys(("rate", "util", "p99", "queue"))}, memory)
    assert adapter.Tally.stale_shrinks == 1


# Goals and tables


def test_what_the_adapter_counted_is_in_the_last_line_of_what_it_said() -> None:
    warned = 'x.py:3: RuntimeWarning: overflow\n  y = x * x\n{"stale_shrinks": 3}'
    assert yardstick.stale_shrinks("ours", warned) == 3


@pytest.mark.parametrize("said", ["", "Killed\n", '{"stale_shrinks": 3}\nKilled', "[]", '{"stale": 1}'])
def test_an_adapter_that_counted_nothing_has_not_counted_zero(said: str) -> None:
    with pytest.raises(RuntimeError, match="ours") as error:
        yardstick.stale_shrinks("ours", said)
    assert said.strip() in str(error.value)


def result(name: str, ratio: float, **others: Any) -> yardstick.Result:
    days = {"a#0": ratio, "b#1": 1.1 * ratio}
    values = {"reward": -8.0, "over_slo": 0.004, "severe": 0.0, "changes": 20.0, "stale_shrinks": 0}
    return yardstick.Result(name, **values | {"regret": ratio - 1.0, "instances": 1.2, "days": days} | others)


def results() -> dict[tuple[str, yardstick.Variant], yardstick.Result]:
    variants = (yardstick.NOMINAL, yardstick.COLD, yardstick.MISSING, yardstick.SLOW_SERVICE, yardstick.SLOW_BOOT)
    found = {("shadow_q", variant): result("shadow_q", 1.3) for variant in variants}
    found["hpa_tuned", yardstick.NOMINAL] = result("hpa_tuned", 2.0)
    found["hpa_tuned", yardstick.SLOW_BOOT] = result("hpa_tuned", 2.0, reward=-12.0)
    return found


def test_goals_are_met_and_missed() -> None:
    good = results()
    assert all(goal.met for goal in [*goals.on_all_days(good), *goals.on_any_days(good)])
    bad = {key: each._replace(regret=0.5, over_slo=0.02, stale_shrinks=1) for key, each in good.items()}
    bad["shadow_q", yardstick.SLOW_BOOT] = result("shadow_q", 1.3, reward=-13.0)
    missed = {goal.what for goal in [*goals.on_all_days(bad), *goals.on_any_days(bad)] if not goal.met}
    assert "regret over the clairvoyant" in missed
    assert "counts that fell on a missing scrape" in missed
    assert "reward a tick with boots of 120 s" in missed
    assert "days won against the tuned HPA" not in missed


def test_anchors_may_be_off_by_a_twentieth() -> None:
    found = {**yardstick.ANCHORS, "its HPA": 1.06 * yardstick.ANCHORS["its HPA"]}
    assert [goal.met for goal in goals.anchors(found)] == [True, False, True]


def test_tables_show_all() -> None:
    scores = [score("a", "shadow_q", 2.4), score("a", "hpa", 4.0)]
    assert "| `hpa` | 100 % |" in tables.score_table(scores)
    assert "| **`shadow_q`** | 20 % |" in tables.score_table(scores)
    assert tables.trace_table(scores, ["hpa", "shadow_q"]).splitlines()[-1] == "| a | 100 % | 20 % |"
    assert "-4.0, 0.0 %" in tables.robustness_table({"as usual": scores}, ["hpa", "shadow_q"])
    assert "1.54" in tables.yardstick_table(results())
    assert "boots take 120 s" in tables.variant_table(results())
    halves = tables.half_table(results(), ["hpa_tuned", "shadow_q"]).splitlines()[2:]
    assert halves == ["| developed with | 1 | 100 % | 30 % |", "| opened for this page only | 1 | 120 % | 43 % |"]
    assert "100 %" in tables.day_table(results(), ["hpa_tuned", "shadow_q"])


def test_conditions_can_be_simulated() -> None:
    day = sets.held_out([1000])[0]
    short = day._replace(arrivals=day.arrivals[: sets.DAY + 30])
    for condition in robustness.CONDITIONS:
        (job,) = robustness.jobs(condition, [short], contenders.named(["erlang"]))
        (found,) = arena.scored(job._replace(ticks=30))
        assert found.cost > 0.0


def test_the_page_shows_what_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "benchmark.md"
    monkeypatch.setattr(document, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(document, "DOCUMENT", page)
    document.keep("real", document.Part(("| a table |",), [goals.Goal("a goal", "1", "2", False)], 3.0))
    document.write()
    text = page.read_text()
    assert "| a table |" in text
    assert "Missed: a goal. Not measured: yardstick, synthetic, robustness, speed." in text
    assert revision.revision() in text
    assert "this part has not been run" in text
    assert "`hpa_tuned`" in text
    assert str(Path.home()) not in text and str(document.ROOT) not in text
    assert "different code" not in text

    monkeypatch.setattr(document, "revision", lambda: "another")
    document.keep("speed", document.Part(("| fast |",), []))
    document.write()
    assert "The parts were measured with different code" in page.read_text()


def test_the_revision_changes_with_the_code_that_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revision, "ROOT", tmp_path)
    for source in revision.SOURCES:
        path = tmp_path / source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n") if path.suffix else path.mkdir()
    before = revision.revision()
    assert revision.revision() == before
    (tmp_path / "plugins/plugin_utils/_policies/prior.json").write_text("{}")
    assert revision.revision() != before
