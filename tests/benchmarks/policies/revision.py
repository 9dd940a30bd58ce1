# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which code gave a figure: what was measured with other code says nothing of this one."""

from __future__ import annotations

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
#: What decides, and what is decided on.
SOURCES = (
    *("plugins/plugin_utils/_agent.py", "plugins/plugin_utils/_guards.py", "plugins/plugin_utils/_queueing.py"),
    *("plugins/plugin_utils/_service_rate.py", "plugins/plugin_utils/_policies", "plugins/plugin_utils/_simulation"),
    *("tests/benchmarks/policies/tuned.json", "tests/benchmarks/policies/pretrained.json"),
)
#: What a demo plays beside them.
DEMO = ("roles/demo_service/files", "plugins/plugin_utils/_scaling", "playbooks/tasks")


def revision(*more: str) -> str:
    """The first 12 hexadecimal digits of a SHA-256 over all sources, and more, in the order of their paths."""
    digest = hashlib.sha256()
    for path in sorted(file for source in (*SOURCES, *more) for file in _files(ROOT / source)):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [file for file in path.rglob("*") if file.suffix in (".py", ".json", ".yml")]
