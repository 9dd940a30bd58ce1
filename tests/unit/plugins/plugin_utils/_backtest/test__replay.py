# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Contenders on simulated services, and the figures of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._agent import ClusterSettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest import _spec
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._replay import Traffic, replay
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._result import Course, Replay
from ansible_collections.rlops.autoscale.plugins.plugin_utils._decision_spec import DECISION_SPEC, cluster_settings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._settings import resolved
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._traces import Trace
from ansible_collections.rlops.autoscale.plugins.plugin_utils._traffic._recorded import Recorded


def options(**given: Any) -> dict[str, Any]:
    checked = ArgumentSpecValidator(_spec.BACKTEST_SPEC).validate(given)
    assert not checked.error_messages, checked.error_messages
    return checked.validated_parameters


def settings(shared: dict[str, Any], own: dict[str, Any]) -> ClusterSettings:
    given = {name: value for name, value in (shared | own).items() if name != "cluster"}
    checked = ArgumentSpecValidator(resolved(DECISION_SPEC, given)).validate(given)
    assert not checked.error_messages, checked.error_messages
    return cluster_settings(checked.validated_parameters | {"cluster": "chat"})


def run(rates: list[float], policies: list[Any], step: float = 15.0, **given: Any) -> Replay:
    chosen = options(**{"service_rate": 50.0, **given})
    setup = _spec.experiment(chosen, Recorded(Trace("test", step, np.array(rates)), 0.0))
    shared = _spec.decision_options(chosen, setup)
    running = [(name, settings(shared, own)) for name, own in _spec.contenders(policies)]
    return replay(running, setup.traffic, setup.environment, seed=1, notes=setup.notes)


WAVE = [150.0 + 100.0 * math.sin(tick / 40) for tick in range(600)]


def test_nobody_is_cheaper_than_the_optimum_and_all_are_there() -> None:
    done = run(WAVE, ["erlang", "hpa", {"policy": "static", "static": {"count": 8}, "name": "eight"}])
    best, *rows = done.figures
    assert best.name == "optimum"
    assert best.regret is None
    assert {row.name for row in rows} == {"erlang", "hpa", "eight"}
    assert all(row.cost_per_hour > best.cost_per_hour for row in rows)
    assert [row.cost_per_hour for row in rows] == sorted(row.cost_per_hour for row in rows)
    eight = next(row for row in rows if row.name == "eight")
    assert eight.instance_hours == pytest.approx(8 * 300 * 15 / 3600)
    assert eight.changes_per_hour == 0
    assert eight.cost_per_hour == pytest.approx(8.0, rel=0.01), "nothing is broken, so it costs its instances"
    assert eight.regret == pytest.approx(8.0 / best.cost_per_hour - 1.0, rel=0.01)
    assert len(done.rates) == 300, "half of it is for learning"
    assert all(course.reasons[-1] for course in done.courses)


def test_the_optimum_keeps_to_the_bounds() -> None:
    quiet = run([10.0] * 200, [{"policy": "static", "static": {"count": 5}}], min_instances=5)
    best, five = quiet.figures
    assert best.instance_hours == five.instance_hours
    assert five.regret == pytest.approx(0.0)


def test_the_guards_of_the_agent_hold_too() -> None:
    jump = [50.0] * 40 + [800.0] * 60
    free = run(jump, ["erlang"], warmup=0.0)
    bound = run(jump, [{"policy": "erlang", "max_step_up": 1}], warmup=0.0)
    steps = np.diff(bound.courses[0].ordered)
    assert steps.max() == 1
    assert np.diff(free.courses[0].ordered).max() > 5


def test_missing_scrapes_never_shrink() -> None:
    done = run(WAVE, ["erlang"], missing=1.0, warmup=0.0)
    assert set(np.diff(done.courses[0].ordered).tolist()) <= {0}


def test_figures_by_hand() -> None:
    """Two hours of four ticks: 1, 2, 2, 1 and 1, 1, 3, 3 instances; the SLO is broken in three ticks."""
    ordered = np.array([1, 2, 2, 1, 1, 1, 3, 3])
    p99 = np.array([0.1, 0.3, 0.1, 0.1, 0.1, 0.5, 0.4, 0.1])
    course = Course("mine", ordered, p99, ordered + np.array([0, 2, 0, 0, 0, 6, 3, 0]))
    optimum = Course("optimum", ordered, p99, ordered + 0.5)
    row = Replay(900.0, 0.0, np.ones(8), 0.2, [course], optimum).figures[1]
    assert row.cost_per_hour == pytest.approx(25 / 8)
    assert row.regret == pytest.approx(25 / 18 - 1)
    assert row.time_over_slo == pytest.approx(3 / 8)
    assert row.worst_p99_s == 0.5
    assert row.instance_hours == pytest.approx(14 / 4)
    assert row.changes_per_hour == pytest.approx(3 / 2)
    assert row.worst_hour_over_slo == pytest.approx(0.5)
    assert row.worst_hour_at == 4 * 900.0, "of the hours with two such ticks the dearest"
    assert Replay(900.0, 0.0, np.ones(8), None, [course], optimum).figures[1].time_over_slo == 0.0


def test_figures_are_reckoned_once() -> None:
    optimum = Course("optimum", np.ones(8, dtype=np.int64), np.full(8, 0.1), np.ones(8))
    done = Replay(900.0, 0.0, np.ones(8), 0.2, [], optimum)
    assert done.figures is done.figures


