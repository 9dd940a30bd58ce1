# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Of an alert, only what is safe gets to the rules."""

from __future__ import annotations

import json
import logging
import re
from copy import deepcopy
from datetime import datetime
from typing import Any

import pytest
import yaml
from ansible_collections.rlops.autoscale.extensions.eda.plugins.event_filter.normalise import (
    DOCUMENTATION,
    EXAMPLES,
    RETURN,
    main,
)
from hypothesis import given
from hypothesis import strategies as st

TRAP = "{{ lookup('pipe', 'id') }}"
ALERT: dict[str, Any] = {
    "status": "firing",
    "labels": {"alertname": "ClusterQueueGrows", "cluster": "chat", "severity": "critical", "note": TRAP},
    "annotations": {"summary": TRAP},
    "startsAt": "2026-11-30T10:20:15.123456789+01:00",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": TRAP,
    "fingerprint": "9a1f0c2b3d4e5f60",
}
EVENT: dict[str, Any] = {
    "alert": ALERT,
    "meta": {"received_at": "2026-11-30T09:20:45.001Z", "headers": {"X": TRAP}, "hosts": ["all"]},
    "payload": TRAP,
}
NORMAL = {
    "cluster": "chat",
    "alert": "ClusterQueueGrows",
    "status": "firing",
    "severity": "critical",
    "starts_at": "2026-11-30T09:20:15.123Z",
    "received_at": "2026-11-30T09:20:45.001Z",
    "fingerprint": "9a1f0c2b3d4e5f60",
    "meta": {"hosts": ["chat"]},
}
#: What no value may have: all that could be a template, another host pattern, or more than one line.
UNSAFE = re.compile(r"[^A-Za-z0-9_.:-]")

nested = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.just(TRAP) | st.just("chat"),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)
labels = st.dictionaries(st.sampled_from(["cluster", "alertname", "severity"]) | st.text(), nested | st.text())
times = st.datetimes().map(lambda moment: moment.isoformat() + "Z") | nested
alerts = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["firing", "resolved"]) | nested,
        "labels": labels | nested,
        "annotations": nested,
        "startsAt": times,
        "fingerprint": st.from_regex("[0-9a-f]{16}") | nested,
    },
)
events = st.fixed_dictionaries({}, optional={"alert": alerts | nested, "meta": nested, "payload": nested}) | nested


def with_label(name: str, value: object) -> dict[str, Any]:
    event = deepcopy(EVENT)
    event["alert"]["labels"][name] = value
    return event


def test_keeps_what_is_listed_and_nothing_else() -> None:
    before = deepcopy(EVENT)
    assert main(EVENT) == NORMAL
    assert before == EVENT, "the event that was given is left alone"


@pytest.mark.parametrize(
    "name",
    [
        "", "-chat", ".chat", "_chat", "chat,games", "chat:games", "chat:!games", "!chat", "&chat", "~chat", "@chat",
        "*", "cha?", "chat[0:9]", "chat games", "chat\n", "chat\nall", "chät", "chat\u0661", "a" * 101, TRAP, "{{x}}",
        "{% if %}", "{#", "$(id)", "../chat", "all", "ungrouped", "autoscaled", None, 7, 1.5, True, ["chat"], {"a": 1},
    ],
)  # fmt: skip
def test_what_names_no_cluster_starts_nothing_and_is_logged(name: object, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        event = main(with_label("cluster", name))
    assert "cluster" not in event
    assert "meta" not in event
    assert event["status"] == "firing"
    assert event["received_at"] == NORMAL["received_at"]
    (line,) = caplog.messages
    assert line.startswith("alert ClusterQueueGrows starts nothing: its label 'cluster' names no cluster: ")
    assert line.isascii() and line.isprintable() and len(line) < 300


@pytest.mark.parametrize("name", ["chat", "7", "chat-2.eu_west", "A" * 100, "All"])
def test_names_of_clusters(name: str) -> None:
    event = main(with_label("cluster", name))
    assert event["cluster"] == name
    assert event["meta"] == {"hosts": [name]}


def test_another_label_may_name_the_cluster() -> None:
    event = main(with_label("service", "games"), cluster_label="service")
    assert event["cluster"] == "games"
    assert "cluster" not in main(EVENT, cluster_label="service")


@pytest.mark.parametrize("label", ["", None, 7, ["cluster"]])
def test_the_name_of_a_label_is_a_text(label: Any) -> None:
    with pytest.raises(ValueError, match="cluster_label: the name of a label is expected"):
        main(EVENT, cluster_label=label)


@pytest.mark.parametrize(
    ("field", "value"),
    [("alertname", TRAP), ("alertname", "Two words"), ("severity", "high; rm"), ("severity", ["critical"])],
)
def test_a_label_that_does_not_fit_is_left_out(field: str, value: object) -> None:
    event = main(with_label(field, value))
    assert event.keys() == NORMAL.keys() - {{"alertname": "alert"}.get(field, field)}


@pytest.mark.parametrize(
    "when", [TRAP, "now", "", None, 1790000000, "2026-13-30T10:20:15Z", "0001-01-01T00:00:00+23:59", "2026-11-30"]
)
def test_a_time_that_is_none_is_left_out_and_that_of_arrival_replaced(when: object) -> None:
    event = deepcopy(EVENT)
    event["alert"]["startsAt"] = event["meta"]["received_at"] = when
    normal = main(event)
    assert "starts_at" not in normal
    received = datetime.fromisoformat(normal["received_at"])
    assert abs((datetime.now(received.tzinfo) - received).total_seconds()) < 60


@given(events)
def test_whatever_comes_only_safe_short_text_goes(event: Any) -> None:
    normal = main(event)
    assert normal.keys() <= NORMAL.keys()
    assert "received_at" in normal
    texts = [*(value for name, value in normal.items() if name != "meta"), *normal.get("meta", {}).get("hosts", ())]
    assert all(isinstance(text, str) and 0 < len(text) <= 100 and not UNSAFE.search(text) for text in texts)
    assert ("cluster" in normal) == ("meta" in normal)
    assert json.loads(json.dumps(normal)) == normal


def test_the_documentation_agrees() -> None:
    (option,) = yaml.safe_load(DOCUMENTATION)["options"]
    assert option == "cluster_label"
    assert yaml.safe_load(EXAMPLES)
    assert yaml.safe_load(RETURN).keys() == NORMAL.keys() - {"meta"}
