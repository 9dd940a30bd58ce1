# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the past of a cluster is looked for, and how much of it is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot_spec import SNAPSHOT_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._agent import ClusterSettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._decision_spec import HISTORY_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._guards import GuardSettings
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies import _registry
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._history import History
from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._traces import Trace
from ansible_collections.rlops.autoscale.plugins.plugin_utils._traffic import _backfill
from ansible_collections.rlops.autoscale.plugins.plugin_utils._traffic._recorded import Recorded
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._policies._policy_helpers import settings_of

DAY_S = 86400.0
PROMETHEUS = {"source": "prometheus", "prometheus": {"url": "http://prometheus:9090"}}


def source(history: dict[str, Any] | None = None, **observing: Any) -> dict[str, Any] | None:
    given = {"history": history}, {"cluster": "chat", **observing}
    specs: tuple[dict[str, Any], ...] = {"history": HISTORY_SPEC}, SNAPSHOT_SPEC
    options, seen = (
        ArgumentSpecValidator(spec).validate(each).validated_parameters for spec, each in zip(specs, given, strict=True)
    )
    return _backfill.source_of(options, seen, 7.14)


def test_it_is_looked_for_where_the_option_says() -> None:
    found = source({"trace": "/load.csv"}, **PROMETHEUS)
    assert found and found["trace"] == "/load.csv"


def test_else_where_the_metrics_come_from_if_that_remembers() -> None:
    found = source(**PROMETHEUS)
    assert found and found["prometheus_url"] == "http://prometheus:9090"
    assert found["query"].startswith("sum(")
    assert source() is None


def test_a_prometheus_that_only_another_host_reaches_is_not_asked() -> None:
    assert source(**PROMETHEUS, scrape_via="bastion") is None


@pytest.mark.parametrize(
    ("history", "option"),
    [
        ({"trace": "a.csv", "prometheus_url": "http://p", "query": "up"}, "history.trace"),
        ({"prometheus_url": "http://p"}, "history.query"),
        ({"prometheus_url": "http://p", "query": "up", "days": 0}, "history.days"),
    ],
)
def test_what_contradicts_itself_is_refused_by_name(history: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionError, match=f"^{option}: "):
        source(history)


@pytest.mark.parametrize(
    ("policy", "season", "days"),
    [
        ("shadow_q", DAY_S, 1.02),
        ("shadow_q", 3600.0, 1.02),
        ("shadow_q", 7 * DAY_S, pytest.approx(7.14)),
        ("seasonal", 7 * DAY_S, pytest.approx(7.14)),
        ("holt_winters", 0.0, 1.02),
    ],
)
def test_a_day_is_asked_for_or_a_longer_season_and_some(policy: str, season: float, days: float) -> None:
    assert _registry.get(policy).past_days(settings_of(policy, season=season)) == days


def test_the_forecast_of_two_weeks_asks_for_two_weeks() -> None:
    assert _registry.get("predictive").past_days(settings_of("predictive")) == 14.0


@pytest.mark.parametrize(("given", "taken"), [(None, 7.14), (3.0, 3.0)])
def test_what_a_person_says_comes_first(given: float | None, taken: float) -> None:
    history: dict[str, Any] = {"trace": None, "prometheus_url": "http://prometheus:9090", "query": "up", "days": given}
    found = source(history)
    assert found and found["days"] == taken


@pytest.mark.parametrize(
    ("url", "observing", "sent"),
    [
        ("http://prometheus:9090/", PROMETHEUS, True),
        ("HTTP://Prometheus:9090/past", PROMETHEUS, True),
        ("http://prometheus", PROMETHEUS, False),
        ("https://prometheus:9090", PROMETHEUS, False),
        ("http://thanos:9090", PROMETHEUS, False),
        ("http://prometheus:port", PROMETHEUS, False),
        ("http://prometheus:9090", PROMETHEUS | {"source": "scrape"}, False),
        ("http://prometheus:9090", {"source": "prometheus"}, False),
    ],
)
def test_credentials_are_sent_to_no_other_origin(url: str, observing: dict[str, Any], sent: bool) -> None:
    found = source({"prometheus_url": url, "query": "up"}, **observing)
    assert found
    secrets = {
        "username": "us",
        "password": "s3cret",
        "token": "t0ken",
        "headers": {"X-Key": "k3y"},
        "client_cert": "/cert.pem",
        "client_key": "/key.pem",
    }
    kept = {"timeout": 3.0, "ca_path": "/ca.pem", "validate_certs": False, "max_bytes": 7}
    expected = secrets if sent else dict.fromkeys(secrets)
    assert _backfill.http_for(found, secrets | kept) == expected | kept


def test_the_server_of_the_metrics_gets_its_credentials() -> None:
    found = source(**PROMETHEUS)
    assert found
    assert _backfill.http_for(found, {"token": "t0ken"})["token"] == "t0ken"


def test_what_prometheus_does_not_have_is_not_taken_for_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of six ticks two are missing; the policy is told so."""
    step, missing = 15.0, [False, False, True, True, False, False]
    found = Recorded(Trace("prometheus", step, np.linspace(10.0, 60.0, 6)), 1_790_000_000.0, missing=missing)
    monkeypatch.setattr(_backfill, "recorded", lambda *_args, **_options: found)
    policy = settings_of("shadow_q")
    settings = ClusterSettings("chat", _registry.get("shadow_q"), policy, GuardSettings())
    memory, _notes = _backfill.backfill(settings, {"credentials": True}, {}, found.start + 90.0)
    history = History(step, 100).read(memory["learner"]["history"])
    assert history.guessed.last(6).tolist() == missing
    assert history.last(6) == pytest.approx(found.trace.rates, rel=0.15)
    assert history.ended == found.start + 90.0
