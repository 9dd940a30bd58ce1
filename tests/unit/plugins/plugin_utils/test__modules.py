# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._modules import why_failed

TRACEBACK = """Traceback (most recent call last):
  File "<stdin>", line 1, in <module>
ConnectionError: refused
"""
NOTHING = "MODULE FAILURE\nSee stdout/stderr for the exact error"


@pytest.mark.parametrize(
    ("result", "why"),
    [
        ({"msg": "no such pod"}, "no such pod"),
        ({"msg": "no such pod", "exception": TRACEBACK}, "no such pod"),
        ({"exception": SimpleNamespace(event=SimpleNamespace(msg="refused"))}, "refused"),  # ansible-core 2.19
        ({"msg": NOTHING, "exception": TRACEBACK, "module_stderr": TRACEBACK}, "ConnectionError: refused"),
        ({"msg": NOTHING, "module_stderr": "sh: 1: python9: not found\n"}, "sh: 1: python9: not found"),
        ({"msg": NOTHING}, NOTHING),
        ({}, "it failed"),
    ],
)
def test_why_a_module_failed(result: dict[str, Any], why: str) -> None:
    assert why_failed(result) == why
