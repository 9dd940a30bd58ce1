# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures for all tests: data of other people, real servers."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Folder with recordings and traces that are not part of the project; the test is skipped where it is absent."""
    path = Path(os.environ.get("AUTOSCALE_SHARED", ROOT.parent / "shared"))
    if not path.is_dir():
        pytest.skip(f"recorded data not found: {path} (set AUTOSCALE_SHARED)")
    return path


def require_binary(name: str) -> str:
    """Path of a server's program. Skips where it is missing, fails under AUTOSCALE_REQUIRE_SERVICES=1."""
    path = shutil.which(name)
    if path:
        return path
    message = f"{name} is not installed"
    if os.environ.get("AUTOSCALE_REQUIRE_SERVICES") == "1":
        pytest.fail(message + ", and AUTOSCALE_REQUIRE_SERVICES=1 asks for it")
    pytest.skip(message)
