# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From an alert to instances: a real Prometheus, a real Alertmanager, a real ansible-rulebook, real processes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.rlops.autoscale.tests.tools.prometheus_server import prometheus
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

from .conftest import Scene
from .documented import quick_rules

pytestmark = pytest.mark.long


def payload(**labels: str) -> dict[str, Any]:
    """What Alertmanager sends for one alert."""
    alert = {"status": "firing", "labels": {"alertname": "ClusterQueueGrows", **labels}, "fingerprint": "0" * 16}
    return {"version": "4", "status": "firing", "alerts": [alert]}


def test_an_overload_becomes_instances_for_two_clusters_at_once_and_once_each(
    scene: Scene, tmp_path: Path, require_binary: Callable[[str], str]
) -> None:
    rules = tmp_path / "autoscale_rules.yml"
    rules.write_text(quick_rules())
    scraped = [
        {"targets": [f"127.0.0.1:{server.port}"], "labels": {"cluster": name}} for name, server in scene.pages.items()
    ]
    with prometheus(
        require_binary("prometheus"),
        tmp_path,
        [],
        "500ms",
        rule_files=[str(rules)],
        alerting={"alertmanagers": [{"static_configs": [{"targets": [scene.alertmanager.address]}]}]},
        scrape_configs=[{"job_name": "clusters", "static_configs": scraped}],
    ) as server:
        wait_for(lambda: len(server.query("app_message_queue_depth")) == 2)
        time.sleep(3)
        assert scene.rulebook.runs() == [], "nothing drowns yet"

        scene.rulebook.let_meet(2)
        for service in scene.services.values():
            service.backlog, service.latency = 340.0, 0.5
        runs = scene.rulebook.finished(2)
        assert {run.limit for run in runs} == {"chat", "games"}, runs
        assert all(run.met for run in runs), "one waited for the other"
        assert [run.rc for run in runs] == [0, 0], scene.rulebook.output()
        for cluster in scene.services:
            wait_for(lambda name=cluster: scene.started(name) >= 3, 20)  # type: ignore[misc]

        def firing() -> Counter[str]:
            alerts = server.query('ALERTS{alertstate="firing", notify="autoscale"}')
            return Counter(labels["alertname"] for labels, _one in alerts)

        wait_for(lambda: firing() == {"ClusterQueueGrows": 2, "ClusterIsSlow": 2})  # several alerts of each
        assert scene.rulebook.post(payload(cluster="chat")) == 202
        time.sleep(5)  # Alertmanager has repeated them in the meantime, too
        again = [run for run in scene.rulebook.runs() if run.at < runs[0].at + 40]
        assert len(again) == 2, "an alert within the throttle started a run\n" + scene.rulebook.output()


def test_hostile_text_gets_nowhere_and_wrong_tokens_are_refused(
    scene: Scene, tmp_path: Path, ansible_playbook: Callable[..., Any]
) -> None:
    bait = tmp_path / "bait"
    trap = "{{ lookup('pipe', 'touch " + str(bait) + "') }}"
    book = scene.rulebook
    assert book.post(payload(cluster="chat"), token=None) == 401
    assert book.post(payload(cluster="chat"), token="x" * 30) == 401
    for name in (trap, "all", "autoscaled", "chat,games", "nobody else's"):
        assert book.post(payload(cluster=name)) == 202

    hostile = {
        "labels": {"alertname": trap, "cluster": "chat", "notify": "autoscale", "severity": trap, "note": trap},
        "annotations": {"summary": trap, "meta": trap},
        "startsAt": datetime.now(UTC).isoformat(),
        "generatorURL": "http://prometheus/graph?" + trap,
    }
    scene.alertmanager.send([hostile])
    (run,) = book.finished(1)
    assert run.limit == "chat", "nothing else has started a run"
    assert run.rc == 0, book.output()
    variables = yaml.safe_load(run.extra_vars)
    event = variables["ansible_eda"]["event"]
    assert event["cluster"] == "chat"
    assert variables["autoscale_triggered_at"] == event["received_at"]
    assert event.keys() <= {"cluster", "status", "starts_at", "received_at", "fingerprint", "meta"}
    assert "lookup" not in run.extra_vars
    assert "{" not in run.extra_vars
    lines = [
        line for line in book.output().splitlines() if "starts nothing: its label 'cluster' names no cluster" in line
    ]
    assert len(lines) == 5, book.output()

    # What would have become of it: a playbook that looks at all it is told.
    look = "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - ansible.builtin.debug: {var: ansible_eda}\n"
    (tmp_path / "safe.yml").write_text(run.extra_vars)
    safe = ansible_playbook(look, args=["-e", f"@{tmp_path / 'safe.yml'}"])
    assert safe.rc == 0, safe.output
    assert not bait.exists()
    raw = ansible_playbook(look, extra_vars={"ansible_eda": {"event": {"alert": hostile}}})
    assert bait.exists(), "Ansible does not template extra vars any more?\n" + raw.output

    began = time.monotonic()
    assert book.stop() in (0, 143), "143 where Java takes the signal first"
    assert time.monotonic() - began < 20
    with pytest.raises(OSError, match="refused"):
        book.post(payload(cluster="chat"))
