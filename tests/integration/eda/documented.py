# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configurations of docs/eda.md: as they stand there, and made quick for tests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

DOCS = Path(__file__).resolve().parents[3] / "docs" / "eda.md"


def file(name: str) -> str:
    """What the page says is in a file, by the end of its path."""
    found = re.findall(rf"```\w+\n# \S*/{re.escape(name)}\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert len(found) == 1, f"{name}: {len(found)} blocks of the page have it"
    return str(found[0])


def quick_rules() -> str:
    """The rules of alerts, for metrics that are scraped twice a second."""
    text, ranges = re.subn(r"\[1m\]", "[4s]", file("autoscale_rules.yml"))
    text, waits = re.subn(r"for: 10s", "for: 1s", text)
    assert (ranges, waits) == (2, 3)
    return text


def quick_alertmanager(url: str, token_file: Path) -> dict[str, Any]:
    """Alertmanager's configuration, with this receiver, which is told again as often as can be."""
    config: dict[str, Any] = yaml.safe_load(file("alertmanager.yml"))
    config["route"]["routes"][0].update(group_interval="1s", repeat_interval="2s")
    (webhook,) = config["receivers"][1]["webhook_configs"]
    webhook["url"] = url
    webhook["http_config"]["authorization"]["credentials_file"] = str(token_file)
    return config
