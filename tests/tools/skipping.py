# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of a test whose server cannot be had."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


class UnavailableError(Exception):
    """A server cannot be had on this machine; the text says why, in one line."""


def skip_or_fail(reason: object) -> NoReturn:
    """Skip the test, or fail it under AUTOSCALE_REQUIRE_SERVICES=1."""
    if os.environ.get("AUTOSCALE_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{reason}, and AUTOSCALE_REQUIRE_SERVICES=1 asks for it")
    pytest.skip(str(reason))
