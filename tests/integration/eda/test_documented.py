# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configurations of docs/eda.md are valid, by the tools of those whose configurations they are."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from .documented import DOCS, file, quick_rules

RULEBOOKS = Path(__file__).resolve().parents[3] / "extensions" / "eda" / "rulebooks"


def check(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_accepts_its_configuration_and_rules(tmp_path: Path, require_binary: Callable[[str], str]) -> None:
    promtool = require_binary("promtool")
    for name in ("prometheus.yml", "autoscale_rules.yml"):
        (tmp_path / name).write_text(file(name))
    assert "SUCCESS: 3 rules found" in check(promtool, "check", "config", str(tmp_path / "prometheus.yml"))
    (tmp_path / "quick.yml").write_text(quick_rules())
    assert "SUCCESS: 3 rules found" in check(promtool, "check", "rules", str(tmp_path / "quick.yml"))


def test_alertmanager_accepts_its_configuration(tmp_path: Path, require_binary: Callable[[str], str]) -> None:
    amtool = require_binary("amtool")
    path = tmp_path / "alertmanager.yml"
    path.write_text(file("alertmanager.yml"))
    assert "SUCCESS" in check(amtool, "check-config", str(path))
    routed = ["config", "routes", "test", f"--config.file={path}", "cluster=chat"]
    assert check(amtool, *routed, "notify=autoscale").strip() == "autoscale,people"
    assert check(amtool, *routed).strip() == "people"


def test_the_label_of_the_rules_is_the_one_of_the_route() -> None:
    rules = yaml.safe_load(file("autoscale_rules.yml"))["groups"][0]["rules"]
    (matcher,) = yaml.safe_load(file("alertmanager.yml"))["route"]["routes"][0]["matchers"]
    assert {f'notify="{rule["labels"]["notify"]}"' for rule in rules} == {matcher}


def test_the_unit_starts_what_the_page_starts_by_hand() -> None:
    unit = file("autoscale-eda.service")
    (command,) = re.findall(r"^ExecStart=/opt/autoscale/bin/(.*)$", unit, re.MULTILINE)
    assert f"$ {command}\n" in DOCS.read_text()
    assert "\nKillMode=process\n" in unit


@pytest.mark.parametrize("name", ["autoscale.yml", "autoscale_awx.yml"])
def test_each_variable_of_a_rulebook_is_documented(name: str) -> None:
    used = set(re.findall(r"autoscale_eda_\w+", (RULEBOOKS / name).read_text()))
    assert len(used) >= 8
    assert used <= set(re.findall(r"(?m:`|^)(autoscale_eda_\w+)[`:]", DOCS.read_text()))


def test_both_rulebooks_take_the_same_options_in() -> None:
    first, second = (yaml.safe_load((RULEBOOKS / name).read_text()) for name in ("autoscale.yml", "autoscale_awx.yml"))
    assert first[0]["sources"] == second[0]["sources"]
    assert {rule["throttle"]["once_within"] for rule in first[0]["rules"]} == {"45 seconds"}