def test_without_a_service_rate_one_is_assumed_that_can_keep_the_slo() -> None:
    def setup(rates: Any, **given: Any) -> _spec.Experiment:
        return _spec.experiment(options(**given), Recorded(Trace("test", 60.0, np.array(rates)), 0.0))

    heavy = setup([10 * rate for rate in WAVE])
    assert heavy.environment.service.service_rate == pytest.approx(2500 / 8, rel=0.1)
    assert any("service_rate is not given: 31" in note and "multiplied" not in note for note in heavy.notes)
    light = setup([rate / 100 for rate in WAVE])
    assert light.environment.service.service_rate == pytest.approx(50.0), "0.2 s would be out of reach with less"
    assert light.traffic.arrivals.max() == pytest.approx(400.0, rel=0.3)
    assert any("for which the traffic is multiplied by 16" in note for note in light.notes)
    free = setup([rate / 100 for rate in WAVE], slo={"p99_latency": None})
    assert free.environment.service.service_rate == pytest.approx(2.5 / 8, rel=0.1)


def test_a_service_rate_that_shows_is_used() -> None:
    shown = Recorded(Trace("test", 60.0, np.array(WAVE)), 0.0, (), 42.0, "utilisation")
    setup = _spec.experiment(options(), shown)
    assert setup.environment.service.service_rate == 42.0
    assert "service rate 42 msg/s: calibrated from utilisation" in setup.notes


def test_what_is_finer_than_the_recording_is_drawn() -> None:
    coarse = Recorded(Trace("test", 3600.0, np.full(10, 100.0)), 0.0)
    arrivals = _spec.experiment(options(service_rate=50.0), coarse).traffic.arrivals
    assert arrivals.mean() == pytest.approx(100.0, rel=0.01)
    assert arrivals.std() == pytest.approx(math.sqrt(100.0 / 5.0), rel=0.1), "Poisson in 5 s"
    fine = Recorded(Trace("test", 5.0, np.full(720, 100.0)), 0.0)
    assert set(_spec.experiment(options(service_rate=50.0), fine).traffic.arrivals.ravel().tolist()) == {100.0}


@pytest.mark.parametrize("highest", [1e20, 1e308])
@pytest.mark.parametrize("given", [{"max_instances": 20}, {"service_rate": 1e19}, {}])
def test_a_rate_that_no_service_has_is_refused_before_anything_is_drawn(highest: float, given: dict[str, Any]) -> None:
    traffic = Recorded(Trace("test", 60.0, np.array([*WAVE, highest])), 0.0)
    with pytest.raises(OptionError, match="its highest rate, 1e") as error:
        _spec.experiment(options(**given), traffic)
    assert error.value.option == "trace"


def test_a_rate_that_is_multiplied_into_absurdity_is_refused_too() -> None:
    with pytest.raises(OptionError, match="is more than can be simulated"):
        _spec.experiment(options(), Recorded(Trace("test", 60.0, np.array([1e-300] * 1000 + [1e10])), 0.0))


def test_too_many_instances_are_refused_before_anything_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_spec, "noisy", lambda *_given, **_options: pytest.fail("drawn"))
    with pytest.raises(OptionError, match="are too many to find the optimum of"):
        _spec.experiment(options(service_rate=1e-5), Recorded(Trace("test", 60.0, np.array(WAVE)), 0.0))


def test_a_day_is_for_learning_but_half_of_the_traffic_at_most() -> None:
    def warmup(days: float, **given: Any) -> int:
        trace = Trace("test", 3600.0, np.full(round(24 * days), 100.0))
        return _spec.experiment(options(service_rate=50.0, **given), Recorded(trace, 0.0)).traffic.warmup

    assert warmup(14) == 5760
    assert warmup(1) == 2880
    assert warmup(1, warmup=3600.0) == 240


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"interval": 0.0}, "interval"),
        ({"service_rate": -5.0}, "service_rate"),
        ({"warmup": -1.0}, "warmup"),
        ({"warmup": 1e9}, "warmup"),
        ({"warmup": float("nan")}, "warmup"),
        ({"min_instances": 30, "max_instances": 20}, "min_instances"),
        ({"retry_share": 2.0}, "retry_share"),
        ({"connection_life": 0.0}, "connection_life"),
    ],
)
def test_options_that_make_no_sense_are_named(given: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionError) as error:
        run(WAVE, ["erlang"], **given)
    assert error.value.option == option


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ([], "policies: at least one"),
        ([7], "policies[0]: expected the name of a policy"),
        (["erlang", {"name": "mine"}], "policies[1]: expected the name of a policy"),
        (["erlang", "erlang"], "policies[1]: there are two of the name erlang"),
    ],
)
def test_contenders_that_cannot_be_are_named(policies: list[Any], expected: str) -> None:
    with pytest.raises(OptionError) as error:
        _spec.contenders(policies)
    assert str(error.value).startswith(expected)


def test_progress_is_told() -> None:
    told = []
    arrivals = np.full((2500, 3), 50.0)
    chosen = options(service_rate=50.0)
    setup = _spec.experiment(chosen, Recorded(Trace("test", 15.0, np.full(2500, 50.0)), 0.0))
    shared = _spec.decision_options(chosen, setup)
    contender = ("static", settings(shared, {"policy": "static", "static": {"count": 2}}))
    replay([contender], Traffic(arrivals, 0.0, 0), setup.environment, progress=lambda *at: told.append(at))
    assert told == [(0, 2500), (1000, 2500), (2000, 2500), (2500, 2500)]


def test_autoscalers_of_others_compete_without_our_cooldown_unless_one_is_given() -> None:
    given = [{"policy": "hpa"}, {"name": "calm", "policy": "hpa", "cooldown_down": 60.0}, "erlang"]
    found = dict(_spec.contenders(given))
    assert (found["hpa"]["cooldown_down"], found["calm"]["cooldown_down"]) == (0.0, 60.0)
    assert "cooldown_down" not in found["erlang"]
