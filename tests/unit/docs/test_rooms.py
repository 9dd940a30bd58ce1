# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page for contributors names every room."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("folder", ["plugins", "plugins/plugin_utils", "roles", "playbooks", "extensions"])
def test_what_is_in_a_folder_is_on_the_page(folder: str) -> None:
    page = (ROOT / "docs/contributing.md").read_text()
    there = {path.name for path in (ROOT / folder).iterdir() if not path.name.startswith("__")}
    unnamed = [name for name in sorted(there) if name.removesuffix(".yml") not in page]
    assert unnamed == []
